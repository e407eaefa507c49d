"""Many people who are added at once, with levels and cards, by a few statements instead of a few for each."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from devicemgr.domain.model import PersonKind
from devicemgr.domain.rules.cards.frames import notations_of, plain_notations_of
from devicemgr.errors import AlreadyExists
from devicemgr.store.many_rows import insert_rows, listed
from devicemgr.store.people import people
from devicemgr.store.people.credentials import CARD
from devicemgr.store.tables import CredentialRow, PersonLevelRow, PersonRow

_RAW, _BEHIND_RAW = "raw:", "raw;"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A person who is not here yet: checked values as they are stored, details by their columns.

    `notations` are those of the cards, found when this is made and not in the transaction, which keeps others waiting.
    """

    badge: str
    name: str
    levels: Sequence[str] = ()
    cards: Sequence[str] = ()
    valid_from: str | None = None
    valid_to: str | None = None
    escort: bool = False
    details: Mapping[str, str | None] = field(default_factory=dict)
    notations: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Find the notations that are enough where no raw numbers are."""
        found = frozenset(name for card in self.cards for name in plain_notations_of(card))
        object.__setattr__(self, "notations", found)


def add_all(session: Session, newcomers: Sequence[Newcomer]) -> list[str]:
    """Add all of them or raise AlreadyExists; return their ids, in order.

    Only for a card under another notation are people looked up: badges, cards and levels are held by constraints.
    """
    _require_free_cards(session, newcomers)
    ids = [str(uuid.uuid4()) for _ in newcomers]
    added = list(zip(ids, newcomers, strict=True))
    now = people.now_text()
    insert_rows(session, PersonRow, [_person(each, one, now) for each, one in added])
    levels = [{"person_id": each, "level_name": level} for each, one in added for level in dict.fromkeys(one.levels)]
    insert_rows(session, PersonLevelRow, levels)
    insert_rows(session, CredentialRow, [_card(each, card, now) for each, one in added for card in _cards(one)])
    return ids


def _cards(one: Newcomer) -> Iterable[str]:
    return dict.fromkeys(one.cards)


def _card(person_id: str, number: str, now: str) -> dict[str, str]:
    return {"id": str(uuid.uuid4()), "person_id": person_id, "kind": CARD, "value": number, "created": now}


def _person(person_id: str, one: Newcomer, now: str) -> dict[str, Any]:
    details = {name: one.details.get(name) for name in people.DETAIL_COLUMNS}
    return {
        "id": person_id,
        "badge": one.badge,
        "name": one.name,
        "suspended": False,
        "created": now,
        "valid_from": one.valid_from,
        "valid_to": one.valid_to,
        "escort": one.escort,
        **details,
        "kind": details["kind"] or PersonKind.STAFF,
    }


def _require_free_cards(session: Session, newcomers: Sequence[Newcomer]) -> None:
    """Raise AlreadyExists if two of them, or one and a person who is here, hold one card under any notations."""
    held = select(CredentialRow.value).where(CredentialRow.kind == CARD)
    has_raw = any(name.startswith(_RAW) for one in newcomers for name in one.cards) or session.scalar(
        held.where(CredentialRow.value.between(_RAW, _BEHIND_RAW)).limit(1)  # by the index, as LIKE is not
    )
    holders: dict[str, str] = {}
    for one in newcomers:
        names = {name for card in one.cards for name in notations_of(card)} if has_raw else one.notations
        for name in names:
            if holders.setdefault(name, one.badge) != one.badge:
                raise AlreadyExists(f"{holders[name]} and {one.badge} have one card, as {name}")
    taken = session.scalar(held.where(CredentialRow.value.in_(listed(holders))).limit(1)) if holders else None
    if taken is not None:
        raise AlreadyExists(f"the card of {holders[taken]} is someone else's, as {taken}")
