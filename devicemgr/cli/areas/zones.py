"""`devicemgr zone …` and `devicemgr interlock …`."""

from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api
from devicemgr.cli.output import details, emit, say, table
from devicemgr.cli.transport.api_client import ApiProblem, path
from devicemgr.domain.zones import OUTSIDE, Enforcement
from devicemgr.text import counted

zone = typer.Typer()
interlock = typer.Typer()

ZoneName = Annotated[str, typer.Argument(help="The zone's name.")]
InterlockName = Annotated[str, typer.Argument(help="The interlock's name.")]
Parent = Annotated[str | None, typer.Option(metavar="ZONE", help="The zone that it lies in; '' for none.")]
AntiPassback = Annotated[
    Enforcement | None, typer.Option(help="Entering again while inside: off, recorded (soft) or refused (hard).")
]
ExitCheck = Annotated[
    Enforcement | None, typer.Option(help="Leaving while not inside: off, recorded (soft) or refused (hard).")
]
StrictPath = Annotated[
    bool | None, typer.Option("--strict-path/--any-path", help="Mind also from which zone a person comes.")
]
AgainAfter = Annotated[
    int | None, typer.Option(metavar="MINUTES", help="No second entry within this time; 0 for no limit.")
]
ForgetAfter = Annotated[
    int | None, typer.Option(metavar="MINUTES", help="Presence older than this counts as unknown; 0 for never.")
]
ForgetAt = Annotated[
    str | None, typer.Option(metavar="HH:MM", help="Each day at this time presence becomes unknown; '' for never.")
]
Timezone = Annotated[str | None, typer.Option(help="Of --forget-at, such as Asia/Almaty; '' for the site's.")]
WhenUnsure = Annotated[
    Enforcement | None, typer.Option(help="While a device at the zone's border is away: soft, unless given, or hard.")
]
Max = Annotated[int | None, typer.Option("--max", help="How many people may be inside; 0 for no limit.")]
Min = Annotated[int | None, typer.Option("--min", help="How many must enter together, and stay; 0 for no limit.")]
WarnAt = Annotated[
    list[int] | None,
    typer.Option(metavar="COUNT", help="Record when so many are inside; several are fine; 0 for none."),
]
OpensWith = Annotated[
    list[str] | None,
    typer.Option(metavar="LEVEL", help="Others enter only after someone of this level; several are fine; '' for none."),
]
WhilePresent = Annotated[
    bool | None,
    typer.Option("--while-present/--once-opened", help="Only while someone of --opens-with is inside, not after."),
]
Assembly = Annotated[bool | None, typer.Option("--assembly/--no-assembly", help="It is a muster point.")]
Settle = Annotated[float | None, typer.Option("--settle-seconds", help="How long a portal must be at rest, 0 to 60.")]
Portals = Annotated[list[str], typer.Option("--portal", help="A portal of the group; give two or more.")]


def _fields(**given: Any) -> dict[str, Any]:
    """Return the fields that were given; what the command line can't write as none is null."""
    body: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        if value in ("", 0) and name in ("parent", "forget_at", "timezone", "max", "min"):
            body[name] = None
        elif name == "warn_at":
            body[name] = [count for count in value if count]
        elif name == "opens_with":
            body[name] = [level for level in value if level]
        else:
            body[name] = str(value) if isinstance(value, Enforcement) else value
    return body


@zone.command("add")
def add_zone(
    name: Annotated[str, typer.Argument(help="A short name, such as building.")],
    parent: Parent = None,
    anti_passback: AntiPassback = None,
    exit_check: ExitCheck = None,
    strict_path: StrictPath = None,
    again_after: AgainAfter = None,
    forget_after: ForgetAfter = None,
    forget_at: ForgetAt = None,
    timezone: Timezone = None,
    when_unsure: WhenUnsure = None,
    max_people: Max = None,
    min_people: Min = None,
    warn_at: WarnAt = None,
    opens_with: OpensWith = None,
    while_present: WhilePresent = None,
    assembly: Assembly = None,
) -> None:
    """Add a zone; portals lead to it by `portal edit --outside --inside`."""
    fields = _fields(
        parent=parent,
        anti_passback=anti_passback,
        exit_check=exit_check,
        strict_path=strict_path,
        again_after_minutes=again_after,
        forget_after_minutes=forget_after,
        forget_at=forget_at,
        timezone=timezone,
        when_unsure=when_unsure,
        max=max_people,
        min=min_people,
        warn_at=warn_at,
        opens_with=opens_with,
        while_present=while_present,
        assembly=assembly,
    )
    found = api().post("/zones", {"name": name} | fields)
    next_step = f"let a portal lead to it with: devicemgr portal edit PORTAL --outside outside --inside {found['name']}"
    say(f"added zone {found['name']}; {next_step}", found)


