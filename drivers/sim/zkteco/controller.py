"""A simulated C3 controller: frames over TCP, with its tables in memory; shares no code with the driver."""

import contextlib
import socket
import socketserver
import struct
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from drivers.sim.base.events import EventLog, Sink
from drivers.sim.zkteco.tables import packed, unpacked

Values = dict[str, int | str]

TABLES = (
    "user=1,CardNo=i1,Pin=i2,Password=s3,Group=i4,StartTime=i5,EndTime=i6,SuperAuthorize=i7\n"
    "userauthorize=2,Pin=i1,AuthorizeTimezoneId=i2,AuthorizeDoorId=i3\n"
    "timezone=4,TimezoneId=i1,SunTime1=i2,MonTime1=i3,TueTime1=i4,WedTime1=i5,ThuTime1=i6,FriTime1=i7,SatTime1=i8\n"
    "transaction=5,Cardno=i1,Pin=i2,Verified=i3,DoorID=i4,EventType=i5,InOutState=i6,Time_second=i7\n"
)
_IDS = {"user": 1, "userauthorize": 2, "timezone": 4, "transaction": 5}
_GOOD, _BAD = 0xC8, 0xC9
_PAST_KEPT = 30


@dataclass
class ControllerFaults:
    """Faults to inject, until they are switched off or used up."""

    silent: bool = False
    garbage: bool = False
    lost: int = 0  # so many commands are carried out and not answered: it hangs up
    busy: int = 0  # so many are answered with "buffer not enough"
    refuse: int = 0  # each is answered with this code
    stale: int = 0  # so many answers come after the one to the message before
    big_table: bool = False  # tables are sent in a form that no document describes
    no_clock: bool = False  # it hangs up when its clock is set
    deaf_data: bool = False  # it says OK to data and changes nothing


