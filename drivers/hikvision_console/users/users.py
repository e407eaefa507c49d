"""The people, cards and faces that a console holds: written one person at a time, each read back."""

import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceBusy, DeviceRefused, HeldInPart, NotVerifiable
from devicemgr.text import safe
from drivers.common.console.names import cut_name
from drivers.common.http.client import Request
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.isapi import Isapi, Refusal, is_no_match, items, section
from drivers.hikvision_console.sub_statuses import CONTENT_REFUSED, EXISTS, FULL, NOT_THERE
from drivers.hikvision_console.users.capacity import Capacity
from drivers.hikvision_console.users.cards import card_numbers
from drivers.hikvision_console.users.faces import Faces, fitted
from drivers.hikvision_console.users.rows import (
    BEGIN,
    END_YEAR,
    _find_status,
    _holding,
    _unless_missing,
    is_name,
    is_time,
)
from drivers.hikvision_console.users.schedules import Hours

_USERS = "/ISAPI/AccessControl/UserInfo"
_CARDS = "/ISAPI/AccessControl/CardInfo"
_DETAIL = "/ISAPI/AccessControl/UserInfoDetail"
_BADGE = re.compile(r"[A-Za-z0-9._+:-]{1,32}")
_PAGE = 30
_DELETE_S = 5.0


# Holding.face where neither the person's row nor the face library tells of one.
_FACE_UNKNOWN = "?"
# A face that was taken can be read only 3 to 6 s later (field reports).
_FACE_APPEARS_S = 10.0
# Longest name where neither option nor console says: vendor's document. Of a K1T321 it is 32 (capabilities).
_NAME_BYTES, _SHORT_NAME_BYTES = 128, 32


