"""One row of a table as values of a person: each checked, and equal to what is stored where it says the same."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from devicemgr.domain.rules.person_details import FIELDS as DETAILS, check_detail
from devicemgr.errors import InvalidInput
from devicemgr.people.cards.cells import number_in, parse_cell, parse_certain_cell
from devicemgr.text import badge as checked_badge, parse_end, parse_time, person_name, rfc3339, safe

_YES = frozenset({"yes", "true", "1", "да", "истина", "иә", "ақиқат"})
FLAGS = ("suspended", "escort")
_NO = frozenset({"no", "false", "0", "нет", "ложь", "жоқ", "жалған"})


class UnknownLevel(InvalidInput):
    """A row names a level that is not there."""


def checked_values(
    stated: Mapping[str, Any], levels: frozenset[str], zone: tzinfo | None, held: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the values that a row states, as they are stored; InvalidInput for the first that can't be.

    A date as an end includes that day in the `zone` of the site. Digits that could be several cards are refused, unless
    `held`, the cells of the person's cards, has one of these; with None they are decimal.
    A column that is not in the table is not among them, and neither is an empty `suspended` or `escort`.
    """
    found: dict[str, Any] = {"badge": checked_badge(str(stated["badge"]))}
    if "name" in stated:
        if not stated["name"].strip():
            raise InvalidInput("it has no name")
        found["name"] = person_name(stated["name"])
    if "levels" in stated:
        found["levels"] = _levels(stated["levels"], levels)
    if "cards" in stated:
        found["cards"] = _cards(stated["cards"], zone, held)
    if "valid_from" in stated:
        found["valid_from"] = rfc3339(parse_time(stated["valid_from"], zone)) if stated["valid_from"] else None
    if "valid_to" in stated:
        found["valid_to"] = rfc3339(parse_end(stated["valid_to"], zone)) if stated["valid_to"] else None
    found |= {name: _flag(name, stated[name]) for name in FLAGS if stated.get(name)}
    found |= {name: check_detail(name, stated[name]) or None for name in DETAILS if name in stated}
    if found.get("host"):
        found["host"] = checked_badge(found["host"])
    _require_validity(found)
    return found


def _cards(texts: Sequence[str], zone: tzinfo | None, held: Sequence[str] | None) -> list[str]:
    if held is None:
        return list(dict.fromkeys(str(parse_cell(text, zone)) for text in texts))
    numbers = [number_in(cell) for cell in held]
    return list(dict.fromkeys(str(parse_certain_cell(text, zone, numbers)) for text in texts))


def _levels(names: Sequence[str], known: frozenset[str]) -> list[str]:
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise UnknownLevel(f"there is no level '{safe(unknown, 60)}'")
    return sorted(set(names))


def _flag(name: str, text: str) -> bool:
    word = text.strip().casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise InvalidInput(f"'{safe(text, 20)}' under {name} is neither yes nor no")


def _require_validity(found: Mapping[str, Any]) -> None:
    start, end = found.get("valid_from"), found.get("valid_to")
    if start and end and start >= end:
        raise InvalidInput("the validity ends before it begins")