class SimulatedController:
    """One controller; use it in a `with` block."""

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        password: str = "",
        sessions: bool = True,
        doors: int = 4,
        serial: str = "DDG8130016092200401",
        on_event: Sink | None = None,
    ) -> None:
        self.password, self.sessions, self.doors, self.serial = password, sessions, doors, serial
        self.faults = ControllerFaults()
        self.events = EventLog(on_event)
        self.skew = timedelta()
        self.alarms, self.contacts = bytearray(4), bytearray([1, 1, 1, 1])
        self.rows: dict[str, list[Values]] = {name: [] for name in _IDS}
        days = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
        always: Values = {"TimezoneId": 1, **{f"{day}Time1": 2359 for day in days}}
        self.rows["timezone"].append(always)
        self._fields = _fields_of(TABLES)
        self._log: list[bytes] = []
        self._lock = threading.RLock()
        self._lines: set[socket.socket] = set()
        self._session = 0x2D00
        self._server = _Server((host, port), _Handler)
        self._server.sim = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return f"tcp://{host!s}:{port}"

    def __enter__(self) -> "SimulatedController":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.drop()

    def drop(self) -> None:
        """Cut every connection."""
        for line in list(self._lines):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def swipe(self, card: int, door: int = 1) -> bool:
        """Show a card; return True if the door opened."""
        person = next((row for row in self.rows["user"] if row.get("CardNo") == card), None)
        pin = int(person["Pin"]) if person else 0
        masks = [int(row["AuthorizeDoorId"]) for row in self.rows["userauthorize"] if row["Pin"] == pin]
        granted = person is not None and any(mask >> (door - 1) & 1 for mask in masks)
        self.happens(0 if granted else 27 if person is None else 23, door, card=card, pin=pin, verified=4)
        return granted

    def happens(
        self,
        code: int,
        door: int = 1,
        *,
        card: int = 0,
        pin: int = 0,
        verified: int = 200,
        age: float = 0.0,
        only_memory: bool = False,
    ) -> None:
        """Something is recorded, in its memory and, unless it `only_memory`, in its log."""
        at = packed(self.now() - timedelta(seconds=age))
        with self._lock:
            self.rows["transaction"].append(
                {
                    "Cardno": card,
                    "Pin": pin,
                    "Verified": verified,
                    "DoorID": door,
                    "EventType": code,
                    "InOutState": 0,
                    "Time_second": at,
                }
            )
            if not only_memory:
                self._log.append(struct.pack("<IIBBBBI", card, pin, verified, door, code, 0, at))
                del self._log[:-_PAST_KEPT]
        self.events.add("recorded", code=code, door=door)

    def now(self) -> datetime:
        """Return the time on its wall clock."""
        return datetime.now() + self.skew

    def begin(self, line: socket.socket) -> None:
        """Register a client that has connected."""
        self._lines.add(line)

    def end(self, line: socket.socket) -> None:
        """Remove a client that has disconnected."""
        self._lines.discard(line)

    def new_session(self) -> int:
        """Count up and return the number of the next session."""
        self._session += 1
        return self._session

    def obey(self, command: int, data: bytes) -> tuple[int, bytes] | None:
        """Answer a command; None to hang up."""
        faults = self.faults
        if faults.busy and command != 0x0B:
            faults.busy -= 1
            self.events.add("fault", fault="busy")
            return _BAD, b"\xfd"
        if faults.refuse and command != 0x0B:
            self.events.add("fault", fault="refuse")
            return _BAD, faults.refuse.to_bytes(1, "little", signed=True)
        with self._lock:
            answer = self._obey(command, data)
        if faults.lost and command in (0x05, 0x07):
            faults.lost -= 1
            self.events.add("fault", fault="lost")
            return None
        return answer

    def _obey(self, command: int, data: bytes) -> tuple[int, bytes] | None:
        if command == 0x0B:
            return _GOOD, self._take_log()
        if command == 0x04:
            return _GOOD, self._parameters(data.decode())
        if command == 0x06:
            return _GOOD, TABLES.encode()
        if command == 0x05:
            return self._control(data)
        if command == 0x03:
            return self._set(data.decode())
        handlers = {0x07: self._set_rows, 0x08: self._read_rows, 0x09: self._delete_rows}
        return handlers[command](data) if command in handlers else (_BAD, b"\xf3")

    def _take_log(self) -> bytes:
        found, self._log = b"".join(self._log), []
        state = struct.pack("<4s4sBBBBI", self.alarms, self.contacts, 200, 0, 255, 0, packed(self.now()))
        return found or state

    def _parameters(self, names: str) -> bytes:
        known = {
            "~SerialNumber": self.serial,
            "FirmVer": "AC Ver 4.3.4 Apr 27 2017",
            "~DeviceName": "C3-400",
            "LockCount": str(self.doors),
            "ReaderCount": "4",
        }
        return ",".join(f"{name}={known.get(name, '')}" for name in names.split(",")).encode()

    def _control(self, data: bytes) -> tuple[int, bytes]:
        kind, door, output, seconds = data[:4]
        if kind != 1 or output != 1 or not 1 <= door <= self.doors:
            return _BAD, b"\xf5"
        word = {0: "shut", 255: "kept open"}.get(seconds, "opened")
        self.events.add(word, door=door, seconds=seconds)
        if word == "opened":
            self.happens(8, door)
        return _GOOD, b""

    def _set(self, text: str) -> tuple[int, bytes] | None:
        name, _, value = text.partition("=")
        self.events.add("set", option=name)
        if self.faults.no_clock:
            return None
        if name == "DateTime":
            self.skew = unpacked(int(value)) - datetime.now()
        return _GOOD, b""

    def _set_rows(self, data: bytes) -> tuple[int, bytes]:
        name, rows = self._decode(data)
        if not self.faults.deaf_data:
            self.rows[name] += rows
        return _GOOD, b""

    def _delete_rows(self, data: bytes) -> tuple[int, bytes]:
        name, keys = self._decode(data)
        if not self.faults.deaf_data:
            self.rows[name] = [row for row in self.rows[name] if not any(key.items() <= row.items() for key in keys)]
        return _GOOD, b""

    def _read_rows(self, data: bytes) -> tuple[int, bytes]:
        if self.faults.big_table:
            return 0x0D, bytes.fromhex("00005D8900005D89000075209643F41300")
        name, fields = self._head(data)
        answer = bytearray(data[: 2 + data[1]])
        for row in self.rows[name]:
            for field, is_text in fields:
                value = row.get(field, "" if is_text else 0)
                raw = str(value).encode() if is_text else _small(int(value))
                answer += bytes([len(raw)]) + raw
        return _GOOD, bytes(answer)

    def _head(self, data: bytes) -> tuple[str, list[tuple[str, bool]]]:
        name = next(name for name, number in _IDS.items() if number == data[0])
        return name, [self._fields[name][number] for number in data[2 : 2 + data[1]]]

    def _decode(self, data: bytes) -> tuple[str, list[Values]]:
        name, fields = self._head(data)
        rest, rows = data[2 + data[1] :], list[Values]()
        while rest:
            row: Values = {}
            for field, is_text in fields:
                raw, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
                row[field] = raw.decode() if is_text else int.from_bytes(raw, "little")
            rows.append(row)
        return name, rows


