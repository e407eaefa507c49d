"""What a table of people would change: a pure comparison of its rows with everyone who is here."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from devicemgr.domain.rules.cards.frames import plain_notations_of
from devicemgr.errors import InvalidInput
from devicemgr.people.cards.cells import CardCell, number_in, parse_cell
from devicemgr.people.tables.checks import UnknownLevel, checked_values
from devicemgr.people.tables.mangled import lost_zeros, same_without_zeros, zero_width
from devicemgr.people.tables.ownership import foreign_to, kept_fields, mapped_levels, resumes_by_itself
from devicemgr.people.tables.present import PresentPeople, PresentPerson
from devicemgr.text import badge_key, counted, safe

# More suspensions or removals at once than this, or this share of all, need a look first.
MAX_TAKEN_AWAY, MAX_SHARE_TAKEN_AWAY = 10, 0.1
DIFFERS = "differs"
BY_DEPARTMENT = "department_levels"


class Missing(StrEnum):
    """What becomes of people whom the table does not name."""

    KEEP = "keep"
    SUSPEND = "suspend"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a table may change: `update` takes changed values of people who are here.

    `as_written` takes badges without zeros in front beside others with them, and cards whose digits could be several
    cards as decimal: no spreadsheet has touched those.
    The rows of a `source` are its own people: only they can be missing, it takes people of no other source, each with
    the levels that `level_map` has for their groups.
    """

    update: bool = False
    as_written: bool = False
    missing: Missing = Missing.KEEP
    source: str | None = None
    level_map: Mapping[str, str] = field(default_factory=dict)
    max_taken_away: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one person: add, edit, suspend, resume or remove; `fields` has each value before and after.

    Among them are `department_levels`, which follow from the department.
    """

    badge: str
    name: str
    change: str
    line: int | None
    fields: Mapping[str, list[Any]] = field(default_factory=dict)

    @property
    def takes_away(self) -> bool:
        """True if it ends anything that a person may open: a level, a card, a part of the validity, or all."""
        lists = [self.fields[name] for name in ("levels", "cards", BY_DEPARTMENT) if name in self.fields]
        if self.change in ("suspend", "remove") or any(set(before or ()) - set(after or ()) for before, after in lists):
            return True
        if self.change != "edit":
            return False
        (old_start, start), (old_end, end) = (self.fields.get(name, (None, None)) for name in _VALIDITY)
        return (start is not None and start > (old_start or "")) or (
            end is not None and (old_end is None or end < old_end)
        )

    def as_json(self) -> dict[str, Any]:
        """Return the change as the API answers it."""
        fields = {name: list(values) for name, values in self.fields.items()}
        return {
            "badge": self.badge,
            "name": self.name,
            "change": self.change,
            "line": self.line,
            "fields": fields,
        }


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is not taken, by a code, and why in words."""

    badge: str
    line: int | None
    code: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, in the order in which they are made, and what is not taken.

    `unsure` says why no one is taken for missing; `people` is how many are here.
    """

    changes: tuple[Change, ...]
    refused: tuple[Refused, ...]
    unchanged: int
    people: int
    unsure: str | None = None
    source: str | None = None
    limit: int | None = None

    @property
    def digest(self) -> str:
        """A short digest of the changes, by which an admin accepts them."""
        found = hashlib.sha256()
        for change in self.changes:  # one by one: a text of thousands would keep all other threads waiting
            found.update(json.dumps(change.as_json(), sort_keys=True).encode())
        return found.hexdigest()[:12]

    @property
    def taken_away(self) -> int:
        """How many people would lose a right."""
        return len({change.badge for change in self.changes if change.takes_away})

    @property
    def max_taken_away(self) -> int:
        """How many that may be without a second look."""
        return self.limit if self.limit is not None else max(MAX_TAKEN_AWAY, int(self.people * MAX_SHARE_TAKEN_AWAY))


_VALIDITY = ("valid_from", "valid_to")
_ORDER = ("suspend", "remove", "edit", "resume", "add")


def make_plan(rows: Sequence[Mapping[str, Any]], present: PresentPeople, policy: Policy) -> Plan:
    """Return what the rows change; each is a mapping of column to value, with `line`, and `fault` if it is unreadable.

    Raises InvalidInput for a table without rows: it was not read rightly, and does not say that everyone left.
    """
    if not rows:
        raise InvalidInput("the table has no rows, so nothing was changed")
    comparison = _Comparison(present, policy, rows)
    for row in rows:
        comparison.take(row)
    unsure = comparison.take_missing(rows)
    changes = sorted(comparison.changes, key=lambda change: _ORDER.index(change.change))
    return Plan(
        tuple(changes),
        tuple(comparison.refused),
        comparison.unchanged,
        sum(policy.source in (None, person.source) for person in present.by_badge.values()),
        unsure,
        policy.source,
        policy.max_taken_away,
    )


class _Comparison:
    """The rows so far."""

    def __init__(self, present: PresentPeople, policy: Policy, rows: Sequence[Mapping[str, Any]]) -> None:
        self.changes: list[Change] = []
        self.refused: list[Refused] = []
        self.unchanged = 0
        self._present, self._policy = present, policy
        self._keys = [badge_key(str(row.get("badge", ""))) for row in rows]
        self._count = Counter(self._keys)
        self._ids = Counter(row["source_id"] for row in rows if row.get("source_id"))
        own = [person for person in present.by_badge.values() if policy.source and person.source == policy.source]
        self._by_id = {person.source_id: person for person in own if person.source_id in self._ids}
        self._width = zero_width({*present.by_badge, *self._keys})
        self._without_zeros = {badge.lstrip("0"): badge for badge in present.by_badge if badge.isdecimal()}
        self._lines_of_cards = _lines_of_cards(rows)
        # Plain numbers that a stored raw card can be; that card is not among their notations.
        raw = {card: badge for card, badge in present.cards.items() if card.startswith("raw:")}
        self._owners = {name: badge for card, badge in raw.items() for name in plain_notations_of(card)}
        self._owners |= present.cards

    def take(self, row: Mapping[str, Any]) -> None:
        """Compare one row."""
        line, key = row["line"], badge_key(str(row.get("badge", "")))
        try:
            code, why = self._objection(row, key)
            if why is None:
                self._compare(line, key, row)
                return
        except InvalidInput as error:
            code, why = "unknown_level" if isinstance(error, UnknownLevel) else "invalid", str(error)
        self.refused.append(Refused(key, line, code, why))

    def _objection(self, row: Mapping[str, Any], key: str) -> tuple[str, str | None]:
        if row.get("fault"):
            return "unreadable", str(row["fault"])
        if self._count[key] > 1:
            return "badge_twice", f"badge {safe(key, 40)} is in {self._count[key]} rows; keep one of them"
        person = self._person(row, key)
        if self._policy.source is not None and (why := self._objection_of_source(row, person)):
            return "other_person", why
        if person is None and not self._policy.as_written:
            if why := lost_zeros(key, self._width):
                return "lost_zeros", f"badge {safe(key, 40)} has {counted(len(key), 'digit')}; {why}"
            if other := same_without_zeros(key, self._without_zeros):
                return "lost_zeros", f"badge {safe(key, 40)} may be {other}, who is here; correct the zeros in front"
        return "", None

    def _objection_of_source(self, row: Mapping[str, Any], person: PresentPerson | None) -> str | None:
        found = row.get("source_id")
        if found and (count := self._ids[found]) > 1:
            return f"id {safe(str(found), 40)} is in {count} rows; keep one of them"
        return None if person is None else foreign_to(person, self._policy.source, found)

    def _person(self, row: Mapping[str, Any], key: str) -> PresentPerson | None:
        """Return the person whom a row names by their id in the source, else by their badge."""
        return self._by_id.get(row.get("source_id")) or self._present.by_badge.get(key)

    def _with_levels(self, row: Mapping[str, Any], person: PresentPerson | None) -> Mapping[str, Any]:
        """Return a row of a source with levels in place of groups, without them where it grants none."""
        if self._policy.source is None or "levels" not in row:
            return row
        if not self._policy.level_map:
            return {name: value for name, value in row.items() if name != "levels"}
        held = person.values["levels"] if person else []
        return {**row, "levels": mapped_levels(row["levels"], held, self._policy.level_map)}

    def _require_badge(self, key: str, person: PresentPerson) -> None:
        other = self._present.by_badge.get(key)
        if other is not None and other is not person:
            raise InvalidInput(f"badge {safe(key, 40)} is another person's; give each of them one of their own")

    def _compare(self, line: int, key: str, row: Mapping[str, Any]) -> None:
        person = self._person(row, key)
        held = None if self._policy.as_written else person.values["cards"] if person else ()
        values = checked_values(self._with_levels(row, person), self._present.levels, self._present.zone, held)
        if person is not None and person.limited and "levels" in values:
            values["levels"] = [name for name in values["levels"] if name not in person.limited]
        self._require_host(values)
        self._require_cards(values, person, line)
        if person is None:
            if "name" not in values:
                raise InvalidInput("it has no name, and no one has this badge yet")
            fields = {
                name: [None, value]
                for name, value in values.items()
                if name != "badge" and value not in (None, [], False)
            }
            fields |= _department_levels({}, values, self._present.department_levels)
            self.changes.append(Change(key, values["name"], "add", line, fields))
            return
        self._require_badge(key, person)
        found = list(_differences(person, values, line, self._policy.source, self._present.department_levels))
        if not found:
            self.unchanged += 1
        elif kept := self._kept(person, found):
            why = f"source {person.source} keeps {', '.join(kept)} of badge {safe(key, 40)}; change it there"
            self.refused.append(Refused(key, line, "kept_by_source", why))
        elif self._policy.update:
            self.changes += found
        else:
            names = ", ".join(sorted({name for change in found for name in change.fields} - {BY_DEPARTMENT}))
            why = f"badge {safe(key, 40)} is here with other values of {names}, which stay as they are"
            self.refused.append(Refused(key, line, DIFFERS, why))

    def _kept(self, person: PresentPerson, changes: Sequence[Change]) -> list[str]:
        """Return which fields of the changes are those of the person's source, and not this table's."""
        if person.source is None or person.source == self._policy.source:
            return []
        fields = {name: values for change in changes for name, values in change.fields.items()}
        return kept_fields(person, fields, self._present.managed.get(person.source))

    def _require_host(self, values: Mapping[str, Any]) -> None:
        host = values.get("host")
        if host is None:
            return
        if host == values["badge"]:
            raise InvalidInput("no one is their own host; give another person's badge")
        if host not in self._present.by_badge and host not in self._count:
            raise InvalidInput(f"no person has badge {safe(host, 60)}, the host; add the host too")

    def _require_cards(self, values: dict[str, Any], person: PresentPerson | None, line: int) -> None:
        """Refuse cards of others; a notation of a card that the person has is that card.

        A held card keeps its end and its block unless the table states another; a temporary one stays until it ends.
        """
        held = {card.number: card for card in map(parse_cell, person.values["cards"])} if person else {}
        wanted = {card.number: str(card) for card in held.values() if card.until}
        for cell in map(parse_cell, values.get("cards", ())):
            number = cell.number
            if number in held:
                wanted[number] = _merged(cell, held[number])
                continue
            notations = plain_notations_of(number)
            same = next((card for card in held if card in notations or number in plain_notations_of(card)), None)
            owner = next((self._owners[name] for name in notations if name in self._owners), None)
            if same is None and owner is not None:
                raise InvalidInput(f"card {number} is {owner}'s; remove it there first")
            others = {at for name in notations for at in self._lines_of_cards.get(name, ())} - {line}
            if same is None and others:
                raise InvalidInput(f"card {number} is in line {min(others)} too; correct one of them")
            if same is None and cell.until and cell.until <= self._present.at:
                continue  # an older export of a temporary card
            wanted[same or number] = _merged(cell, held[same]) if same else str(cell)
        if "cards" in values:
            values["cards"] = sorted(wanted.values())

    def take_missing(self, rows: Sequence[Mapping[str, Any]]) -> str | None:
        """Suspend or remove who is not named; return why not, where that is not certain."""
        if self._policy.missing is Missing.KEEP:
            return None
        unknown = [refused for refused in self.refused if refused.badge not in self._present.by_badge]
        named = {person.badge for person in self._by_id.values()}
        absent = [
            person
            for badge, person in self._present.by_badge.items()
            if badge not in self._count
            and badge not in named
            and person.source == self._policy.source
            and not person.is_visit
        ]
        if unknown and absent:
            return (
                f"{len(unknown)} of {len(rows)} rows are of people who are not known, so it is not certain who is "
                "missing; no one was suspended or removed"
            )
        for person in absent:
            if self._policy.missing is Missing.REMOVE:
                self.changes.append(Change(person.badge, person.values["name"], "remove", None))
            elif not person.values["suspended"]:
                fields = {"suspended": [False, True]}
                self.changes.append(Change(person.badge, person.values["name"], "suspend", None, fields))
        return None


def _department_levels(
    before: Mapping[str, Any], values: Mapping[str, Any], levels: Mapping[str, Sequence[str]]
) -> dict[str, list[Any]]:
    """Return the levels before and after that follow from a department that changes; nothing if they stay."""
    old, new = before.get("department"), values.get("department", before.get("department"))
    found = [list(levels.get(name, ())) if name else [] for name in (old, new)]
    return {BY_DEPARTMENT: found} if found[0] != found[1] else {}


def _differences(
    person: PresentPerson,
    values: Mapping[str, Any],
    line: int,
    source: str | None,
    levels: Mapping[str, Sequence[str]],
) -> Iterator[Change]:
    """Yield the edit, and the suspension or its end, that make a person what a row states, and their source's."""
    before, skipped = person.values, ("suspended",) if source is not None else ("badge", "suspended")
    fields = {
        name: [before[name], value]
        for name, value in values.items()
        if name not in skipped and _plain(before[name]) != _plain(value)
    }
    if source is not None and person.source is None:
        fields["source"] = [None, source]
    if fields:
        start, end = values.get("valid_from", before["valid_from"]), values.get("valid_to", before["valid_to"])
        if start and end and start >= end:
            raise InvalidInput("the validity ends before it begins")
        fields |= _department_levels(before, values, levels)
        yield Change(person.badge, values.get("name", before["name"]), "edit", line, fields)
    # Someone whom a table or source had suspended is back when it names them; a suspension by hand stays.
    is_back = resumes_by_itself(person, source)
    wanted = values.get("suspended", False if is_back else before["suspended"])
    if source is not None and before["suspended"] and not is_back:
        wanted = True
    if wanted != before["suspended"]:
        change = "suspend" if wanted else "resume"
        yield Change(person.badge, before["name"], change, line, {"suspended": [before["suspended"], wanted]})


def _merged(stated: CardCell, held: CardCell) -> str:
    return str(CardCell(held.number, stated.until or held.until, stated.is_blocked or held.is_blocked))


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list | tuple) else value


def _lines_of_cards(rows: Sequence[Mapping[str, Any]]) -> dict[str, set[int]]:
    """Return the lines in which each card stands, by the number as it is stored; what is no number is left out."""
    found: dict[str, set[int]] = {}
    for row in rows:
        for text in row.get("cards") or ():
            with suppress(InvalidInput):
                found.setdefault(number_in(text), set()).add(row["line"])
    return found
