"""An event as a message of RFC 5424.

The facility is 10, "security/authorization messages" of table 1, which Unix calls authpriv: what tells who went where
is not for all users of the receiving computer. The other one of that name, 4, is auth, whose messages all may read. The
seals that an anchor sends have 10 as well.

The text has no byte order mark in front, although section 6.4 wants one before UTF-8: rsyslog 8.2302 keeps it as part
of the text, where it would break every comparison with its beginning. Without it the text is MSG-ANY by the grammar.
"""

import re

from devicemgr.outlets.sender import Event
from devicemgr.outlets.syslog.severity import severity_of
from devicemgr.outlets.syslog.texts import APP_NAME, Origin, cut, detail_of, value_of, words_of

FACILITY = 10
_NIL = "-"
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")
# RFC 5424, 6.3.3: these three, and no other character, have a backslash in front within a value.
_ESCAPED = re.compile(r'(["\\\]])')
_ALWAYS = ("seq", "kind", "portal", "person", "reason")
# In this order: where a message is too long, the last ones are left out first.
_SOMETIMES = ("actor", "device", "direction", "id", "person_name")


def message(event: Event, origin: Origin, max_bytes: int) -> bytes:
    """Return an event as a message of at most `max_bytes`."""
    start = header(event, origin)
    params = [(name, value_of(event, name)) for name in _ALWAYS]
    params += [(name, value_of(event, name)) for name in _SOMETIMES if event.get(name)]
    params.insert(len(_ALWAYS), ("site", origin.site))
    head = f"{start} {_element(origin.enterprise, params)}"
    while len(head.encode()) > max_bytes and len(params) > len(_ALWAYS):
        params.pop()
        head = f"{start} {_element(origin.enterprise, params)}"
    detail = detail_of(event)
    text = f"{head} {words_of(event)}" + (f" {detail}" if detail else "")
    return cut(text, max_bytes).encode()


def header(event: Event, origin: Origin) -> str:
    """Return the header: PRI, VERSION, TIMESTAMP, HOSTNAME, APP-NAME, PROCID and MSGID (RFC 5424, 6.2)."""
    priority = FACILITY * 8 + severity_of(event).syslog
    fields = (
        f"<{priority}>1",
        _printable(event.get("time"), 32),
        _printable(origin.host, 255),
        APP_NAME,
        _printable(origin.process, 128),
        _printable(event["kind"], 32),
    )
    return " ".join(fields)


def _element(enterprise: int, params: list[tuple[str, str]]) -> str:
    pairs = (f'{name}="{escaped(value)}"' for name, value in params)
    return f"[{APP_NAME}@{enterprise} {' '.join(pairs)}]"


def escaped(value: str) -> str:
    """Return text as the value of a parameter has it."""
    return _ESCAPED.sub(r"\\\1", value)


def _printable(value: object, max_chars: int) -> str:
    return _UNPRINTABLE.sub("_", str(value))[:max_chars] if value else _NIL
