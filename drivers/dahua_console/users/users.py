"""People, cards and faces on a Dahua terminal by its newer commands (AccessUser, AccessCard, AccessFace).

Everything sent to it is read back. It fails a whole batch for one who is there already, or is not, so a batch is
tried as new, then as known, then one by one. Who has no door is held frozen: an empty list may mean every door.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceGarbled, DeviceRefused, HeldInPart, NotVerifiable
from devicemgr.text import safe
from drivers.common.console.refusals import note_refusal
from drivers.dahua_console.cgi import Cgi, CgiRefused, Row, TerminalClock, flat_rows, number, numbered
from drivers.dahua_console.users.names import card_hex, card_names, card_refusal, plain_name, shown_name
from drivers.dahua_console.users.record_finder import MOST_HELD, Find, Finder, attempt
from drivers.dahua_console.users.schedules import Hours

BATCH = 10
FIRST, LAST = "2000-01-01 00:00:00", "2037-12-31 23:59:59"
_FORMAT = "%Y-%m-%d %H:%M:%S"
_ACTIVE, _FROZEN = 0, 1
# 1 would let the person into the terminal's own menus (vendor).
_ORDINARY = 2
_PHOTOS_BYTES = 3 << 20


@dataclass
class _Scan:
    """A reading of everything that is under way: one page a call, cards and faces before the people."""

    cards: dict[str, list[str]] = field(default_factory=dict)
    faces: set[str] | None = None
    found: Find | None = None


class PeopleStore:
    """Speaks the newer commands to one terminal; `clock` gives its zone."""

    def __init__(self, cgi: Cgi, clock: Callable[[], TerminalClock], hours: Hours) -> None:
        self._cgi, self._clock, self._hours = cgi, clock, hours
        self._finder = Finder(cgi)
        self._scan = _Scan()
        self._plain = False
        self._list_tells = False  # AccessFace list has shown a face, so that it can be believed when it shows none

    def exists(self) -> bool:
        """Whether the terminal knows these commands."""
        return self._finder.exists("AccessUser")

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        """ports.Holder; `after` names the phase of the reading."""
        if after is None:
            self._hours.forget()
            self._scan = _Scan()
        if after in (None, "cards"):
            return [], self._read_some("AccessCard", self._note_card) or "faces"
        if after == "faces":
            return [], self._read_some("AccessFace", self._note_face) or "people"
        rows: list[Row] = []
        more = self._read_some("AccessUser", rows.append, optional=False)
        return self._holdings(rows), more

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        """ports.Holder; `faces` fit the terminal's limits. Whom it refuses loses what must go all the same."""
        failed: dict[str, DeviceRefused] = {}
        fresh = self._put_people(holdings, failed)
        refused = set(failed)
        self._put_cards(holdings, fresh, refused, failed)
        self._put_faces(holdings, fresh, {key: jpeg for key, jpeg in faces.items() if key not in refused}, failed)
        return failed

    def remove(self, keys: Sequence[str]) -> None:
        """ports.Holder: face first, then the person with the cards; read back."""
        if not self._list_tells:
            self._list_faces(keys)  # a list that shows a face now can be believed when it shows none afterwards
        self._remove_faces(keys)
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
        faces, unknown = self._with_face(keys)
        there = self._cards_of(keys)
        cards = [str(row.get("CardNo", "")) for rows in (there or {}).values() for row in rows]
        for start in range(0, len(cards), BATCH):
            self._cgi.order("AccessCard", "removeMulti", numbered("CardNoList", cards[start : start + BATCH]))
        left |= faces | (set(self._cards_of(keys) or {}) if cards else set())
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
        """Keys of those who are certainly new there."""
        rows: dict[str, Row] = {}
        for holding in holdings:
            try:
                rows[holding.key] = self._user_row(holding)
            except DeviceRefused as error:
                failed[holding.key] = error
        fresh, refused = self._upsert("AccessUser", "UserList", list(rows.values()))
        for row in refused:
            key = str(row["UserID"])
            name = next(holding.name for holding in holdings if holding.key == key)
            plain = row | {"UserName": plain_name(name, key)}
            again = [plain] if not row["UserName"].isascii() else []
            more, still = self._upsert("AccessUser", "UserList", again)
            if again and not still:
                self._plain, rows[key] = True, plain
                fresh |= more
            else:
                failed[key] = DeviceRefused(
                    "the terminal refuses this person: is it full, or the badge too long for it?"
                )
        wanted = [key for key in rows if key not in failed]
        held = self._listed_people(wanted)
        for key in wanted:
            if not _is_as_sent(rows[key], held.get(key)):
                failed[key] = DeviceRefused("the terminal said OK, and does not hold the person as sent; restart it")
        return fresh

    def _upsert(self, cgi: str, name: str, rows: Sequence[Row]) -> tuple[set[str], list[Row]]:
        """UserIDs that were taken as new, and the rows that were taken neither way."""
        if not rows:
            return set(), []
        if attempt(self._cgi.post, cgi, "insertMulti", {name: list(rows)}):
            return {str(row["UserID"]) for row in rows}, []
        if attempt(self._cgi.post, cgi, "updateMulti", {name: list(rows)}):
            return set(), []
        if len(rows) == 1:
            return set(), list(rows)
        fresh: set[str] = set()
        refused: list[Row] = []
        for row in rows:
            more, less = self._upsert(cgi, name, [row])
            fresh |= more
            refused += less
        return fresh, refused

    def _put_cards(
        self, holdings: Sequence[Holding], fresh: set[str], refused: set[str], failed: dict[str, DeviceRefused]
    ) -> None:
        """Surplus cards of those who were there before go first; `refused` people get none."""
        there = self._cards_of([holding.key for holding in holdings if holding.key not in fresh]) or {}
        rows, surplus = [], []
        for holding in holdings:
            unfit = {card: why for card in holding.cards if (why := card_refusal(card)) is not None}
            for why in unfit.values():
                note_refusal(failed, holding.key, HeldInPart(why))
            wanted = {card_hex(card) for card in holding.cards if card not in unfit}
            held = {str(row.get("CardNo", "")).upper() for row in there.get(holding.key, [])}
            surplus += sorted(held - wanted)
            rows += [
                {"UserID": holding.key, "CardNo": card, "CardType": 0, "CardStatus": 0}
                for card in sorted(wanted - held)
                if holding.key not in refused
            ]
        for start in range(0, len(surplus), BATCH):
            self._cgi.order("AccessCard", "removeMulti", numbered("CardNoList", surplus[start : start + BATCH]))
        added = []
        for start in range(0, len(rows), BATCH):
            _, no = self._upsert("AccessCard", "CardList", rows[start : start + BATCH])
            added += [row for row in rows[start : start + BATCH] if row not in no]
            for row in no:
                why = f"the terminal refuses card {row['CardNo']}: another person there may have it"
                note_refusal(failed, str(row["UserID"]), HeldInPart(why))
        self._check_cards(added, failed)

    def _check_cards(self, rows: Sequence[Row], failed: dict[str, DeviceRefused]) -> None:
        keys = list(dict.fromkeys(str(row["UserID"]) for row in rows))
        if not keys or not self._finder.exists("AccessCard"):
            return
        held = self._cards_of(keys) or {}
        for row in rows:
            if row["CardNo"] not in {str(found.get("CardNo", "")).upper() for found in held.get(row["UserID"], [])}:
                why = "the terminal said OK, and does not hold the card; restart it"
                note_refusal(failed, str(row["UserID"]), HeldInPart(why))

    def _put_faces(
        self, holdings: Sequence[Holding], fresh: set[str], faces: Mapping[str, bytes], failed: dict[str, DeviceRefused]
    ) -> None:
        gone = [holding.key for holding in holdings if holding.face is None and holding.key not in fresh]
        if gone:
            self._remove_faces(gone)
            held, unknown = self._with_face(gone)
            for key in held:
                why = "the terminal still holds a face that it should not; restart it"
                note_refusal(failed, key, DeviceRefused(why))
            for key in unknown:
                note_refusal(failed, key, NotVerifiable("the terminal can't be queried about faces; look at it there"))
        rows = [
            {"UserID": holding.key, "PhotoData": [base64.b64encode(faces[holding.key]).decode("ascii")]}
            for holding in holdings
            if holding.face is not None and holding.key in faces
        ]
        if not rows:
            return
        _, refused = self._upsert("AccessFace", "FaceList", rows)
        for row in refused:
            why = "the terminal refuses the face: is the photo sharp, and no other person's there?"
            note_refusal(failed, str(row["UserID"]), HeldInPart(why))
        wanted = [str(row["UserID"]) for row in rows if row not in refused]
        for key in set(wanted).difference(*self._with_face(wanted)):
            note_refusal(failed, key, HeldInPart("the terminal said OK, and does not hold the face; restart it"))

    def _remove_faces(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), BATCH):
            batch = keys[start : start + BATCH]
            if not attempt(self._cgi.order, "AccessFace", "removeMulti", numbered("UserIDList", batch)):
                for key in batch:
                    attempt(self._cgi.order, "AccessFace", "removeMulti", numbered("UserIDList", [key]))

    def _cards_of(self, keys: Sequence[str]) -> dict[str, list[Row]] | None:
        """None where this firmware does not tell."""
        try:
            return self._finder.rows_of("AccessCard", keys)
        except (CgiRefused, DeviceGarbled):
            return None

    def _with_face(self, keys: Sequence[str]) -> tuple[set[str], set[str]]:
        """Who of `keys` has a face there, and who can't be queried about."""
        listed = self._list_faces(keys) if keys else set()
        if listed is None and len(keys) > 1:
            found = [self._with_face([key]) for key in keys]
            return set().union(*(held for held, _ in found)), set().union(*(unknown for _, unknown in found))
        held, unknown = set(listed or ()), set()
        for key in () if self._list_tells else keys:
            has_face = self._finder.has_any(("AccessFace", "FaceInfoManager"), key)
            held |= {key} if has_face else set()
            unknown |= {key} if has_face is None else set()
        return held, unknown

    def _list_faces(self, keys: Sequence[str]) -> set[str] | None:
        """Who has a face by the list of photos, of which nothing is kept; None where only one at a time can be queried.

        Firmware refuses a list of one who has no face, as it does where it has no such list.
        """
        try:
            text = self._cgi.text("AccessFace", "list", numbered("UserIDList", keys), limit=_PHOTOS_BYTES)
        except CgiRefused:
            return set() if len(keys) == 1 else None
        with_photo = [row for row in flat_rows(text, "FaceDataList") if row.get("PhotoData[0]")]
        named = {row["UserID"] for row in with_photo if "UserID" in row} & set(keys)
        if with_photo and not named:
            if len(keys) > 1:
                return None  # without names only one at a time tells whose it is
            named = set(keys)
        self._list_tells = self._list_tells or bool(named)
        return named

    def _listed_people(self, keys: Sequence[str]) -> dict[str, Row]:
        try:
            document = self._cgi.document("AccessUser", "list", numbered("UserIDList", keys)) if keys else {}
        except (CgiRefused, DeviceGarbled):
            document = {}
        rows = next((value for value in document.values() if isinstance(value, list)), [])
        found = {str(row.get("UserID")): row for row in rows if isinstance(row, dict)}
        missing = [key for key in keys if key not in found]
        return found | {key: rows[0] for key, rows in self._finder.rows_of("AccessUser", missing).items()}

    def _read_some(self, cgi: str, note: Callable[[Row], Any], *, optional: bool = True) -> str | None:
        """One page; the same phase again while there is more, None after the last."""
        phase = {"AccessCard": "cards", "AccessFace": "faces", "AccessUser": "people"}[cgi]
        try:
            if self._scan.found is None or self._scan.found.cgi != cgi:
                self._scan.found = self._finder.start(cgi)
            find = self._scan.found
            page = self._finder.next(find)
        except (CgiRefused, DeviceGarbled):
            self._scan.found = None
            if not optional:
                raise
            if cgi == "AccessFace":
                self._scan.faces = None  # such as a list with all photos in it: requested for a few people at a time
            return None
        if cgi == "AccessFace" and self._scan.faces is None:
            self._scan.faces = set()
        for row in page:
            note(row)
        if len(page) >= find.page and find.offset < MOST_HELD:
            return phase
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
            faces = set().union(*(self._with_face(keys[at : at + BATCH])[0] for at in range(0, len(keys), BATCH)))
        return [self._holding(row, str(row["UserID"]) in faces) for row in rows]

    def _holding(self, row: Row, has_face: bool) -> Holding:
        key = str(row["UserID"])
        cards = sorted(name for card in self._scan.cards.get(key, []) if (name := next(iter(card_names(card)), "")))
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
        name = plain_name(holding.name, holding.key) if self._plain else shown_name(holding.name)
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


