"""/levels and /schedules."""

from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from devicemgr.api.context import Ctx, Who
from devicemgr.domain.rules.schedules import format_window, parse_timezone, parse_window
from devicemgr.errors import AlreadyExists, InvalidInput, RequestError
from devicemgr.store.people import people
from devicemgr.store.site import access_levels as level_store
from devicemgr.store.tables import LevelRow, ScheduleRow
from devicemgr.text import safe, slug

router = APIRouter(tags=["rights"])


class NewLevel(BaseModel):
    """A level to add."""

    model_config = ConfigDict(extra="forbid")
    name: str
    portals: list[str] = Field(min_length=1)
    schedule: str | None = None


class NewSchedule(BaseModel):
    """A schedule to add; windows as `mon-fri 08:00-18:00`, holidays as ISO dates."""

    model_config = ConfigDict(extra="forbid")
    name: str
    windows: list[str] = Field(min_length=1)
    timezone: str
    holidays: list[str] = []


@router.post("/levels", status_code=201)
def add_level(body: NewLevel, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a level that covers portals, always or under a schedule."""
    with context.site.database.write() as session:
        name = slug("level", body.name)
        if session.get(LevelRow, name):
            raise AlreadyExists(f"level '{name}' exists; choose another name")
        row = LevelRow(name=name)
        session.add(row)
        session.flush()
        level_store.set_level_portals(session, row, body.portals, body.schedule)
        answer = level_store.level_json(row)
        context.record(session, "admin.level_added", caller, {"level": answer})
    context.runtime.site_changed()
    return answer


@router.get("/levels")
def list_levels(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """All levels."""
    with context.site.database.read() as session:
        return [level_store.level_json(row) for row in level_store.levels(session)]


@router.get("/levels/{name}")
def show_level(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """One level and who holds it."""
    with context.site.database.read() as session:
        return level_store.level_json(level_store.level(session, name)) | {"people": people.holders(session, name)}


@router.delete("/levels/{name}")
def remove_level(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Remove a level that nobody holds."""
    with context.site.database.write() as session:
        row = level_store.level(session, name)
        held = people.holders(session, name)
        if held:
            raise RequestError(f"{len(held)} people hold level '{name}'; revoke it first")
        session.delete(row)
        context.record(session, "admin.level_removed", caller, {"level": name})
    context.runtime.site_changed()
    return {"name": name, "removed": True}


def _holiday(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise InvalidInput(f"'{safe(text, 40)}' is not a date; write 2026-12-16") from error


def schedule_values(body: NewSchedule) -> dict[str, Any]:
    """A schedule's columns without its name, as they are stored; InvalidInput for what is no window, zone or day."""
    return {
        "windows": [format_window(parse_window(text)) for text in body.windows],
        "timezone": parse_timezone(body.timezone),
        "holidays": sorted({_holiday(day) for day in body.holidays}),
    }


@router.post("/schedules", status_code=201)
def add_schedule(body: NewSchedule, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a weekly schedule."""
    values = schedule_values(body)
    with context.site.database.write() as session:
        name = slug("schedule", body.name)
        if session.get(ScheduleRow, name):
            raise AlreadyExists(f"schedule '{name}' exists; choose another name")
        row = ScheduleRow(name=name, **values)
        session.add(row)
        answer = _schedule_json(row)
        context.record(session, "admin.schedule_added", caller, {"schedule": answer})
    context.runtime.site_changed()
    return answer


@router.get("/schedules")
def list_schedules(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """All schedules."""
    with context.site.database.read() as session:
        return [_schedule_json(row) for row in level_store.schedules(session)]


@router.get("/schedules/{name}")
def show_schedule(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """One schedule."""
    with context.site.database.read() as session:
        return _schedule_json(level_store.schedule(session, name))


@router.delete("/schedules/{name}")
def remove_schedule(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Remove a schedule that no level uses."""
    with context.site.database.write() as session:
        row = level_store.schedule(session, name)
        users = level_store.levels_under(session, name)
        if users:
            raise RequestError(f"level '{users[0]}' uses schedule '{name}'; `devicemgr level remove {users[0]}` first")
        session.delete(row)
        context.record(session, "admin.schedule_removed", caller, {"schedule": name})
    context.runtime.site_changed()
    return {"name": name, "removed": True}


def _schedule_json(row: ScheduleRow) -> dict[str, Any]:
    return {"name": row.name, "timezone": row.timezone, "windows": row.windows, "holidays": row.holidays}
