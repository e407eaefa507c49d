"""`devicemgr level …` and `devicemgr schedule …`."""

from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api
from devicemgr.cli.output import details, emit, say, table
from devicemgr.cli.site.timezone import local_zone
from devicemgr.cli.transport.api_client import path

level = typer.Typer()
schedule = typer.Typer()

Badge = Annotated[str, typer.Argument(help="Badge number.")]
LevelName = Annotated[str, typer.Argument(help="The level's name.")]
ScheduleName = Annotated[str, typer.Argument(help="The schedule's name.")]


def _covered(found: dict[str, Any]) -> list[str]:
    return [f"{p['portal']} ({p['schedule'] or 'always'})" for p in found["portals"]]


@level.command("add")
def add_level(
    name: Annotated[str, typer.Argument(help="A short name, such as staff.")],
    portal: Annotated[list[str], typer.Option(help="A portal that it opens; may be given several times.")],
    schedule: Annotated[str | None, typer.Option(help="Only in the hours of this schedule; else always.")] = None,
) -> None:
    """Add a level."""
    found = api().post("/levels", {"name": name, "portals": portal, "schedule": schedule})
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
        details({"level": found["name"], "portals": _covered(found), "people": found["people"]})


@level.command("remove")
def remove_level(name: LevelName) -> None:
    """Remove a level that no one holds. Asks first, unless --yes."""
    confirm(f"remove level {name} ({_covered(api().get(path('levels', name))) or 'no portals'})")
    say(f"removed level {name}", api().call("DELETE", path("levels", name)))


@level.command("grant")
def grant(badge: Badge, level: LevelName) -> None:
    """Give a person a level."""
    person = api().call("PUT", path("people", badge, "levels", level))
    say(f"{person['badge']} now holds: {', '.join(person['levels'])}", person)


@level.command("revoke")
def revoke(badge: Badge, level: LevelName) -> None:
    """Take a level from a person."""
    person = api().call("DELETE", path("people", badge, "levels", level))
    say(f"{person['badge']} now holds: {', '.join(person['levels']) or 'no level'}", person)


@schedule.command("add")
def add_schedule(
    name: Annotated[str, typer.Argument(help="A short name, such as office.")],
    window: Annotated[list[str], typer.Argument(help='Days and hours, such as "mon-fri 08:00-18:00"; one or several.')],
    timezone: Annotated[str | None, typer.Option(help="Such as Asia/Almaty; else this host's zone.")] = None,
    holiday: Annotated[list[str] | None, typer.Option(help="A date on which nothing opens; several are fine.")] = None,
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


@schedule.command("remove")
def remove_schedule(name: ScheduleName) -> None:
    """Remove a schedule that no level uses. Asks first, unless --yes."""
    confirm(f"remove schedule {name} ({'; '.join(api().get(path('schedules', name))['windows'])})")
    say(f"removed schedule {name}", api().call("DELETE", path("schedules", name)))
