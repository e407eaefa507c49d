"""Read the file that a calendar follows again, and take its days; what would open too much waits for an admin.

A file that can't be read, or that has no day any more, changes nothing: the days of the last reading stay in force.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.calendars import parse_day
from devicemgr.domain.rules.hours.calendar_feeds import STALE_AFTER, FeedChange, digest, feed_change
from devicemgr.domain.rules.hours.hours_preview import DAYS_AHEAD, ChangedDay, changed_days
from devicemgr.errors import DevicemgrError, Hint, InvalidInput, PlanHeld, RequestError, SourceUnreachable
from devicemgr.site.hours.calendars import rights_of_days
from devicemgr.site.hours.feeds import Feed, Reading, effective_days, feed_of, read_feed, reading_of
from devicemgr.site.hours.schedule_plan import planned_schedules
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.site import access_levels as schedule_rows, calendars as rows
from devicemgr.store.tables import CalendarRow
from devicemgr.text import rfc3339

REFRESHED = "admin.calendar_refreshed"
_MAX_RECORDED_HOURS = 100

Change = Callable[[], AbstractContextManager[UnitOfWork]]
"""Opens a unit of work of the one who refreshes."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a reading changes: days gained and lost from today on, the hours of 90 days, and why it is held."""

    name: str
    change: FeedChange
    hours: list[ChangedDay]
    digest: str
    held: str | None = None


def refresh(site: Site, name: str, change: Change, *, plan: bool = False, accept: str | None = None) -> Refreshed:
    """Read a calendar's file now and take its days; with `plan`, only return what that would change.

    Raises PlanHeld for a reading that takes away most of the days to come, unless `accept` is its digest; and
    SourceUnreachable or InvalidInput for a file that can't be read, which is noted.
    """
    with site.database.read() as session:
        row = rows.calendar(session, name)
        feed, last = feed_of(row), reading_of(row)
    if feed is None:
        raise RequestError(
            f"calendar '{name}' follows no file on a server; its days are kept by hand",
            hint=Hint("follow_calendar", name=name),
        )
    try:
        fresh = read_feed(feed, last)
    except (SourceUnreachable, InvalidInput) as error:
        if not plan:
            with change() as work:
                _note_failure(work, name, feed, error)
        raise
    if plan:
        with site.database.read() as session:
            return _compared(session, rows.calendar(session, name), fresh, accept)
    with change() as work:
        row = rows.calendar(work.session, name)
        if feed_of(row) != feed:
            raise RequestError(f"calendar '{name}' was changed while its file was read; try again")
        found = _compared(work.session, row, fresh, accept)
        if found.held is None:
            _take(work, row, fresh, found)
        else:
            _hold(work, row, fresh, found)
    if found.held is not None:
        raise PlanHeld(
            f"calendar '{name}' is not changed: {found.held}; look at it",
            code="calendar_held",
            facts={"name": name, "digest": found.digest},
            hint=Hint("accept_calendar", name=name, digest=found.digest),
        )
    return found


def _compared(session: Any, row: CalendarRow, fresh: Reading, accept: str | None) -> Refreshed:
    """Compare a reading with what is in force."""
    today = datetime.now(UTC).date()
    last = reading_of(row)
    change = feed_change(map(parse_day, last.days if last else ()), map(parse_day, fresh.days), today)
    days = effective_days(fresh, row.by_hand or ())
    before = schedule_rows.schedule_models(session)
    hours = changed_days(before, planned_schedules(session, {row.name: days}, {}), datetime.now(UTC))
    found = digest(fresh.days)
    held = change.why_held if change.is_held and accept != found else None
    return Refreshed(row.name, change, hours, found, held)


