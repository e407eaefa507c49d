"""What the forms of a message share: the words of an event, and cutting text at a size in bytes."""

import json
from dataclasses import dataclass

from devicemgr.outlets.sender import Event
from devicemgr.text import safe

APP_NAME = "devicemgr"
MAX_VALUE_CHARS = 200
_MAX_DETAIL_CHARS = 20_000
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sends: this computer's name, the process, the site's id, and the number of the enterprise (RFC 5612)."""

    host: str
    process: str
    site: str
    enterprise: int


def raw_value_of(event: Event, name: str) -> str:
    """Return a field of an event as it is, "" where there is none."""
    found = event.get(name)
    return "" if found is None else str(found)[:MAX_VALUE_CHARS]


def value_of(event: Event, name: str) -> str:
    """Return a field of an event as safe text, "" where there is none."""
    return safe(raw_value_of(event, name))


def words_of(event: Event) -> str:
    """Return an event in words, without its details."""
    direction = value_of(event, "direction")
    parts = (
        value_of(event, "kind"),
        f" at {value_of(event, 'portal')}" if event.get("portal") else "",
        f" ({direction})" if direction else "",
        f": {value_of(event, 'reason')}" if event.get("reason") else "",
        f", device {value_of(event, 'device')}" if event.get("device") else "",
        f", person {value_of(event, 'person')}" if event.get("person") else "",
        f", by {value_of(event, 'actor')}" if event.get("actor") else "",
    )
    return "".join(parts)


def detail_of(event: Event) -> str:
    """Return what else is given out of an event, as JSON in one line; "" for nothing."""
    more = {name: event[name] for name in ("detail", "evidence") if event.get(name)}
    return safe(json.dumps(more, ensure_ascii=False, separators=(",", ":")), _MAX_DETAIL_CHARS) if more else ""


def cut(text: str, max_bytes: int) -> str:
    """Return text of at most so many bytes of UTF-8, cut between characters, with a sign that it was cut."""
    encoded = text.encode()
    if len(encoded) <= max_bytes:
        return text
    room = max(0, max_bytes - len(_CUT.encode()))
    return encoded[:room].decode(errors="ignore") + (_CUT if max_bytes >= len(_CUT.encode()) else "")