class People:
    """The people of a console (ports.Holder) over ISAPI; `doors` is how many doors it has."""

    def __init__(self, isapi: Isapi, clock: Callable[[], Clock], doors: int, name_bytes: int | None) -> None:
        self._isapi, self._clock, self._doors, self._name_option = isapi, clock, doors, name_bytes
        self.capacity = Capacity(isapi)
        self._faces_due: dict[str, float] = {}
        self._faces = Faces(isapi)
        self.hours = Hours(isapi, clock)
        self._has_setup = True
        self._has_detail = True

    @property
    def _name_bytes(self) -> int:
        return self._name_option or self.capacity.name_bytes() or _NAME_BYTES

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        """Read a page of up to 30 people; `after` is where the page before ended."""
        if after is None:
            self.hours.forget()
        search, _, place = (after or f"{uuid.uuid4().hex}:0").partition(":")
        position = int(place)
        users, more = self._users(search, position, None)
        holdings = self._holdings(users)
        return holdings, f"{search}:{position + len(users)}" if more and users else None

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        """Add or change each, read back; what was refused and why, by badge."""
        refused: dict[str, DeviceRefused] = {}
        for holding in holdings:
            try:
                self._put(holding, faces.get(holding.key))
            except Refusal as error:
                refused[holding.key] = Refusal(self._explained(error), error.code)
            except DeviceRefused as error:
                refused[holding.key] = error
        return refused

    def remove(self, keys: Sequence[str]) -> None:
        """Remove these with their cards and faces, and see that they are gone; no one else, and never an empty list."""
        badges = [key for key in keys if _BADGE.fullmatch(key)]
        for start in range(0, len(badges), _PAGE):
            self._remove(badges[start : start + _PAGE])

    def _explained(self, refusal: Refusal) -> str:
        """Return a refusal in words, with how much the console holds where it is full."""
        usage = self.capacity.usage(FULL[refusal.code]) if refusal.code in FULL else ""
        return f"{refusal} ({usage})" if usage else str(refusal)

    def _put(self, want: Holding, jpeg: bytes | None) -> None:
        """Write one person, removals first; a refused card, name or photo leaves the rest as it should be."""
        missing: list[str] = []
        numbers = card_numbers(want.cards, missing)
        photo = self._fitted(jpeg, missing) if want.face is not None else None
        keeps_face = want.face is not None and (jpeg is None or photo is not None)
        user = self._user(want)
        found = self._stored(want, user, numbers, keeps_face, missing)
        changed = self._match_cards(want.key, numbers, found.cards, missing)
        if photo is not None:
            changed |= self._store_face(want.key, photo, missing)
        elif not keeps_face and found.face is not None:
            changed |= self._drop_face(want.key)
        if changed:
            found = self._read_back(want.key)
        self._compare(want, numbers, user, found, missing)

    def _stored(
        self, want: Holding, user: dict[str, Any], numbers: set[str], keeps_face: bool, missing: list[str]
    ) -> Holding:
        """Store the person; where that is refused, what must go goes all the same, and the name is left out."""
        try:
            self._store(user)
        except Refusal as refusal:
            there = self._find(want.key)
            if there is not None:
                self._take_away(want.key, numbers, keeps_face, there)
            if refusal.code not in CONTENT_REFUSED:
                raise
            self._store_with_another_name(want, user, there, refusal, missing)
        return self._read_back(want.key)

    def _store_with_another_name(
        self, want: Holding, user: dict[str, Any], there: Holding | None, refusal: Refusal, missing: list[str]
    ) -> None:
        """Firmware differs in which names it takes; everything else of the person is more important."""
        shorter = cut_name(want.name, _SHORT_NAME_BYTES)
        if shorter and shorter != user["name"]:
            try:
                self._store(user | {"name": shorter})
            except Refusal as second:
                if second.code not in CONTENT_REFUSED:
                    raise
            else:
                user["name"] = shorter
                return
        user["name"] = there.name if there is not None else cut_name(want.key, self._name_bytes)
        self._store(user)
        missing.append(f"the name is refused, '{safe(user['name'], 60)}' stands there: {refusal}")

    def _take_away(self, key: str, numbers: set[str], keeps_face: bool, there: Holding) -> None:
        if set(there.cards) - numbers:
            self._remove_cards([key])
        if not keeps_face and there.face is not None:
            self._drop_face(key)

    def _drop_face(self, key: str) -> bool:
        self._faces_due.pop(key, None)
        _unless_missing(lambda: self._faces.remove(key))
        return True

    def _fitted(self, jpeg: bytes | None, missing: list[str]) -> bytes | None:
        try:
            return fitted(jpeg) if jpeg is not None else None
        except DeviceRefused as error:
            missing.append(str(error))
            return None

    def _store_face(self, key: str, photo: bytes, missing: list[str]) -> bool:
        try:
            self._faces.store(key, photo)
            self._faces_due[key] = time.monotonic() + _FACE_APPEARS_S
            return True
        except Refusal as error:
            missing.append(self._explained(error))
            return False
        except DeviceRefused as error:
            missing.append(str(error))
            return False

    def _user(self, want: Holding) -> dict[str, Any]:
        if not _BADGE.fullmatch(want.key):
            raise DeviceRefused(
                f"badge '{safe(want.key, 60)}' does not fit: the console holds 1 to 32 of A-Z a-z 0-9 . _ + : -"
            )
        doors = sorted(door for door in want.doors if 1 <= door <= self._doors)
        clock, hours = self._clock(), dict(want.hours)
        end = want.valid_to if want.valid_to and want.valid_to.year <= END_YEAR else None
        return {
            "employeeNo": want.key,
            "name": cut_name(want.name, self._name_bytes),
            "userType": "normal",
            "Valid": {
                "enable": True,
                "timeType": "local",
                "beginTime": clock.local(want.valid_from) if want.valid_from else f"{BEGIN.year}-01-01T00:00:00",
                "endTime": clock.local(end) if end else f"{END_YEAR}-12-31T23:59:59",
            },
            "doorRight": ",".join(str(door) for door in doors),
            "RightPlan": [
                {"doorNo": door, "planTemplateNo": str(self.hours.number(hours.get(door, "")))} for door in doors
            ],
            "userVerifyMode": "",
            "localUIRight": False,
        }

    def _store(self, user: dict[str, Any]) -> None:
        if self._has_setup:
            try:
                self._isapi.send("PUT", f"{_USERS}/SetUp", {"UserInfo": user})
                return
            except Refusal as refusal:
                if refusal.code in EXISTS:
                    self._isapi.send("PUT", f"{_USERS}/Modify", {"UserInfo": user})
                    return
                if not refusal.is_unsupported:
                    raise
                self._has_setup = False
        try:
            self._isapi.send("POST", f"{_USERS}/Record", {"UserInfo": user})
        except Refusal as refusal:
            if refusal.code not in EXISTS:
                raise
            self._isapi.send("PUT", f"{_USERS}/Modify", {"UserInfo": user})

    def _match_cards(self, key: str, wanted: set[str], held: Sequence[str], missing: list[str]) -> bool:
        if wanted == set(held):
            return False
        lacking = wanted - set(held)
        if set(held) - wanted:
            self._remove_cards([key])
            lacking = set(wanted)
        for number in sorted(lacking):
            try:
                self._add_card({"employeeNo": key, "cardNo": number, "cardType": "normalCard"})
            except Refusal as refusal:
                wanted.discard(number)
                missing.append(f"card {number}: {self._explained(refusal)}")
        return True

    def _add_card(self, card: dict[str, str]) -> None:
        try:
            self._isapi.send("POST", f"{_CARDS}/Record", {"CardInfo": card})
        except Refusal as refusal:
            if not refusal.is_unsupported:
                raise
            self._isapi.send("PUT", f"{_CARDS}/SetUp", {"CardInfo": card})

    def _remove_cards(self, badges: Sequence[str]) -> None:
        """Delete every card of these people; never call it with an empty list."""
        condition = {"EmployeeNoList": [{"employeeNo": badge} for badge in badges]}
        self._isapi.send("PUT", f"{_CARDS}/Delete", {"CardInfoDelCond": condition}, urgent=True)

    def _remove(self, badges: Sequence[str]) -> None:
        if not badges:
            return  # an empty list may mean everybody
        listed = [{"employeeNo": badge} for badge in badges]
        if self._has_detail:
            detail = {"mode": "byEmployeeNo", "EmployeeNoList": listed}
            try:
                self._isapi.send("PUT", f"{_DETAIL}/Delete", {"UserInfoDetail": detail}, urgent=True)
                self._await_deletion()
            except Refusal as refusal:
                if not refusal.is_unsupported and refusal.code not in NOT_THERE:
                    raise
                self._has_detail = not refusal.is_unsupported
        if not self._has_detail:
            self._remove_piecemeal(badges, listed)
        users, _ = self._users(uuid.uuid4().hex, 0, badges, urgent=True, sure=True)
        left = sorted(str(user.get("employeeNo")) for user in users if str(user.get("employeeNo")) in badges)
        if left:
            raise DeviceRefused(f"the console still holds badge {safe(', '.join(left), 100)} after removing it")
        for badge in badges:
            self._faces_due.pop(badge, None)
            self._faces.see_that_it_is_gone(badge)

    def _remove_piecemeal(self, badges: Sequence[str], listed: list[dict[str, str]]) -> None:
        """Firmware that does not remove everything of a person at once."""
        for badge in badges:
            _unless_missing(lambda badge=badge: self._faces.remove(badge))  # type: ignore[misc]
        _unless_missing(lambda: self._remove_cards(badges))
        people = {"UserInfoDelCond": {"EmployeeNoList": listed}}
        _unless_missing(lambda: self._isapi.send("PUT", f"{_USERS}/Delete", people, urgent=True), NOT_THERE)

    def _await_deletion(self) -> None:
        until, pause = time.monotonic() + _DELETE_S, 0.02
        while True:
            says = self._isapi.send_raw(Request("GET", f"{_DETAIL}/DeleteProcess?format=json", urgent=True))
            state = _find_status(says)
            if state == "success":
                return
            if state != "processing":
                raise DeviceRefused("the console failed to remove people; it is tried again")
            if time.monotonic() > until:
                raise DeviceBusy("the console is still removing people; it is looked at again later")
            time.sleep(pause)
            pause = min(pause * 2, 0.5)

    def _read_back(self, key: str) -> Holding:
        found = self._find(key)
        if found is None:
            raise DeviceRefused(f"the console took badge {key} and does not hold it; look at its memory")
        return found

    def _find(self, key: str) -> Holding | None:
        users, _ = self._users(uuid.uuid4().hex, 0, [key])
        return next((holding for holding in self._holdings(users) if holding.key == key), None)

    def _users(
        self, search: str, position: int, only: Sequence[str] | None, *, urgent: bool = False, sure: bool = False
    ) -> tuple[list[dict[str, Any]], bool]:
        """Read a page of people, and whether more follow; with `sure`, an empty page must say that none match."""
        condition: dict[str, Any] = {"searchID": search, "searchResultPosition": position, "maxResults": _PAGE}
        if only is not None:
            condition["EmployeeNoList"] = [{"employeeNo": badge} for badge in only]
        query = {"UserInfoSearchCond": condition}
        found = section(self._isapi.send("POST", f"{_USERS}/Search", query, urgent=urgent), "UserInfoSearch")
        more = str(found.get("responseStatusStrg", "")).upper() == "MORE"
        users = items(found.get("UserInfo"))[: 2 * _PAGE]
        if sure and not users and not is_no_match(found):
            raise DeviceRefused("the console does not say whom it holds; it is tried again later")
        return users, more

    def _holdings(self, users: Sequence[dict[str, Any]]) -> list[Holding]:
        with_cards = [str(user["employeeNo"]) for user in users if user.get("numOfCard") != 0 and "employeeNo" in user]
        cards = self._cards(with_cards)
        clock = self._clock()
        found = []
        for user in users:
            holding = _holding(user, cards.get(str(user.get("employeeNo")), ()), clock, self.hours)
            if holding is not None:
                found.append(self._with_face(holding, is_counted="numOfFace" in user))
        return found

    def _with_face(self, holding: Holding, *, is_counted: bool) -> Holding:
        """Return the holding with its face: firmware may leave the count out, and needs seconds for a new one."""
        if not is_counted:
            held = self._faces.holds(holding.key)
            holding = replace(holding, face=_FACE_UNKNOWN if held is None else "" if held else None)
        due = self._faces_due.get(holding.key, 0.0)
        if holding.face is None and time.monotonic() < due:
            return replace(holding, face="")
        self._faces_due.pop(holding.key, None)
        return holding

    def _cards(self, badges: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Read all pages of the card numbers of these people."""
        held: dict[str, tuple[str, ...]] = {}
        search, position = uuid.uuid4().hex, 0
        while badges:
            condition = {
                "searchID": search,
                "searchResultPosition": position,
                "maxResults": _PAGE,
                "EmployeeNoList": [{"employeeNo": badge} for badge in badges],
            }
            query = {"CardInfoSearchCond": condition}
            says = section(self._isapi.send("POST", f"{_CARDS}/Search", query), "CardInfoSearch")
            found = items(says.get("CardInfo"))[: 2 * _PAGE]
            for card in found:
                owner, number = str(card.get("employeeNo")), str(card.get("cardNo") or "")[:32]
                held[owner] = (*held.get(owner, ()), number)
            position += len(found)
            if not found or str(says.get("responseStatusStrg", "")).upper() != "MORE" or position > 10_000:
                break
        return held

    def _compare(
        self, want: Holding, numbers: set[str], user: dict[str, Any], found: Holding, missing: list[str]
    ) -> None:
        """Raise DeviceRefused where the console holds otherwise, HeldInPart where all that fits is there."""
        valid = user["Valid"]
        expected = _holding(user | {"numOfFace": 0}, (), self._clock(), self.hours)
        assert expected is not None
        differs = [
            what
            for what, same in (
                ("name", is_name(found.name, str(user["name"]))),
                ("cards", set(found.cards) == numbers),
                ("face", want.face is None or found.face is not None or bool(missing)),
                ("face that was to go", want.face is not None or found.face in (None, _FACE_UNKNOWN)),
                ("doors", found.doors <= expected.doors),  # some firmware does not tell them all
                ("hours", found.hours == expected.hours),
                (
                    "validity",
                    is_time(found.valid_from, expected.valid_from) and is_time(found.valid_to, expected.valid_to),
                ),
            )
            if not same
        ]
        if differs:
            # A name or a face that is not there takes nothing away from anybody.
            kind = HeldInPart if set(differs) <= {"name", "face"} else DeviceRefused
            raise kind(
                f"the console took badge {want.key} and tells another {' and '.join(differs)} than was sent "
                f"(valid {valid['beginTime']} to {valid['endTime']}); look at it there"
            )
        if missing:
            raise HeldInPart("; ".join(missing))
        if want.face is None and found.face == _FACE_UNKNOWN:
            raise NotVerifiable(f"the console can't be queried whether it holds a face of badge {want.key}")
