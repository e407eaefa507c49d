"""`devicemgr calendar …`."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api
from devicemgr.cli.output import details, emit, notes, say, table, warn
from devicemgr.cli.site.hours_plan import show_plan
from devicemgr.cli.transport.api_client import path
from devicemgr.domain.model import CalendarDay
from devicemgr.domain.rules.calendars import MAX_FILE_BYTES, format_hours, in_order, parse_day
from devicemgr.errors import InvalidInput
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

Ics = Annotated[Path | None, typer.Option(metavar="FILE", help="The days of an iCalendar file (.ics).")]
Country = Annotated[
    str | None, typer.Option(metavar="CODE", help="The public holidays of a country, such as KZ; check them.")
]


def _fields(day: CalendarDay) -> dict[str, Any]:
    hours = format_hours(day) or None
    return {"date": day.date.isoformat(), "kind": str(day.kind), "hours": hours, "name": day.name}


def _read(days: list[str] | None, ics: Path | None, country: str | None) -> list[dict[str, Any]]:
    """Return days by hand, and on other dates those of the file, else of the country; warns of what is not sure."""
    found: dict[date, CalendarDay] = {}
    today = date.today()  # the year as the reader has it
    if country is not None:
        # Its tables take a third of a second to import.
        from devicemgr.site.hours.country_holidays import read_country_holidays  # noqa: PLC0415

        found |= {day.date: day for day in read_country_holidays(country, today)}
        warn("these holidays are calculated: check them, as decrees move days and some are estimates")
    if ics is not None:
        # The library of calendar files takes as long.
        from devicemgr.site.hours.icalendar_file import read_calendar_file  # noqa: PLC0415

        read = read_calendar_file(_content(ics), today)
        found |= {day.date: day for day in read.days}
        for words in read.left_out:
            warn(words)
        notes().print(f"repeated events are entered until {read.until}; read the file again before then")
    by_hand = in_order(parse_day(text) for text in days or ())
    return [_fields(day) for day in (found | {day.date: day for day in by_hand}).values()]


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{file} can't be read ({error.strerror}); give an iCalendar file") from error


def _summary(found: dict[str, Any]) -> str:
    used = f", used by {', '.join(found['schedules'])}" if found["schedules"] else ""
    return f"{counted(len(found['days']), 'day')}{used}"


@calendar.command("add")
def add_calendar(
    name: Annotated[str, typer.Argument(help="A short name, such as kz; schedules name it as @kz.")],
    day: Days = None,
    ics: Ics = None,
    country: Country = None,
) -> None:
    """Add a calendar of holidays and other days, which schedules name as @NAME."""
    found = api().post("/calendars", {"name": name, "days": _read(day, ics, country)})
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
    ics: Ics = None,
    country: Country = None,
    drop: Annotated[list[str] | None, typer.Option(metavar="DATE", help="Drop this date; several are fine.")] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only show which hours would open and close; exit 4 if any would.")
    ] = False,
) -> None:
    """Add days to a calendar, in place of those on the same dates, or drop some."""
    if not (day or drop or ics or country):
        raise typer.BadParameter("nothing to change; give days, --ics, --country or --drop")
    body = {"days": _read(day, ics, country), "drop": drop or []}
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
