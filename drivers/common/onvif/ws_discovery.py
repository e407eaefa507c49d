"""WS-Discovery: a probe to every interface's group and to single hosts, and the answers, which anybody may send."""

import ipaddress
import re
import socket
import struct
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from selectors import EVENT_READ, DefaultSelector
from typing import Any
from urllib.parse import unquote, urlsplit

from devicemgr.domain.ports.driver import Found
from devicemgr.errors import DeviceGarbled
from devicemgr.text import safe
from drivers.common.http.xml import is_bounded, read_xml

PORT = 3702
_GROUPS = {socket.AF_INET: "239.255.255.250", socket.AF_INET6: "ff02::c"}
_MAX_ANSWER_BYTES = 65_536
_MAX_ANSWERS, _MAX_ANSWERS_PER_HOST = 4096, 64
# The first may be lost in an ARP request; WS-Discovery repeats a probe too.
_REPEATS, _PAUSE_S = 2, 0.3
_BURST, _BURST_S = 64, 0.01
_SCOPE = "onvif://www.onvif.org/"
# A host name, which is no number of another form ("0x7f000001", "127.1").
_NAME = re.compile(
    r"(?=.{1,253}\Z)(?!.*(?:\A|\.)(?:0x[0-9a-f]*|\d+)\.?\Z)[\w-]{1,63}(?:\.[\w-]{1,63})*\.?", re.ASCII | re.IGNORECASE
)
_VIDEO = {"profile/streaming", "profile/s", "profile/t", "profile/g", "type/video_encoder"}
_PROBE = (
    '<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header><a:MessageID>urn:uuid:{message}</a:MessageID>'
    "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
    "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></e:Header>"
    "<e:Body><d:Probe>{what}</d:Probe></e:Body></e:Envelope>"
)
# Devices are found that tell only one of the two.
_WHAT = ("<d:Types>dn:NetworkVideoTransmitter</d:Types>", "<d:Scopes>onvif://www.onvif.org</d:Scopes>")


@dataclass(frozen=True, slots=True)
class Match:
    """One device in an answer: who it says it is, and from where the answer came."""

    sender: str
    endpoint: str
    types: str
    scopes: tuple[str, ...]
    addresses: tuple[str, ...]

    def scope(self, name: str) -> str:
        """Return the rest of the first ONVIF scope that begins with `name`, decoded; empty if there is none."""
        start = f"{_SCOPE}{name}/"
        return next((unquote(scope[len(start) :]) for scope in self.scopes if scope.startswith(start)), "")

    def has(self, names: set[str]) -> bool:
        """Return True if one of the ONVIF scopes is among `names` (lower case)."""
        return any(scope.startswith(_SCOPE) and scope[len(_SCOPE) :].lower() in names for scope in self.scopes)

    @property
    def is_onvif(self) -> bool:
        """Return True if it says of itself that it speaks ONVIF."""
        return "NetworkVideoTransmitter" in self.types or any(scope.startswith(_SCOPE) for scope in self.scopes)


def discover(seconds: float, hosts: Sequence[str]) -> list[Found]:
    """ONVIF devices that answer within `seconds`, by multicast and one by one; never raises."""
    matches = look(seconds, hosts)
    places = [_place(match) for match in matches]
    said = _together(matches, [address for address, _ in places])
    own = {(match.endpoint, address) for match, (address, note) in zip(matches, places, strict=True) if not note}
    found: dict[str, Found] = {}
    for match, (address, note) in zip(matches, places, strict=True):
        # One device may answer by IPv6 and announce IPv4: where its answer by IPv4 came too, that is enough.
        elsewhere = note and any((match.endpoint, _base(address)) in own for address in match.addresses)
        if address and not elsewhere:
            found.setdefault(address, _found(said[address], address, note))
    return list(found.values())


def _together(matches: Sequence[Match], addresses: Sequence[str]) -> dict[str, Match]:
    """By address, all that was said there: a device that answers two probes may tell its types in one of them only."""
    found: dict[str, Match] = {}
    for match, address in zip(matches, addresses, strict=True):
        before = found.get(address)
        if before is not None:
            types = f"{before.types} {match.types}"
            match = replace(before, types=types, scopes=tuple(dict.fromkeys(before.scopes + match.scopes)))  # noqa: PLW2901
        found[address] = match
    return found


