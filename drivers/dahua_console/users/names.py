"""Names and card numbers as Dahua terminals hold them."""

import unicodedata

from devicemgr.domain.rules.cards.formats import names_of_number, whole_number
from devicemgr.errors import DeviceRefused
from devicemgr.text import safe
from drivers.common.console.names import cut_name

NAME_BYTES = 31
_HEX = frozenset("0123456789abcdefABCDEF")

# ISO 9 is no help at a door: these are the spellings of passports, with the letters of Kazakh, Kyrgyz and Ukrainian.
_SPELT = (
    "аa бb вv гg дd еe ёe жzh зz иi йi кk лl мm нn оo пp рr сs тt уu фf хkh цts чch шsh щshch ъ ыy ь эe юiu яia "
    "әa ғg қq ңn өo ұu үu һh іi їi єie ґg"
)
_LATIN = {letter[0]: letter[1:] for letter in _SPELT.split()}


def shown_name(name: str) -> str:
    """Cut `name` to what a terminal holds."""
    return cut_name(name, NAME_BYTES)


def plain_name(name: str, badge: str) -> str:
    """Write `name` in ASCII for terminals that refuse its script; the badge if nothing is left of it."""
    spelt = "".join(_spell(char) for char in unicodedata.normalize("NFC", name))
    stripped = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    words = " ".join("".join(char for char in stripped if char.isalnum() or char in " .'-").split())
    return cut_name(words, NAME_BYTES).strip() or badge[:NAME_BYTES]


def _spell(char: str) -> str:
    latin = _LATIN.get(char.lower())
    if latin is None:
        return char
    return latin.capitalize() if char.isupper() else latin


class CardNumbers:
    """Card numbers as one terminal writes them: upper-case hex, or decimal where it is set so (CardStoreFormat=1)."""

    def __init__(self, *, is_decimal: bool = False) -> None:
        self.is_decimal = is_decimal

    def text(self, stored: str) -> str:
        """Return a stored card number (rules.cards) as CardNo.

        Raises DeviceRefused if the terminal reads the card as another number, or it is not certain as which.
        """
        value = whole_number(stored)
        if value is None:
            facility, _, rest = stored.partition(":")
            if facility.isdigit() and int(facility) <= 0xFFFF and int(rest) <= 0xFFFF:
                value = int(facility) << 16 | int(rest)  # it reads 32 bits of a card at most as facility and number
            elif facility == "raw":
                value = int(rest.partition(":")[2], 16)
        if not value:
            raise DeviceRefused(f"card {safe(stored, 40)} can't be held by this terminal; give it as one number")
        return self._written(value)

    def refusal(self, stored: str) -> str | None:
        """Return why a terminal can't hold a card, None if it can."""
        try:
            self.text(stored)
        except DeviceRefused as error:
            return str(error)
        return None

    def names(self, text: str) -> tuple[str, ...]:
        """Return every stored number that a CardNo may stand for, the likeliest first; () for none."""
        value = self._value(text)
        return names_of_number(value) if value is not None else ()

    def canonical(self, text: str) -> str:
        """Return a CardNo as it is written here: terminals answer in other letter case, or without leading zeros."""
        value = self._value(text)
        return self._written(value) if value else text.strip().upper()

    def _written(self, value: int) -> str:
        return str(value) if self.is_decimal else f"{value:08X}"

    def _value(self, text: str) -> int | None:
        text = text.strip()
        if not 1 <= len(text) <= 32 or set(text) - _HEX:
            return None
        # A letter in a decimal terminal's number was written before it was set so.
        return int(text, 10 if self.is_decimal and text.isdigit() else 16)
