"""People, their consents and their templates' rows."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.orm import Session, object_session, selectinload

from devicemgr.domain.model import Person, PersonKind
from devicemgr.domain.rules.grants import is_to_count
from devicemgr.domain.rules.person_details import FIELDS as DETAILS
from devicemgr.domain.rules.validity import Validity
from devicemgr.errors import AlreadyExists, Hint, NotFound
from devicemgr.store.database import clock_of
from devicemgr.store.people import calibrations, consents, departments, grants
from devicemgr.store.people.card_states import CARD, card_json, cards_of
from devicemgr.store.site.lookup import find_named
from devicemgr.store.tables import (
    ConsentRow,
    CredentialRow,
    DepartmentLevelRow,
    LevelRow,
    PersonLevelRow,
    PersonRow,
    TemplateRow,
)
from devicemgr.text import badge_key, parse_time, rfc3339, safe
from devicemgr.vault import Vault

_CHUNK = 500
DETAIL_COLUMNS = tuple(name for name in DETAILS if name != "host")


def now_text() -> str:
    """Return the present as it is stored."""
    return rfc3339(datetime.now(UTC))


def require_free(session: Session, badge: str) -> None:
    """Raise AlreadyExists if a person has that badge."""
    if session.scalar(select(PersonRow.id).where(PersonRow.badge == badge)):
        raise AlreadyExists(f"badge {badge} is assigned already", hint=Hint("show_person", badge=badge))


def add(
    session: Session,
    badge: str,
    name: str,
    valid_from: str | None,
    valid_to: str | None,
    details: Mapping[str, str | None] | None = None,
) -> PersonRow:
    """Add a person with details by their columns; AlreadyExists if the badge is taken."""
    require_free(session, badge)
    row = PersonRow(
        id=str(uuid.uuid4()),
        badge=badge,
        name=name,
        suspended=False,
        created=now_text(),
        valid_from=valid_from,
        valid_to=valid_to,
        # Empty for certain, so that nothing of a new person need be looked up.
        **{part: [] for part in ("grants", "consents", "templates", "samples", "credentials")},
        host=None,
        **(details or {}),
    )
    session.add(row)
    session.flush()
    return row


def find(session: Session, badge: str) -> PersonRow | None:
    """Return the person with that badge, or None."""
    return session.scalar(select(PersonRow).where(PersonRow.badge == badge_key(badge)))


def get(session: Session, badge: str) -> PersonRow:
    """Return the person with that badge; NotFound if there is none."""
    row = find(session, badge)
    if row is None:
        raise NotFound(f"no person has badge {safe(badge, 60)}", code="person_not_found", hint=Hint("list_people"))
    return row


def all_rows(session: Session) -> Iterable[PersonRow]:
    """Return all people by badge, with levels, consents, templates and credentials loaded."""
    return session.scalars(_loaded())


def _loaded() -> Select[Any]:
    parts = (
        PersonRow.host,
        PersonRow.grants,
        PersonRow.consents,
        PersonRow.templates,
        PersonRow.samples,
        PersonRow.credentials,
    )
    return select(PersonRow).options(*[selectinload(part) for part in parts]).order_by(PersonRow.badge)


@dataclass(frozen=True, slots=True)
class PersonKey:
    """What a person is found and sorted by."""

    id: str
    badge: str
    name: str


def search(session: Session, at: str, *, level: str | None = None, state: Validity | None = None) -> list[PersonKey]:
    """Return people by badge: all, or those who hold a level and are in a state at the time `at`.

    Raises NotFound for an unknown level.
    """
    query = select(PersonRow.id, PersonRow.badge, PersonRow.name).order_by(PersonRow.badge)
    if level is not None:
        find_named(session, LevelRow, "level", level)
        query = query.where(_holds(level, at))
    if state is not None:
        query = query.where(_is_in_state(state, at))
    return [PersonKey(row.id, row.badge, row.name) for row in session.execute(query)]


def _holds(level: str, at: str) -> ColumnElement[bool]:
    """Return the condition that a person holds a level or will: their own, or by their department."""
    own = select(PersonLevelRow.person_id).where(PersonLevelRow.level_name == level, grants.counts_or_will(at))
    by = select(DepartmentLevelRow.department).where(DepartmentLevelRow.level_name == level)
    return or_(PersonRow.id.in_(own), PersonRow.department.in_(by))


def _is_in_state(state: Validity, at: str) -> ColumnElement[bool]:
    """Return the condition of a state; a suspension comes first, then the validity, so that each person is in one."""
    early, late = PersonRow.valid_from > at, PersonRow.valid_to <= at
    standing = PersonRow.suspended.is_(False)
    match state:
        case Validity.SUSPENDED:
            return PersonRow.suspended.is_(True)
        case Validity.NOT_YET:
            return and_(standing, early)
        case Validity.EXPIRED:
            return and_(standing, late)
        case Validity.ACTIVE:
            has_begun = or_(PersonRow.valid_from.is_(None), ~early)
            return and_(standing, has_begun, or_(PersonRow.valid_to.is_(None), ~late))


def rows_of(session: Session, ids: Sequence[str]) -> list[PersonRow]:
    """Return these people by badge, with levels, consents, templates and credentials loaded."""
    found: list[PersonRow] = []
    for start in range(0, len(ids), _CHUNK):
        found += session.scalars(_loaded().where(PersonRow.id.in_(ids[start : start + _CHUNK])))
    return sorted(found, key=lambda row: row.badge)


def badge_of(session: Session, person_id: str) -> str | None:
    """Return the badge of a person's id; None if erased."""
    return session.scalar(select(PersonRow.badge).where(PersonRow.id == person_id))


