"""/people: cardholders, their levels, and what the law entitles them to."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.errors import InvalidInput
from devicemgr.people import data_export, face_enrollment
from devicemgr.security import approvals
from devicemgr.store.database import Session
from devicemgr.store.people import consents, people
from devicemgr.store.tables import PersonRow
from devicemgr.text import badge as badge_text, parse_time, person_name, rfc3339

router = APIRouter(prefix="/people", tags=["people"])


class NewPerson(BaseModel):
    """A person to add; times are RFC 3339 or local dates."""

    model_config = ConfigDict(extra="forbid")
    name: str
    badge: str
    levels: list[str] = []
    valid_from: str | None = None
    valid_to: str | None = None


class PersonChange(BaseModel):
    """What to change; absent stays, an empty time is removed."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    badge: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None


def _time(text: str | None) -> str | None:
    return rfc3339(parse_time(text)) if text else None


def _check_validity(row: PersonRow) -> None:
    if row.valid_from and row.valid_to and row.valid_from >= row.valid_to:
        raise InvalidInput("the validity ends before it begins; check --valid-from and --valid-to")


@router.post("", status_code=201)
def add_person(body: NewPerson, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a person, with levels."""
    with context.site.database.write() as session:
        name, badge = person_name(body.name), badge_text(body.badge)
        row = people.add(session, badge, name, _time(body.valid_from), _time(body.valid_to))
        _check_validity(row)
        for level in dict.fromkeys(body.levels):
            people.set_level(session, row, level, held=True)
        context.record(session, "admin.person_added", caller, {"levels": list(body.levels)}, row.id)
        answer = people.as_json(row)
    context.runtime.site_changed()
    return answer


@router.get("")
def list_people(
    context: Ctx, _: Who, expiring: Annotated[int | None, Query(ge=0, le=36500)] = None
) -> list[dict[str, Any]]:
    """Everybody, by badge; with `expiring`, whose consent ends within so many days, or has ended and a face is here."""
    with context.site.database.read() as session:
        found = list(people.all_rows(session))
        if expiring is not None:
            found = consents.ending(found, rfc3339(datetime.now(UTC) + timedelta(days=expiring)))
        return [people.as_json(row) for row in found]


@router.get("/{badge}")
def show_person(badge: str, context: Ctx, _: Who) -> dict[str, Any]:
    """One person."""
    with context.site.database.read() as session:
        return people.as_json(people.get(session, badge))


@router.patch("/{badge}")
def edit_person(badge: str, body: PersonChange, context: Ctx, caller: Who) -> dict[str, Any]:
    """Change a person's name, badge or validity."""
    with context.site.database.write() as session:
        row = people.get(session, badge)
        _apply(session, row, body)
        _check_validity(row)
        detail = {"changed": sorted(body.model_fields_set)}
        context.record(session, "admin.person_edited", caller, dict(detail), row.id)
        session.flush()
        answer = people.as_json(row)
    context.runtime.site_changed()
    return answer


def _apply(session: Session, row: PersonRow, body: PersonChange) -> None:
    if body.name is not None:
        row.name = person_name(body.name)
    if body.badge is not None and body.badge != row.badge:
        people.require_free(session, badge_text(body.badge))
        row.badge = badge_text(body.badge)
    if body.valid_from is not None:
        row.valid_from = _time(body.valid_from)
    if body.valid_to is not None:
        row.valid_to = _time(body.valid_to)


@router.post("/{badge}/suspend")
def suspend_person(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Suspend all of a person's access."""
    return _suspended(context, caller, badge, suspended=True)


@router.post("/{badge}/resume")
def resume_person(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """End a suspension."""
    return _suspended(context, caller, badge, suspended=False)


def _suspended(context: Context, caller: Caller, badge: str, *, suspended: bool) -> dict[str, Any]:
    with context.site.database.write() as session:
        row = people.get(session, badge)
        row.suspended = suspended
        kind = "admin.person_suspended" if suspended else "admin.person_resumed"
        context.record(session, kind, caller, {}, row.id)
        answer = people.as_json(row)
    context.runtime.site_changed()
    return answer


@router.delete("/{badge}")
def erase_person(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Erase a person and everything of theirs."""
    answer = face_enrollment.erase(context.site, caller.actor, badge)
    context.runtime.site_changed()
    return answer


@router.get("/{badge}/export")
def export_person(badge: str, context: Ctx, caller: Who, templates: bool = False) -> dict[str, Any]:
    """The data subject's copy: all that is stored about them, and the events; with two admins the face's vectors."""
    with context.site.database.read() as session:
        person_id = people.get(session, badge).id
    if templates:
        approvals.require(context.site, caller.actor, "export of templates", person_id)
    with context.site.database.write(changes_site=False) as session:
        context.record(session, "admin.person_exported", caller, {"templates": templates}, person_id)
    return data_export.everything_of(context.site, badge, vectors=templates)


@router.put("/{badge}/levels/{level}")
def grant_level(badge: str, level: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Give a person a level."""
    return _level(context, caller, badge, level, held=True)


@router.delete("/{badge}/levels/{level}")
def revoke_level(badge: str, level: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Take a level from a person."""
    return _level(context, caller, badge, level, held=False)


def _level(context: Context, caller: Caller, badge: str, level: str, *, held: bool) -> dict[str, Any]:
    with context.site.database.write() as session:
        row = people.get(session, badge)
        if people.set_level(session, row, level, held=held):
            kind = "admin.level_granted" if held else "admin.level_revoked"
            context.record(session, kind, caller, {"level": level}, row.id)
        answer = people.as_json(row)
    context.runtime.site_changed()
    return answer
