"""`devicemgr threat …`."""

from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api
from devicemgr.cli.output import details, emit, local, say, table, warn
from devicemgr.cli.transport.api_client import path
from devicemgr.domain.model import Requirement
from devicemgr.domain.rules.threats.threat import FreePortals
from devicemgr.text import counted

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="The threat's name.")]
Order = Annotated[
    int | None, typer.Option(min=0, max=99, help="Of several in force at a portal the highest counts; 1 unless given.")
]
Require = Annotated[
    Requirement | None, typer.Option(help="What one must present at least; any for no more than usual.")
]
Allow = Annotated[
    list[str] | None,
    typer.Option(metavar="LEVEL", help="A level whose holders pass; several are fine; '' for none."),
]
Scope = Annotated[
    list[str] | None, typer.Option(metavar="ZONE", help="A zone, or `site` for all portals, as it is unless given.")
]
Free = Annotated[FreePortals | None, typer.Option(help="What becomes of free portals: suspend, unless given, or keep.")]


def _fields(
    order: int | None,
    require: Requirement | None,
    allow: list[str] | None,
    scope: list[str] | None,
    free: FreePortals | None,
) -> dict[str, Any]:
    given = {
        "order": order,
        "require": str(require) if require is not None else None,
        "allow": [level for level in allow if level] if allow else None,
        "scope": scope or None,
        "free": str(free) if free is not None else None,
    }
    return {name: value for name, value in given.items() if value is not None}


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="A short name, such as lockdown.")],
    order: Order = None,
    require: Require = None,
    allow: Allow = None,
    scope: Scope = None,
    free: Free = None,
) -> None:
    """Add a threat that guards can set; only holders of the levels that it allows pass then."""
    found = api().post("/threats", {"name": name} | _fields(order, require, allow, scope, free))
    if not found["allow"]:
        warn(f"threat {name} allows no level: only holders of a level that waives lockdown pass in it")
    say(f"added threat {name}; set it with: devicemgr threat set {name} --reason TEXT", found)


@app.command("list")
def list_() -> None:
    """List the threats that are defined, and which are in force."""
    threats = api().get("/threats")
    if not emit(threats):
        rows = [
            (
                found["name"],
                found["order"],
                (found["in_force"] or found)["scope"],
                found["allow"],
                local(found["in_force"]["since"]) if found["in_force"] else None,
                found["in_force"]["reason"] if found["in_force"] else None,
            )
            for found in threats
        ]
        columns = ("threat", "order", "scope", "allows", "in force since", "reason")
        table("", columns, rows, "no threats yet: devicemgr threat add NAME --allow LEVEL")


@app.command("show")
def show(name: Name) -> None:
    """Show one threat."""
    found = api().get(path("threats", name))
    if not emit(found):
        shown = {
            "threat": found["name"],
            "order": found["order"],
            "scope": found["scope"],
            "allows": found["allow"],
            "require": found["require"],
            "free portals": found["free"],
        }
        if in_force := found["in_force"]:
            shown |= {"in force since": local(in_force["since"]), "for": in_force["scope"]}
            shown |= {"reason": in_force["reason"], "set by": in_force["by"]}
        details(shown)


@app.command("edit")
def edit(
    name: Name,
    order: Order = None,
    require: Require = None,
    allow: Allow = None,
    scope: Scope = None,
    free: Free = None,
) -> None:
    """Change a threat; what is not given stays."""
    given = _fields(order, require, allow, scope, free)
    if not given:
        raise typer.BadParameter("nothing to change; give an option of `threat add`, such as --allow LEVEL")
    say(f"changed threat {name}", api().call("PATCH", path("threats", name), json=given))


@app.command("remove")
def remove(name: Name) -> None:
    """Remove a threat that is not in force. Asks first, unless --yes."""
    api().get(path("threats", name))
    confirm(f"remove threat {name}")
    say(f"removed threat {name}", api().call("DELETE", path("threats", name)))


@app.command("set")
def set_(
    name: Name,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record and the alarm.")],
    zone: Annotated[
        list[str] | None,
        typer.Option("--zone", help="Only for this zone, in place of the threat's own scope; several."),
    ] = None,
) -> None:
    """Put a threat in force at once: a lockdown, such as for an intruder."""
    found = api().post(path("threats", name, "set"), {"reason": reason, "zones": zone or []})
    _warn_of(found)
    already = "already " if found["repeated"] else ""
    portals = counted(len(found["portals"]), "portal")
    say(f"threat {name} is {already}in force for {', '.join(found['scope'])}: {portals}", found)


@app.command("end")
def end(
    name: Name,
    comment: Annotated[str, typer.Option(metavar="TEXT", help="What was found, for the record.")],
) -> None:
    """End a threat; free times go on, and what a guard had freed before stays normal."""
    found = api().post(path("threats", name, "end"), {"comment": comment})
    _warn_of(found)
    say(f"threat {name} has ended", found)


def _warn_of(found: dict[str, Any]) -> None:
    for one in found["not_reached"]:
        warn(f"{one['portal']} was not reached: {one['cause']}; look at it")
