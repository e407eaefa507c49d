"""One card under all its notations: the bit patterns that a reader could send for a stored number.

Two stored numbers are the same card if one reader could take the same bits for both. A reader may also send the bytes
of a UID in reverse order, so both orders count as one card.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from devicemgr.domain.rules.cards.formats import MAX_BITS, raw_number
from devicemgr.domain.rules.cards.layouts import (
    COMMON,
    FORMATS,
    Format,
    frame_value,
    layout_names,
    parities_hold,
    payload_of,
)

# ONVIF controllers also report these without parity: bits of the facility by all bits (Credential, format types).
_PLAIN_SPLITS = {48: 32, 64: 32}
_UID_BITS = (32, 56, 64, 80)
# These carry the bytes of a UID between their parities.
_UID_LAYOUTS = {form.bits: form for form in FORMATS if form.name in ("wiegand34", "wiegand58", "wiegand66")}
_LAYOUTS_BY_BITS: dict[tuple[int, bool], tuple[Format, ...]] = {
    (form.bits, form.is_common): tuple(
        other for other in FORMATS if (other.bits, other.is_common) == (form.bits, form.is_common)
    )
    for form in FORMATS
}
# As a whole number these can be a card with a pair, too.
_SPLIT_BITS = tuple(form.bits for form in FORMATS if form.facility and not form.is_common)


class Frame(NamedTuple):
    """The bits of a card as a reader takes them: by a common layout with parities (`laid_out`), or as one whole number.

    A card of another layout's length answers to both, so its frame is not `laid_out`.
    """

    bits: int
    value: int
    laid_out: bool


def frames_of(stored: str) -> frozenset[Frame]:
    """Return every pattern that a reader could take for a stored number."""
    facility, colon, rest = stored.partition(":")
    if not colon:
        whole = int(stored)
        found = {*_laid_out(whole), *(Frame(bits, whole, False) for bits in range(whole.bit_length(), MAX_BITS + 1))}
    elif facility.isdigit():
        found = set(_frames_of_pair(int(facility), int(rest)))
    else:
        found = set(_frames_of_raw(rest))
    return _in_both_orders(found)


def notations_of(stored: str) -> frozenset[str]:
    """Return every stored number that can be the same card, `stored` among them."""
    return frozenset(name for frame in frames_of(stored) for name in _names_of(frame)) | {stored}


def is_same_card(one: str, other: str) -> bool:
    """Return True if a reader could take the same bits for both stored numbers."""
    return one == other or not frames_of(one).isdisjoint(frames_of(other))


def shared_cards(cards: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the pairs of stored numbers that can be the same card and lead to different people.

    `cards` leads from stored numbers to people's ids. Homes of version 0.1.0 may have such pairs.
    """
    found = set()
    for number, person in cards.items():
        # Raw notations of other numbers, of which a whole number has many, are found from the raw number's side.
        near = plain_notations_of(number)
        found |= {(min(number, name), max(number, name)) for name in near if cards.get(name, person) != person}
    return sorted(found)


def plain_notations_of(stored: str) -> frozenset[str]:
    """Return the notations of a card that are not raw, or all of a raw number's: a tenth of the work of all."""
    return notations_of(stored) if stored.startswith("raw:") else frozenset(_near(stored)) | {stored}


def _near(stored: str) -> Iterator[str]:
    """Yield the notations that are not raw of a stored number that is not raw."""
    facility, colon, rest = stored.partition(":")
    if colon:
        found = set(_frames_of_pair(int(facility), int(rest)))
    else:
        whole = int(stored)
        found = {*_laid_out(whole), *(Frame(bits, whole, False) for bits in _UID_BITS if whole < 1 << bits)}
        found |= {Frame(bits, whole, False) for bits in {*_PLAIN_SPLITS, *_SPLIT_BITS} if whole < 1 << bits}
    for frame in _in_both_orders(found):
        yield from _numbers_of(frame)


def _laid_out(whole: int) -> Iterator[Frame]:
    for form in COMMON:
        if 0 < whole < 1 << form.width:
            yield Frame(form.bits, frame_value(form, whole), True)
        elif whole < 1 << form.bits and parities_hold(form, whole):
            # Too long for what is between the parities: a reader of raw bits takes such a card as all its bits.
            yield Frame(form.bits, whole, True)


def _frames_of_pair(facility: int, number: int) -> Iterator[Frame]:
    for form in FORMATS:
        if form.facility and form.holds(facility, number):
            yield Frame(form.bits, frame_value(form, form.payload(facility, number)), form.is_common)
    for bits, width in _PLAIN_SPLITS.items():
        if number < 1 << width and facility < 1 << (bits - width):
            yield Frame(bits, facility << width | number, False)


def _frames_of_raw(rest: str) -> Iterator[Frame]:
    bits, value = (int(part, base) for part, base in zip(rest.split(":"), (10, 16), strict=True))
    yield Frame(bits, value, False)
    if any(parities_hold(form, value) for form in _LAYOUTS_BY_BITS.get((bits, True), ())):
        yield Frame(bits, value, True)


def _in_both_orders(frames: Iterable[Frame]) -> frozenset[Frame]:
    found = set(frames)
    for frame in frames:
        if not frame.laid_out and frame.bits in _UID_BITS:
            found.add(frame._replace(value=_turned(frame.value, frame.bits // 8)))
        form = _UID_LAYOUTS.get(frame.bits)
        if form is not None and frame.laid_out == form.is_common and parities_hold(form, frame.value):
            payload = _turned(payload_of(form, frame.value), form.width // 8)
            found.add(frame._replace(value=frame_value(form, payload)))
    return frozenset(found)


def _turned(value: int, count: int) -> int:
    return int.from_bytes(value.to_bytes(count, "big"), "little")


def _names_of(frame: Frame) -> Iterator[str]:
    yield raw_number(frame.bits, frame.value)
    yield from _numbers_of(frame)


def _numbers_of(frame: Frame) -> Iterator[str]:
    if frame.laid_out:
        for form in _LAYOUTS_BY_BITS[frame.bits, True]:
            if parities_hold(form, frame.value):
                yield from layout_names(form, frame.value)
        if frame.value >> (frame.bits - 2):
            yield str(frame.value)
        return
    yield str(frame.value)
    for form in _LAYOUTS_BY_BITS.get((frame.bits, False), ()):
        if parities_hold(form, frame.value):
            yield from layout_names(form, frame.value)
    if width := _PLAIN_SPLITS.get(frame.bits):
        yield f"{frame.value >> width}:{frame.value & ((1 << width) - 1)}"