def _is_as_sent(row: Row, held: Row | None) -> bool:
    """What must not differ: validity, hours, and whether it is frozen; a name may be kept otherwise."""
    if held is None:
        return False
    same = ("ValidFrom", "ValidTo", "UserStatus")
    if any(str(held[name]) != str(row[name]) for name in same if name in held):
        return False
    sections = held.get("TimeSections")  # firmware may tell one for each of its doors
    return not isinstance(sections, list) or sections[: len(row["TimeSections"])] == row["TimeSections"]


def hours_of(hours: Hours, doors: Sequence[object], sections: object) -> tuple[tuple[int, str], ...]:
    """By door, the names of hours that are not "at all times"; sections stand in the order of doors."""
    numbers = sections if isinstance(sections, list) else []
    named = ((number(door) + 1, hours.name(number(one, -1))) for door, one in zip(doors, numbers, strict=False))
    return tuple(sorted((door, name) for door, name in named if name))


def local_time(moment: datetime | None, unbounded: str, clock: TerminalClock, form: str = _FORMAT) -> str:
    """A time as the terminal shows it, within the years it knows; `unbounded` for none."""
    if moment is None:
        return unbounded
    local = clock.local(moment)
    if local.year < 2000:
        local = local.replace(year=2000, month=1, day=1)
    elif local.year > 2037:
        local = local.replace(year=2037, month=12, day=31)
    return local.strftime(form)
