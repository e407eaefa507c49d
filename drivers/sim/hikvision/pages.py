"""The simulated terminal's ISAPI pages with their refusals: each takes a request and gives an answer."""

import json
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from drivers.sim.hikvision.documents import MAX_PAGE, _form, _found, _json, _page, _xml, event_json
from drivers.sim.hikvision.refusals import Refused, Reply
from drivers.sim.hikvision.state import Json, Terminal

_NS = 'xmlns="http://www.isapi.org/ver20/XMLSchema"'
_MAX_BADGE, _MAX_FACE, _MAX_PLANS = 32, 200_000, 255


# What a firmware file for it begins with; the version follows, then a line's end.
FIRMWARE = b"SIMULATED "


# A picture that shows nothing.
PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\r\n--no boundary\r\n\xff\xd9"


OK = Reply(200, b'{"statusCode":1,"statusString":"OK","subStatusCode":"ok"}')


XML_OK = Reply(
    200,
    b'<?xml version="1.0" encoding="UTF-8"?><ResponseStatus version="1.0" xmlns="http://www.hikvision.com/ver10/XMLSchema">'
    b"<requestURL></requestURL><statusCode>1</statusCode><statusString>OK</statusString><subStatusCode>ok</subStatusCode>"
    b"</ResponseStatus>",
    "application/xml",
)


