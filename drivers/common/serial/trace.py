"""The latest bytes of a line, kept for `device trace`.

Modbus and relay boards carry no secrets; OSDP blanks its own before they come here.
"""

import threading
import time
from collections import deque

from drivers.common.serial.line import Line

MAX_ENTRIES, MAX_BYTES = 500, 512
# Bytes that trickle in one after the other belong together.
TOGETHER_S = 0.02

Entry = tuple[float, str, bytes]


class Trace:
    """A bounded memory, kept over every loss of the line; safe between threads."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)
        self._lock = threading.Lock()

    def add(self, way: str, data: bytes) -> None:
        """Record bytes that went `tx` or came `rx` just now; of long ones the first."""
        now = time.monotonic()
        with self._lock:
            last = self._entries[-1] if self._entries else None
            if last and way == last[1] == "rx" and now - last[0] < TOGETHER_S:
                self._entries[-1] = (last[0], way, (last[2] + data)[:MAX_BYTES])
            else:
                self._entries.append((now, way, data[:MAX_BYTES]))

    def entries(self) -> list[Entry]:
        """List the entries, oldest first (ports.Traceable.trace)."""
        with self._lock:
            return list(self._entries)


class TracedLine:
    """A Line whose bytes are traced."""

    def __init__(self, line: Line, trace: Trace) -> None:
        self.name = line.name
        self.character_seconds = line.character_seconds
        self._line = line
        self._trace = trace

    def read(self, size: int, timeout: float) -> bytes:
        """Read from the line and record what came."""
        data = self._line.read(size, timeout)
        if data:
            self._trace.add("rx", data)
        return data

    def write(self, data: bytes) -> None:
        """Record the bytes, then write them."""
        # Before it leaves: a write that fails half-way may have reached the device.
        self._trace.add("tx", data)
        self._line.write(data)

    def says(self) -> str:
        """Return the notice of the line beneath."""
        return self._line.says()

    def discard(self) -> None:
        """Drop the line's unread bytes; the trace keeps what it has."""
        self._line.discard()

    def close(self) -> None:
        """Close the line beneath; the trace stays readable."""
        self._line.close()
