r"""An event in ArcSight's Common Event Format, version 0, behind a header of RFC 5424.

By "Implementing ArcSight Common Event Format (CEF)": in the fields of the header, a backslash and a pipe have a
backslash in front; in values of the extension, a backslash and an equals sign, and a line break is written as the
letters \n or \r. What else is invisible is written as its escape, so that no value begins another line or field.
"""

import re
from collections.abc import Iterator
from datetime import datetime

from devicemgr import __version__
from devicemgr.outlets.sender import Event
from devicemgr.outlets.syslog.rfc5424 import header
from devicemgr.outlets.syslog.severity import severity_of
from devicemgr.outlets.syslog.texts import APP_NAME, Origin, cut, detail_of, raw_value_of
from devicemgr.text import safe

_IN_HEADER = re.compile(r"([\\|])")
_IN_EXTENSION = re.compile(r"([\\=])")
_LINE_BREAK = re.compile(r"(\r|\n)")
_BREAKS = {"\n": "\\n", "\r": "\\r"}
_MAX_FIELD_CHARS = 1023
"""What the document allows `reason`, the names and the custom strings at least."""


def message(event: Event, origin: Origin, max_bytes: int) -> bytes:
    """Return an event as a message of at most `max_bytes`; the details are cut first, then left out."""
    kind = str(event["kind"])
    fields = (APP_NAME, APP_NAME, __version__, kind, re.sub(r"[._]", " ", kind), str(severity_of(event).cef))
    start = f"{header(event, origin)} - CEF:0|{'|'.join(map(in_header, fields))}|"
    pairs = [f"{name}={in_extension(value)}" for name, value in _extension(event, origin)]
    while len((start + " ".join(pairs)).encode()) > max_bytes and len(pairs) > 1:
        pairs.pop()
    text = start + " ".join(pairs)
    room = max_bytes - len(text.encode()) - len(" msg=")
    detail, allowed = detail_of(event), room
    while detail and allowed > 0:
        # Escapes make it longer, and must not be cut through.
        value = in_extension(cut(detail, allowed))
        if len(value.encode()) <= room:
            return f"{text} msg={value}".encode()
        allowed = allowed * room // (len(value.encode()) + 1)
    return text.encode()


def in_header(text: str) -> str:
    """Return text as a field of the header has it."""
    return _IN_HEADER.sub(r"\\\1", safe(text, _MAX_FIELD_CHARS))


def in_extension(text: str) -> str:
    """Return text as a value of the extension has it."""
    return "".join(
        _BREAKS.get(part) or _IN_EXTENSION.sub(r"\\\1", safe(part, len(part))) for part in _LINE_BREAK.split(text)
    ).strip()


def _extension(event: Event, origin: Origin) -> Iterator[tuple[str, str]]:
    """Yield keys of the document's dictionary and their values, what matters most first."""
    yield "rt", str(_milliseconds(str(event["time"])))
    yield "cn1Label", "seq"
    yield "cn1", raw_value_of(event, "seq")
    yield "cs1Label", "portal"
    yield "cs1", raw_value_of(event, "portal")
    if event.get("person"):
        yield "duid", raw_value_of(event, "person")
        yield "duser", raw_value_of(event, "person_name") or raw_value_of(event, "person")
    if event.get("reason"):
        yield "reason", raw_value_of(event, "reason")
    if event.get("actor"):
        yield "suser", raw_value_of(event, "actor")
    if event.get("id"):
        yield "externalId", raw_value_of(event, "id")
    yield "dvchost", origin.host
    yield "cs2Label", "site"
    yield "cs2", origin.site
    if event.get("device"):
        yield "cs3Label", "device"
        yield "cs3", raw_value_of(event, "device")
    if event.get("direction"):
        yield "cs4Label", "direction"
        yield "cs4", raw_value_of(event, "direction")


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)
