"""How readers lay a card's number out in bits, with its parities (P; F facility, N number, I issue).

    wiegand26  H10301          P F{8} N{16} P        wiegand37   H10304    P F{16} N{19} P
    wiegand34                  P F{16} N{16} P       wiegand37n  H10302    P N{35} P
    wiegand35  Corporate 1000  P P F{12} N{20} P     wiegand36   S12906    P F{8} I{2} N{24} P
    wiegand48  Corporate 1000  P P F{22} N{23} P     wiegand40   C10106    P N{38} P
    wiegand42, 50, 58 and 66: 40, 48, 56 and 64 bits such as a UID between two parities

Unless a layout names its own parities, the first is even over the first half, the last odd over the last. Sources:
HID's published formats; S12906, C10106 and the masks of Corporate 1000 as in Proxmark's wiegand_formats.c.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Parity:
    """A parity bit at `place`, counted from the last bit, over itself and the other bits of `mask`."""

    place: int
    is_odd: bool
    mask: int

    def holds(self, value: int) -> bool:
        """Return True if this parity of a card's bits is right."""
        return (value & self.mask).bit_count() & 1 == self.is_odd


@dataclass(frozen=True, slots=True)
class Format:
    """A Wiegand layout: `facility`, `issue` and `number` in bits, the last parity behind them.

    Without `own` parities, even parity over the first `even` bits, odd over the last. Own ones are set in their order.
    A reader takes every card of a common layout's length by it, if its parities hold.
    """

    name: str
    facility: int
    number: int
    even: int = 0
    issue: int = 0
    own: tuple[Parity, ...] = ()
    is_common: bool = False
    min_facility: int = 0

    # Computed once: a status with 10,000 cards looks at them some million times.
    width: int = field(init=False, repr=False)
    parities: tuple[Parity, ...] = field(init=False, repr=False)
    bits: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Compute `width`, the bits between the parities; `parities` as they are set; and all `bits`."""
        width = self.facility + self.issue + self.number
        first, last = ((1 << self.even) - 1) << (width + 2 - self.even), (1 << self.even) - 1
        parities = self.own or (Parity(width + 1, False, first), Parity(0, True, last))
        for name, value in (("width", width), ("parities", parities), ("bits", width + len(parities))):
            object.__setattr__(self, name, value)

    def holds(self, facility: int, number: int) -> bool:
        """Return True if both fit."""
        return self.min_facility <= facility < 1 << self.facility and number < 1 << self.number

    def payload(self, facility: int, number: int) -> int:
        """Return what stands between the parities of a card of the first issue."""
        return facility << (self.issue + self.number) | number


# Over bits 3, 4, 6, 7, … and 2, 3, 5, 6, … from the left, and over all: the published pattern of Corporate 1000.
_CORPORATE_35 = (
    Parity(33, False, 0x3_B6DB_6DB6),
    Parity(0, True, 0x3_6DB6_DB6D),
    Parity(34, True, 0x7_FFFF_FFFF),
)
_CORPORATE_48 = (
    Parity(46, False, 0x5B6D_B6DB_6DB6),
    Parity(0, True, 0x36DB_6DB6_DB6D),
    Parity(47, True, 0xFFFF_FFFF_FFFF),
)
# Odd over bits 2 to 18 and over bits 18 to 35.
_SIMPLEX_36 = (Parity(35, True, 0xF_FFFC_0000), Parity(0, True, 0x7_FFFF))

FORMATS = (
    Format("wiegand26", 8, 16, 13, is_common=True),
    Format("wiegand34", 16, 16, 17, is_common=True),
    Format("wiegand37", 16, 19, 19, is_common=True),
    Format("wiegand37n", 0, 35, 19, is_common=True),
    Format("wiegand35", 12, 20, own=_CORPORATE_35),
    Format("wiegand36", 8, 24, issue=2, own=_SIMPLEX_36),
    Format("wiegand40", 0, 38, 20),
    # Company codes begin at 1; with 0, the number 0:8 of a reader that sends 48 bits plainly would be the card 0:4 too.
    Format("wiegand48", 22, 23, own=_CORPORATE_48, min_facility=1),
    Format("wiegand42", 0, 40, 21),
    Format("wiegand50", 0, 48, 25),
    Format("wiegand58", 0, 56, 29),
    Format("wiegand66", 0, 64, 33),
)
COMMON = tuple(form for form in FORMATS if form.is_common)


def frame_value(layout: Format, payload: int) -> int:
    """Return all bits of a card with this layout, parities included."""
    value = payload << 1
    for parity in layout.parities:
        if not parity.holds(value):
            value |= 1 << parity.place
    return value


def parities_hold(layout: Format, value: int) -> bool:
    """Return True if all parities of a layout are right."""
    return all(parity.holds(value) for parity in layout.parities)


def payload_of(layout: Format, value: int) -> int:
    """Return what stands between the parities."""
    return (value >> 1) & ((1 << layout.width) - 1)


def layout_names(layout: Format, value: int) -> list[str]:
    """Return the numbers of a card whose bits follow a layout: FACILITY:NUMBER where it has one, and the whole.

    The whole of a common layout only: for another the whole number 10 would be the same card as the number 21, which
    is 10 between two parities.
    """
    payload = payload_of(layout, value)
    if payload == 0:
        return []
    number = payload & ((1 << layout.number) - 1)
    facility = payload >> (layout.issue + layout.number)
    # A later issue is another card: the one before it was lost.
    is_first = layout.payload(facility, number) == payload
    has_pair = layout.facility and facility >= layout.min_facility
    pair = [f"{facility}:{number}"] if has_pair and is_first else []
    return [*pair, str(payload)] if layout.is_common else pair