def look(seconds: float, hosts: Sequence[str]) -> list[Match]:
    """Send probes for at most `seconds` and collect the answers."""
    until = time.monotonic() + seconds
    message = uuid.uuid4()
    probes = [_PROBE.format(message=message, what=what).encode() for what in _WHAT]
    found: dict[Match, None] = {}
    with DefaultSelector() as selector:
        lines = [*_group_lines(), *_host_lines(hosts)]
        try:
            for line, _ in lines:
                selector.register(line, EVENT_READ)
            sending = _sending(lines, probes)
            senders: Counter[str] = Counter()
            pause: float | None = 0.0
            while (left := until - time.monotonic()) > 0 and senders.total() < _MAX_ANSWERS:
                if pause is not None:
                    pause = next(sending, None)
                for key, _ in selector.select(left if pause is None else min(left, pause)):
                    assert isinstance(key.fileobj, socket.socket)
                    found.update(dict.fromkeys(_receive(key.fileobj, senders, str(message))))
        finally:
            for line, _ in lines:
                line.close()
    return list(found)


def interfaces() -> list[int]:
    """Index of each network interface."""
    return [index for index, _ in socket.if_nameindex()]


_Line = tuple[socket.socket, list[tuple[Any, ...]]]


def _group_lines() -> Iterator[_Line]:
    for index in interfaces():
        for family, group in _GROUPS.items():
            try:
                line = _socket(family)
            except OSError:  # no IPv6 on this box
                continue
            try:
                if family == socket.AF_INET:
                    chosen = struct.pack("8xi", index)  # struct ip_mreqn
                    line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, chosen)
                    yield line, [(group, PORT)]
                else:
                    line.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
                    yield line, [(group, PORT, 0, index)]
            except OSError:
                line.close()


def _host_lines(hosts: Sequence[str]) -> Iterator[_Line]:
    for family, version in ((socket.AF_INET, 4), (socket.AF_INET6, 6)):
        wanted = [host for host in hosts if ipaddress.ip_address(host).version == version]
        if wanted:
            try:
                yield _socket(family), [_target(family, host) for host in wanted]
            except OSError:
                continue


def _target(family: int, host: str) -> tuple[Any, ...]:
    if family == socket.AF_INET:
        return host, PORT
    zone = ipaddress.IPv6Address(host).scope_id
    try:
        return host.partition("%")[0], PORT, 0, socket.if_nametoindex(zone) if zone else 0
    except OSError:
        return host.partition("%")[0], PORT, 0, 0


def _socket(family: int) -> socket.socket:
    line = socket.socket(family, socket.SOCK_DGRAM)
    line.setblocking(False)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return line


def _sending(lines: list[_Line], probes: list[bytes]) -> Iterator[float]:
    """Send a few probes at each step, and yield the seconds to listen until the next step."""
    for _ in range(_REPEATS):
        sent = 0
        for line, targets in lines:
            for target in targets:
                for probe in probes:
                    try:
                        line.sendto(probe, target)
                    except OSError:
                        break  # no route there, or an interface that is down
                sent += 1
                if sent % _BURST == 0:
                    yield _BURST_S
        yield _PAUSE_S


def _receive(line: socket.socket, senders: Counter[str], message: str) -> list[Match]:
    try:
        body, place = line.recvfrom(_MAX_ANSWER_BYTES)
    except OSError:  # also an ICMP answer to one of the probes
        return []
    sender = str(place[0])
    senders[sender] += 1
    if senders[sender] > _MAX_ANSWERS_PER_HOST or not _may_answer(body, message):
        return []
    try:
        return _matches(sender, _envelope(body))
    except (DeviceGarbled, RecursionError):
        return []


def _may_answer(body: bytes, message: str) -> bool:
    """Return True for an answer to our probe; some devices leave out which probe theirs is to (RelatesTo)."""
    if b"<!" in body.replace(b"<!--", b"").replace(b"<![CDATA[", b""):
        return False
    return message.encode() in body.lower() or b"RelatesTo" not in body


