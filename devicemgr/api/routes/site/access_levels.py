"""/levels and /schedules."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from devicemgr.api.context import Ctx, Who
from devicemgr.site import access_levels
from devicemgr.store.people import people
from devicemgr.store.site import access_levels as rows

router = APIRouter(tags=["rights"])


class LevelFields(BaseModel):
    """Portals that a level covers, always or in the hours of one schedule."""

    model_config = ConfigDict(extra="forbid")
    portals: list[str] = Field(min_length=1)
    schedule: str | None = None

    def coverage(self) -> list[access_levels.Coverage]:
        """Return each portal with the schedule."""
        return [(portal, self.schedule) for portal in self.portals]


class LevelCreate(LevelFields):
    """A level to add."""

    name: str


class ScheduleFields(BaseModel):
    """Weekly windows as `mon-fri 08:00-18:00`, and holidays as ISO dates."""

    model_config = ConfigDict(extra="forbid")
    windows: list[str] = Field(min_length=1)
    timezone: str
    holidays: list[str] = []

    def values(self) -> dict[str, Any]:
        """Return the checked values as they are stored."""
        return access_levels.schedule_values(self.windows, self.timezone, self.holidays)


class ScheduleCreate(ScheduleFields):
    """A schedule to add."""

    name: str


@router.post("/levels", status_code=201)
def add_level(body: LevelCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a level that covers portals, always or under a schedule."""
    with context.change(caller) as work:
        return rows.level_json(access_levels.add_level(work, body.name, body.coverage()))


@router.get("/levels")
def list_levels(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """List all levels."""
    with context.site.database.read() as session:
        return [rows.level_json(row) for row in rows.levels(session)]


@router.get("/levels/{name}")
def show_level(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """Show one level and who holds it."""
    with context.site.database.read() as session:
        return rows.level_json(rows.level(session, name)) | {"people": people.holders(session, name)}


@router.delete("/levels/{name}")
def remove_level(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Remove a level that no person holds."""
    with context.change(caller) as work:
        access_levels.remove_level(work, name)
    return {"name": name, "removed": True}


@router.post("/schedules", status_code=201)
def add_schedule(body: ScheduleCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a weekly schedule."""
    values = body.values()
    with context.change(caller) as work:
        return rows.schedule_json(access_levels.add_schedule(work, body.name, values))


@router.get("/schedules")
def list_schedules(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """List all schedules."""
    with context.site.database.read() as session:
        return [rows.schedule_json(row) for row in rows.schedules(session)]


@router.get("/schedules/{name}")
def show_schedule(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """Show one schedule."""
    with context.site.database.read() as session:
        return rows.schedule_json(rows.schedule(session, name))


@router.delete("/schedules/{name}")
def remove_schedule(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Remove a schedule that no level uses."""
    with context.change(caller) as work:
        access_levels.remove_schedule(work, name)
    return {"name": name, "removed": True}
