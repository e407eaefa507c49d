"""The columns of a table of people: which field each one holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devicemgr.domain.rules.person_details import FIELDS as DETAILS
from devicemgr.errors import Hint, InvalidInput
from devicemgr.text import safe, single_line

FIELDS = ("badge", "name", "levels", "cards", "valid_from", "valid_to", "suspended", *DETAILS, "escort")
"""All fields of a person that a table may have, in the order in which an export writes them."""
LISTS = ("levels", "cards", "photo")
_ALIASES = {
    "badge": "badge_number badge_no badge_id",
    "name": "full_name",
    "levels": "level access_level access_levels",
    "cards": "card card_number card_numbers",
    "email": "e_mail mail email_address e_mail_address",
    "phone": "phone_number telephone mobile",
    "department": "dept",
    "employee_id": "employee_no employee_number personnel_number",
    "note": "notes comment comments",
    "valid_from": "valid_since start_date",
    "valid_to": "valid_until end_date",
    "photo": "photos",
}
_FIELD_OF = {alias: field for field, aliases in _ALIASES.items() for alias in aliases.split()}


@dataclass(frozen=True, slots=True)
class Columns:
    """The field of each column by its place, "" for one that is not read; `ignored` has the headers of those."""

    fields: tuple[str, ...]
    ignored: tuple[str, ...]


def read_header(
    cells: Sequence[str], required: Sequence[str], known: Sequence[str] = FIELDS, named: Mapping[str, str] | None = None
) -> Columns:
    """Return which field each column holds; InvalidInput names a column that is missing or there twice.

    `named` leads from a field to the header that stands for it.
    """
    by_header = {_plain(header): field for field, header in (named or {}).items()}
    fields, ignored = [], []
    for cell in cells:
        plain = _plain(cell)
        field = by_header.get(plain) or _FIELD_OF.get(plain, plain)
        is_known = field in known
        fields.append(field if is_known else "")
        if plain and not is_known:
            ignored.append(single_line(cell))
    _require_headers(cells, named or {}, known)
    _require(fields, required, [cell for cell in cells if cell.strip()])
    return Columns(tuple(fields), tuple(ignored))


def _plain(header: str) -> str:
    return "_".join(single_line(header).casefold().replace("-", " ").replace("_", " ").split())


def _require_headers(cells: Sequence[str], named: Mapping[str, str], known: Sequence[str]) -> None:
    there = {_plain(cell) for cell in cells}
    for field, header in named.items():
        if field not in known:
            raise InvalidInput(f"there is no field '{safe(field, 40)}'; fields are: {', '.join(known)}")
        if _plain(header) not in there:
            raise InvalidInput(f"the table has no column '{safe(header, 60)}', which was named for {field}")


def _require(fields: Sequence[str], required: Sequence[str], cells: Sequence[str]) -> None:
    missing = [name for name in required if name not in fields]
    if missing:
        found = safe(", ".join(cells), 200) or "none"
        raise InvalidInput(
            f"the table has no column {' and no column '.join(missing)}; its columns are: {found}",
            hint=Hint("pass_column"),
        )
    twice = next((name for name in fields if name and fields.count(name) > 1), None)
    if twice:
        raise InvalidInput(f"the table has two columns {safe(twice, 60)}; remove one")
