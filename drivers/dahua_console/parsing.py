"""Parsing of a Dahua terminal's events from their text. No I/O.

eventManager   Code=AccessControl;action=Pulse;index=0;data={ JSON over several lines }
snapManager    Events[0].Code=AccessControl, Events[0].UserID=…, one a line
push           {"Channel":0,"Events":[{"Code":…,"Action":…,"Index":0,"Data":{…}}],"FilePath":…,"Time":…}
recordFinder   records[0].RecNo=…, records[0].CreateTime=…, one a line
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from devicemgr.errors import DeviceGarbled
from drivers.common.http.client import read_json
from drivers.common.http.key_values import flat
from drivers.dahua_console.cgi import flat_rows, number

_HEAD = re.compile(r"\s*Code=([A-Za-z0-9_]{1,40});\s*action=([A-Za-z]{1,20});\s*index=(\d{1,4})", re.IGNORECASE)
_MAX_EVENTS = 16
_MAX_LINES = 4_000_000
# As terminals write times as text, in their own zone (field reports).
_TEXT_TIMES = (
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%d %H%M%S",
    "%d-%m-%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = 946_684_800, 4_102_444_800


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event: `index` and Door count from 0; `data` is what the terminal says of it, by its own names."""

    code: str
    action: str
    index: int
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    zone: tzinfo = UTC

    def in_zone(self, zone: tzinfo) -> "StreamEvent":
        """Return the event with the zone of the terminal's clock, for times that it writes as text."""
        return replace(self, zone=zone)

    @property
    def door(self) -> int:
        """Door from 0, bounded."""
        return min(max(number(self.data.get("Door", self.index), self.index), 0), 255)

    @property
    def second(self) -> int:
        """When it was, by the terminal's clock in Unix seconds; 0 where it does not say."""
        return second_of(self.data, self.zone)

    @property
    def who(self) -> tuple[int, str, str]:
        """What tells it from others, in streams and records alike."""
        return self.second, text_of(self.data, "UserID"), text_of(self.data, "CardNo").upper()


def read_part(body: bytes) -> StreamEvent | None:
    """Parse a part of eventManager's or snapManager's stream; None for a heartbeat, DeviceGarbled for cut JSON."""
    text = body.decode("utf-8", "replace")
    if text.lstrip().startswith("Events["):
        return _flat_event(text)
    found = _HEAD.match(text)
    if found is None:
        return None
    _, marker, data = text[found.end() :].partition("data=")
    return StreamEvent(found[1], found[2], int(found[3]), read_json(data.encode()) if marker else {})


def _flat_event(text: str) -> StreamEvent | None:
    rows = flat_rows(text, "Events")
    if not rows or not (code := rows[0].get("Code") or rows[0].get("EventBaseInfo.Code")):
        return None
    data = {key.removeprefix("Data."): value for key, value in rows[0].items()}
    action = data.get("Action") or data.get("EventBaseInfo.Action") or "Pulse"
    place = data.get("Index") or data.get("EventBaseInfo.Index") or "0"
    return StreamEvent(code[:40], action[:20], min(max(number(place), 0), 255), data)


def read_push(body: bytes) -> list[StreamEvent]:
    """Parse the events of a push's `info` part."""
    info = read_json(body)
    events = info.get("Events")
    if not isinstance(events, list):
        raise DeviceGarbled("a push without events; is this a terminal?")
    found = []
    for event in events[:_MAX_EVENTS]:
        data = event.get("Data") if isinstance(event, dict) else None
        if isinstance(data, dict):
            place = min(max(number(event.get("Index", info.get("Channel", 0))), 0), 255)
            found.append(
                StreamEvent(str(event.get("Code", ""))[:40], str(event.get("Action", "Pulse"))[:20], place, data)
            )
    return found


def read_records(text: str) -> list[dict[str, str]]:
    """Return recordFinder's rows; DeviceGarbled when there are fewer than it says."""
    rows = flat_rows(text, "records", max_lines=_MAX_LINES)
    said = flat(text[:200]).get("found")
    if said is None or number(said, -1) != len(rows):
        raise DeviceGarbled("the terminal's list of events is not whole; it is read again")
    return rows


def question_second(data: Mapping[str, Any], zone: tzinfo = UTC) -> int:
    """Return the Unix seconds of a question; 0 for none.

    `UTC` is local time on some firmware, where `RealUTC` is what it says.
    """
    return _second_in(data, ("RealUTC", "CreateTimeRealUTC", "CreateTime", "UTC"), zone)


def second_of(data: Mapping[str, Any], zone: tzinfo = UTC) -> int:
    """Return the Unix seconds of a row or an event; 0 for a time before 2000 or after 2100, or none."""
    return _second_in(data, ("CreateTimeRealUTC", "CreateTime", "UTC", "RealUTC"), zone)


def _second_in(data: Mapping[str, Any], names: Sequence[str], zone: tzinfo) -> int:
    for name in names:
        value = read_second(data.get(name, ""), zone)
        if _EARLIEST <= value <= _LATEST:
            return value
    return 0


def read_second(value: object, zone: tzinfo) -> int:
    """Return the Unix seconds of a number, or of a time as text in the terminal's zone; 0 for none."""
    text = str(value).strip()[:40]
    found = number(text)
    if found or not text:
        return found
    try:
        moment_read = datetime.fromisoformat(text)
    except ValueError:
        moment_read = next(filter(None, (_text_time(text, form) for form in _TEXT_TIMES)), None) or _NEVER
    return int((moment_read if moment_read.tzinfo else moment_read.replace(tzinfo=zone)).timestamp())


def _text_time(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def text_of(data: Mapping[str, Any], name: str, limit: int = 64) -> str:
    """Return a value as text of at most `limit` characters; "" for a missing value or a container."""
    value = data.get(name)
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()[:limit]


def moment(second: int) -> datetime:
    """Unix seconds as an aware time."""
    return datetime.fromtimestamp(second, UTC)
