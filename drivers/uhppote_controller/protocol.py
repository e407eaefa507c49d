"""UHPPOTE controllers on the wire: 64 bytes a message over UDP, little-endian, dates in BCD (uhppoted's codec).

Each exchange has a socket of its own, connected to the controller: the kernel drops what comes from elsewhere, and an
late answer is dropped. What is not the answer to the question, by function and serial number, is dropped too.

"Opened" is byte for byte the request to open door 1, so a network path that reflects packets would confirm it. Whether
one does is seen by questions whose answers always differ from them.
"""

import contextlib
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from devicemgr.errors import DeviceUnreachable, InvalidInput
from devicemgr.text import safe
from drivers.common.serial.echo import Echo

T = TypeVar("T")

PORT = 60000
SIZE = 64
START = 0x17
_ADDRESS = re.compile(r"(?:udp://)?([A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?/?")
_TRIES = 2
# A flood must not keep us from our deadline; nor is more than this looked at for one answer.
_MAX_STRAYS = 200
# get_status and get_controller: a true answer holds a date or an address, the question noughts.
_TELLING = {0x20, 0x94}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a controller."""

    host: str
    port: int = PORT

    def __str__(self) -> str:
        return f"udp://{self.host}:{self.port}"


def parse_endpoint(text: str) -> Endpoint:
    """Parse `udp://HOST[:PORT]` or `HOST[:PORT]`, by default port 60000; raise InvalidInput otherwise."""
    found = _ADDRESS.fullmatch(text.strip())
    port = int(found[2]) if found and found[2] else PORT
    if found is None or not 1 <= port <= 65535:
        raise InvalidInput(
            f"'{safe(text, 100)}' is not where a controller is; write udp://192.0.2.20 or udp://HOST:PORT"
        )
    return Endpoint(found[1], port)


class Wire:
    """Questions to one controller; `timeout` is of one try in seconds."""

    def __init__(self, endpoint: Endpoint, serial: int, timeout: float) -> None:
        self._endpoint, self._serial, self._timeout = endpoint, serial, timeout
        self.dropped = 0
        self._echo = Echo()

    @property
    def echoes(self) -> bool:
        """Whether questions come back as well as answers."""
        return bool(self._echo.seen)

    def ask(self, request: bytes, decode: Callable[[bytes], T], fits: Callable[[T], bool], tries: int = _TRIES) -> T:
        """Send a request and return the decoded answer that `fits`; raise DeviceUnreachable if none came.

        Only a request that may be repeated has `tries` above 1.
        """
        for _ in range(tries):
            answer = self._exchange(bytes(request), decode, fits)
            if answer is not None:
                return answer
        raise DeviceUnreachable(
            f"controller {self._serial} does not answer at {self._endpoint}; check its number, address and network"
        )

    def _exchange(self, request: bytes, decode: Callable[[bytes], T], fits: Callable[[T], bool]) -> T | None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            try:
                line.connect((self._endpoint.host, self._endpoint.port))
                line.send(request)
                return self._answer(line, request, decode, fits)
            except TimeoutError:
                return None
            except ConnectionRefusedError:
                time.sleep(0.02)  # nothing listens there now: a reboot takes longer than two tries at once
                return None
            except OSError as error:
                raise DeviceUnreachable(
                    f"{self._endpoint} can't be reached ({error.strerror or error}); check address and network"
                ) from error

    def _answer(
        self, line: socket.socket, request: bytes, decode: Callable[[bytes], T], fits: Callable[[T], bool]
    ) -> T | None:
        until = time.monotonic() + self._timeout
        tells = request[1] in _TELLING
        echoed = False
        for _ in range(_MAX_STRAYS):
            line.settimeout(max(0.001, until - time.monotonic()))
            packet = line.recv(2048)
            if packet == request and not echoed and (tells or self._echo.seen is not False):
                echoed = True
                if tells:
                    self._echo.note(echoed=True)
            elif self._is_ours(packet, request[1]):
                with contextlib.suppress(ValueError, TypeError, IndexError):
                    answer = decode(packet)
                    if fits(answer):
                        if tells:
                            self._echo.note(echoed)
                        return answer
            self.dropped += 1
            if time.monotonic() >= until:
                return None
        return None

    def _is_ours(self, packet: bytes, function: int) -> bool:
        if len(packet) != SIZE or packet[0] != START or packet[1] != function:
            return False
        return int.from_bytes(packet[4:8], "little") == self._serial


def aware(naive: datetime | None, zone: tzinfo | None) -> datetime | None:
    """Convert a controller's wall time to an instant; `zone` None is this host's."""
    if naive is None:
        return None
    return naive.astimezone() if zone is None else naive.replace(tzinfo=zone)


def wall(moment: datetime, zone: tzinfo | None) -> datetime:
    """Convert an instant to a controller's wall time, without a zone."""
    return moment.astimezone(zone).replace(tzinfo=None)


def search(request: bytes, targets: list[tuple[str, int]], seconds: float) -> list[tuple[str, bytes]]:
    """Ask all `targets` at once and gather the answers of `seconds`, as (host:port, packet); never raises."""
    found: dict[tuple[str, bytes], Any] = {}
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            for target in targets:
                with contextlib.suppress(OSError):
                    line.sendto(request, target)
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0 and len(found) < 1000:
                line.settimeout(left)
                packet, source = line.recvfrom(2048)
                if len(packet) == SIZE and packet[:2] == request[:2]:
                    found[f"{source[0]}:{source[1]}", packet] = None
    except OSError:
        pass  # time is up, or there is no network to look in
    return list(found)
