"""Card numbers: how people write them, and what a reader's bits mean.

A stored number is `FACILITY:NUMBER`, one decimal number, or raw bits; one card can have several (`frames`).
`layouts` holds the formats of readers.
"""

import re

from devicemgr.domain.rules.cards.layouts import (
    COMMON,
    FORMATS,
    Format,
    frame_value,
    layout_names,
    parities_hold,
    payload_of,
)
from devicemgr.errors import Hint, InvalidInput
from devicemgr.text import safe

MAX_BITS = 128
_DECIMAL = re.compile(r"[0-9]{1,39}")
_FACILITY = re.compile(r"([0-9]{1,6})\s*[:/,\-]\s*([0-9]{1,12})")
_HEX = re.compile(r"0[xX]([0-9A-Fa-f]{1,32})|([0-9A-Fa-f]{2,32})")
_RAW = re.compile(r"raw:([0-9]{1,3}):([0-9A-Fa-f]{1,32})", re.IGNORECASE)
# As phones show a UID, 4, 7, 8 or 10 bytes: 04:AF:68:DA:C8:5A:80.
_UID = re.compile(r"[0-9A-Fa-f]{2}(?:([:\- ])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){2,8}")
_UID_BYTES = (4, 7, 8, 10)
# As many cards are printed: the whole number and, after it, its lowest 24 bits as facility and number.
_PRINTED = re.compile(r"([0-9]{5,10})\s+([0-9]{1,3})\s*[,:]\s*([0-9]{1,5})")


_FFFNNNNN = 100_000
NAMES = ("auto", "raw", *(form.name for form in FORMATS))


def parse_number(text: str) -> str:
    """Return the stored number of a card as written: 80:58400, 5301280, 0x50E420 or raw:26:…; else InvalidInput."""
    written = text.strip()
    if found := _PRINTED.fullmatch(written):
        return _printed(int(found[1]), int(found[2]), int(found[3]), text)
    if _UID.fullmatch(written):
        return _uid(written, text)
    if found := _FACILITY.fullmatch(written):
        return f"{int(found[1])}:{int(found[2])}"
    if _DECIMAL.fullmatch(written):
        return _decimal(int(written), text)
    if found := _RAW.fullmatch(written):
        bits, value = int(found[1]), int(found[2], 16)
        if not 1 <= bits <= MAX_BITS or value >= 1 << bits:
            raise InvalidInput(f"{safe(text, 60)}: that many bits do not hold this number; write raw:BITS:HEX")
        return raw_number(bits, value)
    if found := _HEX.fullmatch(written):
        return _decimal(int(found[1] or found[2], 16), text)
    raise InvalidInput(
        f"'{safe(text, 60)}' is no card number; write it in decimal, as FACILITY:NUMBER, as hex (0x…), or raw:BITS:HEX"
    )


def formats_of(stored: str) -> tuple[str, ...]:
    """Names of the common layouts that can hold a stored number; none for raw bits."""
    facility, colon, number = stored.partition(":")
    if not colon:
        return tuple(form.name for form in COMMON if int(stored) < 1 << form.width)
    if not facility.isdigit():
        return ()
    return tuple(form.name for form in COMMON if form.facility and form.holds(int(facility), int(number)))


def require_format(stored: str) -> tuple[str, ...]:
    """As `formats_of`; InvalidInput, saying how far each goes, when no card can have that FACILITY:NUMBER."""
    found = formats_of(stored)
    if not found and _FACILITY.fullmatch(stored):
        most = ", ".join(f"{form.name} {most_of(form)}" for form in COMMON if form.facility)
        raise InvalidInput(
            f"{safe(stored, 60)} fits no card; as FACILITY:NUMBER at most: {most}; or write the card's whole number",
            hint=Hint("name_card_format"),
        )
    return found


def most_of(form: Format) -> str:
    """Return the greatest FACILITY:NUMBER of a layout."""
    return f"{(1 << form.facility) - 1}:{(1 << form.number) - 1}"


def _decimal(value: int, text: str) -> str:
    if not 0 < value < 1 << MAX_BITS:
        raise InvalidInput(f"'{safe(text, 60)}' is no card number: it is nought, or has more than {MAX_BITS} bits")
    return str(value)


def _printed(whole: int, facility: int, number: int, text: str) -> str:
    form = FORMATS[0]
    if not form.holds(facility, number) or whole != facility << form.number | number or not whole:
        raise InvalidInput(
            f"'{safe(text, 60)}' is no card number: the two parts are not one 26-bit card's; write one of them alone"
        )
    return f"{facility}:{number}"


def _uid(written: str, text: str) -> str:
    data = bytes.fromhex(re.sub(r"[:\- ]", "", written))
    if len(data) not in _UID_BYTES:
        raise InvalidInput(f"'{safe(text, 60)}' is no card number: a UID has 4, 7, 8 or 10 bytes")
    return _decimal(int.from_bytes(data, "big"), text)


def raw_number(bits: int, value: int) -> str:
    """Return the stored number of a card that is known by its bits."""
    return f"raw:{bits}:{value:0{(bits + 3) // 4}X}"


