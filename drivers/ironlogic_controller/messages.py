"""Web-JSON as IronLogic documents it (ironlogic.ru, web-json.pdf): what the controller sends, and card numbers.

The controller POSTs `{"type":"Z5RWEB","sn":50001,"messages":[{"id":10,…},…]}`. The answer to the same request is
`{"date":"2018-02-07 13:03:04","interval":8,"messages":[…]}`, of 2 kB at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from devicemgr.domain.rules.cards.formats import names_of_number, whole_number
from devicemgr.errors import DeviceGarbled, DeviceRefused
from devicemgr.text import safe
from drivers.common.http.client import read_json

MAX_BODY_BYTES, MAX_MESSAGES, MAX_EVENTS = 64 * 1024, 64, 200
MAX_ANSWER_BYTES = 1500
MAX_CARD_DIGITS = 16
ENTRY_READER, EXIT_READER = 1, 2


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a controller."""

    kind: str
    serial: int
    messages: tuple[dict[str, Any], ...]


def read_call(body: bytes) -> Call:
    """Return what a controller sent; DeviceGarbled for anything else."""
    found = read_json(body)
    messages = found.get("messages")
    serial = whole(found.get("sn"))
    if serial is None or not isinstance(messages, list) or len(messages) > MAX_MESSAGES:
        raise DeviceGarbled("a call without serial number or messages; is this a controller in Web-JSON mode?")
    # One document of the vendor writes a key with a blank after it.
    cleaned = [{str(key).strip(): value for key, value in each.items()} for each in messages if isinstance(each, dict)]
    return Call(safe(str(found.get("type") or ""), 20), serial, tuple(cleaned))


def whole(value: object) -> int | None:
    """Return a whole number, written as a number or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def card_names(card: object) -> tuple[str, ...]:
    """Return every stored number that a card answers to which the controller gives in hexadecimal; () for none."""
    digits = str(card or "")
    if not digits.isascii() or not 1 <= len(digits) <= MAX_CARD_DIGITS:
        return ()
    try:
        return names_of_number(int(digits, 16))
    except ValueError:
        return ()


def card_hex(stored: str) -> str:
    """Return a stored card number as the controller writes it, twelve digits; DeviceRefused if it is not certain."""
    value = whole_number(stored)
    if value is None or value >= 1 << 48:
        raise DeviceRefused(f"card {safe(stored, 40)} can't be held by this controller; give it as one number")
    return f"{value:012X}"


def add_cards(cards: Sequence[str]) -> dict[str, Any]:
    """Return the operation that adds cards for all time zones."""
    return {"operation": "add_cards", "cards": [{"card": card, "flags": 0, "tz": 255} for card in cards]}


def delete_cards(cards: Sequence[str]) -> dict[str, Any]:
    """Return the operation that deletes cards."""
    return {"operation": "del_cards", "cards": [{"card": card} for card in cards]}
