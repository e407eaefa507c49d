"""Schedules as they would be after a change that is only looked at."""

from collections.abc import Mapping, Sequence
from typing import Any

from devicemgr.domain.model import Schedule
from devicemgr.domain.rules.calendars import parse_day
from devicemgr.domain.rules.hours.hours_preview import ChangedDay
from devicemgr.errors import InvalidInput
from devicemgr.site.access_levels import schedule_values
from devicemgr.store.database import Session
from devicemgr.store.site import access_levels as rows, calendars as calendar_rows


def planned_schedules(
    session: Session, calendars: Mapping[str, Sequence[str]], schedules: Mapping[str, Mapping[str, Any]]
) -> dict[str, Schedule]:
    """Return all schedules as they would be with these days of calendars and these values of schedules.

    A value that is None stays as it is. Raises InvalidInput for what could not be stored.
    """
    days = calendar_rows.days_by_calendar(session)
    days |= {name: [parse_day(text) for text in texts] for name, texts in calendars.items()}
    values = {row.name: rows.schedule_json(row) for row in rows.schedules(session)}
    for name, planned in schedules.items():
        merged = values.get(name, {}) | {field: value for field, value in planned.items() if value is not None}
        if not merged.get("windows") or not merged.get("timezone"):
            raise InvalidInput(f"there is no schedule '{name[:60]}', and a new one needs windows and a time zone")
        values[name] = schedule_values(merged["windows"], merged["timezone"], merged.get("holidays", ()))
    return {name: rows.schedule_of(name, found, days) for name, found in values.items()}


def change_json(change: ChangedDay) -> dict[str, Any]:
    """Return what a plan answers of a day."""
    return {
        "schedule": change.schedule,
        "date": change.date.isoformat(),
        "opens": list(change.opens),
        "closes": list(change.closes),
    }
