"""The interface of a line to a device, and the patience with its silence. Imports no vendor library."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from devicemgr.errors import DeviceUnreachable

Answer = TypeVar("Answer")

OPENING_TRIES = 3


class WriteStalled(DeviceUnreachable):
    """The line did not take all bytes in time; some or all of them may still reach the device."""


class NoAnswer(DeviceUnreachable):
    """Nothing that answers the request came within the time-out; `noise`: something else did."""

    def __init__(self, message: str, *, noise: bool = False) -> None:
        super().__init__(message)
        self.noise = noise


class Line(Protocol):
    """An open line; after any DeviceError it is of no more use than to be closed."""

    name: str
    character_seconds: float

    def read(self, size: int, timeout: float) -> bytes:
        """Return up to `size` bytes as soon as any arrive; b"" after `timeout` seconds of silence."""

    def write(self, data: bytes) -> None:
        """Write all of `data`; raise WriteStalled if the line takes too long."""

    def says(self) -> str:
        """Return what the other side has said instead of data, as the end of a sentence; "" if nothing."""

    def discard(self) -> None:
        """Forget what has come and was not read."""

    def close(self) -> None:
        """Let go of the line; never raises."""


class Patience:
    """Lets single answers get lost: `missed` raises the error only when it is the third in a row."""

    MISSES = 3

    def __init__(self) -> None:
        self._misses = 0

    def answered(self) -> None:
        """Start counting afresh: an answer came."""
        self._misses = 0

    def missed(self, error: NoAnswer) -> None:
        """Count one more missing answer."""
        self._misses += 1
        if self._misses >= self.MISSES:
            raise error


def persist(ask: Callable[[], Answer]) -> Answer:
    """Try a reading up to three times while a device is opened; never use this for commands."""
    for _ in range(OPENING_TRIES - 1):
        try:
            return ask()
        except NoAnswer:
            continue
    return ask()
