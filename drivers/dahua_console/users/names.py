"""Names and card numbers as Dahua terminals hold them."""

import unicodedata

from devicemgr.domain.rules.card_formats import names_of_number, whole_number
from devicemgr.errors import DeviceRefused
from devicemgr.text import safe
from drivers.common.console.names import cut_name

NAME_BYTES = 31

# ISO 9 is no help at a door: these are the spellings of passports, with the letters of Kazakh, Kyrgyz and Ukrainian.
_SPELT = (
    "аa бb вv гg дd еe ёe жzh зz иi йi кk лl мm нn оo пp рr сs тt уu фf хkh цts чch шsh щshch ъ ыy ь эe юiu яia "
    "әa ғg қq ңn өo ұu үu һh іi їi єie ґg"
)
_LATIN = {letter[0]: letter[1:] for letter in _SPELT.split()}


def shown_name(name: str) -> str:
    """`name` cut to what a terminal holds."""
    return cut_name(name, NAME_BYTES)


def plain_name(name: str, badge: str) -> str:
    """`name` in ASCII for terminals that refuse its script; the badge where nothing is left of it."""
    spelt = "".join(_spell(char) for char in unicodedata.normalize("NFC", name))
    stripped = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    words = " ".join("".join(char for char in stripped if char.isalnum() or char in " .'-").split())
    return cut_name(words, NAME_BYTES).strip() or badge[:NAME_BYTES]


def _spell(char: str) -> str:
    latin = _LATIN.get(char.lower())
    if latin is None:
        return char
    return latin.capitalize() if char.isupper() else latin


def card_hex(stored: str) -> str:
    """Return a stored card number (rules.cards) as a terminal's CardNo: upper-case hex, eight digits or more.

    Raises DeviceRefused if the terminal reads the card as another number, or it is not certain as which.
    """
    value = whole_number(stored)
    if value is None:
        facility, _, rest = stored.partition(":")
        if facility.isdigit() and int(facility) <= 0xFFFF and int(rest) <= 0xFFFF:
            value = int(facility) << 16 | int(rest)  # a terminal reads 32 bits of a card at most as facility and number
        elif facility == "raw":
            value = int(rest.partition(":")[2], 16)
    if not value:
        raise DeviceRefused(f"card {safe(stored, 40)} can't be held by this terminal; give it as one number")
    return f"{value:08X}"


def card_refusal(stored: str) -> str | None:
    """Return why a terminal can't hold a card, None if it can."""
    try:
        card_hex(stored)
    except DeviceRefused as error:
        return str(error)
    return None


def card_names(text: str) -> tuple[str, ...]:
    """Return every stored number that a terminal's CardNo may stand for, the likeliest first; () for none."""
    if not 1 <= len(text) <= 32 or set(text) - set("0123456789abcdefABCDEF"):
        return ()
    return names_of_number(int(text, 16))
