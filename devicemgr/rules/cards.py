"""Card numbers: how people write them, and what a reader's bits mean.

A card has one stored number: `FACILITY:NUMBER` where its format has a facility code, else one decimal number. Formats
(HID's published Wiegand layouts; P parity, F facility, N number; the first parity is even, the last odd):

    wiegand26  H10301  P FFFFFFFF N{16} P          wiegand37   H10304  P F{16} N{19} P
    wiegand34          P F{16} N{16} P             wiegand37n  H10302  P N{35} P
"""

import re
from dataclasses import dataclass

from devicemgr.errors import InvalidInput
from devicemgr.text import safe

MOST_BITS = 128
_DECIMAL = re.compile(r"[0-9]{1,39}")
_FACILITY = re.compile(r"([0-9]{1,6})\s*[:/,\-]\s*([0-9]{1,12})")
_HEX = re.compile(r"0[xX]([0-9A-Fa-f]{1,32})|([0-9A-Fa-f]{2,32})")
_RAW = re.compile(r"raw:([0-9]{1,3}):([0-9A-Fa-f]{1,32})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Format:
    """A Wiegand layout: `facility` and `number` in bits; even parity over the first `even` bits, odd over the last."""

    name: str
    facility: int
    number: int
    even: int

    @property
    def bits(self) -> int:
        """All bits with both parities."""
        return self.facility + self.number + 2


FORMATS = (
    Format("wiegand26", 8, 16, 13),
    Format("wiegand34", 16, 16, 17),
    Format("wiegand37", 16, 19, 19),
    Format("wiegand37n", 0, 35, 19),
)
NAMES = ("auto", "raw", *(form.name for form in FORMATS))


def parse_number(text: str) -> str:
    """The stored number of a card as written: 80:58400, 5301280, 0x50E420 or raw:26:…; else InvalidInput."""
    written = text.strip()
    if found := _FACILITY.fullmatch(written):
        return f"{int(found[1])}:{int(found[2])}"
    if _DECIMAL.fullmatch(written):
        return _decimal(int(written), text)
    if found := _RAW.fullmatch(written):
        bits, value = int(found[1]), int(found[2], 16)
        if not 1 <= bits <= MOST_BITS or value >= 1 << bits:
            raise InvalidInput(f"{safe(text, 60)}: that many bits do not hold this number; write raw:BITS:HEX")
        return _raw(bits, value)
    if found := _HEX.fullmatch(written):
        return _decimal(int(found[1] or found[2], 16), text)
    raise InvalidInput(
        f"'{safe(text, 60)}' is no card number; write it in decimal, as FACILITY:NUMBER, as hex (0x…), or raw:BITS:HEX"
    )


def formats_of(stored: str) -> tuple[str, ...]:
    """Names of the layouts that can hold a stored number; none for raw bits."""
    facility, colon, number = stored.partition(":")
    if not colon:
        return tuple(form.name for form in FORMATS if int(stored) < 1 << (form.bits - 2))
    if not facility.isdigit():
        return ()
    return tuple(form.name for form in FORMATS if form.facility and _holds(form, int(facility), int(number)))


def require_format(stored: str) -> tuple[str, ...]:
    """As `formats_of`; InvalidInput, saying how far each goes, when no card can have that FACILITY:NUMBER."""
    found = formats_of(stored)
    if not found and _FACILITY.fullmatch(stored):
        most = ", ".join(f"{form.name} {most_of(form)}" for form in FORMATS if form.facility)
        raise InvalidInput(
            f"{safe(stored, 60)} fits no card; as FACILITY:NUMBER at most: {most}; or write the card's whole number"
        )
    return found


def most_of(form: Format) -> str:
    """The greatest FACILITY:NUMBER of a layout."""
    return f"{(1 << form.facility) - 1}:{(1 << form.number) - 1}"


def _holds(form: Format, facility: int, number: int) -> bool:
    return facility < 1 << form.facility and number < 1 << form.number


def _decimal(value: int, text: str) -> str:
    if not 0 < value < 1 << MOST_BITS:
        raise InvalidInput(f"'{safe(text, 60)}' is no card number: it is nought, or has more than {MOST_BITS} bits")
    return str(value)


def _raw(bits: int, value: int) -> str:
    return f"raw:{bits}:{value:0{(bits + 3) // 4}X}"


def names_of(bits: int, data: bytes, form: str = "auto") -> tuple[str, ...]:
    """Every stored number that a read card answers to, the best for people first; () for what is no card.

    `data` holds `bits` bits, the first in the highest place (OSDP 2.2, osdp_RAW). With `form` auto a layout of that
    length counts when both parities hold; else the whole is one number.
    """
    if not 1 <= bits <= MOST_BITS or len(data) * 8 < bits:
        return ()
    value = int.from_bytes(data, "big") >> (len(data) * 8 - bits)
    if value == 0:
        return ()
    wanted = [layout for layout in FORMATS if layout.bits == bits and form in ("auto", layout.name)]
    named = [name for layout in wanted if _parities_hold(layout, value) for name in _layout_names(layout, value)]
    if not named and form not in ("auto", "raw"):
        return ()
    return tuple(dict.fromkeys([*named, *([] if named else [str(value)]), _raw(bits, value)]))


def _parities_hold(layout: Format, value: int) -> bool:
    even = (value >> (layout.bits - layout.even)).bit_count()
    odd = (value & ((1 << layout.even) - 1)).bit_count()
    return even % 2 == 0 and odd % 2 == 1


def _layout_names(layout: Format, value: int) -> list[str]:
    payload = (value >> 1) & ((1 << (layout.bits - 2)) - 1)
    if payload == 0:
        return []
    number = payload & ((1 << layout.number) - 1)
    return [f"{payload >> layout.number}:{number}", str(payload)] if layout.facility else [str(payload)]


def names_of_number(number: int) -> tuple[str, ...]:
    """As `names_of`, for devices that tell only a decimal number; FFFNNNNN also stands for 26 bits."""
    if number <= 0:
        return ()
    facility, rest = divmod(number, 100_000)
    same = [f"{facility}:{rest}"] if 0 < facility <= 0xFF and rest <= 0xFFFF else []
    return (str(number), *same)


def printed_number(stored: str) -> int | None:
    """The number for devices that hold one decimal number; None where they can't hold this card."""
    facility, colon, rest = stored.partition(":")
    if not colon:
        return int(stored)
    if facility.isdigit() and int(facility) <= 0xFF and int(rest) <= 0xFFFF:
        return int(facility) * 100_000 + int(rest)
    return None
