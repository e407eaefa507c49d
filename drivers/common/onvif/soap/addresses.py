"""Addresses that an ONVIF device announces, kept to the one that it was configured with."""

import ipaddress
import re
import socket
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit, urlunsplit

from devicemgr.errors import DeviceGarbled, InvalidInput

_PORT = re.compile(r":(\d{1,5})(?::\d+)?$")  # doubled ports occur
_STREAMS = ("rtsp", "rtsps", "http", "https")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """A device's place: `url` of its device service; announced addresses on `allowed` hosts are taken unchanged.

    Shared by all connections to the device. A port of its own that it announces beside the configured one is believed
    until nothing of ONVIF answers there (`avoid`).
    """

    url: str
    allowed: frozenset[str] = frozenset()
    rtsp_port: int = 0
    _proven: set[str] = field(default_factory=set, compare=False, repr=False)
    _avoided: set[str] = field(default_factory=set, compare=False, repr=False)
    _numbers: dict[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)

    def http(self, announced: str) -> str:
        """Return where a service, subscription or snapshot is: on the configured scheme and host, never http for https.

        Seen in the field: Tapo, the service on :2020 and its subscriptions on :1024 (openhab-addons issue 14738);
        Reolink, ONVIF on :8000 and snapshots on :80.
        """
        given, own = _split(announced), urlsplit(self.url)
        if given.hostname in self.allowed and given.scheme in ("http", "https"):
            if own.scheme == "https" and given.scheme == "http":
                raise DeviceGarbled("the device announces http:// where https:// is configured; enable HTTPS in it")
            return urlunsplit((given.scheme, given.netloc.rpartition("@")[2], given.path or "/", given.query, ""))
        netloc = own.netloc
        if given.scheme == own.scheme and self._is_own(given.hostname or ""):
            elsewhere = _with_port(own, _port_of(given))
            netloc = netloc if elsewhere in self._avoided else elsewhere
        return urlunsplit((own.scheme, netloc, given.path or "/", given.query, ""))

    def fallback(self, url: str) -> str:
        """Return the same on the configured port, for an address on another port of the device; "" for all others."""
        given, own = urlsplit(url), urlsplit(self.url)
        if given.netloc == own.netloc or given.hostname != own.hostname or given.scheme != own.scheme:
            return ""
        return urlunsplit((own.scheme, own.netloc, given.path, given.query, ""))

    def is_proven(self, url: str) -> bool:
        """Return True once something on this port has answered as it should."""
        return urlsplit(url).netloc in self._proven

    def prove(self, url: str) -> None:
        """Note a right answer."""
        self._proven.add(urlsplit(url).netloc)

    def avoid(self, url: str) -> None:
        """Note that the configured port answered what this one did not."""
        self._avoided.add(urlsplit(url).netloc)

    def forget_ports(self) -> None:
        """Believe announced ports again: the device may have been restarted with other ones."""
        self._proven.clear()
        self._avoided.clear()

    def _is_own(self, host: str) -> bool:
        own = str(urlsplit(self.url).hostname)
        return host == own or bool(_numbers_of(host) & self._own_numbers(own))

    def _own_numbers(self, own: str) -> frozenset[str]:
        """Return the configured host's addresses; a name is looked up once."""
        if not self._numbers.get(own):
            self._numbers[own] = _numbers_of(own) or _resolved(own)
        return self._numbers[own]

    def stream(self, announced: str) -> str:
        """Return where a stream is: RTSP on the configured host with its own port, no credentials; MJPEG as `http`."""
        given, own = _split(announced), urlsplit(self.url)
        scheme = given.scheme.lower()
        if scheme not in _STREAMS:
            raise DeviceGarbled("the device announces no RTSP stream; enable RTSP in its settings")
        if scheme.startswith("http"):
            return self.http(announced)
        found = _PORT.search(given.netloc)
        port = str(self.rtsp_port) if self.rtsp_port else found.group(1) if found else ""
        host = str(given.hostname if given.hostname in self.allowed else own.hostname)
        netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
        return urlunsplit((scheme, netloc, given.path, given.query, ""))


def _port_of(parts: SplitResult) -> int:
    found = _PORT.search(parts.netloc)
    port = int(found[1]) if found else 0
    return port if 0 < port < 65_536 else _DEFAULT_PORTS[parts.scheme]


def _with_port(own: SplitResult, port: int) -> str:
    """Return the configured host with this port, as it is configured where the port is the same."""
    if port == _port_of(own):
        return own.netloc
    host = f"[{own.hostname}]" if ":" in str(own.hostname) else str(own.hostname)
    return host if port == _DEFAULT_PORTS[own.scheme] else f"{host}:{port}"


def _numbers_of(host: str) -> frozenset[str]:
    try:
        return frozenset({str(ipaddress.ip_address(host.partition("%")[0]))})
    except ValueError:
        return frozenset()


def _resolved(host: str) -> frozenset[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(str(entry[4][0]).partition("%")[0] for entry in found)


def _split(announced: str) -> SplitResult:
    try:
        parts = urlsplit(announced)
        _ = parts.hostname
    except ValueError as error:
        raise DeviceGarbled("the device announces an address that is none; update its firmware") from error
    return parts


def device_url(address: str) -> str:
    """Return the device service's URL of `http(s)://host[:port][/path]`; InvalidInput for anything else."""
    parts = urlsplit(address)
    try:
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = None
    if not valid:
        raise InvalidInput("the address of an ONVIF device is http://HOST[:PORT] or https://HOST[:PORT]")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or "/onvif/device_service", "", ""))
