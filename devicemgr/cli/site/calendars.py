"""`devicemgr calendar …`."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api, finish, session
from devicemgr.cli.output import details, emit, local, notes, say, table, warn, words
from devicemgr.cli.site.hours_plan import EXIT_DIFFERS, show_hours, show_plan
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

Ics = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="The days of an iCalendar file; that of an https address is read again and again, its certificate "
        "checked by those of --tls-ca if given.",
    ),
]
Every = Annotated[
    str | None, typer.Option(metavar="TIME", help="The time between two readings of the address, 1h to 7d (24h).")
]
AllowPrivate = Annotated[
    bool, typer.Option("--allow-private", help="The address may lie within this computer or the local network.")
]
Insecure = Annotated[bool, typer.Option("--insecure", help="The address may be http, which proves nothing.")]
Plan = Annotated[bool, typer.Option("--plan", help="Only show which hours would open and close; exit 4 if any would.")]
Country = Annotated[
    str | None, typer.Option(metavar="CODE", help="The public holidays of a country, such as KZ; check them.")
]


def _fields(day: CalendarDay) -> dict[str, Any]:
    hours = format_hours(day) or None
    return {"date": day.date.isoformat(), "kind": str(day.kind), "hours": hours, "name": day.name}


_SCHEMES = ("https://", "http://", "webcal://", "webcals://")


def _feed(ics: str | None, every: str | None, allow_private: bool, insecure: bool) -> dict[str, Any]:
    """Return the fields of the API for an address to follow."""
    if ics is None or not ics.lower().startswith(_SCHEMES):
        if allow_private or insecure or (every and ics):
            raise typer.BadParameter("--every, --allow-private and --insecure go with --ics and an address")
        return {"every": every} if every else {}
    given = {"url": ics, "every": every, "allow_private": allow_private, "insecure": insecure}
    ca_file = session().tls_ca if session().host is None else None  # with --host it is that daemon's
    return given | ({"tls_ca": _certificates(ca_file)} if ca_file else {})


def _certificates(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            return opened.read(_MAX_CA_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"--tls-ca {file} is no readable PEM certificate; give the file of the server's CA"
        ) from error


_MAX_CA_BYTES = 64 * 1024


def _file(ics: str | None) -> Path | None:
    if ics is not None and "://" in ics and not ics.lower().startswith(_SCHEMES):
        raise typer.BadParameter("--ics takes a file, or an address that begins with https://")
    return Path(ics) if ics is not None and not ics.lower().startswith(_SCHEMES) else None


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
        for text in read.left_out:
            warn(text)
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
    read = f", read every {found['feed']['every']}" if found["feed"] else ""
    return f"{counted(len(found['days']), 'day')}{read}{used}"


def _warn_left_out(found: dict[str, Any]) -> None:
    for text in found["feed"]["left_out"] if found["feed"] else ():
        warn(text)


@calendar.command("add")
def add_calendar(
    name: Annotated[str, typer.Argument(help="A short name, such as kz; schedules name it as @kz.")],
    day: Days = None,
    ics: Ics = None,
    country: Country = None,
    every: Every = None,
    allow_private: AllowPrivate = False,
    insecure: Insecure = False,
) -> None:
    """Add a calendar of holidays and other days, which schedules name as @NAME."""
    feed = _feed(ics, every, allow_private, insecure)
    found = api().post("/calendars", {"name": name, "days": _read(day, _file(ics), country), **feed})
    _warn_left_out(found)
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
                _source(found["feed"]),
                found["schedules"],
            )
            for found in calendars
        ]
        empty = 'no calendars yet: devicemgr calendar add NAME "2026-12-16 holiday"'
        table("", ("calendar", "days", "next", "last", "kept", "schedules"), rows, empty)


def _source(feed: dict[str, Any] | None) -> str:
    if feed is None:
        return "by hand"
    state = "held" if feed["is_held"] else "not read" if feed["failure"] else "read"
    return f"every {feed['every']}, {state}"


@calendar.command("show")
def show_calendar(name: CalendarName) -> None:
    """Show one calendar's days and the schedules that use it."""
    found = api().get(path("calendars", name))
    if not emit(found):
        details({"calendar": found["name"], "schedules": found["schedules"], **_feed_details(found["feed"])})
        words().print()
        rows = [(day["date"], day["kind"], day["hours"], day["name"]) for day in found["days"]]
        table("", ("date", "kind", "hours", "name"), rows, "it has no days yet")


