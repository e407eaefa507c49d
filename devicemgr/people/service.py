"""Use cases of cardholders: add, edit, suspend and erase them, and assign cards and PINs.

Functions that take a unit of work write and record in its transaction; the caller's unit announces after the commit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from devicemgr.domain.rules.cards.formats import formats_of, parse_number, require_format
from devicemgr.domain.rules.cards.notations import number_as
from devicemgr.domain.rules.person_details import FIELDS as DETAILS, PersonDetails
from devicemgr.errors import InvalidInput, NotFound, RequestError
from devicemgr.people import face_enrollment
from devicemgr.people.cards import blocks, temporary
from devicemgr.people.cards.notations import held_number
from devicemgr.people.cards.temporary import FOR_GOOD, Term
from devicemgr.people.consents import Terms, agreed, rights_of
from devicemgr.people.level_grants import set_level
from devicemgr.people.sources import guard
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import Require, UnitOfWork, nothing_required, unit_of_work
from devicemgr.store.database import Session, clock_of
from devicemgr.store.people import credentials, grants, people
from devicemgr.store.people.credentials import RemovedCard
from devicemgr.store.site import settings
from devicemgr.store.tables import PersonRow
from devicemgr.text import badge as checked_badge, parse_end, parse_time, person_name, rfc3339, safe

NO_DETAILS = PersonDetails()


@dataclass(frozen=True, slots=True)
class PersonEdit:
    """New values of a person's fields; None leaves a field as it is, an empty time removes it."""

    name: str | None = None
    badge: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    details: PersonDetails = NO_DETAILS


@dataclass(frozen=True, slots=True)
class AssignedCard:
    """A card's number as it is stored, and the formats that the number fits."""

    number: str
    formats: list[str]


def add_person(
    work: UnitOfWork,
    badge: str,
    name: str,
    *,
    levels: Iterable[str] = (),
    valid_from: str | None = None,
    valid_to: str | None = None,
    details: PersonDetails = NO_DETAILS,
    cards: Iterable[str] = (),
) -> PersonRow:
    """Add a person with levels and cards, as numbers that are stored; times are RFC 3339 or local dates.

    Raises AlreadyExists if the badge or a card is taken, and NotFound for an unknown level or host.
    """
    named, number = person_name(name), checked_badge(badge)
    given = details.given()
    host = given.pop("host", "")
    columns = {field: value or None for field, value in given.items()}
    start, end = start_time(work.session, valid_from), end_time(work.session, valid_to)
    row = people.add(work.session, number, named, start, end, columns)
    row.escort = bool(details.escort)
    _require_validity(row)
    if host:
        row.host = _host(work, row, host)
    granted = list(levels)
    for level in dict.fromkeys(granted):
        people.set_level(work.session, row, level, held=True)
    for number in cards:
        credentials.assign_card(work.session, row, number)
    work.record("admin.person_added", {"levels": granted}, person_id=row.id, after=rights_of(row))
    return row


def put_person(
    work: UnitOfWork,
    badge: str,
    name: str,
    *,
    levels: Iterable[str] = (),
    valid_from: str | None = None,
    valid_to: str | None = None,
    details: PersonDetails = NO_DETAILS,
) -> tuple[PersonRow, bool]:
    """Add the person with this badge, or make name, validity, details and levels of the existing one exactly these.

    Returns the person, and True if they were added.
    """
    row = people.find(work.session, badge)
    if row is None:
        added = add_person(work, badge, name, levels=levels, valid_from=valid_from, valid_to=valid_to, details=details)
        return added, True
    exact = PersonDetails(**{field: getattr(details, field) or "" for field in DETAILS}, escort=bool(details.escort))
    edit_person(work, badge, PersonEdit(name=name, valid_from=valid_from or "", valid_to=valid_to or "", details=exact))
    wanted = set(levels)
    for level in sorted({*wanted, *grants.held(row, clock_of(work.session).now())}):
        set_level(work, badge, level, held=level in wanted)
    return row, False


def edit_person(work: UnitOfWork, badge: str, edit: PersonEdit) -> PersonRow:
    """Change a person's name, badge, validity or details; `changed` in the record names what has a new value."""
    row = people.get(work.session, badge)
    before, fields = rights_of(row), _editable_fields(row)
    if edit.name is not None:
        row.name = person_name(edit.name)
    if edit.badge is not None and checked_badge(edit.badge) != row.badge:
        people.require_free(work.session, checked_badge(edit.badge))
        row.badge = checked_badge(edit.badge)
    if edit.valid_from is not None:
        row.valid_from = start_time(work.session, edit.valid_from)
    if edit.valid_to is not None:
        row.valid_to = end_time(work.session, edit.valid_to)
    _require_validity(row)
    _set_details(work, row, edit.details)
    changed = sorted(name for name, value in _editable_fields(row).items() if value != fields[name])
    guard.require_editable(work, row, changed, badge)
    if changed:
        work.session.flush()
        work.record("admin.person_edited", {"changed": changed}, person_id=row.id, before=before, after=rights_of(row))
    return row