def names_by_badge(session: Session, badges: Iterable[str]) -> dict[str, str]:
    """Return the names of the people with these badges."""
    found = session.execute(select(PersonRow.badge, PersonRow.name).where(PersonRow.badge.in_(badges)))
    return {row.badge: row.name for row in found}


set_level = grants.set_level


def add_template(
    session: Session, row: PersonRow, consent: ConsentRow, model: str, sealed: bytes, photo_mac: bytes
) -> TemplateRow:
    """Store one sealed embedding."""
    template = TemplateRow(
        id=str(uuid.uuid4()),
        person_id=row.id,
        consent_id=consent.id,
        model=model,
        sealed=sealed,
        photo_mac=photo_mac,
        created=now_text(),
    )
    row.templates.append(template)
    session.flush()
    return template


def photos(row: PersonRow, model: str | None = None) -> int:
    """Return how many photos have templates, of `model` if one is named; a photo counts once for all models."""
    return len({t.photo_mac for t in row.templates if model in (None, t.model)})


def drop_face(session: Session, row: PersonRow) -> int:
    """Delete a person's templates and kept samples and destroy their key; return how many photos were enrolled."""
    count = photos(row)
    row.templates.clear()
    row.samples.clear()
    row.wrapped_key = None
    calibrations.forget(session, row.id)
    session.flush()
    return count


def erase(session: Session, row: PersonRow) -> dict[str, int]:
    """Delete a person with everything of theirs; return how much, by kind."""
    gone = {
        "templates": photos(row),
        "samples": len(row.samples),
        "consents": len(row.consents),
        "credentials": len(row.credentials),
    }
    drop_face(session, row)
    # A visitor's host who is gone must not look like none: without a host, a visit would go on (rules.hosts).
    guests = (PersonRow.host_id == row.id, PersonRow.kind != PersonKind.VISITOR)
    session.execute(update(PersonRow).where(*guests).values(host_id=None))
    session.delete(row)
    session.flush()
    return gone


def without_backup_key(session: Session) -> list[PersonRow]:
    """Return people whom no backup holds yet."""
    return list(session.scalars(select(PersonRow).where(PersonRow.backup_key.is_(None))))


def keys(session: Session) -> list[tuple[str, bytes | None, bytes | None]]:
    """Return id, backup key and wrapped face key of all people."""
    columns = (PersonRow.id, PersonRow.backup_key, PersonRow.wrapped_key)
    return [(row.id, row.backup_key, row.wrapped_key) for row in session.execute(select(*columns))]


def reseal_keys(session: Session, before: Vault, fresh: Vault) -> int:
    """Wrap all people's keys under another vault; return of how many people."""
    count = 0
    for person, backup_key, wrapped in keys(session):
        if backup_key is None and wrapped is None:
            continue
        count += 1
        subject = f"backup|{person}"
        values = {
            "backup_key": fresh.seal_secret(subject, before.open_secret(subject, backup_key)) if backup_key else None,
            "wrapped_key": fresh.wrapped(person, before.data_key(person, wrapped).bare()) if wrapped else None,
        }
        session.execute(update(PersonRow).where(PersonRow.id == person).values(values))
    return count


def keys_of(session: Session, person_id: str) -> tuple[bytes | None, bytes | None]:
    """Return backup key and wrapped face key of one person; None for an erased one."""
    row = session.get(PersonRow, person_id)
    return (row.backup_key, row.wrapped_key) if row else (None, None)


def counts(session: Session) -> dict[str, int]:
    """Return how many people and templates there are."""
    return {
        "people": session.scalar(select(func.count()).select_from(PersonRow)) or 0,
        "templates": session.scalar(select(func.count()).select_from(TemplateRow)) or 0,
    }


