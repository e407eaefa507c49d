"""`devicemgr visitor …`."""

from typing import Annotated, Any

import typer

from devicemgr.cli.context import api
from devicemgr.cli.output import details, emit, local, say, table, through, warn
from devicemgr.cli.transport.api_client import path
from devicemgr.domain.rules.visits.states import VisitState

app = typer.Typer()

Badge = Annotated[str, typer.Argument(metavar="BADGE", help="The visitor's badge, such as V-000123.")]
Card = Annotated[str | None, typer.Option(metavar="NUMBER", help="A card that the visitor is given.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The visitor's name, in any script.")],
    host: Annotated[str, typer.Option(metavar="BADGE", help="Badge of the person who answers for the visitor.")],
    valid_to: Annotated[str, typer.Option("--to", metavar="T", help="Last day: 2026-12-01; or the end, RFC 3339.")],
    valid_from: Annotated[
        str | None, typer.Option("--from", metavar="T", help="From when: a date, or RFC 3339; now unless given.")
    ] = None,
    level: Annotated[
        list[str] | None, typer.Option(help="An access level that the host holds; may be given several times.")
    ] = None,
    card: Card = None,
    escort: Annotated[bool, typer.Option("--escort", help="Passes only together with one who may escort.")] = False,
) -> None:
    """Add a visit; the visitor gets a badge of its own."""
    body = {"name": name, "host": host, "valid_from": valid_from, "valid_to": valid_to}
    found = api().post("/visitors", body | {"levels": level or [], "card": card, "escort": escort})
    say(f"added {found['badge']}: {found['name']}, host {found['host_name']} ({found['host']})", found)


@app.command("list")
def list_(
    state: Annotated[VisitState | None, typer.Option(help="Only visits in this state.")] = None,
    q: Annotated[
        str | None, typer.Option("--q", metavar="TEXT", help="Only with this in a name or badge of visitor or host.")
    ] = None,
) -> None:
    """List visits: all, or those in a state."""
    visits = api().get("/visitors", state=state, q=q)
    if not emit(visits):
        rows = [
            (
                one["badge"],
                one["name"],
                one["host_name"] or "erased",
                one["state"],
                local(one["valid_from"]),
                through(one["valid_to"]),
            )
            for one in visits
        ]
        columns = ("badge", "visitor", "host", "state", "from", "to")
        is_all = state is None and q is None
        table("", columns, rows, "no visits yet: devicemgr visitor add NAME --host BADGE --to T" if is_all else "none")


@app.command("show")
def show(badge: Badge) -> None:
    """Show one visit."""
    found = api().get(path("visitors", badge))
    if not emit(found):
        details(_shown(found))


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    host = f"{found['host_name']} ({found['host']})" if found["host"] else "erased"
    problem = f": {found['host_problem']}, so the visitor does not enter" if found["host_problem"] else ""
    return {
        "badge": found["badge"],
        "visitor": found["name"],
        "state": found["state"],
        "host": host + problem,
        "from": local(found["valid_from"]),
        "to": through(found["valid_to"]),
        "levels": found["levels"],
        "cards": found["cards"],
        "escort": "required" if found["escort"] else None,
        "arrived": local(found["arrived"]),
        "left": local(found["left"]),
        "cancelled": local(found["cancelled"]),
    }


@app.command("arrive")
def arrive(badge: Badge, card: Card = None) -> None:
    """Record that a visitor is at the desk, and give them a card."""
    found = api().post(path("visitors", badge, "arrive"), {"card": card})
    if not found["cards"]:
        warn(f"{found['badge']} has no card yet: `devicemgr visitor arrive` takes one with --card")
    cards = f", with card {', '.join(found['cards'])}" if found["cards"] else ""
    say(f"{found['badge']} ({found['name']}) has arrived{cards}", found)


@app.command("leave")
def leave(badge: Badge) -> None:
    """End a visit: the card is free, and the levels are revoked."""
    found = api().post(path("visitors", badge, "leave"))
    say(f"{found['badge']} ({found['name']}) has left; their cards are free", found)


@app.command("cancel")
def cancel(badge: Badge) -> None:
    """Cancel a visit whose visitor has not arrived."""
    found = api().post(path("visitors", badge, "cancel"))
    say(f"cancelled {found['badge']} ({found['name']})", found)