def names_of(bits: int, data: bytes, form: str = "auto") -> tuple[str, ...]:
    """Every stored number that a read card answers to, the best for people first; () for what is no card.

    `data` holds `bits` bits, the first in the highest place (OSDP 2.2, osdp_RAW). With `form` auto a layout of that
    length counts when both parities hold; else the whole is one number.
    """
    if not 1 <= bits <= MAX_BITS or len(data) * 8 < bits:
        return ()
    value = int.from_bytes(data, "big") >> (len(data) * 8 - bits)
    if value == 0:
        return ()
    wanted = [layout for layout in FORMATS if layout.bits == bits and form in ("auto", layout.name)]
    fitting = [layout for layout in wanted if parities_hold(layout, value)]
    if not fitting and form not in ("auto", "raw"):
        return ()
    named = [name for layout in fitting for name in layout_names(layout, value)]
    # Only cards of the common lengths are surely of their layout; parities of another hold for many a number.
    is_sure = bool(fitting) and (form != "auto" or any(layout.is_common for layout in fitting))
    whole = [] if is_sure else [str(value)]
    ordered = [*whole, *named] if bits % 8 == 0 else [*named, *whole]
    return tuple(dict.fromkeys([*ordered, raw_number(bits, value)]))


def names_of_number(number: int) -> tuple[str, ...]:
    """Return every stored number that a card answers to whose whole number a device reports, without its length.

    Consoles (Hikvision in decimal, Dahua in hex) and ONVIF controllers report so. Up to 24 bits are read as a 26-bit
    card, up to 32 bits as a 34-bit card.
    """
    if number <= 0:
        return ()
    form = next((form for form in FORMATS[:2] if number < 1 << (form.bits - 2)), None)
    if form is None:
        return (str(number),)
    return (str(number), f"{number >> 16}:{number & 0xFFFF}", raw_number(form.bits, frame_value(form, number)))


def names_of_controller_number(number: int) -> tuple[str, ...]:
    """Return every stored number that a card answers to which a UHPPOTE controller reports as `number`.

    It reads a 26-bit card as FFFNNNNN, the facility and then five digits of the number, and the 32 bits of a 34-bit
    card as one number (uhppote-core, issues 11 and 15). A number that can be both is a 26-bit card.
    """
    facility, rest = divmod(number, _FFFNNNNN)
    if not 0 < number < 1 << 32:
        return ()
    if FORMATS[0].holds(facility, rest):
        whole, form = facility << 16 | rest, FORMATS[0]
        return (f"{facility}:{rest}", str(whole), raw_number(form.bits, frame_value(form, whole)))
    return (str(number), f"{number >> 16}:{number & 0xFFFF}", raw_number(34, frame_value(FORMATS[1], number)))


def whole_number(stored: str) -> int | None:
    """Return the number under which a console that holds whole numbers reads this card; None if it is not certain.

    FACILITY:NUMBER beyond 26 bits can be a 34-bit or a 37-bit card, which differ in it.
    """
    facility, colon, rest = stored.partition(":")
    if not colon:
        return int(stored) or None
    if facility.isdigit():
        fits = FORMATS[0].holds(int(facility), int(rest))
        return (int(facility) << FORMATS[0].number | int(rest) or None) if fits else None
    bits, _, digits = rest.partition(":")
    value = int(digits, 16)
    layout = next((form for form in COMMON if form.bits == int(bits) and parities_hold(form, value)), None)
    if layout is not None:
        return payload_of(layout, value) or None
    return value or None if int(bits) % 8 == 0 else None


def is_read_whole(_: object, stored: str) -> bool:
    """Return True if a device that reports whole numbers, without their length, can report this card."""
    return whole_number(stored) is not None or _fits_32_bits(stored)


def is_read_by_controller(_: object, stored: str) -> bool:
    """Return True if a UHPPOTE controller can report this card."""
    return controller_number(stored) is not None or _fits_32_bits(stored)


def is_read_as(form: str, stored: str) -> bool:
    """Return True if a reader that takes cards by this format of NAMES can read this card."""
    facility, _, number = stored.partition(":")
    if form == "auto":
        return True
    if form == "raw":
        return not number or not facility.isdigit()
    layout = next(layout for layout in FORMATS if layout.name == form)
    if not number:
        return layout.is_common and int(stored) < 1 << layout.width
    if facility.isdigit():
        return bool(layout.facility) and layout.holds(int(facility), int(number))
    bits, _, digits = number.partition(":")
    return int(bits) == layout.bits and parities_hold(layout, int(digits, 16))


def _fits_32_bits(stored: str) -> bool:
    facility, _, number = stored.partition(":")
    return facility.isdigit() and number.isdigit() and FORMATS[1].holds(int(facility), int(number))


def controller_number(stored: str) -> int | None:
    """Return the number under which a UHPPOTE controller reads this card; None if it can't, or not this card alone.

    The digits of a whole number are another card's there: 12345678 is printed on 188:24910, which it reads as 18824910,
    and it reads 123:45678 as 12345678.
    """
    whole = whole_number(stored)
    if whole is None or not 0 < whole < 1 << 32:
        return None
    if whole < 1 << 24:
        return (whole >> 16) * _FFFNNNNN + (whole & 0xFFFF)
    return None if FORMATS[0].holds(*divmod(whole, _FFFNNNNN)) else whole
