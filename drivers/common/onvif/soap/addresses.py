"""Addresses that an ONVIF device announces, kept to the one that it was configured with."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

from devicemgr.errors import DeviceGarbled, InvalidInput

_PORT = re.compile(r":(\d{1,5})(?::\d+)?$")  # doubled ports occur
_STREAMS = ("rtsp", "rtsps", "http", "https")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device is: `url` of its device service; announced addresses on `allowed` hosts are taken as they are."""

    url: str
    allowed: frozenset[str] = frozenset()
    rtsp_port: int = 0

    def http(self, announced: str) -> str:
        """A service, subscription or snapshot: on the configured scheme, host and port. Never down from https."""
        given, own = _split(announced), urlsplit(self.url)
        if given.hostname in self.allowed and given.scheme in ("http", "https"):
            if own.scheme == "https" and given.scheme == "http":
                raise DeviceGarbled("the device announces http:// where https:// is configured; enable HTTPS in it")
            return urlunsplit((given.scheme, given.netloc.rpartition("@")[2], given.path or "/", given.query, ""))
        return urlunsplit((own.scheme, own.netloc, given.path or "/", given.query, ""))

    def stream(self, announced: str) -> str:
        """A stream: RTSP on the configured host with its own port and no credentials; MJPEG as `http`."""
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


def _split(announced: str) -> SplitResult:
    try:
        parts = urlsplit(announced)
        _ = parts.hostname
    except ValueError as error:
        raise DeviceGarbled("the device announces an address that is none; update its firmware") from error
    return parts


def device_url(address: str) -> str:
    """The device service's URL of `http(s)://host[:port][/path]`; InvalidInput for anything else."""
    parts = urlsplit(address)
    try:
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = None
    if not valid:
        raise InvalidInput("the address of an ONVIF device is http://HOST[:PORT] or https://HOST[:PORT]")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or "/onvif/device_service", "", ""))
