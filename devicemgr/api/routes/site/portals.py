"""/portals: what opens, and the guard's commands."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Response
from pydantic import Field, model_validator

from devicemgr.api.context import Context, Ctx, Who
from devicemgr.api.conventions.models import Removed, RequestBody, ResponseBody
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import IfMatch, set_etag
from devicemgr.domain.model import ConsoleLiveness, Direction, FailMode, Liveness, PortalMode, Requirement
from devicemgr.domain.rules.threats.effective_mode import NORMAL
from devicemgr.domain.zones import Overridable
from devicemgr.site import portals as service
from devicemgr.site.areas import free_times
from devicemgr.site.portals import PortalFields, PortalUpdate
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.site import portals as portal_store
from devicemgr.store.tables import PortalRow

_UNKNOWN: dict[str, Any] = {"state": None, "door": None, **NORMAL.as_json()}

router = APIRouter(prefix="/portals", tags=["portals"])


class PortalCreate(PortalFields):
    """A portal to add."""

    name: str = Field(examples=["main"])


class PortalRelease(RequestBody):
    """In which direction a guard lets one person pass.

    `override` opens although another portal of its interlock is not shut, for a `reason` that is recorded.
    """

    direction: Direction = Direction.ENTRY
    override: Overridable | None = None
    reason: str | None = Field(None, min_length=1, max_length=200, examples=["a person is ill"])

    @model_validator(mode="after")
    def _gives_a_reason(self) -> Self:
        if (self.override is None) != (self.reason is None):
            raise ValueError("override and reason go together")
        return self


class PortalModeChange(RequestBody):
    """The mode to set: normal, locked or free.

    `despite_threat` confirms that a portal is to be free although a threat is in force there.
    """

    mode: PortalMode
    despite_threat: bool = False


class Portal(ResponseBody):
    """A portal."""

    name: str = Field(examples=["main"])
    gate: str
    channel: int
    entry: list[str]
    exit: list[str]
    fail: FailMode
    release_seconds: float
    mode: PortalMode
    require: Requirement
    liveness: Liveness
    frames: int
    lane_group: str
    console_liveness: ConsoleLiveness
    outside: str | None = Field(examples=["outside"])
    inside: str | None = Field(examples=["building"])
    egress: bool
    people: int = Field(description="How many different people must present together.")
    people_within: float
    people_exit: bool
    confirm_by: list[str] = Field(examples=[["managers"]])
    collects_cards: bool = Field(description="A visitor who leaves by a card there ends their visit.")
    free: str | None = Field(examples=["office-hours"], description="The schedule in whose hours it is free.")
    free_after: list[str] = Field(examples=[["reception"]])


class PortalState(Portal):
    """A portal, the mode that is in force there and why, and what a running daemon knows of it and its door."""

    state: str | None
    door: str | None
    effective_mode: PortalMode
    because: str = Field(examples=["schedule"], description="fire, guard, threat, schedule or default.")
    rule: str | None = Field(examples=["office-hours"], description="The name of the threat or schedule.")


class PortalSaved(Portal):
    """A portal as it is stored now, with what makes it useless as it is."""

    warnings: list[str]


class Overfilled(ResponseBody):
    """How many people a zone has now, of how many it may have."""

    zone: str = Field(examples=["lab"])
    count: int = Field(examples=[41])
    max: int = Field(examples=[40])


class PortalReleased(ResponseBody):
    """Whether the gate confirmed the release, or was only sent it."""

    portal: str
    direction: Direction
    request: str = Field(json_schema_extra={"format": "uuid"}, description="The `request` of the events.")
    outcome: str = Field(examples=["confirmed"], description="confirmed, sent or unknown.")
    occupancy: Overfilled | None = Field(None, description="The zone that this person overfills.")


class PortalModeResult(ResponseBody):
    """The guard's mode, and the mode in force with it; a gate that is away gets that when it returns."""

    portal: str
    mode: PortalMode
    effective_mode: PortalMode
    because: str = Field(examples=["guard"])
    rule: str | None = None
    applied: bool
    outcome: str | None = None
    cause: str | None = None


