"""All people in few fields, read as plain columns: a list of 10,000 must not load 10,000 objects with their parts."""

from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from devicemgr.domain.rules.grants import is_to_count
from devicemgr.store.database import clock_of, revision
from devicemgr.store.people import consents, departments, grants
from devicemgr.store.people.card_states import CARD
from devicemgr.store.tables import CredentialRow, PersonLevelRow, PersonRow, TemplateRow
from devicemgr.text import rfc3339


class Line(NamedTuple):
    """One person; fields and their meanings are those of `people.as_json`, `face` says that one is enrolled."""

    badge: str
    name: str
    kind: str
    suspended: bool
    levels: tuple[str, ...]
    department: str | None
    department_levels: tuple[str, ...]
    valid_from: str | None
    valid_to: str | None
    face: bool
    cards: tuple[str, ...]


class Version(NamedTuple):
    """What lines are read at: the site's revision, and the end of the last grant that has ended by the clock."""

    revision: int
    ended: str | None


def version(session: Session) -> Version:
    """Return the version of the lines that `read` would give now."""
    at = rfc3339(clock_of(session).now())
    ended = select(func.max(PersonLevelRow.valid_to)).where(PersonLevelRow.valid_to <= at)
    return Version(revision(session), session.scalar(ended))


def read(session: Session) -> dict[str, Line]:
    """Return all people by badge, sorted by it."""
    now = clock_of(session).now()
    for_good, limited = grants.models(session)
    faces = _with_a_face(session)
    cards: dict[str, list[str]] = {}
    held = select(CredentialRow.person_id, CredentialRow.value).where(CredentialRow.kind == CARD)
    for card in session.execute(held.order_by(CredentialRow.created, CredentialRow.value)):
        cards.setdefault(card.person_id, []).append(card.value)
    by_department = departments.levels_by_department(session)
    stored = ("id", "badge", "name", "kind", "suspended", "department", "valid_from", "valid_to")
    rows = session.execute(select(*(getattr(PersonRow, name) for name in stored)).order_by(PersonRow.badge))
    found: dict[str, Line] = {}
    for person, badge, name, kind, suspended, department, valid_from, valid_to in rows:
        levels = list(for_good.get(person, ()))
        levels += [grant.level for grant in limited.get(person, ()) if is_to_count(grant, now)]
        found[badge] = Line(
            badge=badge,
            name=name,
            kind=kind,
            suspended=suspended,
            levels=tuple(sorted(levels)),
            department=department,
            department_levels=tuple(by_department.get(department, ())),
            valid_from=valid_from,
            valid_to=valid_to,
            face=person in faces,
            cards=tuple(cards.get(person, ())),
        )
    return found


def _with_a_face(session: Session) -> set[str]:
    """Return the ids of people with an enrolled face and a consent in force."""
    enrolled = select(TemplateRow.person_id).where(TemplateRow.person_id.in_(consents.consented(session)))
    return set(session.scalars(enrolled.distinct()))
