"""A card in a cell of a table: its number, `until` the end of a temporary one, and `blocked`."""

import re
from collections.abc import Collection
from datetime import tzinfo
from typing import NamedTuple

from devicemgr.domain.rules.cards.formats import parse_number, require_format
from devicemgr.domain.rules.cards.notations import meanings_of
from devicemgr.errors import InvalidInput
from devicemgr.text import parse_end, rfc3339, safe

_UNTIL, _BLOCKED = "until", "blocked"
_DOTTED = re.compile(r"\A(\d{2})\.(\d{2})\.(\d{4})\Z")


class CardCell(NamedTuple):
    """A card's stored number, the end of a temporary one as it is stored, and whether it is blocked."""

    number: str
    until: str | None = None
    is_blocked: bool = False

    @property
    def is_limited(self) -> bool:
        """True for a temporary or blocked card."""
        return self.until is not None or self.is_blocked

    def __str__(self) -> str:
        """Return the cell, which `parse_cell` reads."""
        until = [_UNTIL, self.until] if self.until else []
        return " ".join([written_number(self.number), *until, *([_BLOCKED] if self.is_blocked else [])])


def parse_cell(text: str, zone: tzinfo | None = None) -> CardCell:
    """Return the card that a cell names; a date as an end includes that day in `zone`.

    Raises InvalidInput for what is no number or no time.
    """
    written, until, is_blocked = _parts(text)
    number = parse_number(written)
    require_format(number)
    return CardCell(number, rfc3339(parse_end(until, zone)) if until else None, is_blocked)


def number_in(text: str) -> str:
    """Return the stored number of the card that a cell names."""
    return parse_number(_parts(text)[0])


def parse_certain_cell(text: str, zone: tzinfo | None, held: Collection[str]) -> CardCell:
    """Return the card that a cell names, as `parse_cell` does; of several that digits could be, the one in `held`.

    Raises InvalidInput where no or several of these are in `held`.
    """
    cell, written = parse_cell(text, zone), _parts(text)[0]
    found = meanings_of(written)
    if len(found) == 1:
        return cell
    meant = [meaning.number for meaning in found if meaning.number in held]
    if len(meant) == 1:
        return cell._replace(number=meant[0])
    ways = {"decimal": f"0{written}", "hex": f"0x{written}", "fffnnnnn": f"{written[:3]}:{written[3:]}"}
    choices = " or ".join(f"{ways[meaning.form]} ({meaning.form})" for meaning in found)
    raise InvalidInput(f"{safe(written, 40)} can be several cards; write {choices}")


def written_number(number: str) -> str:
    """Return a stored number as a cell has it: with a zero in front where its digits could be several cards."""
    return f"0{number}" if len(meanings_of(number)) > 1 else number


def _parts(text: str) -> tuple[str, str, bool]:
    words = text.split()
    is_blocked = len(words) > 1 and words[-1].casefold() == _BLOCKED
    if is_blocked:
        del words[-1]
    at = next((place for place, word in enumerate(words) if word.casefold() == _UNTIL), len(words))
    return " ".join(words[:at]), _DOTTED.sub(r"\3-\2-\1", " ".join(words[at + 1 :])), is_blocked
