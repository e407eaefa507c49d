"""Rows of access levels and schedules."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from devicemgr.domain.model import (
    AccessLevel,
    CalendarDay,
    Schedule,
)
from devicemgr.domain.rules.calendars import days_of_schedule
from devicemgr.domain.rules.schedules import parse_window
from devicemgr.domain.zones import Waiver
from devicemgr.store.site.calendars import days_by_calendar
from devicemgr.store.site.lookup import find_named
from devicemgr.store.site.portals import portal
from devicemgr.store.tables import (
    LevelPortalRow,
    LevelRow,
    ScheduleRow,
)


def schedule(session: Session, name: str) -> ScheduleRow:
    """Return the schedule of that name, or NotFound."""
    return find_named(session, ScheduleRow, "schedule", name)


def schedules(session: Session) -> Sequence[ScheduleRow]:
    """Return all schedules by name."""
    return session.scalars(select(ScheduleRow).order_by(ScheduleRow.name)).all()


def schedule_models(session: Session) -> dict[str, Schedule]:
    """Return all schedules as the rules evaluate them, with the days of their calendars."""
    calendars = days_by_calendar(session)
    return {row.name: schedule_of(row.name, schedule_json(row), calendars) for row in schedules(session)}


def schedule_of(name: str, values: Mapping[str, Any], calendars: Mapping[str, Sequence[CalendarDay]]) -> Schedule:
    """Return the schedule that the rules evaluate, of its stored values; InvalidInput for an unknown calendar."""
    windows = tuple(parse_window(text) for text in values["windows"])
    days = days_of_schedule(values["holidays"], calendars)
    return Schedule(name, values["timezone"], windows, days.holidays, days.working, days.short_days)


def level(session: Session, name: str) -> LevelRow:
    """Return the level of that name, or NotFound."""
    return find_named(session, LevelRow, "level", name)


def levels(session: Session) -> Sequence[LevelRow]:
    """Return all levels by name."""
    return session.scalars(select(LevelRow).order_by(LevelRow.name)).all()


def set_coverage(session: Session, row: LevelRow, covered: Iterable[tuple[str, str | None]]) -> None:
    """Replace what a level covers by portals with their schedules; NotFound for an unknown portal or schedule."""
    row.portals = []
    session.flush()
    for name, schedule_name in dict(covered).items():
        if schedule_name is not None:
            schedule(session, schedule_name)
        row.portals.append(
            LevelPortalRow(level_name=row.name, portal_name=portal(session, name).name, schedule_name=schedule_name)
        )
    session.flush()


def schedule_json(row: ScheduleRow) -> dict[str, Any]:
    """Return what `schedule show` prints."""
    return {"name": row.name, "timezone": row.timezone, "windows": row.windows, "holidays": row.holidays}


def level_model(row: LevelRow) -> AccessLevel:
    """Return the level that the rules evaluate."""
    portals = {covered.portal_name: covered.schedule_name for covered in row.portals}
    return AccessLevel(row.name, portals, frozenset(map(Waiver, row.waives)), row.escorts, row.escort_up_to)


def level_json(row: LevelRow) -> dict[str, Any]:
    """Return what `level show` prints."""
    covered = sorted(row.portals, key=lambda p: p.portal_name)
    portals_json = [{"portal": p.portal_name, "schedule": p.schedule_name} for p in covered]
    own = {"visitors": row.visitors, "escorts": row.escorts, "escort_up_to": row.escort_up_to}
    return {"name": row.name, "portals": portals_json, "waives": row.waives, **own}


def levels_under(session: Session, schedule_name: str) -> Sequence[str]:
    """Names of the levels that use a schedule."""
    query = select(LevelPortalRow.level_name).where(LevelPortalRow.schedule_name == schedule_name).distinct()
    return session.scalars(query.order_by(LevelPortalRow.level_name)).all()


def levels_over(session: Session, portal_name: str) -> Sequence[str]:
    """Names of the levels that cover a portal."""
    query = select(LevelPortalRow.level_name).where(LevelPortalRow.portal_name == portal_name).distinct()
    return session.scalars(query.order_by(LevelPortalRow.level_name)).all()
