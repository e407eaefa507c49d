"""Rows of calendars."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from devicemgr.domain.model import CalendarDay
from devicemgr.domain.rules.calendars import MARK, format_hours, parse_day
from devicemgr.store.site.lookup import find_named
from devicemgr.store.tables import CalendarRow, ScheduleRow


def calendar(session: Session, name: str) -> CalendarRow:
    """Return the calendar of that name, or NotFound."""
    return find_named(session, CalendarRow, "calendar", name)


def find(session: Session, name: str) -> CalendarRow | None:
    """Return the calendar of that name, None if there is none."""
    return session.get(CalendarRow, name)


def calendars(session: Session) -> Sequence[CalendarRow]:
    """Return all calendars by name."""
    return session.scalars(select(CalendarRow).order_by(CalendarRow.name)).all()


def days(row: CalendarRow) -> list[CalendarDay]:
    """Return the days of a calendar by date."""
    return [parse_day(text) for text in row.days]


def days_by_calendar(session: Session) -> dict[str, list[CalendarDay]]:
    """Return the days of each calendar."""
    return {row.name: days(row) for row in calendars(session)}


def schedules_with(session: Session, name: str) -> list[str]:
    """Return the names of the schedules that use a calendar."""
    rows = session.scalars(select(ScheduleRow).order_by(ScheduleRow.name))
    return [row.name for row in rows if MARK + name in row.holidays]


def calendar_json(session: Session, row: CalendarRow) -> dict[str, Any]:
    """Return what `calendar show` prints."""
    return {
        "name": row.name,
        "days": [
            {"date": day.date.isoformat(), "kind": str(day.kind), "hours": format_hours(day) or None, "name": day.name}
            for day in days(row)
        ],
        "schedules": schedules_with(session, row.name),
        "feed": _feed_json(row),
    }


def _feed_json(row: CalendarRow) -> dict[str, Any] | None:
    """Return what `calendar show` prints of the file that a calendar follows, without its certificates."""
    if row.feed is None:
        return None
    stated = {name: row.feed[name] for name in ("url", "every", "allow_private", "insecure")}
    reading = row.reading or {}
    read = {name: reading.get(name) for name in ("read_at", "tried_at", "failure")}
    held = {"is_held": bool(reading.get("is_held"))}
    return stated | read | held | {"left_out": reading.get("left_out", []), "by_hand": row.by_hand or []}