@zone.command("list")
def list_zones() -> None:
    """List the zones."""
    zones = api().get("/zones")
    if not emit(zones):
        rows = [(found["name"], found["parent"], found["portals"], _rules(found)) for found in zones]
        table("", ("zone", "lies in", "portals", "rules"), rows, "no zones yet: devicemgr zone add NAME")


@zone.command("show")
def show_zone(name: ZoneName) -> None:
    """Show one zone."""
    found = api().get(path("zones", name))
    try:
        found |= api().get(path("zones", name, "people"))
    except ApiProblem as problem:
        if problem.slug != "not-allowed":
            raise
    if not emit(found):
        inside = _counted(found) if "count" in found else {}
        details(
            {"zone": found["name"], "lies in": found["parent"], "portals": found["portals"]} | inside | _shown(found)
        )


@zone.command("edit")
def edit_zone(
    name: ZoneName,
    parent: Parent = None,
    anti_passback: AntiPassback = None,
    exit_check: ExitCheck = None,
    strict_path: StrictPath = None,
    again_after: AgainAfter = None,
    forget_after: ForgetAfter = None,
    forget_at: ForgetAt = None,
    timezone: Timezone = None,
    when_unsure: WhenUnsure = None,
    max_people: Max = None,
    min_people: Min = None,
    warn_at: WarnAt = None,
    opens_with: OpensWith = None,
    while_present: WhilePresent = None,
    assembly: Assembly = None,
) -> None:
    """Change a zone; what is not given stays."""
    fields = _fields(
        parent=parent,
        anti_passback=anti_passback,
        exit_check=exit_check,
        strict_path=strict_path,
        again_after_minutes=again_after,
        forget_after_minutes=forget_after,
        forget_at=forget_at,
        timezone=timezone,
        when_unsure=when_unsure,
        max=max_people,
        min=min_people,
        warn_at=warn_at,
        opens_with=opens_with,
        while_present=while_present,
        assembly=assembly,
    )
    if not fields:
        raise typer.BadParameter("nothing to change; give an option of `zone add`, such as --anti-passback hard")
    found = api().call("PATCH", path("zones", name), json=fields)
    say(f"zone {found['name']}: {', '.join(_rules(found)) or 'no rules'}", found)


@zone.command("remove")
def remove_zone(name: ZoneName) -> None:
    """Remove a zone that no portal leads to. Asks first, unless --yes."""
    api().get(path("zones", name))
    confirm(f"remove zone {name}")
    say(f"removed zone {name}", api().call("DELETE", path("zones", name)))


@zone.command("people")
def list_people(name: ZoneName) -> None:
    """List who is recorded in a zone and those below it."""
    found = api().get(path("zones", name, "people"))
    if not emit(found):
        details(_counted(found))
        rows = [
            (one["badge"], one.get("name"), one["zone"], one["since"][:19].replace("T", " "), one["how"])
            for one in found["people"]
        ]
        table("", ("badge", "name", "zone", "since (UTC)", "known by"), rows, "no one is recorded there")


@zone.command("forgive")
def forgive(
    reason: Annotated[str, typer.Option(help="Why what is recorded does not count, for the record.")],
    badge: Annotated[str | None, typer.Argument(metavar="BADGE", help="Badge number of one person.")] = None,
    zone_name: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="Everyone in this zone, and its unnamed people.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Everyone.")] = False,
) -> None:
    """Correct where a person, a zone's people, or everyone is recorded, so that anti-passback lets them pass."""
    if (badge is not None) + (zone_name is not None) + all_ != 1:
        raise typer.BadParameter("give BADGE, --zone ZONE or --all, one of them")
    body = {"reason": reason}
    if badge is not None:
        found = api().post(path("people", badge, "forgive"), body)
        say(f"{badge} counts as {_place(found['place'])} from now on", found)
    elif zone_name is not None:
        found = api().post(path("zones", zone_name, "reset"), body)
        say(f"where the people of zone {zone_name} are counts as unknown until they pass again", found)
    else:
        found = api().post("/zones/reset", body)
        say("where everyone is counts as unknown until they pass again", found)


