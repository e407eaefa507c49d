"""/threats: what may be declared for a site or zones, such as a lockdown, and what is in force."""

from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from devicemgr.api.context import Context, Ctx, Who
from devicemgr.api.conventions.models import Removed, RequestBody, ResponseBody, Time
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import IfMatch, set_etag
from devicemgr.domain.model import Requirement
from devicemgr.domain.rules.threats.threat import FreePortals
from devicemgr.site.areas import threats
from devicemgr.site.areas.threats import ThreatFields
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.areas import threats as rows
from devicemgr.store.zone_tables import ThreatRow
from devicemgr.text import rfc3339

router = APIRouter(prefix="/threats", tags=["threats"])


class ThreatCreate(ThreatFields):
    """A threat to add."""

    name: str = Field(examples=["lockdown"])


class ThreatUpdate(RequestBody):
    """New values of a threat's fields; a field that is not given stays."""

    order: int | None = Field(None, ge=0, le=99)
    require: Requirement | None = None
    allow: list[str] | None = Field(None, max_length=32, examples=[["responders"]])
    scope: list[str] | None = Field(None, min_length=1, max_length=64, examples=[["site"]])
    free: FreePortals | None = None
    egress: Literal["free"] | None = None


class ThreatSetting(RequestBody):
    """Why a threat is set, and for which zones in place of its own scope."""

    zones: list[str] = Field([], max_length=64, examples=[["lab"]])
    reason: str = Field(min_length=1, max_length=300, examples=["an intruder was seen in the yard"])


class ThreatEnding(RequestBody):
    """What was found, for the record."""

    comment: str = Field(min_length=1, max_length=300, examples=["searched; false alarm"])


class CurrentThreat(ResponseBody):
    """Since when, for what, why and by whom a threat is in force."""

    since: Time
    scope: list[str] = Field(examples=[["site"]])
    reason: str
    by: str | None = Field(examples=["operator:dana"])


class Threat(ResponseBody):
    """A threat as it is defined, and whether it is in force."""

    name: str = Field(examples=["lockdown"])
    order: int = Field(description="Of several in force at a portal, the highest counts.")
    require: Requirement
    allow: list[str] = Field(examples=[["responders"]], description="Levels whose holders pass.")
    scope: list[str] = Field(examples=[["site"]], description="Zones, or `site` for all portals.")
    free: FreePortals
    egress: str = Field(examples=["free"])
    in_force: CurrentThreat | None


class NotReached(ResponseBody):
    """A portal whose gate was not reached in time."""

    portal: str = Field(examples=["main"])
    cause: str


class GateOutcome(ResponseBody):
    """What came of a threat at a portal's gate."""

    portal: str = Field(examples=["main"])
    outcome: str = Field(
        examples=["confirmed"],
        description="confirmed or sent; refused, where it did not happen; unknown, where it may have; or unchanged, "
        "where the gate was to be sent nothing and who passes is decided here.",
    )
    cause: str | None


class ThreatState(ResponseBody):
    """What has become of a threat; `repeated` when it was in force in the same way already."""

    threat: str = Field(examples=["lockdown"])
    in_force: bool
    scope: list[str] = Field(examples=[["site"]])
    since: Time
    reason: str
    by: str | None
    repeated: bool
    portals: list[str] = Field(description="The portals in its scope.")
    not_reached: list[NotReached] = Field(description="Portals that were not reached within 3 seconds.")
    outcomes: list[GateOutcome] = Field([], description="What came of it at each portal; none when repeated.")


def _threat_json(context: Context, row: ThreatRow) -> dict[str, Any]:
    found = context.runtime.rules().threats_in_force.get(row.name)
    in_force = None
    if found is not None:
        in_force = {
            "since": rfc3339(found.since),
            "scope": sorted(found.scope),
            "reason": found.reason,
            "by": found.actor,
        }
    return rows.threat_json(row) | {"in_force": in_force}


def _saved(context: Context, work: UnitOfWork, row: ThreatRow) -> dict[str, Any]:
    threats.require_levels(work.session)
    return _threat_json(context, row)


@router.post("", status_code=201, response_model=Threat)
def add_threat(body: ThreatCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a threat that guards can set."""
    fields = ThreatFields(**body.model_dump(exclude={"name"}))
    with context.change(caller) as work:
        return _saved(context, work, threats.add_threat(work, body.name, fields))


@router.get("", response_model=list[Threat])
def list_threats(context: Ctx, _: Who, page: Paged, response: Response) -> list[dict[str, Any]]:
    """List threats by name, each with whether it is in force."""
    with context.site.database.read() as session:
        set_etag(response, session)
        found = page.cut(rows.threats(session), key=lambda row: row.name, text=lambda row: (row.name,))
        return [_threat_json(context, row) for row in found]


@router.get("/{name}", response_model=Threat)
def show_threat(name: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one threat."""
    with context.site.database.read() as session:
        set_etag(response, session)
        return _threat_json(context, rows.threat(session, name))


@router.put("/{name}", response_model=Threat, responses={201: {"model": Threat, "description": "Added."}})
def replace_threat(
    name: str, body: ThreatFields, context: Ctx, caller: Who, response: Response, precondition: IfMatch
) -> dict[str, Any]:
    """Add the threat, or make an existing one exactly this; the same again does nothing."""
    with context.change(caller) as work:
        precondition.require(work.session)
        row, is_new = threats.put_threat(work, name, body)
        response.status_code = 201 if is_new else 200
        return _saved(context, work, row)


@router.patch("/{name}", response_model=Threat)
def edit_threat(name: str, body: ThreatUpdate, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Change a threat; one in force is in force as it is now."""
    given = {field: value for field, value in body.model_dump(mode="json").items() if value is not None}
    with context.change(caller) as work:
        precondition.require(work.session)
        return _saved(context, work, threats.edit_threat(work, name, given))


@router.delete("/{name}", response_model=Removed)
def remove_threat(name: str, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Remove a threat that is not in force."""
    with context.change(caller) as work:
        precondition.require(work.session)
        threats.remove_threat(work, name)
    return {"name": name, "removed": True}


@router.post("/{name}/set", response_model=ThreatState)
def set_threat(name: str, body: ThreatSetting, context: Ctx, caller: Who) -> dict[str, Any]:
    """Put a threat in force, at once; the answer lists the portals that were not reached within 3 seconds."""
    return context.runtime.set_threat(name, body.zones, body.reason, caller.actor)


@router.post("/{name}/end", response_model=ThreatState)
def end_threat(name: str, body: ThreatEnding, context: Ctx, caller: Who) -> dict[str, Any]:
    """End a threat; the comment is recorded."""
    return context.runtime.end_threat(name, body.comment, caller.actor)
