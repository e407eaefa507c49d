"""`devicemgr level …` and `devicemgr schedule …`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api
from devicemgr.cli.output import details, emit, say, table
from devicemgr.cli.people.person_words import levels_in_words
from devicemgr.cli.people.roster.badge_file import BadgeFile, describe_change, read_badges
from devicemgr.cli.site.hours_plan import show_plan
from devicemgr.cli.transport.api_client import path
from devicemgr.clock.local_zone import local_zone
from devicemgr.domain.zones import Waiver
from devicemgr.text import counted

level = typer.Typer()
schedule = typer.Typer()

BadgeOrLevel = Annotated[str, typer.Argument(metavar="BADGE", help="Badge number; the level, where many are meant.")]
LevelOfBadge = Annotated[str | None, typer.Argument(metavar="LEVEL", help="The level's name.")]
Waive = Annotated[
    list[Waiver] | None, typer.Option("--waive", help="A check that its holders are exempt from; several are fine.")
]
Department = Annotated[str | None, typer.Option(help="For all people of this department.")]
NO_LIMITS: Mapping[str, str | int | None] = {}
LevelName = Annotated[str, typer.Argument(help="The level's name.")]
ScheduleName = Annotated[str, typer.Argument(help="The schedule's name.")]


def _covered(found: dict[str, Any]) -> list[str]:
    return [f"{p['portal']} ({p['schedule'] or 'always'})" for p in found["portals"]]


def _waived(found: dict[str, Any]) -> dict[str, Any]:
    own = {} if found["visitors"] else {"visitors": "are not given it"}
    own |= {"escorts": f"up to {counted(found['escort_up_to'], 'visitor')}"} if found["escorts"] else {}
    return ({"waives": found["waives"]} if found["waives"] else {}) | own


EscortsVisitors = Annotated[
    bool | None, typer.Option("--escorts/--no-escorts", help="Its holders take visitors along who need an escort.")
]
EscortUpTo = Annotated[
    int | None, typer.Option(metavar="N", help="How many visitors one of them escorts, 1 to 10; 5 unless given.")
]
Visitors = Annotated[
    bool | None, typer.Option("--visitors/--no-visitors", help="Whether visits may be given it; they may, if not said.")
]


def _escorting(escorts: bool | None, escort_up_to: int | None) -> dict[str, Any]:
    given = {"escorts": escorts, "escort_up_to": escort_up_to}
    return {name: value for name, value in given.items() if value is not None}


@level.command("add")
def add_level(
    name: Annotated[str, typer.Argument(help="A short name, such as staff.")],
    portal: Annotated[list[str], typer.Option(help="A portal that it opens; may be given several times.")],
    schedule: Annotated[str | None, typer.Option(help="Only in the hours of this schedule; else always.")] = None,
    waive: Waive = None,
    visitors: Visitors = None,
    escorts: EscortsVisitors = None,
    escort_up_to: EscortUpTo = None,
) -> None:
    """Add a level."""
    body: dict[str, Any] = {"name": name, "portals": portal, "schedule": schedule}
    body |= {"waives": [str(check) for check in waive or ()], "visitors": visitors is not False}
    found = api().post("/levels", body | _escorting(escorts, escort_up_to))
    say(f"added level {found['name']}: {', '.join(_covered(found))}", found)


@level.command("list")
def list_levels() -> None:
    """List the levels."""
    levels = api().get("/levels")
    if not emit(levels):
        rows = [(found["name"], _covered(found)) for found in levels]
        table("", ("level", "portals"), rows, "no levels yet: devicemgr level add NAME --portal P")


@level.command("show")
def show_level(name: LevelName) -> None:
    """Show one level and who holds it."""
    found = api().get(path("levels", name))
    if not emit(found):
        shown = {"level": found["name"], "portals": _covered(found), **_waived(found), "people": found["people"]}
        details(shown | {"by department": found["departments"]})


@level.command("remove")
def remove_level(name: LevelName) -> None:
    """Remove a level that no person and no department has. Asks first, unless --yes."""
    confirm(f"remove level {name} ({_covered(api().get(path('levels', name))) or 'no portals'})")
    say(f"removed level {name}", api().call("DELETE", path("levels", name)))


@level.command("edit")
def edit_level(
    name: LevelName,
    portal: Annotated[
        list[str] | None, typer.Option(help="A portal that it opens from now on, in place of all; several are fine.")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="Only in the hours of this schedule; '' for always. Else each portal keeps its.")
    ] = None,
    waive: Waive = None,
    no_waive: Annotated[
        bool, typer.Option("--no-waive", help="Its holders are exempt from no check any more.")
    ] = False,
    visitors: Visitors = None,
    escorts: EscortsVisitors = None,
    escort_up_to: EscortUpTo = None,
) -> None:
    """Change what a level opens, and when."""
    body: dict[str, Any] = ({"portals": portal} if portal else {}) | (
        {"schedule": schedule or None} if schedule is not None else {}
    )
    if waive and no_waive:
        raise typer.BadParameter("give --waive or --no-waive")
    body |= {"waives": [str(check) for check in waive or ()]} if waive or no_waive else {}
    body |= ({"visitors": visitors} if visitors is not None else {}) | _escorting(escorts, escort_up_to)
    if not body:
        raise typer.BadParameter("nothing to change; give --portal, --schedule, --waive, --visitors or --escorts")
    found = api().call("PATCH", path("levels", name), json=body)
    say(f"level {name}: {', '.join(_covered(found))}", found)


@level.command("grant")
def grant(
    badge: BadgeOrLevel,
    level: LevelOfBadge = None,
    badges: BadgeFile = None,
    department: Department = None,
    valid_from: Annotated[
        str | None, typer.Option("--from", metavar="T", help="From when: 2026-12-01, or a moment, RFC 3339.")
    ] = None,
    valid_to: Annotated[
        str | None, typer.Option("--to", metavar="T", help="Last day: 2026-12-05; or the end, RFC 3339.")
    ] = None,
    uses: Annotated[int | None, typer.Option(metavar="N", min=1, help="For so many entries.")] = None,
) -> None:
    """Give a person a level: BADGE LEVEL; or give it to many: LEVEL with --badges or --department.

    Without --from, --to and --uses for good.
    """
    limits = {"valid_from": valid_from, "valid_to": valid_to, "uses": uses}
    _change_holders(badge, level, badges, department, held=True, limits=limits)


@level.command("revoke")
def revoke(
    badge: BadgeOrLevel, level: LevelOfBadge = None, badges: BadgeFile = None, department: Department = None
) -> None:
    """Take a level from a person: BADGE LEVEL; or from many: LEVEL with --badges or --department."""
    _change_holders(badge, level, badges, department, held=False)


def _change_holders(
    first: str,
    level: str | None,
    badges: Path | None,
    department: str | None,
    *,
    held: bool,
    limits: Mapping[str, str | int | None] = NO_LIMITS,
) -> None:
    if badges is None and department is None:
        if level is None:
            raise typer.BadParameter("give BADGE and LEVEL, or LEVEL with --badges FILE or --department NAME")
        target = path("people", first, "levels", level)
        person = api().call("PUT", target, json=dict(limits)) if held else api().call("DELETE", target)
        say(f"{person['badge']} now holds: {', '.join(levels_in_words(person)) or 'no level'}", person)
        return
    if level is not None or (badges is not None and department is not None):
        raise typer.BadParameter("with --badges or --department, one of them, give only the level")
    whom = {"department": department} if badges is None else {"badges": read_badges(badges)}
    found = api().post(path("levels", first, "holders"), {**whom, "held": held, **limits})
    verb = "given to" if held else "taken from"
    say(f"level {first} {verb} {describe_change(found)}", found)


@schedule.command("add")
def add_schedule(
    name: Annotated[str, typer.Argument(help="A short name, such as office.")],
    window: Annotated[list[str], typer.Argument(help='Days and hours, such as "mon-fri 08:00-18:00"; one or several.')],
    timezone: Annotated[str | None, typer.Option(help="Such as Asia/Almaty; else this host's zone.")] = None,
    holiday: Annotated[
        list[str] | None, typer.Option(help="A date on which nothing opens, or @CALENDAR; several are fine.")
    ] = None,
) -> None:
    """Add a weekly schedule."""
    body = {"name": name, "windows": window, "timezone": timezone or local_zone(), "holidays": holiday or []}
    found = api().post("/schedules", body)
    say(f"added schedule {found['name']}: {'; '.join(found['windows'])} ({found['timezone']})", found)


@schedule.command("list")
def list_schedules() -> None:
    """List the schedules."""
    schedules = api().get("/schedules")
    if not emit(schedules):
        rows = [(s["name"], "; ".join(s["windows"]), s["timezone"], s["holidays"]) for s in schedules]
        empty = 'no schedules yet: devicemgr schedule add NAME "mon-fri 08:00-18:00"'
        table("", ("schedule", "open", "time zone", "closed on"), rows, empty)


@schedule.command("show")
def show_schedule(name: ScheduleName) -> None:
    """Show one schedule."""
    found = api().get(path("schedules", name))
    if not emit(found):
        details(
            {
                "schedule": found["name"],
                "open": "; ".join(found["windows"]),
                "time zone": found["timezone"],
                "closed on": found["holidays"],
            }
        )


@schedule.command("edit")
def edit_schedule(
    name: ScheduleName,
    window: Annotated[
        list[str] | None, typer.Argument(help='Days and hours, such as "mon-fri 08:00-18:00", in place of all before.')
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="Such as Asia/Almaty.")] = None,
    holiday: Annotated[
        list[str] | None,
        typer.Option(help="A date on which nothing opens, or @CALENDAR, in place of all before; several are fine."),
    ] = None,
    no_holidays: Annotated[bool, typer.Option("--no-holidays", help="It opens on all days of its windows.")] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only show which hours would open and close; exit 4 if any would.")
    ] = False,
) -> None:
    """Change a schedule's hours, time zone or holidays."""
    if holiday and no_holidays:
        raise typer.BadParameter("give either --holiday or --no-holidays")
    body = {"windows": window or None, "timezone": timezone, "holidays": [] if no_holidays else holiday or None}
    body = {field: value for field, value in body.items() if value is not None}
    if not body:
        raise typer.BadParameter("nothing to change; give windows, --timezone, --holiday or --no-holidays")
    if plan:
        api().get(path("schedules", name))  # an unknown name is refused as without --plan
        show_plan(schedules=[{"name": name, **body}])
        return
    found = api().call("PATCH", path("schedules", name), json=body)
    closed = f"; closed on {', '.join(found['holidays'])}" if found["holidays"] else ""
    say(f"schedule {name}: {'; '.join(found['windows'])} ({found['timezone']}){closed}", found)


@schedule.command("remove")
def remove_schedule(name: ScheduleName) -> None:
    """Remove a schedule that no level uses. Asks first, unless --yes."""
    confirm(f"remove schedule {name} ({'; '.join(api().get(path('schedules', name))['windows'])})")
    say(f"removed schedule {name}", api().call("DELETE", path("schedules", name)))
