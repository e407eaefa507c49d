"""Events of a simulated device, for a test to wait on and for a person to read."""

import threading
import time
from collections import deque
from collections.abc import Callable

from devicemgr.domain.model import JsonValue

Event = dict[str, JsonValue]
Sink = Callable[[Event], None]

MAX_EVENTS = 20_000


class EventLog:
    """Events in order; `sink` is called with each. Safe between threads."""

    def __init__(self, sink: Sink | None = None) -> None:
        # Bounded: a simulated device may be polled for weeks.
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._changed = threading.Condition()
        self._sink = sink

    def add(self, event: str, **fields: JsonValue) -> None:
        """Note that `event` happens now (`monotonic`, in seconds)."""
        entry: Event = {"event": event, **fields, "monotonic": time.monotonic()}
        with self._changed:
            self._events.append(entry)
            self._changed.notify_all()
        if self._sink is not None:
            self._sink(entry)

    def all(self, event: str | None = None) -> list[Event]:
        """List every event so far, or those of one name."""
        with self._changed:
            return [entry for entry in self._events if event is None or entry["event"] == event]

    def wait_for(self, event: str, count: int = 1, timeout: float = 5.0) -> Event:
        """Wait for the `count`-th event of that name and return it; raise TimeoutError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._count(event) >= count, timeout):
                seen = [entry["event"] for entry in self._events][-20:]
                raise TimeoutError(f"{self._count(event)} of {count} '{event}' in {timeout} s; the last were {seen}")
        return self.all(event)[count - 1]

    def _count(self, event: str) -> int:
        return sum(entry["event"] == event for entry in self._events)
