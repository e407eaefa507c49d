"""`devicemgr init|status|version`."""

from typing import Any

import typer

from devicemgr import __version__
from devicemgr.cli.areas.mode_words import mode_words
from devicemgr.cli.context import api, finish, session
from devicemgr.cli.outlets.state_words import outlet_state
from devicemgr.cli.output import details, emit, lasting, local, say, table, warn, words
from devicemgr.text import counted

app = typer.Typer()


EXIT_UNREACHABLE = 3
EXIT_PROBLEMS = 4


@app.command("init")
def init() -> None:
    """Make the home folder with keys and database, or bring an older one up to date."""
    from devicemgr.ledger.sealer import read_key  # noqa: PLC0415 - the store's libraries, which the others need not load
    from devicemgr.site.site import initialize  # noqa: PLC0415

    home = session().home
    new = initialize(home)
    kept = read_key(home.seal_key)
    root = kept.root if kept else None
    document = {"home": str(home.path), "created": new, "key": str(home.key), "audit_root": root}
    advice = f"; keep a copy of {home.key} in a safe place, apart from the backups" if new else ""
    say(f"{'made' if new else 'up to date'}: {home.path}{advice}", document)
    if session().json:
        return
    if root is None:
        warn(f"{home.seal_key} is gone, and with it the public audit key; restore it from its backup")
    else:
        say(f"public audit key, with which auditors check the record: {root}")


@app.command("status")
def status() -> None:
    """Show daemon, devices, portals, gallery and alarms; exit 3 when no daemon runs, 4 while alarms stand."""
    found = api().get("/status")
    if not emit(found):
        _show_status(found)
    if not found["daemon"]["running"]:
        finish(EXIT_UNREACHABLE)
    if found["alarms"]:
        finish(EXIT_PROBLEMS)


def _show_status(found: dict[str, Any]) -> None:
    daemon, gallery = found["daemon"], found["gallery"]
    running = f"running for {lasting(daemon['uptime_s'])}" if daemon["running"] else "not running"
    threshold = f"{gallery['threshold']:.4f}" if gallery["threshold"] is not None else "–"
    details(
        {
            "daemon": f"{running}, version {daemon['version']}",
            "gallery": f"{counted(gallery['people'], 'person', 'people')}, {counted(gallery['templates'], 'sample')}, "
            f"threshold {threshold}",
            "ledger": f"{counted(found['ledger']['seq'], 'event')}, sealed "
            f"{local(found['ledger']['sealed_at']) or 'not yet'}",
        }
    )
    words().print()
    # What to do about it stands with the alarms.
    causes = {d["name"]: (d["cause"] or "").partition("; ")[0] for d in found["devices"]}
    rows = [(d["name"], d["kind"], d["state"], causes[d["name"]], local(d["since"])) for d in found["devices"]]
    table("Devices", ("name", "kind", "state", "cause", "since"), rows, "no devices yet: devicemgr device add --help")
    words().print()
    portals = [(p["name"], mode_words(p), p["state"], p["door"]) for p in found["portals"]]
    table("Portals", ("name", "mode", "state", "door"), portals, "no portals yet: devicemgr portal add --help")
    if found["outlets"]:
        words().print()
        outlets = [(one["name"], one["kind"], _behind(one), outlet_state(one)) for one in found["outlets"]]
        table("Outlets", ("name", "kind", "behind", "state"), outlets, "")
    if found["alarms"]:
        words().print()
        _show_alarms(found["alarms"])


def _behind(outlet: dict[str, Any]) -> str:
    behind = outlet["lag_events"]
    return f"{counted(behind, 'event')}, {lasting(outlet['lag_s'])}" if behind else "nothing"


def _show_alarms(alarms: list[dict[str, Any]]) -> None:
    who = [_people(alarm) for alarm in alarms]
    shown: dict[str, list[Any]] = {"alarm": [alarm["kind"] for alarm in alarms], "where": list(map(_place, alarms))}
    shown |= {"who": who} if any(who) else {}
    shown |= {"cause": [alarm.get("cause") for alarm in alarms]}
    table("Alarms", list(shown), list(zip(*shown.values(), strict=True)), "")


def _place(alarm: dict[str, Any]) -> str | None:
    return next(
        (alarm[name] for name in ("portal", "device", "calendar", "source", "threat", "outlet") if alarm.get(name)),
        None,
    )


def _people(alarm: dict[str, Any]) -> list[str]:
    people = alarm.get("people") or ()
    return [f"{one['name']} (badge {one['badge']})" if one.get("name") else f"badge {one['badge']}" for one in people]


@app.command("version")
def version() -> None:
    """Print the version."""
    say(f"devicemgr {__version__}", {"version": __version__})
