"""People on older Dahua terminals: one row a card (AccessControlCard), faces by FaceInfoManager.

Some firmware keeps one row a person (a second is refused with 286064929) and drops the face with the row, so that a
card is replaced within its row where that is possible, and the face is sent again where it is not (SS 5531 MF EX,
field report).
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceGarbled, DeviceRefused, HeldInPart, NotVerifiable
from devicemgr.text import safe
from drivers.dahua_console.cgi import Cgi, TerminalClock, number
from drivers.dahua_console.refusals import Cause, CgiRefused
from drivers.dahua_console.users.legacy_table import FORMS, CardTable, TableRow, read_time
from drivers.dahua_console.users.names import CardNumbers, plain_name, shown_name
from drivers.dahua_console.users.record_finder import Find, Finder, attempt
from drivers.dahua_console.users.schedules import ALWAYS, Hours
from drivers.dahua_console.users.users import hours_of, local_time

_FIRST, _LAST = datetime(2000, 1, 1), datetime(2037, 12, 31, 23, 59, 59)
_NORMAL, _FROZEN = "0", "4"
_SOURCES = ("FaceInfoManager", "AccessFace")
_ONE_CARD = "this terminal keeps one card a person: card {} is left out"


@dataclass
class _Scan:
    """A reading of everything that is under way: rows, then who has a face."""

    rows: dict[str, list[TableRow]] = field(default_factory=dict)
    faces: set[str] = field(default_factory=set)
    found: Find | None = None


@dataclass
class _Outcome:
    """The result for one person so far."""

    missing: list[DeviceRefused] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    has_dropped: bool = False  # a row went, and maybe the face with it


class LegacyStore:
    """Speaks the older commands to one terminal; `clock` gives its zone. For `has_written` see PeopleStore."""

    commands = "older"

    def __init__(self, cgi: Cgi, clock: Callable[[], TerminalClock], hours: Hours, numbers: CardNumbers) -> None:
        self._cgi, self._clock, self._hours, self._numbers = cgi, clock, hours, numbers
        self._table, self._finder = CardTable(cgi), Finder(cgi)
        self._is_plain = False
        self._has_update = False
        self._scan = _Scan()
        self.has_written: bool | None = None

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        """ports.Holder; a page of rows a call, then one of faces, and everybody with the last."""
        if after is None:
            self._hours.forget()
            self._scan = _Scan()
        if after is None or after.isdigit():
            rows, place = self._table.page(int(after or 0))
            for row in rows:
                if key := row.get("UserID"):
                    self._scan.rows.setdefault(key, []).append(row)
            if place is not None:
                return [], str(place)
            after = "faces"
        if self._scan.rows and self._read_faces():
            return [], after
        return [self._holding(key, rows, key in self._scan.faces) for key, rows in self._scan.rows.items()], None

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        """ports.Holder; `faces` fit the terminal's limits."""
        failed: dict[str, DeviceRefused] = {}
        keys = [holding.key for holding in holdings]
        before = self._table.rows_of(keys)
        outcomes: dict[str, _Outcome] = {}
        for holding in holdings:
            try:
                outcomes[holding.key] = self._put_rows(holding, before.get(holding.key, []))
            except DeviceRefused as error:
                failed[holding.key] = error
        held = self._table.rows_of([key for key in keys if key in outcomes])
        for holding in holdings:
            if holding.key in outcomes:
                outcome, rows = outcomes[holding.key], held.get(holding.key, [])
                was_there = holding.key in before
                if why := self._finish(holding, outcome, rows, faces.get(holding.key), was_there=was_there):
                    failed[holding.key] = why
        return failed

    def remove(self, keys: Sequence[str]) -> None:
        """ports.Holder: face first, then each row; read back."""
        for key in keys:
            self._remove_face(key)
        for rows in self._table.rows_of(keys).values():
            for row in rows:
                self._table.change("remove", row)
        if left := list(self._table.rows_of(keys)):
            raise DeviceRefused(f"the terminal still holds {safe(', '.join(left), 100)} after removing; restart it")
        faces = self._with_face(keys)
        if faces:
            raise DeviceRefused("the terminal does not let go of a face; restart it")
        if faces is None:
            raise NotVerifiable(f"the terminal can't be queried about a face of {safe(', '.join(keys), 100)}")

    def _put_rows(self, holding: Holding, there: Sequence[TableRow]) -> _Outcome:
        """Bring a person's rows into step: what must go goes first, and what does not fit leaves the rest."""
        outcome = _Outcome([HeldInPart(why) for card in holding.cards if (why := self._numbers.refusal(card))])
        rows = {self._numbers.canonical(row.get("CardNo", "")): row for row in there}
        fitting = [card for card in holding.cards if self._numbers.refusal(card) is None]
        wanted = [self._numbers.text(card) for card in fitting] or [""]
        if self._table.is_single:
            wanted = self._one_of(wanted, rows, outcome)
        spare = [row for card, row in rows.items() if card not in wanted]
        added = [card for card in wanted if card not in rows]
        for row in spare[len(added) :]:
            self._remove_row(row, outcome)
        for place, card in enumerate(added):
            self._add_card(holding, card, spare[place] if place < len(spare) else None, outcome)
        for card in wanted:
            if card in rows:
                self._change_row(holding, card, rows[card], outcome)
        return outcome

    def _one_of(self, wanted: Sequence[str], rows: Mapping[str, TableRow], outcome: _Outcome) -> list[str]:
        """Return the one card that is kept: one that is held already, or the first."""
        kept = next((card for card in wanted if card in rows), wanted[0])
        outcome.missing += [HeldInPart(_ONE_CARD.format(card)) for card in wanted if card != kept]
        return [kept]

    def _add_card(self, holding: Holding, card: str, spare: TableRow | None, outcome: _Outcome) -> None:
        """Add a card, in the row of one that must go where the terminal changes it: the face stays with the row."""
        if spare is not None:
            try:
                self._write(holding, card, spare)
            except DeviceRefused:
                self._remove_row(spare, outcome)
            else:
                self._has_update = True
                outcome.cards.append(card)
                return
        try:
            self._write(holding, card, None)
        except CgiRefused as error:
            if error.has_only(Cause.EXISTS) and outcome.cards:
                self._table.is_single = True
                outcome.missing.append(HeldInPart(_ONE_CARD.format(card)))
                return
            # One that is not added takes nothing away; of who has no row left, the face goes as well.
            outcome.missing.append(HeldInPart(str(error)))
            if card and not outcome.cards and outcome.has_dropped:
                self._add_card(holding, "", None, outcome)
        else:
            outcome.cards.append(card)

    def _change_row(self, holding: Holding, card: str, row: TableRow, outcome: _Outcome) -> None:
        """Change what differs in a row; where firmware has no update, it is removed and added.

        Raises CgiRefused if it can't be changed, so that it opens as before.
        """
        has_name = row.get("CardName", "") in (shown_name(holding.name), plain_name(holding.name, holding.key))
        if has_name and not self._other_than_sent(holding, row):
            outcome.cards.append(card)
            return
        try:
            self._write(holding, card, row)
        except CgiRefused as error:
            if error.codes or self._has_update:
                raise
            self._remove_row(row, outcome)
            self._write(holding, card, None)
        else:
            self._has_update = True
        outcome.cards.append(card)

    def _remove_row(self, row: TableRow, outcome: _Outcome) -> None:
        self._table.change("remove", row)
        outcome.has_dropped = True

    def _write(self, holding: Holding, card: str, there: TableRow | None) -> None:
        """Add or change a row, in the spelling of names and times that the terminal takes; CgiRefused if in none."""
        names = [shown_name(holding.name)] if not self._is_plain else []
        if not names or not names[0].isascii():
            names.append(plain_name(holding.name, holding.key))
        refusal: CgiRefused | None = None
        for form in (self._table.form, *(form for form in FORMS if form != self._table.form)):
            for name in names:
                pairs = self._pairs(holding, card, name, form)
                try:
                    self._table.insert(pairs) if there is None else self._table.change("update", there, pairs)
                except CgiRefused as error:
                    refusal = refusal or error
                    if error.codes:
                        raise CgiRefused(f"the terminal refuses this person: {error.words('')}", error.codes) from error
                else:
                    self._is_plain = self._is_plain or (len(names) > 1 and name == names[-1])
                    self._table.form, self.has_written = form, True
                    return
            if self.has_written:
                break  # it takes times in this form
        if self.has_written is None:
            self.has_written = False
        raise CgiRefused("the terminal refuses this person: is it full, or is the card another's there?") from refusal

    def _finish(
        self, holding: Holding, outcome: _Outcome, rows: Sequence[TableRow], face: bytes | None, *, was_there: bool
    ) -> DeviceRefused | None:
        """Compare the rows with what was sent, then bring the face into step; return what is missing."""
        missing = outcome.missing
        held = {self._numbers.canonical(row.get("CardNo", "")): row for row in rows}
        if not outcome.cards:
            return DeviceRefused("; ".join(map(str, missing)) or "the terminal took none of this person's cards")
        if set(held) != set(outcome.cards):
            return DeviceRefused("the terminal said OK, and does not hold the person as sent; restart it")
        for row in held.values():
            if why := self._other_than_sent(holding, row):
                return DeviceRefused(f"the terminal said OK, and {why}; restart it")
        try:
            missing += self._put_face(holding, outcome, face, was_there=was_there)
        except DeviceRefused as error:
            return error
        if not missing:
            return None
        kind = NotVerifiable if {type(error) for error in missing} == {NotVerifiable} else HeldInPart
        return kind("; ".join(map(str, missing)))

    def _put_face(
        self, holding: Holding, outcome: _Outcome, face: bytes | None, *, was_there: bool
    ) -> list[DeviceRefused]:
        if holding.face is None:
            if not was_there:
                return []
            self._remove_face(holding.key)
            left = self._with_face([holding.key])
            if left:
                raise DeviceRefused("the terminal does not let go of a face; restart it")
            if left is None:
                return [NotVerifiable(f"the terminal can't be queried about a face of {safe(holding.key, 40)}")]
        elif face is not None:
            return self._send_face(holding, face)
        elif outcome.has_dropped and not self._with_face([holding.key]):
            return [HeldInPart("the terminal may have dropped the face with the card's record; it is sent again")]
        return []

    def _send_face(self, holding: Holding, face: bytes) -> list[DeviceRefused]:
        info = {"UserName": shown_name(holding.name), "PhotoData": [base64.b64encode(face).decode("ascii")]}
        row = {"UserID": holding.key, "Info": info}
        refusal: CgiRefused | None = None
        for action in ("add", "update"):
            try:
                self._cgi.post("FaceInfoManager", action, row)
            except CgiRefused as error:
                refusal = error if refusal is None or error.codes else refusal
                if error.codes and not error.has_only(Cause.EXISTS, Cause.ABSENT):
                    break
            else:
                return []
        assert refusal is not None
        why = refusal.words("is the photo sharp, and no other person's?")
        return [HeldInPart(f"the terminal refuses the face: {why}")]

    def _remove_face(self, key: str) -> None:
        attempt(self._cgi.order, "FaceInfoManager", "remove", [("UserID", key)])  # reading back tells

    def _with_face(self, keys: Sequence[str]) -> set[str] | None:
        """Return who of `keys` has a face there; None if that can't be queried."""
        for source in _SOURCES:
            try:
                return set(self._finder.rows_of(source, keys))
            except (CgiRefused, DeviceGarbled):
                continue
        return None

    def _read_faces(self) -> bool:
        """Read a page of who has a face, where this firmware tells; return whether there is more."""
        scan = self._scan
        try:
            scan.found = scan.found or self._finder.start("FaceInfoManager")
            page = self._finder.next(scan.found)
        except (CgiRefused, DeviceGarbled):
            return False
        scan.faces |= {str(row["UserID"]) for row in page}
        if scan.found.has_more(page):
            return True
        self._finder.stop(scan.found)
        return False

    def _pairs(self, holding: Holding, card: str, name: str, form: str) -> list[tuple[str, str]]:
        doors, clock = sorted(holding.doors), self._clock()
        return [
            ("CardNo", card),  # ASI7213Y: mandatory, though it may be empty
            ("UserID", holding.key),
            ("CardName", name),
            ("CardStatus", _NORMAL if doors else _FROZEN),
            ("CardType", "0"),
            *((f"Doors[{place}]", str(door - 1)) for place, door in enumerate(doors or [1])),
            *((f"TimeSections[{place}]", str(section)) for place, section in enumerate(self._sections(holding))),
            ("ValidDateStart", local_time(holding.valid_from, _FIRST.strftime(form), clock, form)),
            ("ValidDateEnd", local_time(holding.valid_to, _LAST.strftime(form), clock, form)),
        ]

    def _sections(self, holding: Holding) -> list[int]:
        hours = dict(holding.hours)
        return [self._hours.number(hours.get(door, "")) for door in sorted(holding.doors) or [1]]

    def _other_than_sent(self, holding: Holding, row: TableRow) -> str:
        """Return what of a row did not stay as it was sent, "" for nothing, as far as the terminal tells it."""
        sent = dict(self._pairs(holding, row.get("CardNo", ""), "", FORMS[1]))
        for name in ("ValidDateStart", "ValidDateEnd"):
            if row.get(name) and read_time(row[name]) != read_time(sent[name]):
                return f"holds {name} {safe(row[name], 40)} where {sent[name]} was sent"
        if row.get("CardStatus", sent["CardStatus"]) != sent["CardStatus"]:
            return f"holds CardStatus {safe(row['CardStatus'], 10)} where {sent['CardStatus']} was sent"
        for name in ("Doors", "TimeSections"):
            held = {value for key, value in row.items() if key.startswith(f"{name}[")}
            wanted = {value for key, value in sent.items() if key.startswith(f"{name}[")}
            # Firmware without weekly hours shows a number of its own for "at all times".
            if held and held != wanted and not (name == "TimeSections" and wanted == {str(ALWAYS)}):
                return f"holds {name} {safe(' '.join(sorted(held)), 40)} where {' '.join(sorted(wanted))} was sent"
        return ""

    def _holding(self, key: str, rows: Sequence[Mapping[str, str]], has_face: bool) -> Holding:
        first = rows[0]
        cards = [name for row in rows if (name := next(iter(self._numbers.names(row.get("CardNo", ""))), ""))]
        active = first.get("CardStatus", _NORMAL) == _NORMAL
        doors = [value for name, value in first.items() if name.startswith("Doors[")] if active else []
        sections: list[object] = [value for name, value in first.items() if name.startswith("TimeSections[")]
        return Holding(
            key,
            first.get("CardName", "")[:200],
            tuple(sorted(cards)),
            frozenset(number(door) + 1 for door in doors),
            self._time(first.get("ValidDateStart", ""), _FIRST),
            self._time(first.get("ValidDateEnd", ""), _LAST),
            "" if has_face else None,
            hours_of(self._hours, doors, sections),
        )

    def _time(self, text: str, unbounded: datetime) -> datetime | None:
        found = read_time(text)
        if found is None or found == unbounded:
            return None
        try:
            return found.replace(tzinfo=self._clock().zone).astimezone(UTC)
        except OverflowError:
            return None
