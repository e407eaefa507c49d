"""/people: cardholders, their levels, and what the law entitles them to."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from devicemgr.api.context import Ctx, Who
from devicemgr.people import data_export, service
from devicemgr.people.service import PersonEdit
from devicemgr.security import approvals
from devicemgr.store.people import consents, people
from devicemgr.text import rfc3339

router = APIRouter(prefix="/people", tags=["people"])


class PersonCreate(BaseModel):
    """A person to add; times are RFC 3339 or local dates."""

    model_config = ConfigDict(extra="forbid")
    name: str
    badge: str
    levels: list[str] = []
    valid_from: str | None = None
    valid_to: str | None = None


class PersonUpdate(BaseModel):
    """Fields to change; an absent one stays, an empty time is removed."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    badge: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None


@router.post("", status_code=201)
def add_person(body: PersonCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a person, with levels."""
    with context.change(caller) as work:
        row = service.add_person(
            work, body.badge, body.name, levels=body.levels, valid_from=body.valid_from, valid_to=body.valid_to
        )
        return people.as_json(row)


@router.get("")
def list_people(
    context: Ctx, _: Who, expiring: Annotated[int | None, Query(ge=0, le=36500)] = None
) -> list[dict[str, Any]]:
    """List people by badge; `expiring`: whose consent ends within so many days, or has ended and a face is here."""
    with context.site.database.read() as session:
        found = list(people.all_rows(session))
        if expiring is not None:
            found = consents.ending(found, rfc3339(datetime.now(UTC) + timedelta(days=expiring)))
        return [people.as_json(row) for row in found]


@router.get("/{badge}")
def show_person(badge: str, context: Ctx, _: Who) -> dict[str, Any]:
    """Show one person."""
    with context.site.database.read() as session:
        return people.as_json(people.get(session, badge))


@router.patch("/{badge}")
def edit_person(badge: str, body: PersonUpdate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Change a person's name, badge or validity."""
    edit = PersonEdit(name=body.name, badge=body.badge, valid_from=body.valid_from, valid_to=body.valid_to)
    with context.change(caller) as work:
        return people.as_json(service.edit_person(work, badge, edit))


@router.post("/{badge}/suspend")
def suspend_person(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Suspend all of a person's access."""
    with context.change(caller) as work:
        return people.as_json(service.set_suspended(work, badge, suspended=True))


@router.post("/{badge}/resume")
def resume_person(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """End a suspension."""
    with context.change(caller) as work:
        return people.as_json(service.set_suspended(work, badge, suspended=False))


@router.delete("/{badge}")
def erase_person(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Erase a person and everything of theirs."""
    return service.erase_person(context.site, context.runtime, caller.actor, badge)


@router.get("/{badge}/export")
def export_person(badge: str, context: Ctx, caller: Who, templates: bool = False) -> dict[str, Any]:
    """Return the data subject's copy: all that is stored, and the events; with two admins the face's vectors."""
    with context.site.database.read() as session:
        person_id = people.get(session, badge).id
    if templates:
        approvals.require(context.site, caller.actor, "export of templates", person_id)
    service.record_export(context.site, caller.actor, person_id, templates=templates)
    return data_export.everything_of(context.site, badge, vectors=templates)


@router.put("/{badge}/levels/{level}")
def grant_level(badge: str, level: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Grant a level to a person."""
    with context.change(caller) as work:
        return people.as_json(service.set_level(work, badge, level, held=True))


@router.delete("/{badge}/levels/{level}")
def revoke_level(badge: str, level: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Revoke a level of a person."""
    with context.change(caller) as work:
        return people.as_json(service.set_level(work, badge, level, held=False))
