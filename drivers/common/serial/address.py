"""Addresses of byte lines: `/dev/x`, `serial:/dev/x?baudrate=9600&parity=N&stopbits=1`, `tcp://host:port`."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from devicemgr.errors import InvalidInput
from devicemgr.text import safe

_HINT = "write /dev/gate/NAME, serial:/dev/gate/NAME?baudrate=9600&parity=N&stopbits=1, or tcp://HOST:PORT"


@dataclass(frozen=True, slots=True)
class SerialAddress:
    """A serial port by its (stable) path; 8 data bits."""

    path: str
    baudrate: int
    parity: str = "N"
    stopbits: int = 1

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A serial server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"tcp://[{self.host}]:{self.port}" if ":" in self.host else f"tcp://{self.host}:{self.port}"


def parse_address(text: str, baudrate: int = 9600) -> SerialAddress | TcpAddress:
    """Parse an address, with `baudrate` where the text names none; raise InvalidInput if it is malformed."""
    if text.startswith("tcp://"):
        return _tcp(text)
    path, _, query = text.removeprefix("serial:").partition("?")
    if not path.startswith("/") or "\0" in path:
        raise InvalidInput(f"'{safe(text, 100)}' is not an address of a line; {_HINT}")
    return _serial(path, query, baudrate)


def _tcp(text: str) -> TcpAddress:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidInput(f"'{safe(text, 100)}' is not HOST:PORT; {_HINT}") from error
    if not host or not port or parts.path or parts.query:
        raise InvalidInput(f"'{safe(text, 100)}' is not HOST:PORT; {_HINT}")
    return TcpAddress(host, port)


def _serial(path: str, query: str, baudrate: int) -> SerialAddress:
    settings = {"baudrate": str(baudrate), "parity": "N", "stopbits": "1"}
    try:
        given = parse_qsl(query, strict_parsing=True, keep_blank_values=True) if query else []
    except ValueError as error:
        raise InvalidInput(f"'{safe(query, 60)}' are not settings of a line; {_HINT}") from error
    for key, value in given:
        if key not in settings:
            raise InvalidInput(f"unknown setting '{safe(key, 30)}' of {safe(path, 100)}; {_HINT}")
        settings[key] = value
    speed, parity, stop = settings["baudrate"], settings["parity"].upper(), settings["stopbits"]
    if not speed.isascii() or not speed.isdigit() or not 300 <= int(speed[:9]) <= 4_000_000:
        raise InvalidInput(f"baudrate of {safe(path, 100)} must be 300 to 4000000, such as 9600 or 115200")
    if parity not in {"N", "E", "O"} or stop not in {"1", "2"}:
        raise InvalidInput(f"parity of {safe(path, 100)} must be N, E or O, and stopbits 1 or 2")
    return SerialAddress(path, int(speed), parity, int(stop))
