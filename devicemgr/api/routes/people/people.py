"""/people: cardholders, their levels, and what the law entitles them to."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import IfMatch, set_etag
from devicemgr.api.routes.people.lists.models import PersonLine
from devicemgr.api.routes.people.lists.roster import answer_list, editions_of
from devicemgr.api.routes.people.models import (
    GrantLimits,
    Person,
    PersonCreate,
    PersonErased,
    PersonExport,
    PersonReplace,
    PersonUpdate,
)
from devicemgr.domain.rules.validity import Validity
from devicemgr.people import data_export, level_grants, service
from devicemgr.people.cards import notations
from devicemgr.people.service import PersonEdit
from devicemgr.security import approvals
from devicemgr.store.people import consents, people
from devicemgr.text import rfc3339

router = APIRouter(prefix="/people", tags=["people"])


@router.post("", status_code=201, response_model=Person)
def add_person(body: PersonCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a person, with levels."""
    with context.change(caller) as work:
        row = service.add_person(
            work,
            body.badge,
            body.name,
            levels=body.levels,
            valid_from=body.valid_from,
            valid_to=body.valid_to,
            details=body.details(),
        )
        return people.as_json(row)


@router.get("", response_model=list[Person] | list[PersonLine])
def list_people(
    request: Request,
    context: Ctx,
    _: Who,
    page: Paged,
    response: Response,
    level: Annotated[str | None, Query(description="Only people who hold this level.")] = None,
    state: Annotated[Validity | None, Query(description="Only people in this state now.")] = None,
    expiring: Annotated[
        int | None,
        Query(ge=0, le=36500, description="Only people whose consent ends within so many days, or has ended."),
    ] = None,
    fields: Annotated[
        Literal["all", "list"], Query(description="`list`: few fields of each person, for long lists.")
    ] = "all",
) -> Any:
    """List people by badge; `q` looks for a part of the name or badge, and for a card under all its notations."""
    if fields == "list" and set(request.query_params) == {"fields"}:
        return answer_list(request, editions_of(request).newest(), None)
    with context.site.database.read() as session:
        found = people.search(session, rfc3339(context.site.clock.now()), level=level, state=state)
        if expiring is not None:
            end = rfc3339(datetime.now(UTC) + timedelta(days=expiring))
            ending = {row.id for row in consents.ending(list(people.all_rows(session)), end)}
            found = [person for person in found if person.id in ending]
        holders = notations.holders_of(session, page.q) if page.q else set()
        shown = page.cut(
            found,
            key=lambda person: person.badge,
            text=lambda person: (person.badge, person.name, page.q if person.id in holders else None),
        )
        if fields == "list":
            return answer_list(request, editions_of(request).newest(), [person.badge for person in shown], response)
        set_etag(response, session)
        return [people.as_json(row) for row in people.rows_of(session, [person.id for person in shown])]


@router.get("/{badge}", response_model=Person)
def show_person(badge: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one person."""
    with context.site.database.read() as session:
        set_etag(response, session)
        return people.as_json(people.get(session, badge))


@router.put("/{badge}", response_model=Person, responses={201: {"model": Person, "description": "Added."}})
def replace_person(
    badge: str, body: PersonReplace, context: Ctx, caller: Who, response: Response, precondition: IfMatch
) -> dict[str, Any]:
    """Add the person with this badge, or make all fields exactly these; the same again does nothing."""
    with context.change(caller) as work:
        precondition.require(work.session)
        row, is_new = service.put_person(
            work,
            badge,
            body.name,
            levels=body.levels,
            valid_from=body.valid_from,
            valid_to=body.valid_to,
            details=body.details(),
        )
        response.status_code = 201 if is_new else 200
        return people.as_json(row)


@router.patch("/{badge}", response_model=Person)
def edit_person(badge: str, body: PersonUpdate, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Change a person's name, badge, validity or details."""
    edit = PersonEdit(
        name=body.name,
        badge=body.badge,
        valid_from=body.valid_from,
        valid_to=body.valid_to,
        details=body.details(),
    )
    with context.change(caller) as work:
        precondition.require(work.session)
        return people.as_json(service.edit_person(work, badge, edit))


@router.post("/{badge}/suspend", response_model=Person)
def suspend_person(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Suspend all of a person's access."""
    with context.change(caller) as work:
        return people.as_json(service.set_suspended(work, badge, suspended=True))


@router.post("/{badge}/resume", response_model=Person)
def resume_person(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """End a suspension."""
    with context.change(caller) as work:
        return people.as_json(service.set_suspended(work, badge, suspended=False))


@router.delete("/{badge}", response_model=PersonErased)
def erase_person(badge: str, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Erase a person and everything of theirs."""
    return service.erase_person(context.site, context.runtime, caller.actor, badge, precondition.require)


@router.get("/{badge}/export", response_model=PersonExport)
def export_person(badge: str, context: Ctx, caller: Who, templates: bool = False) -> dict[str, Any]:
    """Return the data subject's copy: all that is stored, and the events; with two admins the face's vectors."""
    with context.site.database.read() as session:
        person_id = people.get(session, badge).id
    if templates:
        approvals.require(context.site, caller.actor, "export of templates", person_id)
    service.record_export(context.site, caller.actor, person_id, templates=templates)
    return data_export.everything_of(context.site, badge, vectors=templates)


@router.put("/{badge}/levels/{level}", response_model=Person)
def grant_level(
    badge: str, level: str, context: Ctx, caller: Who, precondition: IfMatch, body: GrantLimits | None = None
) -> dict[str, Any]:
    """Grant a level to a person, for good or with limits, in place of limits before."""
    limits = body or GrantLimits()
    with context.change(caller) as work:
        precondition.require(work.session)
        term = level_grants.term(work.session, limits.valid_from, limits.valid_to, limits.uses)
        return people.as_json(level_grants.grant_level(work, badge, level, term))


@router.delete("/{badge}/levels/{level}", response_model=Person)
def revoke_level(badge: str, level: str, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Revoke a level of a person."""
    with context.change(caller) as work:
        precondition.require(work.session)
        return people.as_json(level_grants.set_level(work, badge, level, held=False))
