"""A simulated ZKTeco terminal: an HTTP client that registers, uploads what happens, and carries out commands."""

import contextlib
import http.client
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from drivers.sim.base.events import EventLog, Sink
from drivers.sim.zkteco.tables import NO_COMMAND, NO_TABLE, Row, Tables, packed, unpacked

AGENT = "iClock Proxy/1.09"
_WAIT_S, _TURN_S = 5.0, 0.05
_STATUS_EVERY = 20
_OK_STATUS = 200


@dataclass
class Faults:
    """Faults to inject, until they are switched off or used up."""

    offline: bool = False  # it does not call, and keeps what happens
    deaf: bool = False  # it fetches no command
    mute: bool = False  # it carries commands out and returns no result
    busy: int = 0  # so many commands are answered with "insufficient cache"
    refuse: int = 0  # each command is answered with this result
    lost_answers: int = 0  # so many of our answers to events do not reach it: it sends them again
    unread_clock: bool = False  # it says OK to a new time and keeps its own
    delays: list[float] = field(default_factory=list)


class SimulatedZkteco:
    """One terminal; use it in a `with` block."""

    def __init__(
        self,
        serial: str,
        server: tuple[str, int],
        *,
        doors: int = 1,
        source: str = "127.0.0.1",
        several_cards: bool = False,
        attendance: bool = False,
        numbered: bool = True,
        on_event: Sink | None = None,
    ) -> None:
        self.serial, self.server, self.doors, self.source = serial, server, doors, source
        self.attendance, self.numbered = attendance, numbered
        self.tables = Tables(has_several_cards=several_cards)
        self.faults = Faults()
        self.events = EventLog(on_event)
        self.skew = timedelta()
        self.alarm = [0] * 8
        self.open_doors: set[int] = set()
        self.parameters: Row = {}
        self._pending: list[Row] = []
        self._index = 0
        self._registered = False
        self._turns = 0
        self._lock = threading.RLock()
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._set_parameters()

    def _set_parameters(self) -> None:
        supported = ["0"] * 58
        supported[2] = "1"
        self.parameters = {
            "DeviceType": "acc",
            "~DeviceName": "SpeedFace-V5L",
            "FirmVer": "ZAM170-NF-1.8.23",
            "PushVersion": "3.1.2",
            "LockCount": str(self.doors),
            "~MaxUserCount": "60",
            "DateFmtFunOn": "1",
            "MulCardUserFunOn": str(int(self.tables.has_several_cards)),
            "StringPinFunOn": "1",
            "BioPhotoFun": "1",
            "BioDataFun": "1",
            "FaceFunOn": "1",
            "AccSupportFunList": "".join(supported),
            "MultiBioPhotoSupport": "0:0:0:0:0:0:0:0:0:1",
        }

    def __enter__(self) -> "SimulatedZkteco":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._wake.set()
        self._thread.join(_WAIT_S)

    def person(self, pin: str, door: int = 1, verify: str = "15") -> bool:
        """Verify a person at a door; return True if it opened."""
        granted = self.tables.may_pass(pin, door)
        code = 0 if granted else 23 if any(row.get("pin") == pin for row in self.tables.user) else 27
        self.happens(code, door, pin if code != 27 else "0", verify)
        if granted:
            self.events.add("opened", door=door, pin=pin)
        return granted

    def happens(
        self,
        code: int,
        door: int = 1,
        pin: str = "0",
        verify: str = "200",
        *,
        card: str = "0",
        age: float = 0.0,
        number: int | None = None,
    ) -> None:
        """Something is recorded; `age` seconds ago, under a `number` of its own."""
        with self._lock:
            self._index = self._index + 1 if number is None else number
            at = self.now() - timedelta(seconds=age)
            row = {
                "time": f"{at:%Y-%m-%d %H:%M:%S}",
                "pin": pin,
                "cardno": card,
                "eventaddr": str(door),
                "event": str(code),
                "inoutstatus": "0",
                "verifytype": verify,
            }
            row |= {"index": str(self._index)} if self.numbered else {}
            self._pending.append(row)
            self.tables.transaction.append(
                {
                    "cardno": card,
                    "pin": pin,
                    "verified": verify,
                    "doorid": str(door),
                    "eventtype": str(code),
                    "inoutstate": "0",
                    "time_second": str(packed(at)),
                    "index": str(self._index),
                }
            )
            self.events.add("recorded", code=code, index=self._index)
        self._wake.set()

    def forget_upload(self) -> None:
        """Drop the events that wait to be sent, as if they had been; only the memory still has them."""
        with self._lock:
            self._pending.clear()

    def clear_memory(self) -> None:
        """Delete the records; they are counted from 1 again."""
        with self._lock:
            self.tables.transaction.clear()
            self._pending.clear()
            self._index = 0

    def restart(self) -> None:
        """Power off and on."""
        self._registered = False
        self._wake.set()

    def now(self) -> datetime:
        """Return the time on its wall clock."""
        return datetime.now() + self.skew

    def report_state(self) -> None:
        """Upload contacts and alarms now."""
        with self._lock:
            self._turns = 0
        self._wake.set()

    def call(self, method: str, page: str, body: bytes = b"", **query: str) -> tuple[int, str]:
        """Send one request to the server; return its status and text."""
        line = http.client.HTTPConnection(*self.server, timeout=_WAIT_S, source_address=(self.source, 0))
        with contextlib.closing(line):
            path = f"/iclock/{page}?{urlencode({'SN': self.serial} | query)}"
            line.request(method, path, body, {"User-Agent": AGENT, "Connection": "close"})
            answer = line.getresponse()
            return answer.status, answer.read().decode()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                if not self.faults.offline:
                    self._turn()
            self._wake.wait(_TURN_S)
            self._wake.clear()

    def _turn(self) -> None:
        if not self._registered and not self._register():
            return
        if self._turns % _STATUS_EVERY == 0 and not self.attendance:
            self._upload_state()
        self._turns += 1
        self._upload_events()
        if self.faults.deaf:
            self.call("GET", "ping")
            return
        _, text = self.call("GET", "getrequest")
        self._obey(text)

    def _register(self) -> bool:
        version = "2.4.1" if self.attendance else "3.1.2"
        status, text = self.call("GET", "cdata", options="all", pushver=version)
        if status != _OK_STATUS:
            self.events.add("refused", status=status)
            return False
        if not self.attendance:
            if "registry=ok" not in text:
                body = ",".join(f"{name}={value}" for name, value in self.parameters.items())
                self.call("POST", "registry", body.encode())
            self.call("POST", "push")
        self._registered, self._turns = True, 0
        self.events.add("registered")
        return True

    def _upload_state(self) -> None:
        sensor = 0
        for door in range(1, self.doors + 1):
            sensor |= (2 if door in self.open_doors else 1) << (door - 1) * 2
        alarm = bytes(self.alarm).hex()
        shown = f"{self.now():%Y-%m-%d %H:%M:%S}"
        body = f"time={shown}\tsensor={sensor & 255:02X}{sensor >> 8:02X}\trelay=00\talarm={alarm}"
        self.call("POST", "cdata", body.encode(), table="rtstate")
        self.events.add("state sent")

    def _upload_events(self) -> None:
        with self._lock:
            rows = self._pending[:50]
        if not rows:
            return
        if self.attendance:
            lines = [f"{row['pin']}\t{row['time']}\t{row['inoutstatus']}\t{row['verifytype']}\t0\t0" for row in rows]
            query = {"table": "ATTLOG", "Stamp": "9999"}
        else:
            lines = ["\t".join(f"{name}={value}" for name, value in row.items()) for row in rows]
            query = {"table": "rtlog"}
        status, _ = self.call("POST", "cdata", "\n".join(lines).encode(), **query)
        if self.faults.lost_answers:
            self.faults.lost_answers -= 1
            self.events.add("fault", fault="lost answer")
            return
        if status == _OK_STATUS:
            with self._lock:
                self._pending = [row for row in self._pending if row not in rows]
            self.events.add("uploaded", count=len(rows))

    def _obey(self, text: str) -> None:
        # A record of several rows goes on in the next line, which begins with no C:.
        commands: list[str] = []
        for line in text.split("\n"):
            if line.startswith("C:"):
                commands.append(line)
            elif commands:
                commands[-1] += "\n" + line
        for line in commands:
            _, number, command = line.split(":", 2)
            result = self._result(number, command)
            self.events.add("command", text=command[:80], result=result)
            if self.faults.mute:
                self.events.add("fault", fault="mute")
                continue
            words = " ".join(command.split(" ", 2)[:2])
            self.call("POST", "devicecmd", f"ID={number}&Return={result}&CMD={words}".encode())

    def _result(self, number: str, command: str) -> int:
        faults = self.faults
        if faults.busy:
            faults.busy -= 1
            self.events.add("fault", fault="busy")
            return -3
        if faults.refuse:
            self.events.add("fault", fault="refuse")
            return faults.refuse
        verb, _, rest = command.partition(" ")
        name, _, rest = rest.partition(" ")
        if verb == "DATA" and name in ("UPDATE", "DELETE", "QUERY"):
            return self._data(number, name, rest)
        others = {"CONTROL DEVICE": self._control, "SET OPTIONS": self._set}
        if (verb, name) == ("GET", "OPTIONS"):
            return self._get(number, rest)
        return others[f"{verb} {name}"](rest) if f"{verb} {name}" in others else NO_COMMAND

    def _data(self, number: str, verb: str, rest: str) -> int:
        if verb == "QUERY":
            words = dict(part.partition("=")[::2] for part in rest.split(",", 2))
            return self._answer_query(number, words.get("tablename", ""), words.get("filter", "*"))
        table, _, text = rest.partition(" ")
        return self.tables.update(table, text) if verb == "UPDATE" else self.tables.delete(table, text)

    def _answer_query(self, number: str, table: str, condition: str) -> int:
        rows = self.tables.query(table, condition)
        if rows is None:
            return NO_TABLE
        lines = [f"{table} " + "\t".join(f"{name}={value}" for name, value in row.items()) for row in rows]
        for place in range(0, len(lines), 100):
            part = lines[place : place + 100]
            self.call(
                "POST",
                "querydata",
                "\n".join(part).encode(),
                type="tabledata",
                cmdid=number,
                tablename=table,
                count=str(len(part)),
                packcnt=str((len(lines) + 99) // 100),
                packidx=str(place // 100 + 1),
            )
        return len(rows)

    def _control(self, digits: str) -> int:
        kind, door, output, seconds = (int(digits[place : place + 2], 16) for place in (0, 2, 4, 6))
        if kind == 1 and output == 1 and 1 <= door <= self.doors:
            word = {0: "shut", 255: "kept open"}.get(seconds, "opened")
            self.events.add(word, door=door, seconds=seconds)
            if word == "opened":
                self.happens(8, door)
            return 0
        if kind == 6:
            self.events.add("locked" if output else "unlocked", door=door)
            return 0
        return -11

    def _set(self, text: str) -> int:
        name, _, value = text.partition("=")
        if name == "DateTime" and not self.faults.unread_clock:
            self.skew = unpacked(int(value)) - datetime.now()
            self.report_state()
        self.events.add("set", option=name, value=value)
        return 0

    def _get(self, number: str, names: str) -> int:
        body = ",".join(f"{name}={self.parameters.get(name, '')}" for name in names.split(","))
        self.call("POST", "querydata", body.encode(), type="options", cmdid=number, tablename="options", count="1")
        return 0
