"""`devicemgr device inventory`."""

from datetime import UTC, datetime
from typing import Any

import typer

from devicemgr.cli.context import api, finish
from devicemgr.cli.devices.parallel import at_once
from devicemgr.cli.output import emit, table, words
from devicemgr.cli.transport.api_client import ApiProblem, path
from devicemgr.errors import InvalidVulnerabilityList
from devicemgr.text import counted

app = typer.Typer()

_EXIT_PROBLEMS = 4
_REPORTED = ("manufacturer", "model", "firmware", "serial", "read_at")
_SECONDS = {"day": 86_400, "hour": 3600, "minute": 60}


@app.command("inventory")
def inventory() -> None:
    """Show each device's maker, model, firmware and serial number; exit 4 when one has a known vulnerability."""
    rows = _read(api().get("/devices"))
    if not emit(rows):
        table(
            "",
            ("device", "kind", "maker", "model", "firmware", "serial", "read", "known vulnerabilities"),
            [_shown(row) for row in rows],
            "no devices yet: devicemgr device add --help",
        )
        _explain(rows)
    if any(one["sure"] for row in rows for one in row["vulnerable"]):
        finish(_EXIT_PROBLEMS)


def _read(devices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each, in their order."""
    reach = api()  # made here, not by whichever thread comes first

    def read(device: dict[str, Any]) -> dict[str, Any]:
        nothing = dict.fromkeys(_REPORTED) | {"vulnerable": []}
        try:
            reported: dict[str, Any] = reach.get(path("devices", device["name"], "info"))
            return reported | {"error": None}
        except ApiProblem as problem:
            if problem.slug == InvalidVulnerabilityList.slug:
                raise  # it is the same for each of them
            return {"name": device["name"], "kind": device["driver"]} | nothing | {"error": str(problem)}

    found = {row["name"]: row for row in at_once("reading", devices, read)}
    return [found[device["name"]] for device in devices]


def _shown(row: dict[str, Any]) -> tuple[Any, ...]:
    if row["error"]:
        return (row["name"], row["kind"], "", "", "", "", "not read", row["error"])
    vulnerabilities = [f"{'vulnerable' if one['sure'] else 'perhaps'} ({one['cve']})" for one in row["vulnerable"]]
    reported = (row[field] for field in _REPORTED[:-1])
    return (row["name"], row["kind"], *reported, ago(row["read_at"]), ", ".join(vulnerabilities))


def ago(moment: str) -> str:
    """How long ago an RFC 3339 time is, in one unit."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for unit, size in _SECONDS.items():
        if seconds >= size:
            number = int(seconds // size)
            return f"{counted(number, unit)} ago"
    return "just now"


def _explain(rows: list[dict[str, Any]]) -> None:
    """Each vulnerability once: what it is, and what to do."""
    vulnerabilities = {one["cve"]: one for row in rows for one in row["vulnerable"]}
    for cve, one in sorted(vulnerabilities.items()):
        words().print(f"{cve}: {one['what']} ({one['source']})", markup=False, soft_wrap=True)
    if vulnerabilities:
        words().print("Update these devices, and let no one but this host reach them until then.", soft_wrap=True)
