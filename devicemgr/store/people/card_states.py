"""What state each card of a person is in: whether it opens, and if not, why and until when."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from devicemgr.store.tables import CredentialRow, PersonRow
from devicemgr.text import rfc3339

CARD = "card"


class CardState(StrEnum):
    """Whether a card counts now, and if not, why."""

    ACTIVE = "active"
    TEMPORARY = "temporary"
    SUBSTITUTED = "substituted"
    ENDED = "ended"
    BLOCKED = "blocked"
    REPLACED = "replaced"


def cards_of(row: PersonRow) -> list[CredentialRow]:
    """Return a person's cards in the order of their assignment."""
    return [c for c in sorted(row.credentials, key=lambda c: (c.created, c.value)) if c.kind == CARD]


def block_of(card: CredentialRow) -> dict[str, Any] | None:
    """Return since when a card is blocked, why, and what replaced it; None if it is not."""
    if card.blocked is None:
        return None
    return {"since": card.blocked, "reason": card.blocked_reason, "replaced_by": card.replaced_by}


def card_json(row: PersonRow, card: CredentialRow, now: datetime) -> dict[str, Any]:
    """Return one of a person's cards with its state at `now`."""
    at = rfc3339(now)
    substitute_until = _substitute_until(row, card, at)
    return {
        "number": card.value,
        "state": _state(card, at, is_substituted=substitute_until is not None),
        "until": card.until,
        "blocked": block_of(card),
        "substitute": {"number": card.substitute, "until": substitute_until} if substitute_until else None,
    }


def _substitute_until(row: PersonRow, card: CredentialRow, at: str) -> str | None:
    """Return the end of the temporary card that stands in for a card now."""
    ends = [other.until for other in row.credentials if other.kind == CARD and other.value == card.substitute]
    return next((end for end in ends if end is not None and end > at), None)


def _state(card: CredentialRow, at: str, *, is_substituted: bool) -> CardState:
    if card.replaced_by is not None:
        return CardState.REPLACED
    if card.blocked is not None:
        return CardState.BLOCKED
    if card.until is not None and card.until <= at:
        return CardState.ENDED
    if is_substituted:
        return CardState.SUBSTITUTED
    return CardState.TEMPORARY if card.until is not None else CardState.ACTIVE