def set_suspended(work: UnitOfWork, badge: str, *, suspended: bool, by: str | None = None) -> PersonRow:
    """Suspend all of a person's access, or end the suspension.

    `by` is BY_TABLE for a person whom a table no longer names, BY_SOURCE for one whom their source suspends; one that
    names them again then ends it. A suspension by hand takes the place of such a one, and stays.
    """
    row = people.get(work.session, badge)
    if not suspended:
        guard.require_resumable(work, row)
    if row.suspended == suspended:
        row.suspended_by = by if suspended and row.suspended_by else None
        return row
    before = rights_of(row)
    row.suspended, row.suspended_by = suspended, by if suspended else None
    kind = "admin.person_suspended" if suspended else "admin.person_resumed"
    work.record(kind, {}, person_id=row.id, before=before, after=rights_of(row))
    return row


def assign_card(
    work: UnitOfWork,
    badge: str,
    written: str,
    *,
    form: str | None = None,
    unblock: bool = False,
    term: Term = FOR_GOOD,
) -> tuple[PersonRow, AssignedCard]:
    """Assign a card to a person by its number as written, in a form of `notations.FORMS` if one is given.

    With `unblock` it ends the block of a card that the person holds. AlreadyExists if another person holds it, unless
    it is a temporary card that has ended.
    """
    number = number_as(written, form) if form else parse_number(written)
    card = AssignedCard(number, list(formats_of(number) if form else require_format(number)))
    return assign_number(work, badge, number, unblock=unblock, term=term), card


def assign_number(
    work: UnitOfWork, badge: str, number: str, *, unblock: bool = False, term: Term = FOR_GOOD
) -> PersonRow:
    """Assign a card to a person by its stored number, as `assign_card` does."""
    row = people.get(work.session, badge)
    before = rights_of(row)
    is_new = temporary.assign(work, row, number)
    if temporary.set_term(work, row, number, term) or is_new:
        if term.until is None:
            guard.require_editable(work, row, ["cards"])
        kind = "admin.card_assigned" if is_new else "admin.card_edited"
        work.record(kind, {"cards": 1}, person_id=row.id, before=before, after=rights_of(row))
    if unblock:
        blocks.record_unblocked(work, credentials.unblock_card(work.session, number))
    return row


def assigned_json(row: PersonRow, number: str, formats: Iterable[str]) -> dict[str, Any]:
    """Return what the assignment of a card answers."""
    cards = people.as_json(row)["card_states"]
    card = next(card for card in cards if card["number"] == number)
    numbers = [card["number"] for card in cards]
    return {"badge": row.badge, "name": row.name, **card, "cards": numbers, "formats": list(formats)}


def remove_card(work: UnitOfWork, badge: str, written: str) -> tuple[PersonRow, str, list[RemovedCard]]:
    """Remove a person's card under all its notations; return the person, the number and what was removed."""
    number = held_number(work.session, written)
    row = people.get(work.session, badge)
    guard.require_editable(work, row, ["cards"])
    removed = credentials.remove_card(work.session, row, number)
    for person_id in dict.fromkeys(card.person_id for card in removed):
        count = sum(card.person_id == person_id for card in removed)
        left = credentials.count_cards(work.session, person_id)
        work.record(
            "admin.card_removed",
            {"cards": count},
            person_id=person_id,
            before={"cards": left + count},
            after={"cards": left},
        )
    return row, number, removed


def set_pin(work: UnitOfWork, badge: str, pin_hash: str, other: str | None = None) -> PersonRow:
    """Set or replace a person's PIN by a hashed one, which was compared with `other`, their duress PIN.

    Raises RequestError if that has been changed since.
    """
    row = people.get(work.session, badge)
    before = rights_of(row)
    _require_same(row, credentials.DURESS_PIN, other)
    credentials.set_pin(work.session, row, pin_hash)
    work.record("admin.pin_set", {}, person_id=row.id, before=before, after=rights_of(row))
    return row


def set_duress_pin(work: UnitOfWork, badge: str, pin_hash: str, other: str | None) -> PersonRow:
    """Set or replace a person's duress PIN by a hashed one, which was compared with `other`, their PIN.

    Raises RequestError for a person without a PIN, or if that has been changed since.
    """
    row = people.get(work.session, badge)
    _require_same(row, credentials.PIN, other)
    if other is None:
        raise RequestError(f"{row.badge} has no PIN yet; set it first", code="pin_missing")
    credentials.set_pin(work.session, row, pin_hash, credentials.DURESS_PIN)
    work.record("admin.pin_set", {"duress": True}, person_id=row.id)
    return row


