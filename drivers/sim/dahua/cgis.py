"""The CGIs of a simulated terminal: what a query and a body are answered, without HTTP."""

import base64
import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from drivers.sim.dahua.memory import BadRequest, Row

if TYPE_CHECKING:
    from drivers.sim.dahua.console import SimulatedDahua

Query = Mapping[str, str]
Answer = str | bytes | dict[str, Any]
# A picture that shows nothing.
PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\xff\xd9"
CAPS = 20
MAX_RECORDS = 10_000
_INDEXED = re.compile(r"\w+\[\d+\]\Z")
_CONFIG_KEY = re.compile(r"[A-Za-z_]+(\[\d+\])*(\.[A-Za-z_]+(\[\d+\])*)*\Z")


class Cgis:
    """Routes `name.cgi?action=…`; BadRequest is HTTP 400."""

    def __init__(self, console: "SimulatedDahua") -> None:
        self._console = console
        self._people = console.people
        self._finds: dict[str, list[Row]] = {}
        self.config = {
            "Intelbras_ModeCfg.DeviceMode": "0",
            "PictureHttpUpload.Enable": "false",
            "AccessControl[0].State": "Normal",
            "AccessControl[0].UnlockHoldInterval": "3000",
            "AccessTimeSchedule[0].Name": "Default",
            "AccessTimeSchedule[0].Enable": "true",
        }

    def answer(self, cgi: str, query: Query, body: bytes) -> Answer:
        """Answer with `OK`, flat lines, a JSON object, or a picture."""
        newer = {"AccessUser": self._users, "AccessCard": self._cards, "AccessFace": self._faces}
        older: dict[str, Callable[[Query, bytes], Answer]] = {
            "recordUpdater": self._updater,
            "FaceInfoManager": self._face_info,
            "recordFinder": self._finder,
            "accessControl": self._door,
            "configManager": self._configure,
            "magicBox": self._info,
            "global": self._clock,
            "snapshot": lambda *_: PICTURE,
        }
        handler = older.get(cgi) if self._console.legacy else (newer | older).get(cgi)
        if handler is None:
            raise BadRequest(f"no such CGI: {cgi}")
        return handler(query, body)

    def _users(self, query: Query, body: bytes) -> Answer:
        match query.get("action"):
            case "insertMulti":
                self._people.insert_users(_rows(body, "UserList"))
            case "updateMulti":
                self._people.update_users(_rows(body, "UserList"))
            case "removeMulti":
                self._people.remove_users(_listed(query, "UserIDList"))
            case "list":
                return {"Users": [_known(self._people.users, name) for name in _listed(query, "UserIDList")]}
            case _:
                return self._find(query, list(self._people.users.values()))
        self._changed(query, "user")
        return "OK"

    def _cards(self, query: Query, body: bytes) -> Answer:
        match query.get("action"):
            case "insertMulti":
                self._people.insert_cards(_rows(body, "CardList"))
            case "updateMulti":
                self._people.update_cards(_rows(body, "CardList"))
            case "removeMulti":
                self._people.remove_cards(_listed(query, "CardNoList"))
            case "list":
                return {"Cards": [_known(self._people.cards, number) for number in _listed(query, "CardNoList")]}
            case _:
                return self._find(query, list(self._people.cards.values()))
        self._changed(query, "card")
        return "OK"

    def _faces(self, query: Query, body: bytes) -> Answer:
        match query.get("action"):
            case "insertMulti" | "updateMulti" as action:
                self._people.put_faces(_rows(body, "FaceList"), fresh=action == "insertMulti")
            case "removeMulti":
                self._people.remove_faces(_listed(query, "UserIDList"))
            case "list":
                return self._photos(_listed(query, "UserIDList"))
            case _:
                return self._find(query, [{"UserID": name} for name in self._people.faces])
        self._changed(query, "face")
        return "OK"

    def _photos(self, names: list[str]) -> str:
        lines = []
        for place, name in enumerate(name for name in names if name in self._people.faces):
            photo = base64.b64encode(self._people.faces[name]).decode()
            lines += [f"FaceDataList[{place}].UserID={name}", f"FaceDataList[{place}].PhotoData[0]={photo}"]
        return "\r\n".join(lines) + "\r\n"

    def _find(self, query: Query, rows: list[Row]) -> Answer:
        action, token = query.get("action"), query.get("Token", "")
        if action == "startFind":
            wanted = query.get("Condition.UserID")
            token = str(secrets.randbelow(1 << 31))
            self._finds[token] = [row for row in rows if wanted is None or row["UserID"] == wanted]
            return {"Token": int(token), "Total": len(self._finds[token]), "Caps": CAPS}
        if token not in self._finds:
            raise BadRequest("no such token or action")
        if action == "stopFind":
            del self._finds[token]
            return "OK"
        offset, count = _number(query, "Offset"), min(_number(query, "Count"), CAPS)
        return {"Info": self._finds[token][offset : offset + count]}

    def _updater(self, query: Query, body: bytes) -> Answer:
        if query.get("name") != "AccessControlCard" or body:
            raise BadRequest("only AccessControlCard")
        action, table = query.get("action"), self._console.legacy_table
        row = {key: value for key, value in query.items() if key not in ("action", "name", "recno")}
        if action == "insert":
            number = table.insert(row)
            self._changed(query, "user")
            return f"RecNo={number}"
        if action == "update":
            table.update(_number(query, "recno"), row)
        elif action == "remove":
            table.remove(_number(query, "recno"))
        else:
            raise BadRequest("no such action")
        self._changed(query, "user")
        return "OK"

    def _face_info(self, query: Query, body: bytes) -> Answer:
        match query.get("action"):
            case "add" | "update" as action:
                fields = _json(body)
                info = fields.get("Info") if isinstance(fields.get("Info"), dict) else {}
                row = {"UserID": str(fields.get("UserID", "")), "PhotoData": info.get("PhotoData")}  # type: ignore[union-attr]
                self._people.put_faces([row], fresh=action == "add")
            case "remove":
                self._people.remove_faces([query.get("UserID", "")])
            case _:
                return self._find(query, [{"UserID": name} for name in self._people.faces])
        self._changed(query, "face")
        return "OK"

    def _finder(self, query: Query, body: bytes) -> Answer:
        if query.get("action") != "find" or body:
            raise BadRequest("only find")
        count = min(_number(query, "count", 1024), MAX_RECORDS)
        if query.get("name") == "AccessControlCardRec":
            found = self._console.records.find(
                _number(query, "StartTime", 0), _number(query, "EndTime", 1 << 62), count
            )
            return _flat_records(found)
        if query.get("name") == "AccessControlCard":
            return _flat_records(self._console.legacy_table.find(query, count))
        raise BadRequest("no such record")

    def _door(self, query: Query, body: bytes) -> Answer:
        if body:
            raise BadRequest("a body where none is taken")
        channel = _number(query, "channel")
        if not 1 <= channel <= self._console.doors:
            raise BadRequest(f"no door {channel}")
        match query.get("action"):
            case "openDoor":
                self._console.unlock(channel, query.get("UserID", ""))
            case "closeDoor":
                self._console.events.add("locked", channel=channel)
            case "getDoorStatus":
                return f"Info.status={self._console.door_states.get(channel, 'Close')}"
            case _:
                raise BadRequest("no such action")
        return "OK"

    def _configure(self, query: Query, body: bytes) -> Answer:
        if body:
            raise BadRequest("a body where none is taken")
        if query.get("action") == "getConfig":
            name = query.get("name", "")
            found = [f"table.{key}={value}" for key, value in self.config.items() if re.split(r"[.\[]", key)[0] == name]
            if not found:
                raise BadRequest(f"no configuration {name}")
            return "\r\n".join(found) + "\r\n"
        wanted = {key: value for key, value in query.items() if key != "action"}
        if query.get("action") != "setConfig" or not wanted or not all(map(_CONFIG_KEY.match, wanted)):
            raise BadRequest("no such action or key")
        if wanted.keys() & set(self._console.unknown_config):
            raise BadRequest("a key that this firmware has not")
        self.config.update(wanted)
        self._console.events.add("configured", keys=[*sorted(wanted)])
        return "OK"

    def is_open(self, number: int, local: datetime) -> bool:
        """Return True if weekly hours `number` are open at the terminal's local time; 255 always is."""
        key = f"AccessTimeSchedule[{number}]"
        day, clock = (local.weekday() + 1) % 7, f"{local:%H:%M:%S}"
        rows = (self.config.get(f"{key}.TimeSchedule[{day}][{place}]", "0 ") for place in range(4))
        spans = [row[2:].partition("-")[::2] for row in rows if row.startswith("1 ")]
        return number == 255 or any(begin <= clock <= end for begin, end in spans)

    def _info(self, query: Query, body: bytes) -> Answer:
        if query.get("action") == "reboot" and not body:
            self._console.reboot()
            return "OK"
        fields = {
            "getSystemInfo": "appAutoStart=true\r\ndeviceType=ASI7213X-T1\r\nhardwareVersion=1.00\r\n"
            "processor=ST7108\r\nserialNumber=SIM0000000000001\r\n",
            "getDeviceType": "type=ASI7213X-T1\r\n",
            "getSoftwareVersion": "version=1.000.0000000.9.R,build:2024-03-01\r\n",
            "getSerialNo": "sn=SIM0000000000001\r\n",
        }.get(query.get("action", ""))
        if fields is None or body:
            raise BadRequest("no such action")
        return fields

    def _clock(self, query: Query, body: bytes) -> Answer:
        if body:
            raise BadRequest("a body where none is taken")
        if query.get("action") == "getCurrentTime":
            local = self._console.now() + timedelta(hours=self._console.zone_hours)
            return f"result={local:%Y-%m-%d %H:%M:%S}\r\n"
        if query.get("action") == "setCurrentTime":
            try:
                local = datetime.strptime(query.get("time", ""), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            except ValueError as error:
                raise BadRequest("no time") from error
            self._console.set_clock(local - timedelta(hours=self._console.zone_hours))
            return "OK"
        raise BadRequest("no such action")

    def _changed(self, query: Query, what: str) -> None:
        self._console.events.add("changed", what=what, action=query.get("action"))


def _json(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("no JSON") from error
    if not isinstance(fields, dict):
        raise BadRequest("no JSON object")
    return fields


def _rows(body: bytes, name: str) -> list[Row]:
    rows = _json(body).get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadRequest(f"no {name}")
    return rows


def _listed(query: Query, name: str) -> list[str]:
    return [value for key, value in query.items() if _INDEXED.match(key) and key.startswith(name + "[")]


def _number(query: Query, name: str, default: int | None = None) -> int:
    text = query.get(name, "" if default is None else str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise BadRequest(f"{name} is no number")
    return int(text)


def _known(rows: Mapping[str, Row], name: str) -> Row:
    if name not in rows:
        raise BadRequest("no such user or card")
    return rows[name]


def _flat_records(rows: list[Row]) -> str:
    lines = [f"totalCount={len(rows)}", f"found={len(rows)}"]
    for place, row in enumerate(rows):
        lines += [f"records[{place}].{key}={value}" for key, value in row.items()]
    return "\r\n".join(lines) + "\r\n"
