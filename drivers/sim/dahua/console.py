"""A simulated Dahua face terminal as an object: what it holds, and what happens in front of it."""

import http.client
import io
import json
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.errors import DeviceBusy, InvalidInput
from drivers.sim.base.events import EventLog, Sink
from drivers.sim.dahua.auth import Doorkeeper
from drivers.sim.dahua.cgis import Cgis
from drivers.sim.dahua.faults import Faults
from drivers.sim.dahua.http import Server
from drivers.sim.dahua.legacy import LegacyTable
from drivers.sim.dahua.memory import People, Records
from drivers.sim.dahua.push import push, push_body
from drivers.sim.dahua.streams import News, Streams

FACE, CARD = 15, 1
OUTSIDE_HOURS = 0x20
_MAX_UNPUSHED = 1000
ALARMS = ("DoorNotClosed", "BreakIn", "Duress", "ChassisIntruded", "AlarmLocal")


class SimulatedDahua:
    """Simulated terminal, run as a context manager.

    Events: request, refused, bad_request, injected, changed, configured, unlocked, locked, attached, detached,
    recorded, question.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        credentials: tuple[str, str] = ("admin", "admin123"),
        *,
        legacy: bool = False,
        capacity: int = 50_000,
        doors: int = 1,
        on_event: Sink | None = None,
    ) -> None:
        self.events = EventLog(on_event)
        self.faults = Faults(self.events.add)
        self.doorkeeper = Doorkeeper(*credentials)
        self.people, self.records, self.streams = People(capacity), Records(), Streams()
        self.legacy_table = LegacyTable(self.people)
        self.legacy, self.doors = legacy, doors
        self.door_states: dict[int, str] = {}
        self.unknown_config: list[str] = []
        self.down, self.down_seconds = threading.Event(), 1.0
        self.skew = timedelta()
        self.zone_hours = 0
        self.deflate_pushes = False
        self.unpushed: list[dict[str, Any]] = []
        self.last_push = b""
        self.record_what_is_seen = True
        self.cgis = Cgis(self)
        try:
            self.server = Server((host, port), self)
        except (OSError, OverflowError) as error:
            raise DeviceBusy(f"port {port} is taken or not allowed; give another one") from error
        self.address = f"http://{host}:{self.server.server_port}"

    def __enter__(self) -> "SimulatedDahua":
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.streams.tell(None)
        self.server.stop()

    def now(self) -> datetime:
        """Return the time on its clock, as UTC."""
        return datetime.now(UTC) + self.skew

    def set_clock(self, at: datetime) -> None:
        """Set its clock."""
        self.skew = at - datetime.now(UTC)
        self.events.add("clock_set")

    def reboot(self) -> None:
        """Away soon, when the answer has left, and back with all that it holds."""

        def go() -> None:
            time.sleep(0.1)
            self.down.set()
            self.server.drop_connections()
            self.events.add("rebooting")
            time.sleep(self.down_seconds)
            self.down.clear()
            self.events.add("booted")

        threading.Thread(target=go, name="simulated reboot", daemon=True).start()

    def unlock(self, channel: int, user: str) -> None:
        """Switch on the relay of door `channel`, counted from 1, for as long as the terminal is set to."""
        self.events.add("unlocked", channel=channel, user=user)

    def someone(self, user: str, channel: int = 1, **more: Any) -> dict[str, Any]:
        """Show a known person's face; an unknown UserID is a stranger's face."""
        known = self.people.users.get(user)
        fields = {
            "UserID": user if known else "",
            "CardName": known.get("UserName", "") if known else "",
            "CardNo": "",
            "Method": FACE,
            "Similarity": 96 if known else 0,
            "Alive": 100,
        }
        return self._seen(channel, fields | more, granted=known is not None, code=0 if known else 0x10)

    def stranger(self, channel: int = 1) -> dict[str, Any]:
        """Show a face that the terminal does not know."""
        return self.someone("", channel)

    def card(self, number: str, channel: int = 1) -> dict[str, Any]:
        """Present a card."""
        row = self.people.cards.get(number)
        user = str(row["UserID"]) if row else ""
        name = self.people.users.get(user, {}).get("UserName", "")
        fields = {"UserID": user, "CardName": name, "CardNo": number, "Method": CARD}
        return self._seen(channel, fields, granted=row is not None, code=0 if row else 0x10)

    def _is_open_to(self, user: str, channel: int) -> bool:
        """By the hours of the person's doors, by its own clock."""
        row = self.people.users.get(user, {})
        doors, sections = row.get("Doors", [0]), row.get("TimeSections", [255])
        local = self.now() + timedelta(hours=self.zone_hours)
        pairs = dict(zip(doors, sections, strict=False))
        return self.cgis.is_open(int(pairs.get(channel - 1, 255)), local)

    def door(self, channel: int, state: str) -> None:
        """Set a door's contact to open or close; held open is reported as an alarm."""
        if state not in ("open", "close") or not 1 <= channel <= self.doors:
            raise InvalidInput(f"doors are 1 to {self.doors}, and open or close")
        self.door_states[channel] = state.capitalize()
        self.alarm("DoorNotClosed", "Start" if state == "open" else "Stop", channel)

    def alarm(self, code: str, action: str = "Pulse", channel: int = 1) -> None:
        """Raise one of ALARMS at door `channel`, counted from 1."""
        if code not in ALARMS:
            raise InvalidInput(f"alarms are {', '.join(ALARMS)}")
        at = int(self.now().timestamp())
        self.streams.tell(News(code, action, channel - 1, {"Door": channel - 1, "CreateTime": at, "UTC": at}))

    def remember(self, count: int, first: int, step: int = 1, user: str = "1") -> None:
        """Add `count` records as from a time without network, from second `first` on."""
        for place in range(count):
            self.records.add(
                {
                    "CreateTime": first + place * step,
                    "UserID": user,
                    "CardNo": "",
                    "CardName": "",
                    "Door": 0,
                    "Type": "Entry",
                    "Method": FACE,
                    "Status": 1,
                    "ErrorCode": 0,
                }
            )

    def _seen(self, channel: int, fields: Mapping[str, Any], *, granted: bool, code: int) -> dict[str, Any]:
        at = int(self.now().timestamp())
        data = {
            "CardNo": "",
            "CreateTime": at,
            "Door": channel - 1,
            "ErrorCode": code,
            "ReaderID": str(channel),
            "Status": int(granted),
            "Type": "Entry",
            "UTC": at,
            "UserType": 0,
            **fields,
        }
        if self.cgis.config["Intelbras_ModeCfg.DeviceMode"] == "2":
            return self._ask(channel, data)
        if granted and not self._is_open_to(str(data["UserID"]), channel):
            granted, data = False, data | {"Status": 0, "ErrorCode": OUTSIDE_HOURS}
        self._record(data)
        if granted:
            self.unlock(channel, str(data["UserID"]))
        if self.cgis.config["Intelbras_ModeCfg.DeviceMode"] == "1":
            self._push_all(data)
        return data

    def _push_all(self, data: dict[str, Any]) -> None:
        """Push an event; keep what was not answered with 200, and send it again before the next event."""
        waiting, self.unpushed = [*self.unpushed, data], []
        for place, one in enumerate(waiting):
            if not self._push(one):
                self.unpushed = waiting[place:][-_MAX_UNPUSHED:]
                self.events.add("push_kept", waiting=len(self.unpushed))
                return

    def _record(self, data: Mapping[str, Any]) -> None:
        columns = ("CreateTime", "UserID", "CardNo", "CardName", "Door", "Type", "Method", "Status", "ErrorCode")
        if self.record_what_is_seen:
            number = self.records.add({key: data.get(key, "") for key in columns})
            self.events.add("recorded", number=number, granted=bool(data["Status"]), user=data["UserID"])
        self.streams.tell(News("AccessControl", "Pulse", int(data["Door"]), data, (picture(), picture())))

    def _ask(self, channel: int, data: dict[str, Any]) -> dict[str, Any]:
        """Let the server decide in online mode; without an answer the door stays shut."""
        answer = self._push(data)
        granted = answer.get("auth") == "true"
        self.events.add("question", user=data["UserID"], granted=granted, words=str(answer.get("message", "")))
        data = data | {"Status": int(granted)}
        self._record(data)
        if granted:
            self.unlock(channel, str(data["UserID"]))
        return data

    def _push(self, data: Mapping[str, Any]) -> dict[str, Any]:
        config = self.cgis.config
        server = {
            key: config.get(f"PictureHttpUpload.UploadServerList[0].{key}", "")
            for key in ("Address", "Port", "Uploadpath")
        }
        event = {"Action": "Pulse", "Code": "AccessControl", "Index": data["Door"], "Data": dict(data)}
        info = {
            "Channel": data["Door"],
            "Events": [event],
            "FilePath": "/x.jpg",
            "Time": f"{self.now():%d-%m-%Y %H:%M:%S}",
        }
        body = self.last_push = push_body(info, (picture(), picture()))
        wait = float(config.get("Intelbras_ModeCfg.RemoteCheckTimeout", "5"))
        try:
            status, answer = push(
                server["Address"],
                int(server["Port"]),
                server["Uploadpath"],
                body,
                deflated=self.deflate_pushes,
                timeout=wait,
            )
            fields = json.loads(answer) if status == 200 else {}
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.events.add("push_failed", why=type(error).__name__)
            return {}
        return fields if isinstance(fields, dict) else {}


def picture(size: tuple[int, int] = (8, 8)) -> bytes:
    """Draw a gray JPEG."""
    from PIL import Image  # noqa: PLC0415 - only a simulator with pictures needs it

    buffer = io.BytesIO()
    Image.new("RGB", size, (128, 128, 128)).save(buffer, "JPEG")
    return buffer.getvalue()
