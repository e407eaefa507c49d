"""Own bytes that come back: RS-485 adapters that hear themselves, serial servers with local echo. No I/O.

The answer to a Modbus write of one coil is the request again (Modbus application protocol, 6.5), so an echo of the
request looks exactly like it. Reads tell the two apart: their answers always differ from their requests.
"""

import time

# An echo that was switched off at the adapter is believed to be off after so many reads without one.
MIN_CLEAN_READS = 20
# How long an answer that did not come in time may still arrive.
LATE_S = 5.0


class Echo:
    """Whether a line repeats our bytes; `seen` is None until a read was answered."""

    def __init__(self) -> None:
        self.seen: bool | None = None
        self._clean_reads = 0

    def forget(self) -> None:
        """Start over, when the line is closed: another adapter may be there next time."""
        self.seen, self._clean_reads = None, 0

    def note(self, echoed: bool) -> None:
        """Take in a read that was answered, or whose request came back without an answer."""
        self._clean_reads = 0 if echoed else self._clean_reads + 1
        if echoed or self.seen is None or self._clean_reads >= MIN_CLEAN_READS:
            self.seen = echoed


class EchoFinder:
    """Looks for a frame that was sent among the bytes that come back, in pieces of any size."""

    def __init__(self, frame: bytes) -> None:
        self._frame = frame
        self._tail = b""
        self.found = self.any_bytes = False

    def note(self, more: bytes) -> None:
        """Take in the next bytes."""
        self.any_bytes = self.any_bytes or bool(more)
        if not self.found:
            self._tail += more
            self.found = self._frame in self._tail
            self._tail = self._tail[1 - len(self._frame) :]


class DueAnswers:
    """Answers to commands that have not come yet: one that comes late must not confirm a later, equal command."""

    def __init__(self) -> None:
        self._due: list[tuple[bytes, float]] = []

    def __bool__(self) -> bool:
        return bool(self._open())

    def expect(self, answer: bytes) -> None:
        """Note that a command was sent, and how its answer will look."""
        self._due.append((answer, time.monotonic() + LATE_S))

    def settle(self, answer: bytes) -> None:
        """Take an answer that has come for the oldest one like it."""
        found = next((due for due in self._due if due[0] == answer), None)
        if found is not None:
            self._due.remove(found)

    def count(self, answer: bytes) -> int:
        """Return how many answers like this one may still come."""
        return self._open().count(answer)

    def count_of_function(self, function: int) -> int:
        """Return how many answers of a Modbus function may still come; each may be a refusal."""
        return sum(1 for answer in self._open() if answer[0] == function)

    def forget(self) -> None:
        """Expect nothing more."""
        self._due.clear()

    def _open(self) -> list[bytes]:
        now = time.monotonic()
        self._due = [due for due in self._due if due[1] > now]
        return [answer for answer, _ in self._due]
