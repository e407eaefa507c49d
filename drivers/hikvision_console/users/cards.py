"""Cards as a console writes them: whole decimal numbers of up to 20 digits."""

from collections.abc import Sequence

from devicemgr.domain.rules.cards.formats import whole_number
from devicemgr.text import safe

# cardNo has at most 20 digits (CardInfo/capabilities).
_MAX_CARD = 10**20


def card_refusal(card: str) -> str | None:
    """Return why the console can't hold a card, None if it can."""
    number = whole_number(card)
    if number is not None and number < _MAX_CARD:
        return None
    return f"card {safe(card, 40)} does not fit: the console holds whole decimal numbers of up to 20 digits"


def card_numbers(cards: Sequence[str], missing: list[str]) -> set[str]:
    """Return cards as the console writes them; `missing` is called with those that it can't hold."""
    refused = {card: why for card in cards if (why := card_refusal(card)) is not None}
    missing += refused.values()
    return {str(whole_number(card)) for card in cards if card not in refused}
