"""Use cases of calendars: add, replace, edit and remove them in a unit of work."""

from collections.abc import Iterable, Sequence
from typing import Any

from devicemgr.domain.model import CalendarDay
from devicemgr.domain.rules.calendars import format_day, format_hours, in_order, parse_day
from devicemgr.errors import AlreadyExists, Hint, InvalidInput, RequestError
from devicemgr.site.hours.feeds import Feed, Reading, effective_days, feed_of, reading_of
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.site import calendars as rows
from devicemgr.store.tables import CalendarRow
from devicemgr.text import slug


def checked_days(texts: Iterable[str]) -> list[str]:
    """Return days as they are stored, by date; raises InvalidInput for what is no day and for two on one date."""
    return [format_day(day) for day in in_order(parse_day(text) for text in texts)]


def add_calendar(
    work: UnitOfWork, name: str, days: Sequence[str], feed: Feed | None = None, reading: Reading | None = None
) -> CalendarRow:
    """Add a calendar of `checked_days`, in place of those of a feed; AlreadyExists if the name is taken."""
    slug("calendar", name)
    if work.session.get(CalendarRow, name):
        raise AlreadyExists(
            f"calendar '{name}' exists; choose another name, or change it", hint=Hint("edit_calendar", name=name)
        )
    row = CalendarRow(name=name, days=[])
    _set(row, days, feed, reading)
    work.session.add(row)
    work.session.flush()
    work.record("admin.calendar_added", _detail(work, row), after=rights_of_days(rows.days(row)) | _rights_of_feed(row))
    return row


def put_calendar(
    work: UnitOfWork, name: str, days: Sequence[str], feed: Feed | None = None, reading: Reading | None = None
) -> tuple[CalendarRow, bool]:
    """Add the calendar, or give an existing one exactly these days and feed; return it, and True if it was added.

    With a feed, `days` stand in place of those of its `reading`; without a reading that of the same feed stays.
    """
    row = work.session.get(CalendarRow, name)
    if row is None:
        return add_calendar(work, name, days, feed, reading), True
    before, feed_before, by_hand = list(row.days), _rights_of_feed(row), row.by_hand
    was = row.feed
    _set(row, days, feed, reading or (reading_of(row) if feed else None))
    if (before, was, by_hand) != (row.days, row.feed, row.by_hand):
        work.session.flush()
        old, new = set(before), set(row.days)
        work.record(
            "admin.calendar_edited",
            _detail(work, row),
            before=rights_of_days(map(parse_day, sorted(old - new))) | feed_before,
            after=rights_of_days(map(parse_day, sorted(new - old))) | _rights_of_feed(row),
        )
    return row, False


def edit_calendar(
    work: UnitOfWork,
    name: str,
    days: Sequence[str],
    dropped: Sequence[str],
    feed: Feed | None = None,
    reading: Reading | None = None,
) -> CalendarRow:
    """Add days to a calendar, in place of those on the same dates, and drop the dates `dropped`; let it follow `feed`.

    A calendar that follows a feed already keeps it where none is given. Days by hand stay through all readings.
    """
    row = rows.calendar(work.session, name)
    followed = feed or feed_of(row)
    stored = row.days if followed is None else row.by_hand or [] if row.feed else []
    merged = merged_days(stored, days, dropped, reading or reading_of(row))
    return put_calendar(work, name, merged, followed, reading)[0]


def unfollow(work: UnitOfWork, name: str, days: Sequence[str] = (), dropped: Sequence[str] = ()) -> CalendarRow:
    """Let a calendar keep the days that it has by hand from now on, with some changed."""
    row = rows.calendar(work.session, name)
    return put_calendar(work, name, merged_days(row.days, days, dropped))[0]


def merged_days(
    stored: Iterable[str], days: Iterable[str], dropped: Iterable[str], reading: Reading | None = None
) -> list[str]:
    """Return stored days with some replaced or added, and some dropped; InvalidInput for a date that is not there.

    A day of the `reading` that stored days stand in place of can't be dropped: the next one would bring it back.
    """
    by_date = {text[:10]: text for text in stored}
    read = {text[:10] for text in reading.days} if reading else set()
    for day in dropped:
        if by_date.pop(day, None) is None:
            if day in read:
                raise InvalidInput(
                    f"{day} comes from the file that the calendar follows, and would come back; "
                    f'give it another kind instead, such as "{day} working"'
                )
            raise InvalidInput(f"the calendar has no day {day[:40]!r}; write a date of it, such as 2026-12-16")
    by_date |= {text[:10]: text for text in checked_days(days)}
    return checked_days(by_date.values())


def remove_calendar(work: UnitOfWork, name: str) -> None:
    """Remove a calendar that no schedule uses."""
    row = rows.calendar(work.session, name)
    users = rows.schedules_with(work.session, name)
    if users:
        raise RequestError(f"schedule '{users[0]}' uses calendar '{name}'", hint=Hint("edit_schedule", name=users[0]))
    before = rights_of_days(rows.days(row)) | _rights_of_feed(row)
    work.record("admin.calendar_removed", _detail(work, row), before=before)
    work.session.delete(row)
    work.session.flush()


def rights_of_days(days: Iterable[CalendarDay]) -> dict[str, Any]:
    """Return days without their names, which may be anything that a calendar file says."""
    return {"days": [" ".join(filter(None, (f"{day.date} {day.kind}", format_hours(day)))) for day in days]}


def _set(row: CalendarRow, days: Sequence[str], feed: Feed | None, reading: Reading | None) -> None:
    row.feed = feed.as_json() if feed else None
    row.reading = reading.as_json() if feed and reading else None
    row.by_hand = list(days) if feed else None
    row.days = effective_days(reading, days) if feed else list(days)


def _detail(work: UnitOfWork, row: CalendarRow) -> dict[str, Any]:
    users = rows.schedules_with(work.session, row.name)
    return {"calendar": row.name, "days": len(row.days), "schedules": users}


def _rights_of_feed(row: CalendarRow) -> dict[str, Any]:
    feed = feed_of(row)
    return {"feed": feed.described()} if feed else {}
