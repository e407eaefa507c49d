"""`devicemgr calendar …`."""

from datetime import date
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api
from devicemgr.cli.output import details, emit, say, table
from devicemgr.cli.site.hours_plan import show_plan
from devicemgr.cli.transport.api_client import path
from devicemgr.domain.model import CalendarDay
from devicemgr.domain.rules.calendars import format_hours, parse_day
from devicemgr.text import counted

calendar = typer.Typer()

CalendarName = Annotated[str, typer.Argument(help="The calendar's name.")]
Days = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="DAY...",
        help='"2026-12-16 holiday Independence Day", "2026-12-31 short-day 09:00-16:00" or "2026-12-05 working".',
    ),
]


def _fields(day: CalendarDay) -> dict[str, Any]:
    hours = format_hours(day) or None
    return {"date": day.date.isoformat(), "kind": str(day.kind), "hours": hours, "name": day.name}


def _read(days: list[str] | None) -> list[dict[str, Any]]:
    return [_fields(parse_day(text)) for text in days or ()]


def _summary(found: dict[str, Any]) -> str:
    used = f", used by {', '.join(found['schedules'])}" if found["schedules"] else ""
    return f"{counted(len(found['days']), 'day')}{used}"


@calendar.command("add")
def add_calendar(
    name: Annotated[str, typer.Argument(help="A short name, such as kz; schedules name it as @kz.")],
    day: Days = None,
) -> None:
    """Add a calendar of holidays and other days, which schedules name as @NAME."""
    found = api().post("/calendars", {"name": name, "days": _read(day)})
    say(f"added calendar {found['name']}: {_summary(found)}; name it by --holiday @{found['name']}", found)


@calendar.command("list")
def list_calendars() -> None:
    """List the calendars."""
    calendars = api().get("/calendars")
    if not emit(calendars):
        today = date.today().isoformat()  # the day as the reader has it
        rows = [
            (
                found["name"],
                len(found["days"]),
                next((day["date"] for day in found["days"] if day["date"] >= today), None),
                found["days"][-1]["date"] if found["days"] else None,
                found["schedules"],
            )
            for found in calendars
        ]
        empty = 'no calendars yet: devicemgr calendar add NAME "2026-12-16 holiday"'
        table("", ("calendar", "days", "next", "last", "schedules"), rows, empty)


@calendar.command("show")
def show_calendar(name: CalendarName) -> None:
    """Show one calendar's days and the schedules that use it."""
    found = api().get(path("calendars", name))
    if not emit(found):
        details({"calendar": found["name"], "schedules": found["schedules"]})
        rows = [(day["date"], day["kind"], day["hours"], day["name"]) for day in found["days"]]
        table("", ("date", "kind", "hours", "name"), rows, "it has no days yet")


@calendar.command("edit")
def edit_calendar(
    name: CalendarName,
    day: Days = None,
    drop: Annotated[list[str] | None, typer.Option(metavar="DATE", help="Drop this date; several are fine.")] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only show which hours would open and close; exit 4 if any would.")
    ] = False,
) -> None:
    """Add days to a calendar, in place of those on the same dates, or drop some."""
    if not day and not drop:
        raise typer.BadParameter("nothing to change; give days or --drop")
    body = {"days": _read(day), "drop": drop or []}
    if plan:
        show_plan(calendars=[{"name": name, **body}])
        return
    found = api().call("PATCH", path("calendars", name), json=body)
    say(f"calendar {name}: {_summary(found)}", found)


@calendar.command("remove")
def remove_calendar(name: CalendarName) -> None:
    """Remove a calendar that no schedule uses. Asks first, unless --yes."""
    confirm(f"remove calendar {name} ({_summary(api().get(path('calendars', name)))})")
    say(f"removed calendar {name}", api().call("DELETE", path("calendars", name)))