class Pages:
    """Answers one terminal's requests."""

    def __init__(self, terminal: Terminal) -> None:
        self._t = terminal
        access = "/ISAPI/AccessControl"
        faces = "/ISAPI/Intelligent/FDLib"
        self._pages: dict[tuple[str, str], Callable[[bytes], Reply]] = {
            ("GET", "/ISAPI/System/deviceInfo"): lambda _: self._info(),
            ("PUT", "/ISAPI/System/reboot"): lambda _: self._reboot(),
            ("PUT", "/ISAPI/System/updateFirmware"): self._update,
            ("GET", "/ISAPI/System/upgradeStatus"): lambda _: self._upgrade_status(),
            ("GET", "/ISAPI/Streaming/channels/101/picture"): lambda _: Reply(200, PICTURE, "image/jpeg"),
            ("GET", "/ISAPI/System/time"): lambda _: self._time(),
            ("PUT", "/ISAPI/System/time"): self._set_time,
            ("GET", f"{access}/UserInfo/capabilities"): lambda _: self._capabilities(),
            ("GET", f"{access}/UserInfo/Count"): lambda _: self._count(),
            ("GET", f"{access}/CardInfo/Count"): lambda _: _json({"CardInfoCount": {"cardNumber": len(self._t.cards)}}),
            ("GET", f"{access}/CardInfo/capabilities"): lambda _: _json({"CardInfo": {"maxRecordNum": 5000}}),
            ("GET", f"{faces}/Count"): lambda _: _json(
                {"FDRecordDataInfo": [{"FDID": "1", "faceLibType": "blackFD", "recordDataNumber": len(self._t.faces)}]}
            ),
            ("GET", f"{faces}/capabilities"): lambda _: _json({"FDNameMaxLen": 48, "FDRecordDataMaxNum": 3000}),
            ("POST", f"{access}/UserInfo/Record"): lambda body: self._store_user(body, new=True),
            ("PUT", f"{access}/UserInfo/Modify"): lambda body: self._store_user(body, new=False),
            ("PUT", f"{access}/UserInfo/SetUp"): lambda body: self._store_user(body, new=None),
            ("POST", f"{access}/UserInfo/Search"): self._search_users,
            ("PUT", f"{access}/UserInfo/Delete"): self._delete_users,
            ("PUT", f"{access}/UserInfoDetail/Delete"): self._delete_detail,
            ("GET", f"{access}/UserInfoDetail/DeleteProcess"): lambda _: _json(
                {"UserInfoDetailDeleteProcess": {"status": self._t.deletion()}}
            ),
            ("POST", f"{access}/CardInfo/Record"): lambda body: self._store_card(body, new=True),
            ("PUT", f"{access}/CardInfo/SetUp"): lambda body: self._store_card(body, new=False),
            ("POST", f"{access}/CardInfo/Search"): self._search_cards,
            ("PUT", f"{access}/CardInfo/Delete"): self._delete_cards,
            ("POST", f"{faces}/FaceDataRecord"): lambda body: self._store_face(body, new=True),
            ("PUT", f"{faces}/FDSetUp"): lambda body: self._store_face(body, new=None),
            ("PUT", f"{faces}/FDModify"): lambda body: self._store_face(body, new=False),
            ("POST", f"{faces}/FDSearch"): self._search_face,
            ("PUT", f"{faces}/FDSearch/Delete"): self._delete_face,
            ("POST", f"{access}/AcsEvent"): self._events,
            ("GET", f"{access}/AcsWorkStatus"): lambda _: self._work_status(),
            ("GET", f"{access}/Door/param/1"): lambda _: self._door_settings(),
            ("GET", f"{access}/AcsCfg"): lambda _: _json({"AcsCfg": self._t.config}),
            ("PUT", f"{access}/AcsCfg"): self._set_config,
            ("PUT", f"{access}/remoteCheck"): self._answer,
            ("GET", "/ISAPI/Event/notification/httpHosts"): lambda _: Reply(200, self._hosts.encode()),
            ("PUT", "/ISAPI/Event/notification/httpHosts/1"): self._set_hosts,
        }
        self._percent = 0
        self._hosts = f"<HttpHostNotificationList {_NS}></HttpHostNotificationList>"

    def answer(self, method: str, target: str, body: bytes) -> Reply:
        """Answer a request; refusals are answers too."""
        path = target.partition("?")[0]
        faults = self._t.faults
        try:
            if any(part in path for part in faults.unsupported):
                raise Refused("notSupport")
            if (sub := faults.take_refusal(path)) is not None:
                self._t.log.add("said_busy" if sub == "deviceBusy" else "refused", target=path, sub=sub)
                raise Refused(sub)
            door = re.fullmatch(r"/ISAPI/AccessControl/RemoteControl/door/([0-9]{1,5})", path)
            if door and method == "PUT":
                return self._door(int(door[1]), body)
            plan = re.fullmatch(r"/ISAPI/AccessControl/(UserRightPlanTemplate|UserRightWeekPlanCfg)/([0-9]{1,3})", path)
            if plan and 1 <= int(plan[2]) <= _MAX_PLANS:
                return self._plan(method, plan[1], int(plan[2]), body)
            page = self._pages.get((method, path))
            if page is None:
                raise Refused("notSupport")
            return page(body)
        except Refused as refused:
            return refused.reply
        except (ValueError, KeyError, TypeError, AttributeError):
            return Refused("badJsonFormat").reply

    def _info(self) -> Reply:
        fields = {
            "deviceName": "Simulated",
            "deviceID": "255",
            "model": "DS-K1T671M-SIM",
            "serialNumber": "DS-K1T671M20260101V030200ENSIM0001",
            "macAddress": "00:00:5e:00:53:01",
            "firmwareVersion": self._t.firmware,
            "firmwareReleasedDate": "build 260101",
            "deviceType": "ACS",
            "relayNum": str(self._t.doors),
            "electroLockNum": str(self._t.doors),
            "RS485Num": "1",
        }
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
        return _xml(f'<DeviceInfo version="2.0" {_NS}>{inner}</DeviceInfo>')

    def _door_settings(self) -> Reply:
        return _xml(f"<DoorParam {_NS}><openDuration>{self._t.door_seconds}</openDuration></DoorParam>")

    def _update(self, body: bytes) -> Reply:
        if not body.startswith(FIRMWARE):
            raise Refused("badParameters")
        self._t.next_firmware, self._percent = body[len(FIRMWARE) :].split(b"\n", 1)[0].decode(), 0
        self._t.log.add("firmware", bytes=len(body))
        return _xml(
            f"<ResponseStatus {_NS}><statusCode>7</statusCode><statusString>Reboot Required</statusString>"
            "<subStatusCode>rebootRequired</subStatusCode></ResponseStatus>"
        )

    def _upgrade_status(self) -> Reply:
        self._percent = min(self._percent + 50, 100)
        going = str(self._percent < 100).lower()
        inner = f"<upgrading>{going}</upgrading><percent>{self._percent}</percent>"
        return _xml(f'<upgradeStatus version="2.0" {_NS}>{inner}</upgradeStatus>')

    def _reboot(self) -> Reply:
        self._t.firmware, self._t.next_firmware = self._t.next_firmware or self._t.firmware, ""
        self._t.reboot()
        return XML_OK

    def _time(self) -> Reply:
        now = self._t.now()
        offset = now.utcoffset() or timedelta(0)
        hours = int(offset.total_seconds() // 3600)
        zone = f"CST{'-' if hours >= 0 else '+'}{abs(hours)}:00:00"
        inner = f"<timeMode>manual</timeMode><localTime>{now.isoformat()}</localTime><timeZone>{zone}</timeZone>"
        return _xml(f'<Time version="2.0" {_NS}>{inner}</Time>')

    def _set_time(self, body: bytes) -> Reply:
        found = re.search(rb"<localTime>([^<]+)</localTime>", body)
        if found is None:
            raise Refused("badXmlContent")
        self._t.skew += datetime.fromisoformat(found[1].decode()) - self._t.now()
        self._t.log.add("time_set", local=found[1].decode())
        return XML_OK

    def _capabilities(self) -> Reply:
        return _json(
            {
                "UserInfo": {
                    "supportFunction": {"@opt": "post,delete,put,get"},
                    "maxRecordNum": self._t.capacity,
                    "name": {"@min": 0, "@max": self._t.faults.name_bytes},
                }
            }
        )

    def _count(self) -> Reply:
        t = self._t
        return _json(
            {
                "UserInfoCount": {
                    "userNumber": len(t.users),
                    "bindFaceUserNumber": len(t.faces),
                    "bindCardUserNumber": len(set(t.cards.values())),
                }
            }
        )

    def _store_user(self, body: bytes, *, new: bool | None) -> Reply:
        user = json.loads(body)["UserInfo"]
        badge, t = user["employeeNo"], self._t
        faults, name = t.faults, user.get("name", "").encode()
        if not 1 <= len(badge) <= _MAX_BADGE:
            raise Refused("badParameters")
        if len(name) > faults.name_bytes and not faults.cuts_names:
            raise Refused("beyondARGSRangeLimit")
        user["name"] = name[: faults.name_bytes].decode("utf-8", "replace")
        if not faults.keeps_seconds:
            for end in ("beginTime", "endTime"):
                user["Valid"][end] = user["Valid"][end][:-2] + "00"
        with t.lock:
            if new is True and badge in t.users:
                raise Refused("employeeNoAlreadyExist")
            if new is False and badge not in t.users:
                raise Refused("employeeNoNotExist")
            if badge not in t.users and len(t.users) >= t.capacity:
                raise Refused("deviceUserFull")
            known = badge in t.users
            t.added += not known
            t.users[badge] = user
        t.log.add("user_changed" if known else "user_added", badge=badge)
        return OK

    def _search_users(self, body: bytes) -> Reply:
        condition, t = json.loads(body)["UserInfoSearchCond"], self._t
        with t.lock:
            chosen = self._chosen(condition, list(t.users))
            cards = list(t.cards.values())
            users = [
                t.users[badge]
                | {"numOfCard": cards.count(badge), "numOfFP": 0}
                | ({"numOfFace": int(t.has_readable_face(badge))} if t.faults.face_count else {})
                for badge in _page(condition, chosen)
            ]
        return _found("UserInfoSearch", "UserInfo", condition, users, len(chosen))

    def _search_cards(self, body: bytes) -> Reply:
        condition, t = json.loads(body)["CardInfoSearchCond"], self._t
        with t.lock:
            owners = set(self._chosen(condition, list(t.users)))
            chosen = [(number, owner) for number, owner in t.cards.items() if owner in owners]
        cards = [
            {"employeeNo": owner, "cardNo": number, "cardType": "normalCard"}
            for number, owner in _page(condition, chosen)
        ]
        return _found("CardInfoSearch", "CardInfo", condition, cards, len(chosen))

    def _chosen(self, condition: Json, every: list[str]) -> list[str]:
        if "EmployeeNoList" not in condition:
            return every
        return [one["employeeNo"] for one in condition["EmployeeNoList"] if one["employeeNo"] in self._t.users]

    def _delete_users(self, body: bytes) -> Reply:
        for badge in self._listed(json.loads(body)["UserInfoDelCond"]):
            self._t.drop(badge)
        return OK

    def _delete_detail(self, body: bytes) -> Reply:
        self._t.begin_deletion(self._listed(json.loads(body)["UserInfoDetail"]))
        return OK

    def _delete_cards(self, body: bytes) -> Reply:
        owners = set(self._listed(json.loads(body)["CardInfoDelCond"]))
        with self._t.lock:
            for number in [number for number, owner in self._t.cards.items() if owner in owners]:
                del self._t.cards[number]
        return OK

    def _listed(self, condition: Json) -> Sequence[str]:
        """Return the listed people; an empty list means all of them, which is the trap of this firmware."""
        listed = [one["employeeNo"] for one in condition.get("EmployeeNoList", [])]
        if not listed:
            self._t.log.add("everybody_removed")
        return listed or list(self._t.users)

    def _store_card(self, body: bytes, *, new: bool) -> Reply:
        card, t = json.loads(body)["CardInfo"], self._t
        badge, number = card["employeeNo"], str(card["cardNo"])
        with t.lock:
            if badge not in t.users:
                raise Refused("employeeNoNotExist")
            if t.cards.get(number, badge) != badge or (new and number in t.cards):
                raise Refused("cardNoAlreadyExist")
            t.cards[number] = badge
        t.log.add("card_stored", badge=badge, card=number)
        return OK

    def _store_face(self, body: bytes, *, new: bool | None) -> Reply:
        says, photo = _form(body)
        badge, t = str(says["FPID"]), self._t
        if badge not in t.users:
            raise Refused("employeeNoNotExist")
        if not photo.startswith(b"\xff\xd8") or len(photo) > _MAX_FACE:
            raise Refused("pictureFaceDetectZero")
        if t.faults.min_face_pixels and max(_pixels_of(photo)) < t.faults.min_face_pixels:
            raise Refused("SubpicAnalysisModelingError")
        if new is True and badge in t.faces:
            raise Refused("deviceUserAlreadyExistFace")
        if new is False and badge not in t.faces:
            raise Refused("employeeNoNotExist")
        if any(held == photo for owner, held in t.faces.items() if owner != badge):
            raise Refused("alreadyExistThisFace")
        t.faces[badge], t.face_since[badge] = photo, time.monotonic()
        t.log.add("face_stored", badge=badge, bytes=len(photo))
        return OK

    def _search_face(self, body: bytes) -> Reply:
        badge = str(json.loads(body)["FPID"])
        found = [{"FPID": badge}] if self._t.has_readable_face(badge) else []
        return _json(
            {
                "statusCode": 1,
                "statusString": "OK",
                "subStatusCode": "ok",
                "responseStatusStrg": "OK" if found else "NO MATCH",
                "numOfMatches": len(found),
                "totalMatches": len(found),
                "MatchList": found,
            }
        )

    def _delete_face(self, body: bytes) -> Reply:
        for one in json.loads(body)["FPID"]:
            if self._t.faces.pop(str(one["value"]), None) is not None:
                self._t.log.add("face_removed", badge=str(one["value"]))
        return OK

    def _events(self, body: bytes) -> Reply:
        condition = json.loads(body)["AcsEventCond"]
        if "." in condition["startTime"] or not condition["searchID"]:
            raise Refused("badJsonFormat")
        position, most = condition["searchResultPosition"], min(condition["maxResults"], MAX_PAGE)
        begin, minor, major = condition.get("beginSerialNo", 0), condition["minor"], condition["major"]
        events, total = self._t.slice(begin, position, most, minor, major)
        found = [event_json(event) for event in events]
        return _found("AcsEvent", "InfoList", condition, found, total)

    def _work_status(self) -> Reply:
        most = 126
        return _json(
            {
                "AcsWorkStatus": {
                    "doorLockStatus": [0] * most,
                    "doorStatus": [4] * most,
                    "magneticStatus": [0] * most,
                    "cardReaderOnlineStatus": [1],
                    "powerSupplyStatus": "ACPowerSupply",
                    "hostAntiDismantleStatus": "open" if self._t.tampered else "close",
                }
            }
        )

    def _set_config(self, body: bytes) -> Reply:
        self._t.config = json.loads(body)["AcsCfg"]
        self._t.log.add("configured", asks=bool(self._t.config.get("remoteCheckDoorEnabled")))
        return OK

    def _answer(self, body: bytes) -> Reply:
        said = json.loads(body)["RemoteCheck"]
        if said["checkResult"] not in ("success", "failed"):
            raise Refused("badJsonFormat")
        if not self._t.answer(said["serialNo"], said["checkResult"] == "success"):
            raise Refused("invalidOperation")
        return OK

    def _door(self, door: int, body: bytes) -> Reply:
        command = re.search(rb"<cmd>(open|close|alwaysOpen|alwaysClose)</cmd>", body)
        if command is None:
            raise Refused("badXmlContent")
        if not 1 <= door <= self._t.doors and door != 65535:
            raise Refused("badParameters")
        word = command[1].decode()
        self._t.log.add("door", door=door, command=word)
        # As recorded by real ones: Door Remotely Open and its like, with who did it.
        minor = {"open": 0x400, "close": 0x401, "alwaysOpen": 0x402, "alwaysClose": 0x403}[word]
        self._t.happen(minor, major=3, doorNo=door, netUser="admin", remoteHostAddr="127.0.0.1")
        if word == "open":
            self._t.open_door(door, "command")
        else:
            self._t.modes[door] = word
        return XML_OK

    def _plan(self, method: str, name: str, number: int, body: bytes) -> Reply:
        """Answer for a plan template or a week plan; both exist from the beginning, unused."""
        held = self._t.templates if name == "UserRightPlanTemplate" else self._t.weeks
        if method == "GET":
            return _json({name: held.get(number, {"enable": False})})
        held[number] = json.loads(body)[name]
        self._t.log.add("plan_set", page=name, number=number)
        return OK

    def _set_hosts(self, body: bytes) -> Reply:
        inner = re.sub(rb"<\?xml[^>]*>", b"", body).decode()
        self._hosts = f"<HttpHostNotificationList {_NS}>{inner}</HttpHostNotificationList>"
        self._t.log.add("push_set")
        return XML_OK


def _pixels_of(jpeg: bytes) -> tuple[int, int]:
    """Width and height by its baseline frame header (ITU T.81, SOF0)."""
    place = jpeg.find(b"\xff\xc0")
    if place < 0:
        raise Refused("picFormatError")
    return int.from_bytes(jpeg[place + 7 : place + 9], "big"), int.from_bytes(jpeg[place + 5 : place + 7], "big")
