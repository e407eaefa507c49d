"""/visitors: who is expected, who is here, and who has left."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.models import RequestBody, ResponseBody
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import set_etag
from devicemgr.api.routes.people.models import GivenTime, LevelNames, Name
from devicemgr.api.routes.visitors.models import VisitFields
from devicemgr.domain.rules.visits.states import VisitState
from devicemgr.people.visits import service
from devicemgr.people.visits.hosts import Host, find_hosts
from devicemgr.people.visits.service import NewVisit
from devicemgr.store.visits import rows
from devicemgr.text import rfc3339

router = APIRouter(prefix="/visitors", tags=["visitors"])


class Visitor(VisitFields):
    """A visitor and their visit."""


class VisitCreate(RequestBody):
    """A visit to add; the visitor gets a badge of its own, V- and a number that is never given again."""

    name: Name
    host: str = Field(examples=["1001"], description="The badge of the person who answers for the visitor.")
    valid_from: GivenTime = None
    valid_to: str = Field(examples=["2026-12-01"], description="RFC 3339; a local date includes that day.")
    levels: LevelNames = Field([], description="Levels that the host holds.")
    card: str | None = Field(None, examples=["80:58400"])
    escort: bool = Field(False, description="The visitor passes only together with one who may escort.")


class VisitHost(ResponseBody):
    """A person of staff who can be named as the host of a visit."""

    badge: str = Field(examples=["1001"])
    name: str = Field(examples=["Aigul Serikova"])
    levels: list[str] = Field(examples=[["office"]], description="What they hold and visitors may be given.")


class VisitArrival(RequestBody):
    """A card that the visitor is given."""

    card: str | None = Field(None, examples=["80:58400"])


@router.post("", status_code=201, response_model=Visitor)
def add_visitor(body: VisitCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a visit; the host must be valid and hold the levels that it is given."""
    with context.change(caller) as work:
        return service.json_of(work.session, service.add_visit(work, NewVisit(**body.model_dump())))


@router.get("", response_model=list[Visitor])
def list_visitors(
    context: Ctx,
    _: Who,
    page: Paged,
    response: Response,
    state: Annotated[
        list[VisitState] | None, Query(description="Only visits in this state now; given again, in any of them.")
    ] = None,
) -> list[dict[str, Any]]:
    """List visits by badge; `q` looks for a part of the visitor's or the host's name or badge."""
    now = rfc3339(context.site.clock.now())
    with context.site.database.read() as session:
        set_etag(response, session)
        found = [one for one in rows.visits(session) if not state or one.state(now) in state]
        shown = page.cut(
            found,
            key=lambda one: one.badge,
            text=lambda one: (one.badge, one.name, one.host, one.host_name),
        )
        return [service.json_of(session, one) for one in shown]


@router.get("/hosts", response_model=list[VisitHost])
def list_hosts(
    context: Ctx,
    _: Who,
    q: Annotated[
        str, Query(min_length=1, max_length=100, description="A part of the name or badge, case and accents ignored.")
    ],
) -> list[Host]:
    """List people who can have visitors now, at most 20 of them."""
    with context.site.database.read() as session:
        return find_hosts(session, q)


@router.get("/{badge}", response_model=Visitor)
def show_visitor(badge: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one visit."""
    with context.site.database.read() as session:
        set_etag(response, session)
        return service.json_of(session, rows.visit(session, badge))


@router.post("/{badge}/arrive", response_model=Visitor)
def arrive(badge: str, context: Ctx, caller: Who, body: VisitArrival | None = None) -> dict[str, Any]:
    """Record that a visitor is at the desk, with the card that they are given."""
    with context.change(caller) as work:
        return service.json_of(work.session, service.arrive(work, badge, body.card if body else None))


@router.post("/{badge}/leave", response_model=Visitor)
def leave(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """End a visit: the card is free, and the levels are revoked."""
    with context.change(caller) as work:
        return service.json_of(work.session, service.leave(work, badge))


@router.post("/{badge}/cancel", response_model=Visitor)
def cancel(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Cancel a visit whose visitor has not arrived."""
    with context.change(caller) as work:
        return service.json_of(work.session, service.cancel(work, badge))