def _require_same(row: PersonRow, kind: str, stored: str | None) -> None:
    if credentials.pin_of(row, kind) != stored:
        raise RequestError("the person's PINs were changed by another operator just now; try again")


def remove_pin(work: UnitOfWork, badge: str) -> PersonRow:
    """Remove a person's PIN, if there is one, and their duress PIN with it."""
    row = people.get(work.session, badge)
    before = rights_of(row)
    if credentials.remove_pin(work.session, row, credentials.PIN, credentials.DURESS_PIN):
        work.record("admin.pin_removed", {}, person_id=row.id, before=before, after=rights_of(row))
    return row


def remove_duress_pin(work: UnitOfWork, badge: str) -> PersonRow:
    """Remove a person's duress PIN, if there is one."""
    row = people.get(work.session, badge)
    if credentials.remove_pin(work.session, row, credentials.DURESS_PIN):
        work.record("admin.pin_removed", {"duress": True}, person_id=row.id)
    return row


def agreed_terms(site: Site, form: str, notice: str | None, until: str | None) -> Terms:
    """Return checked terms of a consent, completed by the site's settings."""
    with site.database.read() as session:
        return agreed(session, form, notice, until)


def enroll_face(
    site: Site,
    runtime: Runtime,
    actor: str,
    badge: str,
    photos: Sequence[bytes],
    terms: Terms,
    *,
    allow_lookalike: bool = False,
) -> dict[str, Any]:
    """Enroll photos of one person, all or none."""
    answer = face_enrollment.enroll(site, actor, badge, photos, terms, allow_lookalike=allow_lookalike)
    runtime.site_changed()
    return answer


def withdraw_face(
    site: Site, runtime: Runtime, actor: str, badge: str, require: Require = nothing_required
) -> dict[str, Any]:
    """Withdraw a person's consent and erase their face; cards go on working."""
    answer = face_enrollment.withdraw(site, actor, badge, require)
    # Only now: a reader that wakes earlier would keep the wiped pages in the write-ahead log.
    runtime.rights_changed()
    return answer


def erase_person(
    site: Site, runtime: Runtime, actor: str, badge: str, require: Require = nothing_required
) -> dict[str, Any]:
    """Erase a person and everything of theirs."""
    answer = face_enrollment.erase(site, actor, badge, require)
    runtime.rights_changed()
    return answer


def record_identification(site: Site, actor: str, badge: str | None, reason: str) -> None:
    """Record that the face of a photo was looked up, and whose it is."""
    with unit_of_work(site, actor, changes_site=False) as work:
        person_id = people.get(work.session, badge).id if badge else None
        work.record("admin.face_identified", {"reason": reason}, person_id=person_id)


def record_export(site: Site, actor: str, person_id: str, *, templates: bool) -> None:
    """Record that the data subject's copy of a person was made."""
    with unit_of_work(site, actor, changes_site=False) as work:
        work.record("admin.person_exported", {"templates": templates}, person_id=person_id)


def _editable_fields(row: PersonRow) -> dict[str, str | bool | None]:
    plain = {name: getattr(row, name) for name in ("name", "badge", "valid_from", "valid_to", "escort")}
    return plain | people.details_of(row)


def _set_details(work: UnitOfWork, row: PersonRow, details: PersonDetails) -> None:
    given = details.given()
    host = given.pop("host", None)
    for name, value in given.items():
        setattr(row, name, value or None)
    if host is not None:
        row.host = _host(work, row, host) if host else None
    if details.escort is not None:
        row.escort = details.escort
    work.session.flush()


def _host(work: UnitOfWork, row: PersonRow, badge: str) -> PersonRow:
    found = people.find(work.session, badge)
    if found is None:
        raise NotFound(f"no person has badge {safe(badge, 60)}, the host of {row.badge}; add the host first")
    if found is row:
        raise InvalidInput(f"{row.badge} can't be their own host; give another person's badge")
    return found


def start_time(session: Session, text: str | None) -> str | None:
    """Return the begin of a validity as it is stored; InvalidInput for what is no time."""
    return rfc3339(parse_time(text, settings.load(session).zone)) if text else None


def end_time(session: Session, text: str | None) -> str | None:
    """Return the end of a validity as it is stored, a date with its whole day; InvalidInput for what is no time."""
    return rfc3339(parse_end(text, settings.load(session).zone)) if text else None


def _require_validity(row: PersonRow) -> None:
    if row.valid_from and row.valid_to and row.valid_from >= row.valid_to:
        raise InvalidInput("the validity ends before it begins; check valid_from and valid_to")
