"""Cards and PINs of people: numbers in clear, PINs hashed."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from devicemgr.errors import AlreadyExists, NotFound
from devicemgr.store.people import now_text
from devicemgr.store.tables import CredentialRow, PersonRow

CARD, PIN = "card", "pin"


def assign_card(session: Session, row: PersonRow, number: str) -> bool:
    """Give a person a card; False when they have it; AlreadyExists when it is somebody else's."""
    taken = session.scalar(select(CredentialRow).where(CredentialRow.kind == CARD, CredentialRow.value == number))
    if taken is not None and taken.person_id == row.id:
        return False
    if taken is not None:
        owner = session.scalar(select(PersonRow.badge).where(PersonRow.id == taken.person_id))
        raise AlreadyExists(f"card {number} is {owner}'s; `devicemgr card remove {owner} {number}` first")
    _add(session, row, CARD, number)
    return True


def remove_card(session: Session, row: PersonRow, number: str) -> None:
    """Take a card from a person; NotFound when it is not theirs."""
    found = next((c for c in row.credentials if (c.kind, c.value) == (CARD, number)), None)
    if found is None:
        raise NotFound(f"{row.badge} has no card {number}; `devicemgr card list {row.badge}` shows theirs")
    row.credentials.remove(found)
    session.flush()


def set_pin(session: Session, row: PersonRow, stored: str) -> None:
    """Replace a person's PIN by a hashed one."""
    remove_pin(session, row)
    _add(session, row, PIN, stored)


def remove_pin(session: Session, row: PersonRow) -> bool:
    """Remove a person's PIN; False when there is none."""
    found = [credential for credential in row.credentials if credential.kind == PIN]
    for credential in found:
        row.credentials.remove(credential)
    session.flush()
    return bool(found)


def card_numbers(row: PersonRow) -> list[str]:
    """A person's cards, in the order in which they were assigned."""
    return [c.value for c in sorted(row.credentials, key=lambda c: (c.created, c.value)) if c.kind == CARD]


def by_kind(session: Session, kind: str) -> Sequence[tuple[str, str]]:
    """(person's id, value) of everybody's credentials of one kind."""
    query = select(CredentialRow.person_id, CredentialRow.value).where(CredentialRow.kind == kind)
    return [(row.person_id, row.value) for row in session.execute(query)]


def _add(session: Session, row: PersonRow, kind: str, value: str) -> None:
    row.credentials.append(
        CredentialRow(id=str(uuid.uuid4()), person_id=row.id, kind=kind, value=value, created=now_text())
    )  # fmt: skip
    session.flush()