def _small(value: int) -> bytes:
    raw = value.to_bytes(8, "little").rstrip(b"\0")
    return raw or b"\0"


def _fields_of(text: str) -> dict[str, dict[int, tuple[str, bool]]]:
    found: dict[str, dict[int, tuple[str, bool]]] = {}
    for line in text.splitlines():
        (table, _), *fields = (part.split("=") for part in line.split(","))
        found[table] = {int(kind[1:]): (name, kind[0] == "s") for name, kind in fields}
    return found


def checksum(data: bytes) -> int:
    """CRC-16/ARC by its table-free definition, bit by bit from the lowest."""
    remainder = 0
    for bit in (byte >> place & 1 for byte in data for place in range(8)):
        remainder = (remainder >> 1) ^ (0xA001 if (remainder & 1) ^ bit else 0)
    return remainder


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    sim: SimulatedController


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        self._sim = self.server.sim
        self._session: int | None = None
        self._sim.begin(self.request)
        with contextlib.suppress(OSError, struct.error):
            while self._turn():
                pass
        self._sim.end(self.request)

    def _turn(self) -> bool:
        head = self._whole(5)
        command, length = head[2], int.from_bytes(head[3:5], "little")
        rest = self._whole(length + 3)
        data = rest[:length]
        if self._sim.faults.silent:
            return True
        if int.from_bytes(rest[length : length + 2], "little") != checksum(head[1:] + data):
            self._answer(_BAD, b"\xf7")
            return True
        if command in (0x76, 0x01):
            return self._log_in(command, data)
        if command == 0x02:
            self._sim.events.add("disconnected")
            return False
        return self._command(command, data)

    def _command(self, command: int, data: bytes) -> bool:
        prefix = b""
        if self._session is not None:
            prefix, data = data[:4], data[4:]
            if self._sim.faults.stale:
                self._sim.faults.stale -= 1
                self._sim.events.add("fault", fault="stale")
                session, message = struct.unpack("<HH", prefix)
                self._answer(_GOOD, struct.pack("<HH", session, message - 1))
        answer = self._sim.obey(command, data)
        if answer is None:
            return False
        self._answer(answer[0], prefix + answer[1])
        return True

    def _log_in(self, command: int, data: bytes) -> bool:
        if command == 0x76 and not self._sim.sessions:
            self._answer(_BAD, b"\xf3")
            return True
        prefix, secret = (data[:4], data[4:]) if command == 0x76 else (b"", data)
        if secret.decode("ascii", "replace") != self._sim.password:
            self._sim.events.add("wrong password")
            self._answer(_BAD, prefix + b"\xf2")
            return True
        if command == 0x76:
            self._session = self._sim.new_session()
            self._answer(_GOOD, struct.pack("<HH", self._session, 0))
        else:
            self._answer(_GOOD, b"")
        self._sim.events.add("connected", session=self._session is not None)
        return True

    def _answer(self, kind: int, data: bytes) -> None:
        body = struct.pack("<BBH", 1, kind, len(data)) + data
        whole = b"\xaa" + body + struct.pack("<HB", checksum(body), 0x55)
        self.request.sendall(bytes(byte ^ 0x5A for byte in whole) if self._sim.faults.garbage else whole)

    def _whole(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            block = self.request.recv(size - len(found))
            if not block:
                raise ConnectionResetError
            found += block
        return found
