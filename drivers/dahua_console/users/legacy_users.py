"""People on older Dahua terminals: one row a card (AccessControlCard), faces by FaceInfoManager.

Times are written `20260101 080000`, and a space is `%20`. The table has no pages, so it is read whole.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceGarbled, DeviceRefused, HeldInPart, NotVerifiable
from devicemgr.text import safe
from drivers.common.http.key_values import flat
from drivers.dahua_console.cgi import Cgi, CgiRefused, TerminalClock, flat_rows, number
from drivers.dahua_console.users.names import card_hex, card_names, card_refusal, plain_name, shown_name
from drivers.dahua_console.users.record_finder import Finder, attempt
from drivers.dahua_console.users.schedules import Hours
from drivers.dahua_console.users.users import hours_of, local_time

_TABLE = ("name", "AccessControlCard")
_FIRST, _LAST = "20000101 000000", "20371231 235959"
_FORMAT = "%Y%m%d %H%M%S"
_NORMAL, _FROZEN = "0", "4"
_MOST_ROWS = 30_000
_TABLE_BYTES = 24 << 20


class LegacyStore:
    """Speaks the older commands to one terminal; `clock` gives its zone."""

    def __init__(self, cgi: Cgi, clock: Callable[[], TerminalClock], hours: Hours) -> None:
        self._cgi, self._clock, self._hours = cgi, clock, hours
        self._plain = False
        self._finder = Finder(cgi)

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        """ports.Holder; all at once."""
        self._hours.forget()
        people: dict[str, list[dict[str, str]]] = {}
        for row in self._table() if after is None else []:
            if row.get("UserID"):
                people.setdefault(row["UserID"], []).append(row)
        faces = self._faces() if people else set()
        return [self._holding(key, rows, key in faces) for key, rows in people.items()], None

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        """ports.Holder; `faces` fit the terminal's limits."""
        failed: dict[str, DeviceRefused] = {}
        for holding in holdings:
            try:
                self._put_one(holding, faces.get(holding.key))
            except DeviceRefused as error:
                failed[holding.key] = error
        return failed

    def remove(self, keys: Sequence[str]) -> None:
        """ports.Holder: face first, then each row; read back."""
        for key in keys:
            self._remove_face(key)
            for row in self._rows_of(key):
                self._by_number("remove", row, [])
        left = [key for key in keys if self._rows_of(key)]
        if left:
            raise DeviceRefused(f"the terminal still holds {safe(', '.join(left), 100)} after removing; restart it")
        if unknown := [key for key in keys if not self._is_face_gone(key)]:
            raise NotVerifiable(f"the terminal can't be queried about a face of {safe(', '.join(unknown), 100)}")

    def _put_one(self, holding: Holding, face: bytes | None) -> None:
        """Rows and a face that must go are gone before anything else; what does not fit leaves the rest."""
        missing: list[DeviceRefused] = [
            HeldInPart(why) for card in holding.cards if (why := card_refusal(card)) is not None
        ]
        there = {row.get("CardNo", "").upper(): row for row in self._rows_of(holding.key)}
        wanted = [card_hex(card) for card in holding.cards if card_refusal(card) is None] or [""]
        for card, row in there.items():
            if card not in wanted:
                self._by_number("remove", row, [])
        if holding.face is None and there:
            self._remove_face(holding.key)
            if not self._is_face_gone(holding.key):
                missing.append(NotVerifiable(f"the terminal can't be queried about a face of {safe(holding.key, 40)}"))
        held = self._put_rows(holding, wanted, there, missing)
        if holding.face is not None and face is not None and held:
            try:
                self._put_face(holding, face)
            except DeviceRefused as error:
                missing.append(HeldInPart(str(error)))
        if missing:
            kinds = {type(error) for error in missing} if held else {DeviceRefused}
            kind = NotVerifiable if kinds == {NotVerifiable} else HeldInPart
            in_part = kinds <= {NotVerifiable, HeldInPart}
            raise (kind if in_part else DeviceRefused)("; ".join(map(str, missing)))

    def _put_rows(
        self, holding: Holding, wanted: list[str], there: Mapping[str, dict[str, str]], missing: list[DeviceRefused]
    ) -> set[str]:
        """The person's cards that are held then, read back."""
        for card in list(wanted):
            try:
                self._put_row(holding, card, there.get(card))
            except DeviceRefused as error:
                # A row that can't be changed opens as before; one that is not added takes nothing away.
                missing.append(error if card in there else HeldInPart(str(error)))
                if card not in there:
                    wanted.remove(card)
        held = {row.get("CardNo", "").upper() for row in self._rows_of(holding.key)}
        if held != set(wanted):
            raise DeviceRefused("the terminal said OK, and does not hold the person as sent; restart it")
        return held

    def _put_row(self, holding: Holding, card: str, there: dict[str, str] | None) -> None:
        names = [shown_name(holding.name)] if not self._plain else []
        if not names or not names[0].isascii():
            names.append(plain_name(holding.name, holding.key))
        for name in names:
            try:
                pairs = self._pairs(holding, card, name)
                if there is not None:
                    self._by_number("update", there, pairs)
                elif "RecNo" not in flat(self._cgi.text("recordUpdater", "insert", [_TABLE, *pairs])):
                    raise DeviceGarbled("the terminal does not say which record it added; update its firmware")
            except CgiRefused as error:
                refusal = error
            else:
                self._plain = self._plain or (len(names) > 1 and name == names[-1])
                return
        raise DeviceRefused(
            "the terminal refuses this person: is it full, or is the card another's there?"
        ) from refusal

    def _pairs(self, holding: Holding, card: str, name: str) -> list[tuple[str, str]]:
        doors, clock, hours = sorted(holding.doors), self._clock(), dict(holding.hours)
        sections = [self._hours.number(hours.get(door, "")) for door in doors or [1]]
        return [
            ("CardNo", card),
            ("UserID", holding.key),
            ("CardName", name),
            ("CardStatus", _NORMAL if doors else _FROZEN),
            ("CardType", "0"),
            *((f"Doors[{place}]", str(door - 1)) for place, door in enumerate(doors or [1])),
            *((f"TimeSections[{place}]", str(section)) for place, section in enumerate(sections)),
            ("ValidDateStart", local_time(holding.valid_from, _FIRST, clock, _FORMAT)),
            ("ValidDateEnd", local_time(holding.valid_to, _LAST, clock, _FORMAT)),
        ]

    def _by_number(self, action: str, row: Mapping[str, str], pairs: Sequence[tuple[str, str]]) -> None:
        record = str(number(row.get("RecNo", ""), 0))
        try:
            self._cgi.order("recordUpdater", action, [_TABLE, ("recno", record), *pairs])
        except CgiRefused:
            # Firmware differs in how it spells the number's name.
            self._cgi.order("recordUpdater", action, [_TABLE, ("RecNo", record), *pairs])

    def _put_face(self, holding: Holding, face: bytes) -> None:
        info = {"UserName": shown_name(holding.name), "PhotoData": [base64.b64encode(face).decode("ascii")]}
        row = {"UserID": holding.key, "Info": info}
        try:
            self._cgi.post("FaceInfoManager", "add", row)
        except CgiRefused:
            try:
                self._cgi.post("FaceInfoManager", "update", row)
            except CgiRefused as error:
                raise DeviceRefused(
                    "the terminal refuses the face: is the photo sharp, and no other person's?"
                ) from error

    def _remove_face(self, key: str) -> None:
        attempt(self._cgi.order, "FaceInfoManager", "remove", [("UserID", key)])  # reading back tells

    def _is_face_gone(self, key: str) -> bool:
        """Return True if it was read back as gone, False if that can't be queried; DeviceRefused if it is there."""
        held = self._finder.has_any(("FaceInfoManager", "AccessFace"), key)
        if held:
            raise DeviceRefused("the terminal does not let go of a face; restart it")
        return held is False

    def _faces(self) -> set[str]:
        """Who has a face there; none, where this firmware does not say."""
        found: set[str] = set()
        try:
            start = self._cgi.document("FaceInfoManager", "startFind")
            token, size = str(start.get("Token", "0"))[:64], min(max(number(start.get("Caps", 10), 10), 1), 100)
            while len(found) < _MOST_ROWS:
                pairs = [("Token", token), ("Offset", str(len(found))), ("Count", str(size))]
                info = self._cgi.document("FaceInfoManager", "doFind", pairs).get("Info")
                page = {str(row["UserID"]) for row in info or [] if isinstance(row, dict) and "UserID" in row}
                if not page - found:
                    break
                found |= page
            self._cgi.order("FaceInfoManager", "stopFind", [("Token", token)])
        except CgiRefused:
            return found
        return found

    def _rows_of(self, key: str) -> list[dict[str, str]]:
        # Newer firmware accepts the condition, and ignores it.
        rows = self._read([("condition.UserID", key), ("count", "1024")])
        mine = [row for row in rows if row.get("UserID") == key]
        return mine if mine or not rows else [row for row in self._table() if row.get("UserID") == key]

    def _table(self) -> list[dict[str, str]]:
        return self._read([("count", str(_MOST_ROWS))])

    def _read(self, pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
        text = self._cgi.text("recordFinder", "find", [_TABLE, *pairs], limit=_TABLE_BYTES)
        rows = flat_rows(text, "records")
        if number(flat(text[:200]).get("found", ""), -1) != len(rows):
            raise DeviceGarbled("the terminal's list of people is not whole; it is read again")
        return rows

    def _holding(self, key: str, rows: Sequence[Mapping[str, str]], has_face: bool) -> Holding:
        first = rows[0]
        cards = [name for row in rows if (name := next(iter(card_names(row.get("CardNo", ""))), ""))]
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

    def _time(self, text: str, unbounded: str) -> datetime | None:
        if text in ("", unbounded):
            return None
        try:
            return datetime.strptime(text, _FORMAT).replace(tzinfo=self._clock().zone).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
