"""`devicemgr device plan|sync`, and what `device show` says of what a device holds."""

import time
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api, finish
from devicemgr.cli.output import cell, emit, say, table, warn, words
from devicemgr.cli.progress import progress
from devicemgr.cli.transport.api_client import path

app = typer.Typer()

EXIT_PROBLEMS = 4
_LOOK_SECONDS = 0.2
Name = Annotated[str, typer.Argument(help="The device's name.")]


@app.command("plan")
def plan(name: Name) -> None:
    """Show how what a device holds differs from what it should; exit 4 when it does; changes nothing."""
    found = api().call("GET", path("devices", name, "plan"), timeout=None)
    if not emit(found):
        rows = [(change["do"], change["key"], _words(change)) for change in found["changes"]]
        rows += [("unknown", key, "stays; `device sync --prune` removes it") for key in found["unknown"]]
        rows += [("unfit", unfit["key"], unfit["why"]) for unfit in found["unfit"]]
        table("", ("", "key", "what"), rows, f"{name} holds what it should: {found['same']} in sync")
    if found["differs"]:
        finish(EXIT_PROBLEMS)


def _words(change: dict[str, Any]) -> str:
    before, after = change["holds"], change["should_hold"]
    if after is None or before is None:
        only = after or before
        return ", ".join(f"{name} {cell(value)}" for name, value in only.items() if value)
    fields = [name for name in after if before[name] != after[name]]
    return ", ".join(f"{name} {cell(before[name])} → {cell(after[name])}" for name in fields) or "sent again"


@app.command("sync")
def sync(
    name: Name,
    prune: Annotated[bool, typer.Option("--prune", help="Also remove people and cards unknown here.")] = False,
) -> None:
    """Bring what a device holds in sync with the rights here, now; unknown people and cards stay without --prune.

    --prune asks first, unless --yes.
    """
    if prune:
        confirm(f"remove from {name} all people and cards that are not known here")
    run = api().call("POST", path("devices", name, "sync"), params={"prune": prune})
    with progress() as bar:
        task = bar.add_task("waiting", total=None)
        while run["phase"] not in ("done", "failed"):
            bar.update(task, description=run["phase"], completed=run["done"], total=run["of"] or None)
            time.sleep(_LOOK_SECONDS)
            run = api().get(path("devices", name, "sync"))
    if run["error"]:
        run = api().get(path("devices", name, "sync"))  # the failure itself, with its exit code
    held = api().get(path("devices", name, "holdings"))
    for failure in held["failures"]:
        warn(f"{failure['key']}: {failure['error']}")
    for note in held["notes"]:
        warn(note)
    unknown = f", {run['unknown']} unknown and left (--prune removes them)" if run["unknown"] else ""
    lacking = f", {held['incomplete']} of them not whole" if held["incomplete"] else ""
    line = f"{name} holds {held['held']}{lacking}, {held['failed']} refused{unknown}"
    say(line, {"device": name} | run | {"holdings": held})
    if held["failed"] or held["incomplete"]:
        finish(EXIT_PROBLEMS)


def show_holdings(held: dict[str, Any]) -> None:
    """Below `device show`: how many, and what was refused and why; nothing for a device that keeps no one."""
    counts = {
        name: held[name] for name in ("held", "incomplete", "pending", "failed", "to_remove", "unknown") if held[name]
    }
    if counts:
        words().print(f"holds: {cell(counts)}", soft_wrap=True)
    for note in held["notes"]:
        words().print(f"note: {cell(note)}", soft_wrap=True)
    if held["failures"]:
        rows = [(failure["key"], failure["badge"], failure["error"]) for failure in held["failures"]]
        table("Refused", ("key", "person", "why"), rows, "")
