"""People on a Dahua terminal by its newer commands: AccessUser, with their cards and faces in stores of their own.

Everything sent to it is read back. Who has no door is held frozen: an empty list may mean every door.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceGarbled, DeviceRefused, NotVerifiable
from devicemgr.text import safe
from drivers.dahua_console.cgi import Cgi, Row, TerminalClock, number, numbered
from drivers.dahua_console.refusals import CgiRefused
from drivers.dahua_console.users.batches import BATCH, Batches
from drivers.dahua_console.users.cards import CardStore
from drivers.dahua_console.users.faces import SOURCES, FaceStore
from drivers.dahua_console.users.names import CardNumbers, plain_name, shown_name
from drivers.dahua_console.users.record_finder import Find, Finder, attempt
from drivers.dahua_console.users.schedules import Hours

FIRST, LAST = "2000-01-01 00:00:00", "2037-12-31 23:59:59"
_FORMAT = "%Y-%m-%d %H:%M:%S"
_ACTIVE, _FROZEN = 0, 1
# 1 would let the person into the terminal's own menus (vendor).
_ORDINARY = 2
# What a person's data is refused with, where another spelling of the name may help.
_BAD_DATA = {286064902, 268632322}
_PHASES = {"AccessCard": "cards", "AccessFace": "faces", "FaceInfoManager": "faces", "AccessUser": "people"}


@dataclass
class _Scan:
    """A reading of everything that is under way: one page a call, cards and faces before the people."""

    cards: dict[str, list[str]] = field(default_factory=dict)
    faces: set[str] | None = None
    found: Find | None = None


class PeopleStore:
    """Speaks the newer commands to one terminal; `clock` gives its zone.

    `has_written` is None until it has taken or refused a person, then whether it ever took one.
    """

    commands = "newer"

    def __init__(self, cgi: Cgi, clock: Callable[[], TerminalClock], hours: Hours, numbers: CardNumbers) -> None:
        self._cgi, self._clock, self._hours, self._numbers = cgi, clock, hours, numbers
        self._finder = Finder(cgi)
        self._people = Batches(cgi, "AccessUser", "UserList")
        self._cards, self._faces = CardStore(cgi, self._finder, numbers), FaceStore(cgi, self._finder)
        self._scan = _Scan()
        self._known: set[str] = set()
        self._is_plain = False
        self.has_written: bool | None = None

    def exists(self) -> bool:
        """Return whether the terminal knows these commands."""
        return self._finder.exists("AccessUser")

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        """ports.Holder; `after` names the phase of the reading."""
        if after is None:
            self._hours.forget()
            self._scan = _Scan()
            self._known = set()
        if after in (None, "cards"):
            return [], self._read_some("AccessCard", self._note_card) or "faces"
        if after == "faces":
            return [], self._read_faces() or "people"
        rows: list[Row] = []
        more = self._read_some("AccessUser", rows.append, optional=False)
        self._known |= {str(row["UserID"]) for row in rows}
        return self._holdings(rows), more

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        """ports.Holder; `faces` fit the terminal's limits. Whom it refuses loses what must go all the same."""
        failed: dict[str, DeviceRefused] = {}
        fresh = self._put_people(holdings, failed)
        refused = set(failed)
        self._cards.put(holdings, fresh, refused, failed)
        wanted = {key: jpeg for key, jpeg in faces.items() if key not in refused}
        self._faces.put(holdings, fresh, wanted, failed)
        return failed

    def remove(self, keys: Sequence[str]) -> None:
        """ports.Holder: face first, then the person with the cards; read back."""
        self._faces.prepare_removal(keys)
        self._faces.remove(keys)
        self._known -= set(keys)
        # Some firmware takes the list as a body, and some fails it for one who is not there: reading back tells.
        if not attempt(self._cgi.order, "AccessUser", "removeMulti", numbered("UserIDList", keys)) and not attempt(
            self._cgi.post, "AccessUser", "removeMulti", {"UserIDList": list(keys)}
        ):
            for key in keys:
                attempt(self._cgi.order, "AccessUser", "removeMulti", numbered("UserIDList", [key]))
        try:
            left = set(self._finder.rows_of("AccessUser", keys))
        except DeviceGarbled as error:
            raise DeviceRefused(str(error)) from error
        faces, unknown = self._faces.with_face(keys)
        there = self._cards.of(keys)
        cards = [str(row.get("CardNo", "")) for rows in (there or {}).values() for row in rows]
        self._cards.remove(cards)
        left |= faces | (set(self._cards.of(keys) or {}) if cards else set())
        if left:
            raise DeviceRefused(
                f"the terminal still holds {safe(', '.join(sorted(left)), 100)} after removing; restart it"
            )
        if unknown or there is None:
            what = "faces" if there is not None else "cards" if not unknown else "faces and cards"
            raise NotVerifiable(
                f"the terminal can't be queried about {what}; look at it there", only_faces=there is not None
            )

    def _put_people(self, holdings: Sequence[Holding], failed: dict[str, DeviceRefused]) -> set[str]:
        """Return the keys of those who are certainly new there."""
        rows: dict[str, Row] = {}
        for holding in holdings:
            try:
                rows[holding.key] = self._user_row(holding)
            except DeviceRefused as error:
                failed[holding.key] = error
        written = self._people.put(list(rows.values()), self._known)
        for row, refusal in written.refused:
            key = str(row["UserID"])
            name = next(holding.name for holding in holdings if holding.key == key)
            if (plain := self._put_plain(row, plain_name(name, key), refusal)) is None:
                why = refusal.words("is it full, or the badge too long for it?")
                failed[key] = DeviceRefused(f"the terminal refuses this person: {why}")
            else:
                self._is_plain, rows[key] = True, plain
        taken = [key for key in rows if key not in failed]
        self._note_written(bool(taken), [error for _, error in written.refused])
        held = self._listed_people(taken)
        self._known |= set(held)
        for key in taken:
            if why := _other_than_sent(rows[key], held.get(key)):
                failed[key] = DeviceRefused(f"the terminal said OK, and {why}; restart it")
        return written.fresh

    def _put_plain(self, row: Row, name: str, error: CgiRefused) -> Row | None:
        """Send a refused person again with the name in ASCII, and return the row if that is taken."""
        if row["UserName"].isascii() or (error.codes and not _BAD_DATA & set(error.codes)):
            return None
        plain = row | {"UserName": name}
        return None if self._people.put([plain], self._known).refused else plain

    def _note_written(self, taken: bool, errors: Sequence[CgiRefused]) -> None:
        """Note that the terminal has the commands, if it took a row or gave a reason for refusing one."""
        if taken or any(error.codes for error in errors):
            self.has_written = True
        elif errors and self.has_written is None:
            self.has_written = False

    def _listed_people(self, keys: Sequence[str]) -> dict[str, Row]:
        try:
            document = self._cgi.document("AccessUser", "list", numbered("UserIDList", keys)) if keys else {}
        except (CgiRefused, DeviceGarbled):
            document = {}
        rows = next((value for value in document.values() if isinstance(value, list)), [])
        found = {str(row.get("UserID")): row for row in rows if isinstance(row, dict)}
        missing = [key for key in keys if key not in found]
        return found | {key: rows[0] for key, rows in self._finder.rows_of("AccessUser", missing).items()}

    def _read_faces(self) -> str | None:
        """Read a page of who has a face, from the first list that tells."""
        started = self._scan.found.cgi if self._scan.found is not None else None
        for source in SOURCES if started not in SOURCES else (started,):
            more = self._read_some(source, self._note_face)
            if self._scan.faces is not None:
                return more
        return None

    def _read_some(self, cgi: str, note: Callable[[Row], Any], *, optional: bool = True) -> str | None:
        """Read one page; the same phase again while there is more, None after the last."""
        try:
            if self._scan.found is None or self._scan.found.cgi != cgi:
                self._scan.found = self._finder.start(cgi)
            find = self._scan.found
            page = self._finder.next(find)
        except (CgiRefused, DeviceGarbled):
            self._scan.found = None
            if not optional:
                raise
            if cgi in SOURCES:
                self._scan.faces = None  # such as a list with all photos in it: requested for a few people at a time
            return None
        if cgi in SOURCES and self._scan.faces is None:
            self._scan.faces = set()
        for row in page:
            note(row)
        if find.has_more(page):
            return _PHASES[cgi]
        self._scan.found = None
        self._finder.stop(find)
        return None

    def _note_card(self, row: Row) -> None:
        self._scan.cards.setdefault(str(row["UserID"]), []).append(str(row.get("CardNo", "")))

    def _note_face(self, row: Row) -> None:
        assert self._scan.faces is not None
        self._scan.faces.add(str(row["UserID"]))

    def _holdings(self, rows: Sequence[Row]) -> list[Holding]:
        keys = [str(row["UserID"]) for row in rows]
        faces = self._scan.faces
        if faces is None:
            pages = (keys[at : at + BATCH] for at in range(0, len(keys), BATCH))
            faces = set().union(*(self._faces.with_face(page)[0] for page in pages))
        return [self._holding(row, str(row["UserID"]) in faces) for row in rows]

    def _holding(self, row: Row, has_face: bool) -> Holding:
        key = str(row["UserID"])
        texts = self._scan.cards.get(key, [])
        cards = sorted(name for card in texts if (name := next(iter(self._numbers.names(card)), "")))
        held_doors = row.get("Doors")
        doors = held_doors if isinstance(held_doors, list) and number(row.get("UserStatus", 0)) == _ACTIVE else []
        return Holding(
            key,
            str(row.get("UserName", ""))[:200],
            tuple(cards),
            frozenset(number(door) + 1 for door in doors),
            self._time(row.get("ValidFrom"), FIRST),
            self._time(row.get("ValidTo"), LAST),
            "" if has_face else None,
            hours_of(self._hours, doors, row.get("TimeSections")),
        )

    def _time(self, value: object, unbounded: str) -> datetime | None:
        text = str(value or "")[:19]
        if text in ("", unbounded):
            return None
        try:
            return datetime.strptime(text, _FORMAT).replace(tzinfo=self._clock().zone).astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def _user_row(self, holding: Holding) -> Row:
        doors = sorted(door - 1 for door in holding.doors)
        zone, hours = self._clock(), dict(holding.hours)
        name = plain_name(holding.name, holding.key) if self._is_plain else shown_name(holding.name)
        return {
            "UserID": holding.key,
            "UserName": name,
            "UserType": 0,
            "Authority": _ORDINARY,
            "Password": "",
            "Doors": doors or [0],
            "TimeSections": [self._hours.number(hours.get(door + 1, "")) for door in doors or [0]],
            "SpecialDaysSchedule": [255] * max(len(doors), 1),
            "UserStatus": _ACTIVE if doors else _FROZEN,
            "ValidFrom": local_time(holding.valid_from, FIRST, zone),
            "ValidTo": local_time(holding.valid_to, LAST, zone),
        }


