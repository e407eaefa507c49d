"""What a card's number can mean as it is written, and every way to write one card."""

import re
from typing import NamedTuple

from devicemgr.domain.rules.cards.formats import parse_number, raw_number
from devicemgr.domain.rules.cards.frames import frames_of
from devicemgr.domain.rules.cards.layouts import FORMATS, Format, frame_value, parities_hold, payload_of
from devicemgr.errors import InvalidInput
from devicemgr.text import safe

PLAIN_BITS = (32, 40, 48, 56, 64, 80)
_LAYOUTS = {form.name: form for form in FORMATS}
FORMS = ("decimal", "hex", "fffnnnnn", *_LAYOUTS, *(f"bits{bits}" for bits in PLAIN_BITS))
"""What a number can be written as: `bits…` is a whole number of that length without parities, such as a UID."""

_DIGITS = re.compile(r"[0-9]+")
_HEX = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{1,32})")
_PAIR = re.compile(r"([0-9]{1,8})\s*[:/,\-]\s*([0-9]{1,12})")
# Digits of a UID in hex: 4, 5, 7, 8 and 10 bytes.
_UID_DIGITS = (8, 10, 14, 16, 20)
_FFFNNNNN_DIGITS = 8
_26 = _LAYOUTS["wiegand26"]


class Meaning(NamedTuple):
    """One meaning of a number as written: the form to name it by, and the stored number."""

    form: str
    number: str


class Notation(NamedTuple):
    """One way to write a card: what kind of notation it is, and the text."""

    kind: str
    text: str


def meanings_of(written: str) -> list[Meaning]:
    """Return what a number means as it is written; several for digits that can be decimal, hex or FFFNNNNN."""
    text = written.strip()
    stored = parse_number(written)
    if not _DIGITS.fullmatch(text):
        return [Meaning("", stored)]
    found = [Meaning("decimal", stored)]
    # Ten digits of up to 32 bits are what is printed on most cards.
    if len(text) in _UID_DIGITS and not (len(text) == 10 and int(text) < 1 << 32):
        found.append(Meaning("hex", str(int(text, 16))))
    if len(text) == _FFFNNNNN_DIGITS and _is_fffnnnnn(text):
        found.append(Meaning("fffnnnnn", _fffnnnnn(text)))
    return found


def number_as(written: str, form: str) -> str:
    """Return the stored number of a card that is written in a form of FORMS, or by its bits: 35, 37n, wiegand35.

    InvalidInput when it can't be written so.
    """
    text, known = written.strip(), _form_named(form)
    if known in _LAYOUTS:
        return _of_layout(_LAYOUTS[known], text)
    if known == "decimal" and _DIGITS.fullmatch(text):
        return parse_number(text)
    if known == "hex" and (found := _HEX.fullmatch(re.sub(r"[:\- ]", "", text))):
        return parse_number(f"0x{found[1]}")
    if known == "fffnnnnn" and len(text) == _FFFNNNNN_DIGITS and _DIGITS.fullmatch(text) and _is_fffnnnnn(text):
        return _fffnnnnn(text)
    if known.startswith("bits"):
        bits, stored = int(known.removeprefix("bits")), parse_number(text)
        if stored.isdigit() and int(stored) < 1 << bits:
            return raw_number(bits, int(stored))
    raise InvalidInput(f"'{safe(written, 60)}' can't be read as {known}; write the card's number in another form")


def _form_named(form: str) -> str:
    for name in (form.lower(), f"wiegand{form.lower()}", f"bits{form.lower()}"):
        if name in FORMS:
            return name
    raise InvalidInput(f"there is no form '{safe(form, 30)}' of card numbers; take one of: {', '.join(FORMS)}")


def _of_layout(layout: Format, text: str) -> str:
    if (found := _PAIR.fullmatch(text)) and layout.facility:
        facility, number = int(found[1]), int(found[2])
        fits, payload = layout.holds(facility, number), layout.payload(facility, number)
    else:
        stored = parse_number(text)
        payload = int(stored) if stored.isdigit() else -1
        fits = 0 < payload < 1 << layout.width
    if not fits or not payload:
        most = f", at most {(1 << layout.facility) - 1}:{(1 << layout.number) - 1}" if layout.facility else ""
        raise InvalidInput(
            f"'{safe(text, 60)}' is no number of a {layout.name} card{most}; check the number or the format"
        )
    if layout is _26:
        return f"{payload >> 16}:{payload & 0xFFFF}"
    return raw_number(layout.bits, frame_value(layout, payload))


def _is_fffnnnnn(digits: str) -> bool:
    return _26.holds(int(digits[:3]), int(digits[3:])) and int(digits) > 0


def _fffnnnnn(digits: str) -> str:
    return f"{int(digits[:3])}:{int(digits[3:])}"


def notations(stored: str) -> list[Notation]:
    """Return every usual way to write a stored number's card, as what each reader could take it for."""
    found = [Notation("stored", stored)]
    whole = int(stored) if stored.isdigit() else None
    frames = frames_of(stored)
    for form in FORMATS:
        values = sorted(frame.value for frame in frames if frame.bits == form.bits and parities_hold(form, frame.value))
        # The first is the card in its own byte order, and one as raw bits of a whole number is not of the layout.
        own = [value for value in values if _is_named_by(form, value, stored)]
        for value in own[:1]:
            found += _of_frame(form, value)
            whole = payload_of(form, value) if whole is None and form.is_common else whole
    if stored.startswith("raw:"):
        bits, value = int(stored.split(":")[1]), int(stored.split(":")[2], 16)
        whole = value if whole is None and bits in PLAIN_BITS else whole
    if whole is not None:
        found += _of_whole(whole)
    return list(dict.fromkeys(found))


def _is_named_by(form: Format, value: int, stored: str) -> bool:
    """Return True if the stored number is this frame: its bits, its pair, or what stands between its parities."""
    payload = payload_of(form, value)
    if not payload:
        return False
    low = payload & ((1 << (form.issue + form.number)) - 1)
    names = {raw_number(form.bits, value), f"{payload >> (form.issue + form.number)}:{low}" if form.facility else ""}
    return stored in names | ({str(payload)} if form.is_common else set())


def _of_frame(form: Format, value: int) -> list[Notation]:
    payload = payload_of(form, value)
    low = payload & ((1 << (form.issue + form.number)) - 1)
    pair = f"{payload >> (form.issue + form.number)}:{low}" if form.facility else str(payload)
    return [Notation(form.name, pair), Notation(f"bits of {form.name}", raw_number(form.bits, value))]


def _of_whole(whole: int) -> list[Notation]:
    found = [Notation("decimal", str(whole)), Notation("hex", f"0x{whole:X}")]
    if whole < 1 << _26.width:
        facility, number = whole >> 16, whole & 0xFFFF
        found.append(Notation("printed", f"{whole:010d} {facility:03d},{number:05d}"))
        found.append(Notation("fffnnnnn", f"{facility:03d}{number:05d}"))
    size = next((bits // 8 for bits in PLAIN_BITS if whole < 1 << bits), None)
    if size is not None:
        data = whole.to_bytes(size, "big")
        turned = data[::-1]
        found.append(Notation("uid", data.hex(":").upper()))
        found.append(Notation("uid reversed", turned.hex(":").upper()))
        found.append(Notation("decimal reversed", str(int.from_bytes(turned, "big"))))
    return found
