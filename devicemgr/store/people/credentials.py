"""Cards and PINs of people: numbers in clear, PINs hashed."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from devicemgr.domain.rules.card_frames import notations_of
from devicemgr.errors import AlreadyExists, Hint, NotFound
from devicemgr.store.many_rows import listed
from devicemgr.store.people.people import now_text
from devicemgr.store.tables import CredentialRow, PersonRow

CARD, PIN = "card", "pin"


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
            f"card {number} is {owner}'s, {held} there", hint=Hint("remove_card", badge=owner, number=other.value)
        )
    if any(credential.value == number for credential in found):
        return False
    added = _add(session, row, CARD, number)
    if blocked := next((credential for credential in found if credential.blocked), None):
        added.blocked, added.blocked_reason = blocked.blocked, blocked.blocked_reason
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
    session.flush()
    session.expire(row, ["credentials"])
    return sorted(removed, key=lambda card: (card.person_id != row.id, card.number))


def block_card(session: Session, number: str, reason: str) -> list[CredentialRow]:
    """Block a card under all its notations; return those that were not blocked, with their new state.

    Raises NotFound if no one holds the card.
    """
    found = cards_held(session, number)
    if not found:
        raise NotFound(f"no one holds card {number}, so it opens nothing", hint=Hint("list_all_cards"))
    changed = [credential for credential in found if credential.blocked is None]
    for credential in found:
        credential.blocked, credential.blocked_reason = credential.blocked or now_text(), reason
    session.flush()
    return changed


def unblock_card(session: Session, number: str) -> list[CredentialRow]:
    """End the block of a card under all its notations; return those that were blocked."""
    changed = [credential for credential in cards_held(session, number) if credential.blocked is not None]
    for credential in changed:
        credential.blocked = credential.blocked_reason = None
    session.flush()
    return changed


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


def set_pin(session: Session, row: PersonRow, stored: str) -> None:
    """Replace a person's PIN by a hashed one."""
    remove_pin(session, row)
    _add(session, row, PIN, stored)


def remove_pin(session: Session, row: PersonRow) -> bool:
    """Remove a person's PIN; return False if there is none."""
    found = [credential for credential in row.credentials if credential.kind == PIN]
    for credential in found:
        row.credentials.remove(credential)
    session.flush()
    return bool(found)


def cards_of(row: PersonRow) -> list[CredentialRow]:
    """Return a person's cards in the order of their assignment."""
    return [c for c in sorted(row.credentials, key=lambda c: (c.created, c.value)) if c.kind == CARD]


def card_numbers(row: PersonRow) -> list[str]:
    """Return a person's cards in the order of their assignment."""
    return [credential.value for credential in cards_of(row)]


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
