"""Replace a lost, damaged or stolen card: the old one is blocked for good, the new one is its holder's, at once."""

from dataclasses import dataclass
from enum import StrEnum

from devicemgr.domain.rules.cards.formats import formats_of, parse_number, require_format
from devicemgr.domain.rules.cards.notations import number_as
from devicemgr.errors import Hint, InvalidInput, RequestError
from devicemgr.people.cards import temporary
from devicemgr.people.cards.notations import held_number
from devicemgr.people.consents import rights_of
from devicemgr.people.sources import guard
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.people import credentials
from devicemgr.store.tables import PersonRow


class Why(StrEnum):
    """Why a card is replaced."""

    LOST = "lost"
    DAMAGED = "damaged"
    STOLEN = "stolen"


@dataclass(frozen=True, slots=True)
class ReplacedCard:
    """Both numbers as they are stored, whose they are, and the formats that the new one fits."""

    old: str
    new: str
    row: PersonRow
    formats: list[str]


def replace(work: UnitOfWork, old_written: str, new_written: str, why: Why | None, form: str | None) -> ReplacedCard:
    """Give the holder of a card a new one in its place; `form` is how the new number is written.

    The new card takes over the end of a temporary one. Without `why` a card that was blocked keeps its reason.
    """
    session = work.session
    old = held_number(session, old_written)
    new = number_as(new_written, form) if form else parse_number(new_written)
    formats = list(formats_of(new) if form else require_format(new))
    found = credentials.require_held(session, old)
    row = credentials.person_of(session, found[0])
    if found[0].until is None:
        guard.require_editable(work, row, ["cards"])
    if replaced := next((card.replaced_by for card in found if card.replaced_by), None):
        raise RequestError(f"card {old} of {row.badge} was replaced by {replaced} already")
    if credentials.is_same_card(old, new):
        raise InvalidInput(f"{old} and {new} are one card; give the number of the new one")
    before = rights_of(row)
    temporary.assign(work, row, new)
    if any(card.blocked for card in credentials.cards_held(session, new)):
        raise RequestError(f"card {new} is blocked itself", hint=Hint("unblock_card", number=new))
    is_blocked = any(card.blocked for card in found)
    reason = why or (None if is_blocked else Why.LOST)
    credentials.replace_card(row, old, new, reason)
    detail = {"cards": len(found)} | ({"reason": str(reason)} if reason else {})
    work.record("admin.card_replaced", detail, person_id=row.id, before=before, after=rights_of(row))
    return ReplacedCard(old, new, row, formats)
