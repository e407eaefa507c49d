"""A card under all its notations: which of them is meant, whose it is, and what can read it."""

from collections.abc import Sequence
from typing import Any

from devicemgr.domain.rules.cards.notations import meanings_of, notations, number_as
from devicemgr.errors import InvalidInput
from devicemgr.people.cards import readers
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.people import credentials, people
from devicemgr.store.people.card_states import card_json
from devicemgr.store.tables import CredentialRow, PersonRow


def held_number(session: Session, written: str, form: str | None = None) -> str:
    """Return the stored number of a card as written.

    Digits with several meanings are decimal unless only one of their other meanings is a card that someone holds.
    """
    if form:
        return number_as(written, form)
    meanings = [meaning.number for meaning in meanings_of(written)]
    held = [number for number in meanings if credentials.cards_held(session, number)]
    return held[0] if len(held) == 1 else meanings[0]


def holders_of(session: Session, written: str) -> set[str]:
    """Return the ids of those who hold a card that `written` can mean; empty for what is no number of a card."""
    try:
        meanings = meanings_of(written)
    except InvalidInput:
        return set()
    return {card.person_id for meaning in meanings for card in credentials.cards_held(session, meaning.number)}


def describe(site: Site, written: str, form: str | None = None) -> dict[str, Any]:
    """Return what `card show` prints: meanings, notations, holder, block, and the readers that can read the card."""
    with site.database.read() as session:
        number = held_number(session, written, form)
        found = credentials.cards_held(session, number)
        holder = next(iter(people.rows_of(session, [found[0].person_id])), None) if found else None
        return {
            "number": number,
            "meanings": [meaning._asdict() for meaning in ([] if form else meanings_of(written))],
            "notations": [notation._asdict() for notation in notations(number)],
            "badge": holder.badge if holder else None,
            "name": holder.name if holder else None,
            "held_as": [credential.value for credential in found],
            **_state(site, holder, found),
            "readers": [reader._asdict() for reader in readers.that_read(session, site, number)],
        }


def _state(site: Site, holder: PersonRow | None, found: Sequence[CredentialRow]) -> dict[str, Any]:
    if holder is None:
        return dict.fromkeys(("state", "until", "blocked", "substitute"))
    card = card_json(holder, found[0], site.clock.now())
    return {name: value for name, value in card.items() if name != "number"}
