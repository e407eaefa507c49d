"""/levels and /schedules."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.models import HolidayEntry, Removed, RequestBody, ResponseBody
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import IfMatch, set_etag
from devicemgr.domain.zones import Waiver
from devicemgr.site import access_levels
from devicemgr.site.access_levels import MAX_ESCORTED
from devicemgr.store.people import departments, people
from devicemgr.store.site import access_levels as rows

router = APIRouter(tags=["rights"])


class LevelFields(RequestBody):
    """Portals that a level covers, always or in the hours of one schedule."""

    portals: list[str] = Field(min_length=1, examples=[["main"]])
    schedule: str | None = Field(None, examples=["office-hours"])
    waives: list[Waiver] = Field([], description="Checks that holders are exempt from.")
    visitors: bool = Field(True, description="Whether a visit may be given this level.")
    escorts: bool = Field(False, description="Holders take visitors along who need an escort.")
    escort_up_to: int = Field(5, ge=1, le=MAX_ESCORTED, description="How many visitors at once.")

    def coverage(self) -> list[access_levels.Coverage]:
        """Return each portal with the schedule."""
        return [(portal, self.schedule) for portal in self.portals]

    def escorting(self) -> access_levels.Escorting:
        """Return whether holders escort visitors."""
        return access_levels.Escorting(self.escorts, self.escort_up_to)


class LevelCreate(LevelFields):
    """A level to add."""

    name: str = Field(examples=["office"])


class LevelReplace(LevelFields):
    """All that a level covers."""


class LevelUpdate(RequestBody):
    """What to change of a level; `schedule` null is at all hours, a field that is not given stays."""

    portals: list[str] | None = Field(None, min_length=1, examples=[["main", "yard"]])
    schedule: str | None = Field(None, examples=["office-hours"])
    waives: list[Waiver] | None = None
    visitors: bool | None = None
    escorts: bool | None = None
    escort_up_to: int | None = Field(None, ge=1, le=MAX_ESCORTED)

    def edit(self) -> access_levels.LevelEdit:
        """Return the change."""
        is_always = "schedule" in self.model_fields_set and self.schedule is None
        escorting = (self.escorts, self.escort_up_to)
        return access_levels.LevelEdit(self.portals, self.schedule, is_always, self.waives, self.visitors, *escorting)


class CoveredPortal(ResponseBody):
    """A portal that a level covers, always or in the hours of a schedule."""

    portal: str = Field(examples=["main"])
    schedule: str | None = Field(examples=["office-hours"])


class AccessLevel(ResponseBody):
    """An access level."""

    name: str = Field(examples=["office"])
    portals: list[CoveredPortal]
    waives: list[Waiver]
    visitors: bool
    escorts: bool
    escort_up_to: int


class AccessLevelDetails(AccessLevel):
    """An access level, the badges of those who hold it, and the departments by which people do."""

    people: list[str] = Field(examples=[["1042"]])
    departments: list[str] = Field(examples=[["Kitchen"]])


class ScheduleFields(RequestBody):
    """Weekly windows, and holidays on which no window counts: dates, and calendars as `@NAME`."""

    windows: list[str] = Field(min_length=1, examples=[["mon-fri 08:00-18:00"]])
    timezone: str = Field(examples=["Asia/Almaty"])
    holidays: list[HolidayEntry] = Field([])

    def values(self) -> dict[str, Any]:
        """Return the checked values as they are stored."""
        return access_levels.schedule_values(self.windows, self.timezone, self.holidays)


class ScheduleCreate(ScheduleFields):
    """A schedule to add."""

    name: str = Field(examples=["office-hours"])


class ScheduleUpdate(RequestBody):
    """What to change of a schedule; a field that is not given stays."""

    windows: list[str] | None = Field(None, min_length=1, examples=[["mon-fri 08:00-18:00"]])
    timezone: str | None = Field(None, examples=["Asia/Almaty"])
    holidays: list[HolidayEntry] | None = None


class ScheduleReplace(ScheduleFields):
    """All of a schedule."""


class Schedule(ResponseBody):
    """A weekly schedule."""

    name: str = Field(examples=["office-hours"])
    timezone: str = Field(examples=["Asia/Almaty"])
    windows: list[str] = Field(examples=[["mon-fri 08:00-18:00"]])
    holidays: list[HolidayEntry]


@router.post("/levels", status_code=201, response_model=AccessLevel)
def add_level(body: LevelCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a level that covers portals, always or under a schedule."""
    with context.change(caller) as work:
        added = access_levels.add_level(
            work, body.name, body.coverage(), body.waives, visitors=body.visitors, escorting=body.escorting()
        )
        return rows.level_json(added)