def _feed_details(feed: dict[str, Any] | None) -> dict[str, Any]:
    if feed is None:
        return {}
    shown = {"address": feed["url"], "read": f"{local(feed['read_at'])}, every {feed['every']}"}
    stated = [words for name, words in _STATED.items() if feed[name]]
    shown |= {"allowed": stated} if stated else {}
    shown |= {"by hand": [text[:10] for text in feed["by_hand"]]} if feed["by_hand"] else {}
    return shown | ({"last try": f"{local(feed['tried_at'])}: {feed['failure']}"} if feed["failure"] else {})


_STATED = {"allow_private": "the local network", "insecure": "http"}


@calendar.command("edit")
def edit_calendar(
    name: CalendarName,
    day: Days = None,
    ics: Ics = None,
    country: Country = None,
    drop: Annotated[list[str] | None, typer.Option(metavar="DATE", help="Drop this date; several are fine.")] = None,
    every: Every = None,
    allow_private: AllowPrivate = False,
    insecure: Insecure = False,
    unfollow: Annotated[
        bool, typer.Option("--unfollow", help="Keep the days as they are, by hand from now on; read no address.")
    ] = False,
    plan: Plan = False,
) -> None:
    """Add days to a calendar, in place of those on the same dates, or drop some."""
    feed = {"url": ""} if unfollow else _feed(ics, every, allow_private, insecure)
    if unfollow and (ics or every):
        raise typer.BadParameter("--unfollow goes without --ics and --every")
    if not (day or drop or ics or country or feed):
        raise typer.BadParameter("nothing to change; give days, --ics, --country, --drop, --every or --unfollow")
    body = {"days": _read(day, _file(ics), country), "drop": drop or [], **feed}
    if plan:
        show_plan(calendars=[{"name": name, **body}])
        return
    found = api().call("PATCH", path("calendars", name), json=body)
    _warn_left_out(found)
    say(f"calendar {name}: {_summary(found)}", found)


@calendar.command("refresh")
def refresh_calendar(
    name: CalendarName,
    plan: Plan = False,
    accept: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="Take a file that takes away most days to come, as the plan shows it."),
    ] = None,
) -> None:
    """Read the file that a calendar follows now, and take its days."""
    found = api().post(path("calendars", name, "refresh"), {"plan": plan, "accept": accept})
    if not emit(found):
        _show_refreshed(found)
    if plan and (found["gained"] or found["lost"]):
        finish(EXIT_DIFFERS)


def _show_refreshed(found: dict[str, Any]) -> None:
    rows = [("+", text) for text in found["gained"]] + [("-", text) for text in found["lost"]]
    if rows:
        table("", ("", "day"), sorted(rows, key=lambda row: (row[1][:10], row[0])), "")
    show_hours(found["hours"], is_done=found["applied"])
    if found["held"]:
        warn(f"{found['held']}; if it is right: devicemgr calendar refresh {found['name']} --accept {found['digest']}")
    gained, lost = counted(len(found["gained"]), "day"), counted(len(found["lost"]), "day")
    done = f"{gained} added, {lost} taken away" if rows else "the file says what is in force"
    say(f"calendar {found['name']}: {done}" + ("" if found["applied"] else "; nothing was changed"))


@calendar.command("remove")
def remove_calendar(name: CalendarName) -> None:
    """Remove a calendar that no schedule uses. Asks first, unless --yes."""
    confirm(f"remove calendar {name} ({_summary(api().get(path('calendars', name)))})")
    say(f"removed calendar {name}", api().call("DELETE", path("calendars", name)))
