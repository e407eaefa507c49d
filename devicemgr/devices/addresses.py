"""Whether two addresses are of one device: the same port of this box, or the same host."""

import ipaddress
import os
from typing import NamedTuple
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}


class Place(NamedTuple):
    """Where an address leads: a host, or with an empty scheme the path of a port of this box."""

    scheme: str
    host: str
    port: int | None


def same_place(found: str, stored: str) -> bool:
    """Return True for one path (links followed), and for one host unless scheme and port both tell services apart."""
    one, other = place_of(found), place_of(stored)
    if one is None or other is None or one[1] != other[1]:
        return False
    # A camera is added by rtsp:// and found by http://; two of one scheme on one host are two devices behind it.
    return one[2] == other[2] or one[0] != other[0]


def place_of(address: str) -> Place | None:
    """Return where an address leads, with the usual port of its scheme; None for what is no address."""
    plain = address.removeprefix("serial:").partition("?")[0]
    if plain.startswith("/"):
        return Place("", os.path.realpath(plain), None)
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return Place(parts.scheme, _one_spelling(host), port or _PORTS.get(parts.scheme)) if host else None


def _one_spelling(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower().rstrip(".")
