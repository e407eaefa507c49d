"""Notifications of an ONVIF device as values (WS-BaseNotification 1.3, ONVIF Core 9.4). No I/O."""

import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from drivers.common.onvif.soap import envelope
from drivers.common.onvif.soap.namespaces import plain

MAX_MESSAGES = 500
_MAX_ITEMS = 64
_TRUE = {"true", "1", "active", "on", "yes"}
_FALSE = {"false", "0", "inactive", "off", "no"}


@dataclass(frozen=True, slots=True)
class Notice:
    """`topic` without prefixes; `operation` Initialized, Changed, Deleted or "" for what is no property.

    `at` by the device's clock; `age` in seconds when it was handed over, by the same clock, None where a time is
    missing; `received` a CLOCK_MONOTONIC second.
    """

    topic: tuple[str, ...]
    source: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    operation: str = ""
    at: datetime | None = None
    age: float | None = None
    received: float = 0.0

    def first_of(self, *names: str) -> str:
        """Return the first of these items that is there, source before data."""
        for name in names:
            for items in (self.source, self.data):
                if name in items:
                    return items[name]
        return ""

    @property
    def serial(self) -> int:
        """A number that grows with the event's time, since ONVIF gives events none: the same event has the same."""
        key = repr((self.topic, sorted(self.source.items()))).encode()
        return int((self.at or datetime.now(UTC)).timestamp() * 1000) * 1000 + zlib.crc32(key) % 1000


def state_of(value: str) -> bool | None:
    """Return a logical state by any of its words; None for what is missing or says neither."""
    word = value.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def notices(answer: Any) -> list[Notice]:
    """Return the notifications in a PullMessagesResponse, in order."""
    current = moment(envelope.text(answer, "CurrentTime"))
    now = time.monotonic()
    return [_notice(node, current, now) for node in envelope.all_of(answer, "NotificationMessage")[:MAX_MESSAGES]]


def _notice(node: Any, current: datetime | None, now: float) -> Notice:
    words = [plain(word.rpartition(":")[2]) for word in envelope.text(node, "Topic").strip("/").split("/")]
    message = next((inner for inner in envelope.all_of(node, "Message") if inner.get("UtcTime") is not None), None)
    if message is None:
        message = envelope.all_of(node, "Message")[-1] if envelope.first(node, "Message") is not None else node
    at = moment(str(message.get("UtcTime") or ""))
    age = (current - at).total_seconds() if current and at else None
    return Notice(
        tuple(words[:16]),
        _items(message, "Source") | _items(message, "Key"),
        _items(message, "Data"),
        plain(message.get("PropertyOperation")),
        at,
        age,
        now,
    )


def _items(message: Any, part: str) -> dict[str, str]:
    found = envelope.first(message, part)
    if found is None:
        return {}
    items = envelope.all_of(found, "SimpleItem")[:_MAX_ITEMS]
    return {plain(item.get("Name")): plain(item.get("Value"), 256) for item in items}


def moment(text: str) -> datetime | None:
    """Return an xs:dateTime, UTC where it names no zone; None for what is none (00:61:16 occurs)."""
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