@zone.command("count")
def set_count(
    name: ZoneName, count: Annotated[int, typer.Argument(min=0, help="How many people were counted inside.")]
) -> None:
    """Set how many people are in a zone, as counted."""
    found = api().call("PUT", path("zones", name, "count"), json={"count": count})
    say(f"zone {name} has {counted(count, 'person', 'people')}", found)


def _place(zone: str | None) -> str:
    return "nowhere known" if zone is None else "outside" if zone == OUTSIDE else f"in zone {zone}"


def _counted(found: dict[str, Any]) -> dict[str, Any]:
    limit = f" of {found['max']}" if found["max"] else ""
    shown = {"zone": found["name"], "count": f"{found['count']}{limit}"}
    shown |= {"unnamed": found["unnamed"]} if found["unnamed"] else {}
    shown |= {"coming": found["coming"]} if found["coming"] else {}
    return shown | ({"unsure": "a device at its border is away or unread"} if found["unsure"] else {})


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    """Return the rules that are in force, by their words."""
    rules = {
        "anti-passback": None if found["anti_passback"] == "off" else found["anti_passback"],
        "exit check": None if found["exit_check"] == "off" else found["exit_check"],
        "strict path": "yes" if found["strict_path"] else None,
        "again after": f"{found['again_after_minutes']} min" if found["again_after_minutes"] else None,
        "forget after": f"{found['forget_after_minutes']} min" if found["forget_after_minutes"] else None,
        "forget at": " ".join(filter(None, (found["forget_at"], found["timezone"]))) if found["forget_at"] else None,
        "when unsure": "hard" if found["when_unsure"] == "hard" else None,
        "max": found["max"],
        "min": found["min"],
        "warn at": ", ".join(map(str, found["warn_at"])) or None,
        "opens with": ", ".join(found["opens_with"]) or None,
        "while present": "yes" if found["while_present"] else None,
        "assembly": "yes" if found["assembly"] else None,
    }
    return {name: value for name, value in rules.items() if value is not None}


def _rules(found: dict[str, Any]) -> list[str]:
    return [name if value == "yes" else f"{name} {value}" for name, value in _shown(found).items()]


@interlock.command("add")
def add_interlock(
    name: Annotated[str, typer.Argument(help="A short name, such as trap.")], portal: Portals, settle: Settle = None
) -> None:
    """Add an interlock: of its portals at most one is not shut."""
    if len(set(portal)) < 2:
        raise typer.BadParameter("an interlock is between two portals or more; give --portal for each")
    body = {"name": name, "portals": portal} | _fields(settle_seconds=settle)
    found = api().post("/interlocks", body)
    say(f"added interlock {found['name']}: {_interlocked(found)}", found)


@interlock.command("list")
def list_interlocks() -> None:
    """List the interlocks."""
    groups = api().get("/interlocks")
    if not emit(groups):
        rows = [(found["name"], found["portals"], f"{found['settle_seconds']:g} s") for found in groups]
        empty = "no interlocks yet: devicemgr interlock add NAME --portal P --portal Q"
        table("", ("interlock", "portals", "settle"), rows, empty)


@interlock.command("show")
def show_interlock(name: InterlockName) -> None:
    """Show one interlock."""
    found = api().get(path("interlocks", name))
    if not emit(found):
        shown = {"interlock": found["name"], "portals": found["portals"]}
        details(shown | {"settle": f"{found['settle_seconds']:g} s"})


@interlock.command("edit")
def edit_interlock(
    name: InterlockName,
    portal: Annotated[
        list[str] | None, typer.Option("--portal", help="A portal of the group, in place of all; give two or more.")
    ] = None,
    settle: Settle = None,
) -> None:
    """Change an interlock's portals or its time to settle."""
    given = _fields(portals=portal or None, settle_seconds=settle)
    if not given:
        raise typer.BadParameter("nothing to change; give --portal or --settle-seconds")
    current = api().get(path("interlocks", name))
    body = {field: current[field] for field in ("portals", "settle_seconds")} | given
    found = api().call("PUT", path("interlocks", name), json=body)
    say(f"interlock {found['name']}: {_interlocked(found)}", found)


@interlock.command("remove")
def remove_interlock(name: InterlockName) -> None:
    """Remove an interlock; its portals open independently then. Asks first, unless --yes."""
    confirm(f"remove interlock {name} ({_interlocked(api().get(path('interlocks', name)))})")
    say(f"removed interlock {name}", api().call("DELETE", path("interlocks", name)))


def _interlocked(found: dict[str, Any]) -> str:
    return ", ".join(found["portals"])