def _envelope(body: bytes) -> dict[str, Any]:
    """Return the envelope's contents; harmless flaws are mended within the bounds of every answer."""
    try:
        return read_xml(body)[1]
    except DeviceGarbled:
        from drivers.common.onvif.soap.repairs import repaired  # noqa: PLC0415  listing the kinds must not import lxml

        text = repaired(body) if is_bounded(body) else None
        if text is None:
            raise
        return read_xml(text.encode())[1]


def _matches(sender: str, envelope: dict[str, Any]) -> list[Match]:
    found = _within(envelope, "Body", "ProbeMatches").get("ProbeMatch")
    listed = found if isinstance(found, list) else [found]
    return [_match(sender, entry) for entry in listed[:_MAX_ANSWERS_PER_HOST] if isinstance(entry, dict)]


def _match(sender: str, entry: dict[str, Any]) -> Match:
    return Match(
        sender,
        _words(_within(entry, "EndpointReference").get("Address"))[:200],
        _words(entry.get("Types"))[:500],
        tuple(_words(entry.get("Scopes"))[:8000].split()[:100]),
        tuple(_words(entry.get("XAddrs"))[:4000].split()[:16]),
    )


def _within(element: Any, *names: str) -> dict[str, Any]:
    for name in names:
        element = element.get(name) if isinstance(element, dict) else None
    return element if isinstance(element, dict) else {}


def _words(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _place(match: Match) -> tuple[str, str]:
    """Return where to reach it and what is odd about it: only the host that answered is believed.

    A host name is not looked up: it is the answering host's own, or unknown. Empty if nothing in it is of ONVIF.
    """
    bases = [(base, urlsplit(base)) for address in match.addresses if (base := _base(address))]
    own = match.sender.partition("%")[0]
    for base, parts in bases:
        if _is_one(parts.hostname, own):
            return base, ""
    host = f"[{match.sender}]" if ":" in match.sender else match.sender
    for address in match.addresses:
        if (named := _named(address)) is not None:
            scheme, port = named
            return f"{scheme}://{host}{port}", ""
    if bases:
        base, parts = bases[0]
        port = f":{parts.port}" if parts.port else ""
        return (
            f"{parts.scheme}://{host}{port}",
            f"it announces {safe(base, 100)}, but {match.sender} answered: check its network "
            "settings, and whether it is yours",
        )
    if not match.is_onvif:
        return "", ""
    return f"http://{host}", f"it announces no usable address, so the one that answered is given: {match.sender}"


def _named(address: str) -> tuple[str, str] | None:
    """Return scheme and `:port` (empty for the usual one) of an address with a host name; None for anything else."""
    try:
        parts = urlsplit(address)
        port, name = parts.port, parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.username is not None or port == 0 or not _NAME.fullmatch(name):
        return None
    usual = port in (None, 443 if parts.scheme == "https" else 80)
    return parts.scheme, "" if usual else f":{port}"


def _base(address: str) -> str:
    """Return `http(s)://host[:port]` of an announced address whose host is numeric; empty for anything else."""
    try:
        parts = urlsplit(address)
        port = parts.port
        number = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or parts.username is not None or port == 0:
        return ""
    host = f"[{number}]" if number.version == 6 else str(number)
    usual = port in (None, 443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{host}" + ("" if usual else f":{port}")


def _is_one(host: str | None, sender: str) -> bool:
    try:
        return ipaddress.ip_address((host or "").partition("%")[0]) == ipaddress.ip_address(sender)
    except ValueError:
        return False


def _found(match: Match, address: str, odd: str) -> Found:
    door = match.has({"profile/c"})
    video = match.has(_VIDEO) or "NetworkVideoTransmitter" in match.types
    kind = "onvif_door" if door and not video else "onvif_camera"
    notes = ["give its user name and password"]
    if door and video:
        notes.append("it also opens a door (Profile C)")
    if odd:
        notes.insert(0, odd)
    serial = match.scope("serial") or match.scope("serialnumber")
    return Found(kind, address, match.scope("hardware"), serial, match.scope("name"), "; ".join(notes))
