"""C3 and inBIO controllers on the wire: framed requests and replies over TCP, each answered before the next.

`AA 01 COMMAND LENGTH(2) DATA CRC(2) 55`, numbers little-endian, CRC-16/ARC over all but the first and the last byte;
in a session the data begins with its id and a message number, -258 for the first message.
Sources: the protocol section of zkaccess-c3-py's README; the captures in issues 1, 2 and 5 there, in issues 3 and 7 of
hass-zkaccess_c3 and in issue 38 of pyzk; ZKTeco, PullSDK Interfaces User Guide 2.0 (January 2012), attached table 5.
No code of those projects is used.
"""

import re
import socket
import struct
import time
from dataclasses import dataclass

from devicemgr.errors import DeviceBusy, DeviceGarbled, DeviceRefused, DeviceUnreachable, Hint, InvalidInput, NotYet
from devicemgr.text import safe
from drivers.common.zkteco.codes import NOT_NOW, result_words

PORT = 4370
START, VERSION, END = 0xAA, 0x01, 0x55
# What owners' captures have in the answers' second byte (tests of zkaccess-c3-py); requests have a 1.
VERSIONS = frozenset({0x00, 0x01, 0x02})
CONNECT, DISCONNECT, SET_PARAMETERS, GET_PARAMETERS, CONTROL = 0x01, 0x02, 0x03, 0x04, 0x05
TABLES, SET_DATA, GET_DATA, DELETE_DATA, REAL_TIME_LOG = 0x06, 0x07, 0x08, 0x09, 0x0B
CONNECT_SESSION = 0x76
OK, ERROR = 0xC8, 0xC9
NO_SUCH_COMMAND, WRONG_PASSWORD = -13, -14
MAX_DATA_BYTES = 0xFFFF
_HEADER_BYTES, _TAIL_BYTES = 5, 3
_SESSION = struct.Struct("<HH")
_FIRST_MESSAGE = 0xFEFE
_MAX_STALE = 20
_RETRY_S = 0.2
_ADDRESS = re.compile(r"(?:tcp://)?([A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a controller."""

    host: str
    port: int = PORT

    def __str__(self) -> str:
        return f"tcp://{self.host}:{self.port}"


def parse_endpoint(text: str) -> Endpoint:
    """Return `tcp://HOST[:PORT]` or `HOST[:PORT]`, port 4370 where none is given; else InvalidInput."""
    found = _ADDRESS.fullmatch(text.strip())
    port = int(found[2]) if found and found[2] else PORT
    if found is None or not 1 <= port <= 65535:
        raise InvalidInput(f"'{safe(text, 100)}' is not where a controller is; write tcp://192.0.2.30")
    return Endpoint(found[1], port)


def crc16(data: bytes) -> int:
    """Return CRC-16/ARC."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def frame(command: int, data: bytes = b"") -> bytes:
    """Return a whole message."""
    body = struct.pack("<BBH", VERSION, command, len(data)) + data
    return bytes([START]) + body + struct.pack("<HB", crc16(body), END)


class ControllerRefused(DeviceRefused):
    """It answered with an error code."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(f"the controller refuses {what}: {result_words(code)}")
        self.code = code


class Connection:
    """One connection, used by one thread; after any DeviceError but a refusal it is to be closed."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self._endpoint, self._timeout = endpoint, timeout
        self._line: socket.socket | None = None
        self._session: int | None = None
        self._message = 0
        self._offset: int | None = None

    @property
    def has_session(self) -> bool:
        """Whether the firmware numbers sessions and messages."""
        return self._session is not None

    def open(self, password: str) -> None:
        """Connect and log in: with a session, and where the firmware has none, without."""
        self.close()
        try:
            self._line = socket.create_connection((self._endpoint.host, self._endpoint.port), self._timeout)
        except OSError as error:
            raise DeviceUnreachable(
                f"{self._endpoint} can't be reached ({error.strerror or error}); check address and network"
            ) from error
        secret = password.encode("ascii", "replace")
        try:
            answer = self._repeat(CONNECT_SESSION, _SESSION.pack(_FIRST_MESSAGE, _FIRST_MESSAGE) + secret)
        except ControllerRefused as error:
            self._require_no_session(error)
            self._log_in(CONNECT, secret)
            return
        if len(answer) < _SESSION.size:
            raise DeviceGarbled("the controller begins a session without its number; check its firmware")
        self._session, self._message = _SESSION.unpack_from(answer)[0], _FIRST_MESSAGE
        self._offset = None

    def _require_no_session(self, error: ControllerRefused) -> None:
        if error.code == WRONG_PASSWORD:
            raise _refused_login() from error
        if error.code != NO_SUCH_COMMAND:
            raise error

    def _log_in(self, command: int, secret: bytes) -> None:
        try:
            self._repeat(command, secret)
        except ControllerRefused as error:
            raise _refused_login() if error.code == WRONG_PASSWORD else error from error

    def _repeat(self, command: int, data: bytes) -> bytes:
        """Log in, again within the deadline while the controller can't answer just now."""
        until = time.monotonic() + self._timeout
        while True:
            try:
                return self._exchange(command, data)
            except ControllerRefused as error:
                if error.code not in NOT_NOW or time.monotonic() + _RETRY_S > until:
                    raise
                time.sleep(_RETRY_S)

    def close(self) -> None:
        """End the session and hang up; never raises."""
        line, self._line = self._line, None
        if line is None:
            return
        try:
            line.settimeout(0.2)
            line.sendall(frame(DISCONNECT, self._prefix()))
        except OSError:
            pass
        self._session = None
        line.close()

    def ask(self, command: int, data: bytes, what: str) -> bytes:
        """Return the answer's data; asks again within the deadline while the controller can't answer just now.

        For what may be carried out twice.
        """
        until = time.monotonic() + self._timeout
        while True:
            try:
                return self.command(command, data, what)
            except NotYet:
                if time.monotonic() + _RETRY_S > until:
                    raise
                time.sleep(_RETRY_S)

    def command(self, command: int, data: bytes, what: str) -> bytes:
        """Send once and return the answer's data; NotYet where nothing was done and it may succeed in a moment."""
        if self._session is not None:
            self._message = (self._message + 1) & 0xFFFF
        try:
            answer = self._exchange(command, self._prefix() + data, what)
        except ControllerRefused as error:
            raise NotYet(str(error)) if error.code in NOT_NOW else error from error
        return answer[_SESSION.size :] if self._session is not None else answer

    def _prefix(self) -> bytes:
        return b"" if self._session is None else _SESSION.pack(self._session, self._message)

    def _exchange(self, command: int, data: bytes, what: str = "the connection") -> bytes:
        line = self._line
        if line is None:
            raise DeviceUnreachable("the controller is not connected")
        if len(data) > MAX_DATA_BYTES:
            raise DeviceRefused(f"{what} is too large for the controller")
        until = time.monotonic() + self._timeout
        try:
            line.settimeout(self._timeout)
            line.sendall(frame(command, data))
            for _ in range(_MAX_STALE):
                kind, answer = self._read(line, until)
                if self._is_stale(answer):
                    continue
                if kind == ERROR:
                    raise ControllerRefused(_code(answer), what)
                if kind != OK:
                    raise DeviceGarbled(f"the controller answers {what} with 0x{kind:02X}, which no document describes")
                return answer
        except TimeoutError as error:
            raise DeviceUnreachable(
                f"the controller does not answer at {self._endpoint}; check power and network"
            ) from error
        except OSError as error:
            raise DeviceUnreachable(f"the controller hung up ({error.strerror or error})") from error
        raise DeviceGarbled("the controller answers other questions than those that were sent")

    def _is_stale(self, answer: bytes) -> bool:
        """Return True for the late answer to a message before this one.

        Some firmware returns the number of the message, other counts its answers itself, from 0 at the connection:
        what counts is that an answer is not older than the one before.
        """
        if self._session is None:
            return False
        if len(answer) < _SESSION.size:
            raise DeviceGarbled("the controller answers without its session; check its firmware")
        session, message = _SESSION.unpack_from(answer)
        if session != self._session:
            raise DeviceBusy("the controller answers in the session of another program; stop that one")
        apart = (message - self._message) & 0xFFFF
        if self._offset is None and apart and message == _FIRST_MESSAGE:
            return True
        if self._offset is not None and (apart - self._offset) & 0xFFFF >= 0x8000:
            return True
        self._offset = apart
        return False

    def _read(self, line: socket.socket, until: float) -> tuple[int, bytes]:
        head = _read_whole(line, _HEADER_BYTES, until)
        start, version, kind, length = struct.unpack("<BBBH", head)
        if start != START or version not in VERSIONS:
            raise DeviceGarbled(f"what answers at {self._endpoint} is no C3 or inBIO controller ({head.hex()})")
        rest = _read_whole(line, length + _TAIL_BYTES, until)
        crc, end = struct.unpack("<HB", rest[length:])
        if end != END or crc != crc16(head[1:] + rest[:length]):
            raise DeviceGarbled("an answer of the controller arrived damaged")
        return kind, rest[:length]


_REFUSED_LOGIN = (
    "the controller answers that the communication password is not correct; give the right one, or none if it has none"
)


def _refused_login() -> DeviceRefused:
    return DeviceRefused(_REFUSED_LOGIN, hint=Hint("set_device_password"))


def _code(answer: bytes) -> int:
    """Return the signed error code, which is the last byte."""
    return int.from_bytes(answer[-1:], "little", signed=True) if answer else -99


def _read_whole(line: socket.socket, size: int, until: float) -> bytes:
    found = bytearray()
    while len(found) < size:
        line.settimeout(max(0.001, until - time.monotonic()))
        block = line.recv(size - len(found))
        if not block:
            raise ConnectionResetError(104, "connection closed")
        found += block
    return bytes(found)
