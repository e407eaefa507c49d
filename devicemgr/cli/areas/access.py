"""`devicemgr access …`."""

from typing import Annotated, Any

import typer

from devicemgr.cli.context import api
from devicemgr.cli.output import cell, emit, notes, table
from devicemgr.cli.transport.api_client import path
from devicemgr.domain.model import Direction
from devicemgr.text import counted

app = typer.Typer()


@app.command("try")
def try_(
    badge: Annotated[str, typer.Argument(help="Badge number.")],
    portal: Annotated[str, typer.Argument(help="The portal's name.")],
    direction: Annotated[Direction, typer.Option(help="Which way the person goes.")] = Direction.ENTRY,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="At another time than now.")] = None,
    factors: Annotated[
        str | None, typer.Option("--with", metavar="FACTORS", help="What is presented, such as card,pin.")
    ] = None,
) -> None:
    """Would this person pass here? Says what each check finds; nothing is opened or recorded."""
    wanted = {"badge": badge, "portal": portal, "direction": str(direction), "at": at, "with": factors}
    found = api().get("/access/try", **wanted)
    if not emit(found):
        _print(found, f"{badge} would be granted {direction} at {portal}", f"{badge} would be refused")


@app.command("why")
def why(event: Annotated[str, typer.Argument(metavar="SEQ|REQUEST", help="A decision of `events`.")]) -> None:
    """Why was this person refused or let in? Says what each check finds."""
    found = api().get(path("access", "why", event))
    if not emit(found):
        one = found["event"]
        who = " ".join(filter(None, (one.get("person"), one.get("person_name")))) or "an unknown person"
        where = f"{who} at {one['portal']} on {one['time'][:19].replace('T', ' ')} UTC"
        _print(found, f"{where} was granted", f"{where} was refused")
        if found["rights_changed"]:
            notes().print("rights were changed since: checks are by those of then, what would help by those of now")
        for text in found["unknown"]:
            notes().print(f"not known: {text}")


def _print(found: dict[str, Any], granted: str, refused: str) -> None:
    """Print the decision, the checks that found or read something, and what would help."""
    first = next((check for check in found["checks"] if check["objected"]), None)
    if found["granted"] or first is None:
        print(granted if found["granted"] else f"{refused}: {found['reason']}")
    else:
        print(f"{refused}: {found['reason']} ({first['when']})")
    shown = [check for check in found["checks"] if check["objected"] or check["recorded"] or check["facts"]]
    rows = []
    for check in shown:
        word = "OBJECTS" if check["objected"] else "recorded" if check["recorded"] else "ok"
        rows.append(
            (check["check"], word, ", ".join(f"{name} {cell(value)}" for name, value in check["facts"].items()))
        )
    table("", ("check", "finds", "facts"), rows, "no check has anything to say")
    if silent := len(found["checks"]) - len(shown):
        print(f"{counted(silent, 'other check')} found nothing")
    for text in found["helps"]:
        print(f"what would help: {text}")