def _other_than_sent(row: Row, held: Row | None) -> str:
    """Return what did not stay as it was sent, "" for nothing; a name may be kept otherwise."""
    if held is None:
        return "does not hold the person"
    for name in ("ValidFrom", "ValidTo", "UserStatus", "Authority"):
        if name in held and str(held[name]) != str(row[name]):
            return f"holds {name} {safe(str(held[name]), 40)} where {row[name]} was sent"
    doors, sections = held.get("Doors"), held.get("TimeSections")
    if isinstance(doors, list) and {str(door) for door in doors} != {str(door) for door in row["Doors"]}:
        return f"holds Doors {safe(str(doors), 40)} where {row['Doors']} was sent"
    # Firmware may tell a section for each of its doors.
    if isinstance(sections, list) and sections[: len(row["TimeSections"])] != row["TimeSections"]:
        return f"holds TimeSections {safe(str(sections), 40)} where {row['TimeSections']} was sent"
    return ""


def hours_of(hours: Hours, doors: Sequence[object], sections: object) -> tuple[tuple[int, str], ...]:
    """By door, the names of hours that are not "at all times"; sections stand in the order of doors."""
    numbers = sections if isinstance(sections, list) else []
    named = ((number(door) + 1, hours.name(number(one, -1))) for door, one in zip(doors, numbers, strict=False))
    return tuple(sorted((door, name) for door, name in named if name))


def local_time(moment: datetime | None, unbounded: str, clock: TerminalClock, form: str = _FORMAT) -> str:
    """Format a time as the terminal shows it, within the years it knows; `unbounded` for None."""
    if moment is None:
        return unbounded
    local = clock.local(moment)
    if local.year < 2000:
        local = local.replace(year=2000, month=1, day=1)
    elif local.year > 2037:
        local = local.replace(year=2037, month=12, day=31)
    return local.strftime(form)
