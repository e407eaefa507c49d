"""Use cases of calendars: add, replace, edit and remove them in a unit of work."""

from collections.abc import Iterable, Sequence
from typing import Any

from devicemgr.domain.model import CalendarDay
from devicemgr.domain.rules.calendars import format_day, format_hours, in_order, parse_day
from devicemgr.errors import AlreadyExists, Hint, InvalidInput, RequestError
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.site import calendars as rows
from devicemgr.store.tables import CalendarRow
from devicemgr.text import slug


def checked_days(texts: Iterable[str]) -> list[str]:
    """Return days as they are stored, by date; raises InvalidInput for what is no day and for two on one date."""
    return [format_day(day) for day in in_order(parse_day(text) for text in texts)]


def add_calendar(work: UnitOfWork, name: str, days: Sequence[str]) -> CalendarRow:
    """Add a calendar of `checked_days`; AlreadyExists if the name is taken."""
    slug("calendar", name)
    if work.session.get(CalendarRow, name):
        raise AlreadyExists(
            f"calendar '{name}' exists; choose another name, or change it", hint=Hint("edit_calendar", name=name)
        )
    row = CalendarRow(name=name, days=list(days))
    work.session.add(row)
    work.session.flush()
    work.record("admin.calendar_added", _detail(work, row), after=_rights(rows.days(row)))
    return row


def put_calendar(work: UnitOfWork, name: str, days: Sequence[str]) -> tuple[CalendarRow, bool]:
    """Add the calendar, or give an existing one exactly these days; return it, and True if it was added."""
    row = work.session.get(CalendarRow, name)
    if row is None:
        return add_calendar(work, name, days), True
    if row.days != list(days):
        before, after = set(row.days), set(days)
        row.days = list(days)
        work.session.flush()
        work.record(
            "admin.calendar_edited",
            _detail(work, row),
            before=_rights(map(parse_day, sorted(before - after))),
            after=_rights(map(parse_day, sorted(after - before))),
        )
    return row, False


def edit_calendar(work: UnitOfWork, name: str, days: Sequence[str], dropped: Sequence[str]) -> CalendarRow:
    """Add days to a calendar, in place of those on the same dates, and drop the dates `dropped`."""
    row = rows.calendar(work.session, name)
    return put_calendar(work, name, merged_days(row.days, days, dropped))[0]


def merged_days(stored: Iterable[str], days: Iterable[str], dropped: Iterable[str]) -> list[str]:
    """Return stored days with some replaced or added, and some dropped; InvalidInput for a date that is not there."""
    by_date = {text[:10]: text for text in stored}
    for day in dropped:
        if by_date.pop(day, None) is None:
            raise InvalidInput(f"the calendar has no day {day[:40]!r}; write a date of it, such as 2026-12-16")
    by_date |= {text[:10]: text for text in checked_days(days)}
    return checked_days(by_date.values())


def remove_calendar(work: UnitOfWork, name: str) -> None:
    """Remove a calendar that no schedule uses."""
    row = rows.calendar(work.session, name)
    users = rows.schedules_with(work.session, name)
    if users:
        raise RequestError(f"schedule '{users[0]}' uses calendar '{name}'", hint=Hint("edit_schedule", name=users[0]))
    work.record("admin.calendar_removed", _detail(work, row), before=_rights(rows.days(row)))
    work.session.delete(row)
    work.session.flush()


def _detail(work: UnitOfWork, row: CalendarRow) -> dict[str, Any]:
    users = rows.schedules_with(work.session, row.name)
    return {"calendar": row.name, "days": len(row.days), "schedules": users}


def _rights(days: Iterable[CalendarDay]) -> dict[str, Any]:
    """Return days without their names, which may be anything that a calendar file says."""
    return {"days": [" ".join(filter(None, (f"{day.date} {day.kind}", format_hours(day)))) for day in days]}
