"""Cards and PINs of people: numbers in clear, PINs hashed."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from devicemgr.domain.rules.cards.frames import notations_of
from devicemgr.domain.rules.validity import CardTerm
from devicemgr.errors import AlreadyExists, Hint, NotFound, RequestError
from devicemgr.store.many_rows import listed
from devicemgr.store.people import card_states
from devicemgr.store.people.people import now_text
from devicemgr.store.tables import CredentialRow, PersonRow
from devicemgr.text import parse_time

CARD, PIN, DURESS_PIN = card_states.CARD, "pin", "duress"


def assign_card(session: Session, row: PersonRow, number: str) -> bool:
    """Give a person a card and return True; return False if they have this number.

    Raises AlreadyExists if another person holds the card under any of its notations.
    """
    found = cards_held(session, number)
    other = next((credential for credential in found if credential.person_id != row.id), None)
    if other is not None:
        owner = session.scalar(select(PersonRow.badge).where(PersonRow.id == other.person_id))
        held = f"held as {other.value}" if other.value != number else "held"
        raise AlreadyExists(
            f"card {number} is {owner}'s, {held} there",
            code="card_taken",
            facts={"number": number, "badge": owner},
            hint=Hint("remove_card", badge=owner, number=other.value),
        )
    if any(credential.value == number for credential in found):
        return False
    added = _add(session, row, CARD, number)
    if blocked := next((credential for credential in found if credential.blocked), None):
        added.blocked, added.blocked_reason = blocked.blocked, blocked.blocked_reason
        added.replaced_by = blocked.replaced_by
    return True


@dataclass(frozen=True, slots=True)
class RemovedCard:
    """A stored number that was removed, and whose it was."""

    number: str
    person_id: str
    badge: str


def remove_card(session: Session, row: PersonRow, number: str) -> list[RemovedCard]:
    """Remove a person's card under all its notations, so that it opens nothing any more.

    Homes of version 0.1.0 may hold another notation of the same card for another person: that is removed too.
    Raises NotFound if the person has no notation of the card.
    """
    found = cards_held(session, number)
    if not any(credential.person_id == row.id for credential in found):
        raise _no_card(session, row, number, found)
    badges = {
        person: session.scalar(select(PersonRow.badge).where(PersonRow.id == person)) or ""
        for person in {credential.person_id for credential in found}
    }
    removed = [RemovedCard(c.value, c.person_id, badges[c.person_id]) for c in found]
    for credential in found:
        session.delete(credential)
        stood_in = update(CredentialRow).where(CredentialRow.person_id == credential.person_id)
        session.execute(stood_in.where(CredentialRow.substitute == credential.value).values(substitute=None))
    session.flush()
    session.expire(row, ["credentials"])
    return sorted(removed, key=lambda card: (card.person_id != row.id, card.number))


def person_of(session: Session, card: CredentialRow) -> PersonRow:
    """Return the holder of a stored card."""
    return session.get_one(PersonRow, card.person_id)


def require_held(session: Session, number: str) -> list[CredentialRow]:
    """Return the stored cards that can be the same card as `number`; NotFound if no one holds it."""
    found = list(cards_held(session, number))
    if not found:
        raise NotFound(f"no one holds card {number}, so it opens nothing", hint=Hint("list_all_cards"))
    return found


def is_same_card(one: str, other: str) -> bool:
    """Return True if two numbers can be one card."""
    return one == other or other in notations_of(one) or one in notations_of(other)


def block_card(session: Session, number: str, reason: str) -> list[CredentialRow]:
    """Block a card under all its notations; return those that were not blocked, with their new state.

    Raises NotFound if no one holds the card.
    """
    found = require_held(session, number)
    changed = [credential for credential in found if credential.blocked is None]
    for credential in found:
        credential.blocked, credential.blocked_reason = credential.blocked or now_text(), reason
    session.flush()
    return changed


def unblock_card(session: Session, number: str) -> list[CredentialRow]:
    """End the block of a card under all its notations; return those that were blocked.

    Raises RequestError for a card that was replaced: that is blocked for good.
    """
    found = cards_held(session, number)
    if replaced := next((credential for credential in found if credential.replaced_by), None):
        badge = session.scalar(select(PersonRow.badge).where(PersonRow.id == replaced.person_id))
        raise RequestError(
            f"card {number} was replaced by {replaced.replaced_by} and stays blocked",
            hint=Hint("remove_replaced_card", badge=badge, number=replaced.value),
        )
    changed = [credential for credential in found if credential.blocked is not None]
    for credential in changed:
        credential.blocked = credential.blocked_reason = None
    session.flush()
    return changed


def set_term(row: PersonRow, number: str, until: str | None, usual: str | None = None) -> bool:
    """Give a person's card an end, or none; let it stand in for their `usual` card. Return True if either changed.

    With an end and no other usual card it goes on standing in for the one that it did.
    """
    found = _same_cards(row, number)
    names = {card.value for card in found}
    before = [card.until for card in found], [card for card in row.credentials if card.substitute in names]
    if usual is not None or until is None:
        _end_standing_in(row, names)
    for card in found:
        card.until = until
    for card in _same_cards(row, usual) if usual else []:
        card.substitute = number
    return before != ([until] * len(found), [card for card in row.credentials if card.substitute in names])


def replace_card(row: PersonRow, old: str, new: str, reason: str | None) -> None:
    """Block a person's card for good; one that they hold takes its place, its end, and what it stands in for.

    A reason of None keeps that of a card that was blocked before.
    """
    found = _same_cards(row, old)
    names = {card.value for card in found}
    usual = next((card.value for card in row.credentials if card.substitute in names), None)
    set_term(row, new, found[0].until, usual)
    _end_standing_in(row, names)
    for card in found:
        card.substitute, card.replaced_by = None, new
        card.blocked, card.blocked_reason = card.blocked or now_text(), reason or card.blocked_reason


def _same_cards(row: PersonRow, number: str) -> list[CredentialRow]:
    return [card for card in card_states.cards_of(row) if is_same_card(card.value, number)]


def _end_standing_in(row: PersonRow, numbers: Collection[str]) -> None:
    """Let these cards of a person stand in for no other any more."""
    for card in row.credentials:
        if card.substitute in numbers:
            card.substitute = None


def card_terms(session: Session) -> dict[str, CardTerm]:
    """Return when the cards open that do not at all times, by the stored number."""
    columns = (CredentialRow.person_id, CredentialRow.value, CredentialRow.until, CredentialRow.substitute)
    limited = or_(CredentialRow.until.is_not(None), CredentialRow.substitute.is_not(None))
    rows = session.execute(select(*columns).where(CredentialRow.kind == CARD, limited)).all()
    ends = {(row.person_id, row.value): row.until for row in rows}
    return {row.value: CardTerm(_moment(row.until), _moment(ends.get((row.person_id, row.substitute)))) for row in rows}


def _moment(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def card_holders(session: Session, *, blocked: bool) -> dict[str, str]:
    """Return whose each card is that is blocked, or that is not, by the stored number; people by id."""
    state = CredentialRow.blocked.is_not(None) if blocked else CredentialRow.blocked.is_(None)
    query = select(CredentialRow.value, CredentialRow.person_id).where(CredentialRow.kind == CARD, state)
    return {row.value: row.person_id for row in session.execute(query)}


def _no_card(session: Session, row: PersonRow, number: str, found: Sequence[CredentialRow]) -> NotFound:
    if not found:
        return NotFound(f"{row.badge} has no card {number}", hint=Hint("list_cards", badge=row.badge))
    owner = session.scalar(select(PersonRow.badge).where(PersonRow.id == found[0].person_id))
    hint = Hint("remove_card", badge=owner, number=found[0].value)
    return NotFound(f"{row.badge} has no card {number}; it is {owner}'s", hint=hint)


def cards_held(session: Session, number: str) -> Sequence[CredentialRow]:
    """Return the stored cards that can be the same card as `number`."""
    names = listed(notations_of(number))
    query = select(CredentialRow).where(CredentialRow.kind == CARD, CredentialRow.value.in_(names))
    return session.scalars(query.order_by(CredentialRow.value)).all()


def set_pin(session: Session, row: PersonRow, stored: str, kind: str = PIN) -> None:
    """Replace a person's PIN, or their duress PIN, by a hashed one."""
    remove_pin(session, row, kind)
    _add(session, row, kind, stored)


