"""Faults of a simulated ONVIF device; each that happens is logged as `injected`."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from devicemgr.errors import InvalidInput
from devicemgr.text import safe
from drivers.sim.onvif.soap import envelope

HUGE = 300_000_000
_OPEN = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE s:Envelope [<!ENTITY a0 "aaaaaaaaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 16}">' for n in range(1, 9))
    + f"]>{_OPEN}&a8;</s:Body></s:Envelope>"
)


@dataclass
class Faults:
    """Faults to inject.

    `malformed`: truncated, text, empty, deep, bad_time, no_body, garbage_bytes. `hostile`: bomb, xxe, schema_location,
    huge, redirect, gzip. `missing`: prefixes of absent services (trt, tr2, tev, tptz…). `lacking`: operations that the
    device lacks. `lose_answer`: the operation whose next answer is lost, once.
    """

    clock_offset_s: float = 0.0
    clock_shown_offset_s: float = 0.0
    clock_needs_password: bool = False
    announce: str = ""
    announce_stream: str = ""
    missing: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    lose_answer: str = ""
    no_get_services: bool = False
    no_capabilities: list[str] = field(default_factory=list)
    events_silent: bool = False
    events_hang: bool = False
    no_renew: bool = False
    no_pull_point: bool = False
    slow: bool = False
    malformed: str = ""
    hostile: str = ""
    hostile_target: str = ""
    only: str = ""
    ignore_sets: bool = False
    drop: bool = False
    drop_answers: bool = False
    locked_out: bool = False
    stream_stalls: bool = False

    def put(self, name: str, value: object) -> None:
        """Set one by name; InvalidInput for a name or a value that is none."""
        known = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        if name not in known:
            raise InvalidInput(f"no fault '{safe(name, 40)}'; there are {', '.join(sorted(known))}")
        if isinstance(known[name], float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not type(known[name]):
            raise InvalidInput(f"fault {name} takes a {type(known[name]).__name__}")
        setattr(self, name, value)

    def loses(self, operation: str) -> bool:
        """Return True if this answer is the one to be lost."""
        if self.lose_answer != operation:
            return False
        self.lose_answer = ""
        return True

    def hits(self, operation: str) -> bool:
        """Return True if faults of the wire apply to this operation; `only` narrows them to one."""
        return not self.only or self.only == operation


def malformed_body(kind: str, right: bytes) -> bytes:
    """Return an answer that is broken in one way."""
    return {
        "truncated": right[: len(right) // 2],
        "text": b"It works!",
        "empty": b"",
        "deep": b"<a>" * 100_000,
        "bad_time": right.replace(b"<tt:Minute>", b"<tt:Minute>6"),
        "no_body": b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"/>',
        "garbage_bytes": bytes(range(256)) * 8,
    }[kind]


def hostile_body(kind: str, right: bytes, target: str) -> bytes:
    """Return an answer that attacks; `target` is an address it tries to make the reader fetch."""
    if kind == "bomb":
        return _BOMB.encode()
    if kind == "xxe":
        entity = f'<!DOCTYPE s:Envelope [<!ENTITY x SYSTEM "{target or "file:///etc/passwd"}">]>'
        return f'<?xml version="1.0"?>{entity}{_OPEN}&x;</s:Body></s:Envelope>'.encode()
    located = f'<s:Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x {target}" '
    return right.replace(b"<s:Envelope ", located.encode(), 1)


def huge_body(size: int = HUGE) -> Iterator[bytes]:
    """Build `size` bytes that begin like an answer."""
    head = envelope("<tds:GetServicesResponse>" + " " * 65_536)
    yield head
    block = b"<tds:Service/>" * 4096
    for _ in range(size // len(block)):
        yield block