def models(session: Session) -> list[Person]:
    """Return all people as the rules see them, with the levels of their departments.

    They are read as plain columns, since there may be tens of thousands.
    """
    by_department = departments.levels_by_department(session)
    levels, limited = grants.models(session)
    consented = set(session.scalars(consents.consented(session)))
    columns = (
        PersonRow.id,
        PersonRow.badge,
        PersonRow.name,
        PersonRow.valid_from,
        PersonRow.valid_to,
        PersonRow.suspended,
        PersonRow.department,
        PersonRow.kind,
        PersonRow.host_id,
        PersonRow.escort,
    )
    return [
        Person(
            id=row.id,
            badge=row.badge,
            name=row.name,
            valid_from=parse_time(row.valid_from) if row.valid_from else None,
            valid_to=parse_time(row.valid_to) if row.valid_to else None,
            suspended=row.suspended,
            face_consent=row.id in consented,
            levels=frozenset((*levels.get(row.id, ()), *by_department.get(row.department, ()))),
            kind=PersonKind(row.kind),
            host_id=row.host_id,
            escort=row.escort,
            grants=tuple(limited.get(row.id, ())),
        )
        for row in session.execute(select(*columns))
    ]


class TableCard(NamedTuple):
    """A card's number, its end if it is a temporary one, and whether it is blocked."""

    number: str
    until: str | None
    is_blocked: bool


def table_rows(session: Session) -> list[dict[str, Any]]:
    """Return all people with levels, cards and details, as tables compare them; plain columns, as in `models`."""
    now = clock_of(session).now()
    levels, limited = grants.models(session)
    kept = {each: [one.level for one in held if is_to_count(one, now)] for each, held in limited.items()}
    cards = _cards_by_person(session)
    stored = ("badge", "name", "valid_from", "valid_to", "suspended", "suspended_by", "source", "source_id")
    names = [*stored, "escort", *DETAIL_COLUMNS]
    columns = [getattr(PersonRow, name) for name in ("id", "host_id", *names)]
    rows = session.execute(select(*columns).order_by(PersonRow.badge)).all()
    badges = {row.id: row.badge for row in rows}
    return [
        {name: getattr(row, name) for name in names}
        | {"host": badges.get(row.host_id), "levels": sorted(levels.get(row.id, ())), "limited": kept.get(row.id, [])}
        | {"cards": cards.get(row.id, [])}
        for row in rows
    ]


def _cards_by_person(session: Session) -> dict[str, list[TableCard]]:
    columns = (CredentialRow.person_id, CredentialRow.value, CredentialRow.until, CredentialRow.blocked)
    query = select(*columns).where(CredentialRow.kind == CARD)
    found: dict[str, list[TableCard]] = {}
    for card in session.execute(query.order_by(CredentialRow.created, CredentialRow.value)):
        found.setdefault(card.person_id, []).append(TableCard(card.value, card.until, card.blocked is not None))
    return found


def level_names(session: Session) -> frozenset[str]:
    """Return the names of all levels."""
    return frozenset(session.scalars(select(LevelRow.name)))


def _stated(consent: ConsentRow) -> dict[str, Any]:
    return {name: getattr(consent, name) for name in ("reference", "given", "notice", "until")}


def details_of(row: PersonRow) -> dict[str, str | None]:
    """Return what HR keeps of a person; the host by badge."""
    plain = {name: getattr(row, name) for name in DETAIL_COLUMNS}
    return plain | {"host": row.host.badge if row.host else None}


def guests_of(session: Session, person_id: str) -> list[str]:
    """Return the badges of those whose host a person is."""
    query = select(PersonRow.badge).where(PersonRow.host_id == person_id)
    return list(session.scalars(query.order_by(PersonRow.badge)))


def as_json(row: PersonRow) -> dict[str, Any]:
    """Return what `person show` prints."""
    consent, now = consents.in_force(row), clock_of(object_session(row)).now()
    return {
        "badge": row.badge,
        "name": row.name,
        "levels": grants.held(row, now),
        "grants": grants.grants_json(row, now),
        "department_levels": departments.levels_of(row),
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
        "suspended": row.suspended,
        "escort": row.escort,
        **details_of(row),
        "source": row.source,
        "consent": _stated(consent) if consent else None,
        "templates": photos(row),
        "samples_kept": len(row.samples),
        "cards": [card.value for card in cards_of(row)],
        "card_states": [card_json(row, card, now) for card in cards_of(row)],
        "pin": any(credential.kind == "pin" for credential in row.credentials),
        "created": row.created,
    }


def holders(session: Session, level: str) -> list[str]:
    """Return the badges of those to whom a level was granted themselves, and counts or will."""
    query = select(PersonRow.badge).join(PersonLevelRow).where(PersonLevelRow.level_name == level)
    query = query.where(grants.counts_or_will(rfc3339(clock_of(session).now())))
    return list(session.scalars(query.order_by(PersonRow.badge)))


def all_holders(session: Session, level: str) -> list[str]:
    """Return the badges of those who hold a level, also by their department."""
    at = rfc3339(clock_of(session).now())
    return list(session.scalars(select(PersonRow.badge).where(_holds(level, at)).order_by(PersonRow.badge)))