@router.get("/levels", response_model=list[AccessLevel])
def list_levels(context: Ctx, _: Who, page: Paged, response: Response) -> list[dict[str, Any]]:
    """List levels by name."""
    with context.site.database.read() as session:
        set_etag(response, session)
        found = page.cut(rows.levels(session), key=lambda row: row.name, text=lambda row: (row.name,))
        return [rows.level_json(row) for row in found]


@router.get("/levels/{name}", response_model=AccessLevelDetails)
def show_level(name: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one level and who holds it."""
    with context.site.database.read() as session:
        set_etag(response, session)
        found = rows.level_json(rows.level(session, name))
        return found | {"people": people.all_holders(session, name), "departments": departments.carrying(session, name)}


@router.put(
    "/levels/{name}", response_model=AccessLevel, responses={201: {"model": AccessLevel, "description": "Added."}}
)
def replace_level(
    name: str, body: LevelReplace, context: Ctx, caller: Who, response: Response, precondition: IfMatch
) -> dict[str, Any]:
    """Add the level, or make it cover exactly these portals; the same again does nothing."""
    with context.change(caller) as work:
        precondition.require(work.session)
        row, is_new = access_levels.put_level(
            work, name, body.coverage(), body.waives, visitors=body.visitors, escorting=body.escorting()
        )
        response.status_code = 201 if is_new else 200
        return rows.level_json(row)


@router.patch("/levels/{name}", response_model=AccessLevel)
def edit_level(name: str, body: LevelUpdate, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Change what a level covers; a portal that stays keeps its schedule, unless one is given for all."""
    with context.change(caller) as work:
        precondition.require(work.session)
        return rows.level_json(access_levels.edit_level(work, name, body.edit()))


@router.delete("/levels/{name}", response_model=Removed)
def remove_level(name: str, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Remove a level that no person and no department has."""
    with context.change(caller) as work:
        precondition.require(work.session)
        access_levels.remove_level(work, name)
    return {"name": name, "removed": True}


@router.post("/schedules", status_code=201, response_model=Schedule)
def add_schedule(body: ScheduleCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a weekly schedule."""
    values = body.values()
    with context.change(caller) as work:
        return rows.schedule_json(access_levels.add_schedule(work, body.name, values))


@router.get("/schedules", response_model=list[Schedule])
def list_schedules(context: Ctx, _: Who, page: Paged, response: Response) -> list[dict[str, Any]]:
    """List schedules by name."""
    with context.site.database.read() as session:
        set_etag(response, session)
        found = page.cut(rows.schedules(session), key=lambda row: row.name, text=lambda row: (row.name,))
        return [rows.schedule_json(row) for row in found]


@router.get("/schedules/{name}", response_model=Schedule)
def show_schedule(name: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one schedule."""
    with context.site.database.read() as session:
        set_etag(response, session)
        return rows.schedule_json(rows.schedule(session, name))


@router.put("/schedules/{name}", response_model=Schedule, responses={201: {"model": Schedule, "description": "Added."}})
def replace_schedule(
    name: str, body: ScheduleReplace, context: Ctx, caller: Who, response: Response, precondition: IfMatch
) -> dict[str, Any]:
    """Add the schedule, or give it exactly these windows, time zone and holidays; the same again does nothing."""
    values = body.values()
    with context.change(caller) as work:
        precondition.require(work.session)
        row, is_new = access_levels.put_schedule(work, name, values)
        response.status_code = 201 if is_new else 200
        return rows.schedule_json(row)


@router.patch("/schedules/{name}", response_model=Schedule)
def edit_schedule(name: str, body: ScheduleUpdate, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Change a schedule's windows, time zone or holidays."""
    with context.change(caller) as work:
        precondition.require(work.session)
        row = access_levels.edit_schedule(work, name, body.windows, body.timezone, body.holidays)
        return rows.schedule_json(row)


@router.delete("/schedules/{name}", response_model=Removed)
def remove_schedule(name: str, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Remove a schedule that no level uses."""
    with context.change(caller) as work:
        precondition.require(work.session)
        access_levels.remove_schedule(work, name)
    return {"name": name, "removed": True}