def pin_of(row: PersonRow, kind: str) -> str | None:
    """Return the hash of a person's PIN or duress PIN."""
    return next((credential.value for credential in row.credentials if credential.kind == kind), None)


def remove_pin(session: Session, row: PersonRow, *kinds: str) -> bool:
    """Remove a person's PINs of these kinds; return False if there is none."""
    found = [credential for credential in row.credentials if credential.kind in kinds]
    for credential in found:
        row.credentials.remove(credential)
    session.flush()
    return bool(found)


def card_rows(row: PersonRow) -> list[CredentialRow]:
    """Return a person's cards in the order of their assignment."""
    return card_states.cards_of(row)


def card_numbers(row: PersonRow) -> list[str]:
    """Return a person's cards in the order of their assignment."""
    return [credential.value for credential in card_states.cards_of(row)]


def count_cards(session: Session, person_id: str) -> int:
    """Return how many card numbers a person has."""
    query = select(func.count()).where(CredentialRow.person_id == person_id, CredentialRow.kind == CARD)
    return session.scalar(query) or 0


def by_kind(session: Session, kind: str) -> Sequence[tuple[str, str]]:
    """Return (person's id, value) of all credentials of one kind."""
    query = select(CredentialRow.person_id, CredentialRow.value).where(CredentialRow.kind == kind)
    return [(row.person_id, row.value) for row in session.execute(query)]


def _add(session: Session, row: PersonRow, kind: str, value: str) -> CredentialRow:
    added = CredentialRow(id=str(uuid.uuid4()), person_id=row.id, kind=kind, value=value, created=now_text())
    row.credentials.append(added)
    session.flush()
    return added