def _states(context: Context) -> dict[str, dict[str, Any]]:
    """Return what a running daemon knows of each portal and its door."""
    return {p["name"]: {name: p[name] for name in _UNKNOWN} for p in context.runtime.status()["portals"]}


def _saved(work: UnitOfWork, row: PortalRow) -> dict[str, Any]:
    service.require_levels(work.session, [row.name])
    free_times.require_fitting(work.session)
    warnings = service.warnings_of(work.session, work.site.parts.catalog, row)
    return portal_store.portal_json(row) | {"warnings": warnings}


@router.post("", status_code=201, response_model=PortalSaved)
def add_portal(body: PortalCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a portal on a gate device's channel."""
    with context.change(caller) as work:
        return _saved(work, service.add_portal(work, body.name, body, context.runtime.channels_of))


@router.get("", response_model=list[PortalState])
def list_portals(
    context: Ctx,
    _: Who,
    page: Paged,
    state: Annotated[str | None, Query(max_length=20, description="Only those in this state.")] = None,
) -> list[dict[str, Any]]:
    """List portals by name with their state; `q` is looked for in name, gate and lane group."""
    states = _states(context)
    with context.site.database.read() as session:
        set_etag(page.response, session)
        found = [
            portal_store.portal_json(row) | states.get(row.name, _UNKNOWN) for row in portal_store.portals(session)
        ]
    wanted = [p for p in found if state in (None, p["state"])]
    return page.cut(wanted, lambda p: p["name"], lambda p: (p["name"], p["gate"], p["lane_group"]))


@router.get("/{name}", response_model=PortalState)
def show_portal(name: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one portal."""
    states = _states(context)
    with context.site.database.read() as session:
        set_etag(response, session)
        return portal_store.portal_json(portal_store.portal(session, name)) | states.get(name, _UNKNOWN)


@router.put("/{name}", response_model=PortalSaved, responses={201: {"model": PortalSaved, "description": "Added."}})
def put_portal(
    name: str, body: PortalFields, context: Ctx, caller: Who, match: IfMatch, response: Response
) -> dict[str, Any]:
    """Add the portal, or make an existing one exactly this; its mode stays. The same again changes nothing."""
    with context.change(caller) as work:
        match.require(work.session)
        row, is_new = service.put_portal(work, name, body, context.runtime.channels_of)
        answer = _saved(work, row)
    if is_new:
        response.status_code = 201
    return answer


@router.patch("/{name}", response_model=PortalSaved)
def edit_portal(name: str, body: PortalUpdate, context: Ctx, caller: Who, match: IfMatch) -> dict[str, Any]:
    """Change a portal."""
    with context.change(caller) as work:
        match.require(work.session)
        return _saved(work, service.edit_portal(work, name, body, context.runtime.channels_of))


@router.delete("/{name}", response_model=Removed)
def remove_portal(name: str, context: Ctx, caller: Who, match: IfMatch) -> dict[str, Any]:
    """Remove a portal that no level covers."""
    with context.change(caller) as work:
        match.require(work.session)
        service.remove_portal(work, name)
    return {"name": name, "removed": True}


@router.post("/{name}/open", response_model=PortalReleased, response_model_exclude_unset=True)
def open_portal(name: str, body: PortalRelease, context: Ctx, caller: Who) -> dict[str, Any]:
    """Let one person pass, on the guard's word."""
    return context.runtime.open_portal(name, body.direction, caller.actor, body.reason)


@router.put("/{name}/mode", response_model=PortalModeResult)
def set_mode(name: str, body: PortalModeChange, context: Ctx, caller: Who) -> dict[str, Any]:
    """Lock or free a portal, or return it to normal."""
    return context.runtime.set_portal_mode(name, body.mode, caller.actor, despite_threat=body.despite_threat)
