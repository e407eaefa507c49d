"""Temporary cards: assigned until an end, perhaps instead of the usual card, which opens nothing until then."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from devicemgr.errors import AlreadyExists, Hint, InvalidInput, RequestError
from devicemgr.people.cards.notations import held_number
from devicemgr.people.consents import rights_of
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.database import Session, clock_of
from devicemgr.store.people import credentials
from devicemgr.store.people.card_states import cards_of
from devicemgr.store.site import settings
from devicemgr.store.tables import CredentialRow, PersonRow
from devicemgr.text import parse_end, rfc3339, safe

TONIGHT = "tonight"
_TIME_OF_DAY = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Term:
    """Until when a card is assigned, as written, and the usual card of its holder that it stands in for."""

    until: str | None = None
    instead_of: str | None = None


FOR_GOOD = Term()


@dataclass(frozen=True, slots=True)
class ReturnedCard:
    """A temporary card that was given back, whose it was, and the usual cards that open again."""

    number: str
    row: PersonRow
    usual: list[str]


def end_of(session: Session, written: str) -> str:
    """Return the end of a temporary card as it is stored; a date includes its day in the site's time zone.

    `tonight` is the end of today, and a time of day is today. Raises InvalidInput for what is no time, or has passed.
    """
    zone, now = settings.load(session).zone, clock_of(session).now()
    today, text = now.astimezone(zone).date(), written.strip().casefold()
    if text == TONIGHT:
        end = parse_end(today.isoformat(), zone)
    elif found := _TIME_OF_DAY.fullmatch(text):
        moment = datetime.combine(today, time(int(found[1]), int(found[2])))
        end = parse_end(moment.isoformat(), zone)
    else:
        end = parse_end(written, zone)
    if end <= now:
        raise InvalidInput(f"'{safe(written, 40)}' has passed; give a later end")
    return rfc3339(end)


def assign(work: UnitOfWork, row: PersonRow, number: str) -> bool:
    """Give a person a card and return True, taking it from another whose temporary one it was; False if it is theirs.

    Raises AlreadyExists if another person holds the card.
    """
    try:
        return credentials.assign_card(work.session, row, number)
    except AlreadyExists:
        if not take_back_ended(work, row, number):
            raise
        return credentials.assign_card(work.session, row, number)


def set_term(work: UnitOfWork, row: PersonRow, number: str, term: Term) -> bool:
    """Give a card that a person holds its end, or none; return True if something changed."""
    until, usual = checked(work.session, row, term)
    if usual is not None and credentials.is_same_card(usual, number):
        raise InvalidInput("a card can't stand in for itself; name the person's usual card")
    return credentials.set_term(row, number, until, usual)


def checked(session: Session, row: PersonRow, term: Term) -> tuple[str | None, str | None]:
    """Return the end as it is stored, and the number of the usual card; InvalidInput for what can't be."""
    if term.instead_of is not None and term.until is None:
        raise InvalidInput("a card that stands in for another has an end; give one, such as tonight")
    until = end_of(session, term.until) if term.until is not None else None
    return until, _usual(session, row, term.instead_of) if term.instead_of is not None else None


def _usual(session: Session, row: PersonRow, written: str) -> str:
    usual = held_number(session, written)
    found = [card for card in credentials.cards_held(session, usual) if card.person_id == row.id]
    if not found:
        raise InvalidInput(
            f"{row.badge} has no card {usual} to be substituted", hint=Hint("list_cards", badge=row.badge)
        )
    if any(card.until is not None for card in found):
        raise InvalidInput(f"card {usual} is a temporary one itself; name the person's usual card")
    return found[0].value


def take_back_ended(work: UnitOfWork, row: PersonRow, number: str) -> bool:
    """Take a temporary card whose end has passed from another person, so that it can be given out again.

    Returns False if others hold the card and it has not ended.
    """
    at = rfc3339(clock_of(work.session).earliest())
    found = [card for card in credentials.cards_held(work.session, number) if card.person_id != row.id]
    if not all(card.until is not None and card.until <= at and card.blocked is None for card in found):
        return False
    for holder in {card.person_id: credentials.person_of(work.session, card) for card in found}.values():
        _take(work, holder, number)
    return True


def give_back(work: UnitOfWork, written: str, form: str | None = None) -> ReturnedCard:
    """Take a temporary card from its holder, whose usual card opens again.

    NotFound if no one holds it, RequestError if it is not a temporary one.
    """
    number = held_number(work.session, written, form)
    found = credentials.require_held(work.session, number)
    row = credentials.person_of(work.session, found[0])
    if any(card.until is None for card in found):
        hint = Hint("take_card", badge=row.badge, number=number)
        raise RequestError(f"card {number} of {row.badge} is not a temporary one", hint=hint)
    usual = [card.value for card in cards_of(row) if _is_substituted_by(card, found)]
    _take(work, row, number)
    return ReturnedCard(number, row, usual)


def _is_substituted_by(card: CredentialRow, found: Sequence[CredentialRow]) -> bool:
    return card.substitute in {other.value for other in found}


def _take(work: UnitOfWork, row: PersonRow, number: str) -> None:
    before = rights_of(row)
    removed = credentials.remove_card(work.session, row, number)
    work.record("admin.card_returned", {"cards": len(removed)}, person_id=row.id, before=before, after=rights_of(row))