def _take(work: UnitOfWork, row: CalendarRow, fresh: Reading, found: Refreshed) -> None:
    """Put the days of a reading in force, and record what they open and close by themselves."""
    last, before = reading_of(row), set(row.days)
    row.days = effective_days(fresh, row.by_hand or ())
    row.reading = fresh.as_json()
    if last is not None and last.is_stale:
        work.record(
            Kind.ALARM_ENDED, {"alarm": Kind.CALENDAR_STALE, "calendar": row.name, "cause": "it was read again"}
        )
        row.reading = replace(fresh, is_stale=False).as_json()
    if last is not None and last.is_held:
        work.record(Kind.ALARM_ENDED, {"alarm": Kind.CALENDAR_HELD, "calendar": row.name, "cause": "it was settled"})
    days = set(row.days)
    gone, new = (rights_of_days(map(parse_day, sorted(one))) for one in (before - days, days - before))
    # Days that have passed count too: what was decided on them is explained by them.
    if found.change.gained or found.change.lost or gone != new:
        work.record(REFRESHED, _detail(work, row, found), before=gone, after=new)


def _detail(work: UnitOfWork, row: CalendarRow, found: Refreshed) -> dict[str, Any]:
    until = datetime.now(UTC).date() + timedelta(days=DAYS_AHEAD)
    gained, lost = found.change.within(until)
    opens = [f"{one.schedule} {one.date} {hours}" for one in found.hours for hours in one.opens]
    closes = [f"{one.schedule} {one.date} {hours}" for one in found.hours for hours in one.closes]
    return {
        "calendar": row.name,
        "schedules": rows.schedules_with(work.session, row.name),
        "gained": rights_of_days(gained)["days"],
        "lost": rights_of_days(lost)["days"],
        "later": {"gained": len(found.change.gained) - len(gained), "lost": len(found.change.lost) - len(lost)},
        "opens": opens[:_MAX_RECORDED_HOURS],
        "closes": closes[:_MAX_RECORDED_HOURS],
    }


def _hold(work: UnitOfWork, row: CalendarRow, fresh: Reading, found: Refreshed) -> None:
    last = reading_of(row) or fresh
    row.reading = replace(last, tried_at=fresh.tried_at, failure=found.held, is_held=True).as_json()
    if not last.is_held:
        work.record(Kind.CALENDAR_HELD, {"calendar": row.name, "cause": found.held, "digest": found.digest})


def _note_failure(work: UnitOfWork, name: str, feed: Feed, error: DevicemgrError) -> None:
    """Note that a try failed; after a week of failures that is an event, once."""
    row = rows.calendar(work.session, name)
    last = reading_of(row)
    if last is None or feed_of(row) != feed:
        return
    is_stale = last.age >= STALE_AFTER
    if is_stale and not last.is_stale:
        work.record(Kind.CALENDAR_STALE, {"calendar": name, "cause": str(error), "since": last.read_at})
    at = rfc3339(datetime.now(UTC))
    failure = last.failure if last.is_held else str(error)
    row.reading = replace(last, tried_at=at, failure=failure, is_stale=is_stale).as_json()


def alarms(site: Site) -> list[dict[str, Any]]:
    """Return the calendars that could not be read for a week, and those whose reading waits for an admin."""
    with site.database.read() as session:
        found = [(row.name, reading) for row in rows.calendars(session) if (reading := reading_of(row)) is not None]
    return [alarm for name, reading in found for alarm in _alarms_of(name, reading)]


def _alarms_of(name: str, reading: Reading) -> list[dict[str, Any]]:
    common = {"calendar": name, "since": reading.read_at}
    hint = {"hint": Hint("refresh_calendar", name=name).as_json()}
    if reading.is_held:
        return [{"kind": Kind.CALENDAR_HELD, **common, "cause": reading.failure, **hint}]
    if reading.age >= STALE_AFTER:
        cause = (
            f"not read since {reading.read_at[:10]}, and its days stay as they were: {reading.failure or 'not tried'}"
        )
        return [{"kind": Kind.CALENDAR_STALE, **common, "cause": cause, **hint}]
    return []
