"""Whether a person's own record, and the card's, let them in at an instant, before any portal is looked at."""

from dataclasses import dataclass
from datetime import datetime, timezone
from enum import StrEnum

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Person


class Validity(StrEnum):
    """Whether a person's rights count now, and if not, why."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    NOT_YET = "not-yet"


@dataclass(frozen=True, slots=True)
class CardTerm:
    """When a card opens: a temporary one before it `ends`, a usual one not while a temporary one stands in for it.

    `substitute_until` is the end of that temporary card.
    """

    ends: datetime | None = None
    substitute_until: datetime | None = None

    def refusal(self, at: datetime) -> Reason | None:
        """Return None, or why the card opens nothing at `at`."""
        if self.ends is not None and not _is_before(at, self.ends):
            return Reason.CARD_EXPIRED
        if self.substitute_until is not None and not _reached(self.substitute_until, at):
            return Reason.CARD_BLOCKED
        return None


ALWAYS = CardTerm()


def invalidity(person: Person, at: datetime) -> Reason | None:
    """None, or why not: suspended, before `valid_from`, or at or after `valid_to`; a limit without a zone denies."""
    if person.suspended:
        return Reason.SUSPENDED
    if not has_begun(person.valid_from, at):
        return Reason.NOT_YET_VALID
    if has_ended(person.valid_to, at):
        return Reason.EXPIRED
    return None


def has_begun(valid_from: datetime | None, at: datetime) -> bool:
    """Return True at or after a first moment of validity; one without a zone never comes."""
    return valid_from is None or _reached(valid_from, at)


def has_ended(valid_to: datetime | None, at: datetime) -> bool:
    """Return True at or after an end of validity; one without a zone has always ended."""
    return valid_to is not None and not _is_before(at, valid_to)


def _reached(limit: datetime, at: datetime) -> bool:
    first, second = _instant(limit), _instant(at)
    return first is not None and second is not None and first <= second


def _is_before(at: datetime, limit: datetime) -> bool:
    first, second = _instant(at), _instant(limit)
    return first is not None and second is not None and first < second


def _instant(moment: datetime) -> datetime | None:
    """Return the same instant at a fixed offset.

    Two datetimes of one zone compare by wall clock, wrong in a repeated hour.
    """
    offset = moment.utcoffset()
    return None if offset is None else moment.replace(tzinfo=timezone(offset), fold=0)
