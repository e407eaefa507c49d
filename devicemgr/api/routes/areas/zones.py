"""/zones and /interlocks: what portals join, and what is checked of who is where."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.models import Removed, RequestBody, ResponseBody
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import IfMatch, set_etag
from devicemgr.domain.zones import Enforcement
from devicemgr.site.areas import free_times, zones
from devicemgr.site.areas.zones import InterlockFields, MinuteOfDay, People, TimezoneName, ZoneFields
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.database import Session
from devicemgr.store.site import zones as rows
from devicemgr.store.zone_tables import ZoneRow

router = APIRouter(tags=["zones"])


class ZoneCreate(ZoneFields):
    """A zone to add."""

    name: str = Field(examples=["building"])


class ZoneUpdate(RequestBody):
    """New values of a zone's fields; a field that is not given stays, null is as by default."""

    parent: str | None = Field(None, examples=["building"])
    anti_passback: Enforcement | None = None
    exit_check: Enforcement | None = None
    strict_path: bool | None = None
    again_after_minutes: int | None = Field(None, ge=0, le=1440)
    forget_after_minutes: int | None = Field(None, ge=0, le=10080)
    forget_at: MinuteOfDay | None = None
    timezone: TimezoneName | None = None
    when_unsure: Enforcement | None = None
    max: People | None = None
    min: People | None = None
    warn_at: list[People] | None = Field(None, max_length=8)
    opens_with: list[str] | None = Field(None, max_length=32, examples=[["supervisors"]])
    while_present: bool | None = None
    assembly: bool | None = None

    def given(self) -> dict[str, Any]:
        """Return the fields to change."""
        stated = self.model_dump(mode="json", exclude_unset=True)
        return {name: rows.DEFAULTS.get(name) if value is None else value for name, value in stated.items()}


class Zone(ResponseBody):
    """A zone as it is configured."""

    name: str = Field(examples=["building"])
    parent: str | None
    anti_passback: Enforcement
    exit_check: Enforcement
    strict_path: bool
    again_after_minutes: int
    forget_after_minutes: int
    forget_at: str | None = Field(examples=["04:00"])
    timezone: str | None = Field(examples=["Asia/Almaty"])
    when_unsure: Enforcement
    max: int | None
    min: int | None
    warn_at: list[int]
    opens_with: list[str]
    while_present: bool
    assembly: bool
    portals: list[str] = Field(examples=[["main"]], description="Portals that lead into the zone or out of it.")


class InterlockCreate(InterlockFields):
    """An interlock to add."""

    name: str = Field(examples=["trap"])


class Interlock(ResponseBody):
    """A group of portals of which at most one is not shut."""

    name: str = Field(examples=["trap"])
    portals: list[str] = Field(examples=[["trap-in", "trap-out"]])
    settle_seconds: float


def _zone_json(session: Session, row: ZoneRow) -> dict[str, Any]:
    return rows.zone_json(row) | {"portals": list(rows.portals_at(session, row.name))}


def _saved(work: UnitOfWork, row: ZoneRow) -> dict[str, Any]:
    zones.require_levels(work.session, [row.name])
    return _zone_json(work.session, row)


@router.post("/zones", status_code=201, response_model=Zone)
def add_zone(body: ZoneCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a zone; portals join it by their `outside` and `inside`."""
    fields = ZoneFields(**body.model_dump(exclude={"name"}))
    with context.change(caller) as work:
        return _saved(work, zones.add_zone(work, body.name, fields))


@router.get("/zones", response_model=list[Zone])
def list_zones(context: Ctx, _: Who, page: Paged, response: Response) -> list[dict[str, Any]]:
    """List zones by name."""
    with context.site.database.read() as session:
        set_etag(response, session)
        found = page.cut(rows.zones(session), key=lambda row: row.name, text=lambda row: (row.name,))
        return [_zone_json(session, row) for row in found]


@router.get("/zones/{name}", response_model=Zone)
def show_zone(name: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one zone as it is configured."""
    with context.site.database.read() as session:
        set_etag(response, session)
        return _zone_json(session, rows.zone(session, name))


@router.put("/zones/{name}", response_model=Zone, responses={201: {"model": Zone, "description": "Added."}})
def replace_zone(
    name: str, body: ZoneFields, context: Ctx, caller: Who, response: Response, precondition: IfMatch
) -> dict[str, Any]:
    """Add the zone, or make an existing one exactly this; the same again does nothing."""
    with context.change(caller) as work:
        precondition.require(work.session)
        row, is_new = zones.put_zone(work, name, body)
        response.status_code = 201 if is_new else 200
        return _saved(work, row)


@router.patch("/zones/{name}", response_model=Zone)
def edit_zone(name: str, body: ZoneUpdate, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Change a zone."""
    with context.change(caller) as work:
        precondition.require(work.session)
        return _saved(work, zones.edit_zone(work, name, body.given()))


@router.delete("/zones/{name}", response_model=Removed)
def remove_zone(name: str, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Remove a zone that no portal leads to and that has no zone below it."""
    with context.change(caller) as work:
        precondition.require(work.session)
        zones.remove_zone(work, name)
    return {"name": name, "removed": True}


@router.post("/interlocks", status_code=201, response_model=Interlock)
def add_interlock(body: InterlockCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add an interlock of portals, of which at most one is not shut."""
    fields = InterlockFields(**body.model_dump(exclude={"name"}))
    with context.change(caller) as work:
        added = zones.add_interlock(work, body.name, fields)
        free_times.require_fitting(work.session)
        return rows.interlock_json(added)


@router.get("/interlocks", response_model=list[Interlock])
def list_interlocks(context: Ctx, _: Who, page: Paged, response: Response) -> list[dict[str, Any]]:
    """List interlocks by name."""
    with context.site.database.read() as session:
        set_etag(response, session)
        found = page.cut(rows.interlocks(session), key=lambda row: row.name, text=lambda row: (row.name, *row.portals))
        return [rows.interlock_json(row) for row in found]


@router.get("/interlocks/{name}", response_model=Interlock)
def show_interlock(name: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one interlock."""
    with context.site.database.read() as session:
        set_etag(response, session)
        return rows.interlock_json(rows.interlock(session, name))


@router.put(
    "/interlocks/{name}", response_model=Interlock, responses={201: {"model": Interlock, "description": "Added."}}
)
def replace_interlock(
    name: str, body: InterlockFields, context: Ctx, caller: Who, response: Response, precondition: IfMatch
) -> dict[str, Any]:
    """Add the interlock, or make an existing one exactly this; the same again does nothing."""
    with context.change(caller) as work:
        precondition.require(work.session)
        row, is_new = zones.put_interlock(work, name, body)
        free_times.require_fitting(work.session)
        response.status_code = 201 if is_new else 200
        return rows.interlock_json(row)


@router.delete("/interlocks/{name}", response_model=Removed)
def remove_interlock(name: str, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Remove an interlock; its portals open independently from then on."""
    with context.change(caller) as work:
        precondition.require(work.session)
        zones.remove_interlock(work, name)
    return {"name": name, "removed": True}
