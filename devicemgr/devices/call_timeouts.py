"""How long a worker's thread has been inside its driver: one that waits in there can only be left behind."""

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# A driver's own deadlines are shorter; these are for drivers that break theirs, and for lines shared by many units.
SILENT_SERIAL_S, SILENT_IP_S = 2.5, 9.0
BUILD_S, OPEN_S, POLL_S, COMMAND_S, CLOSE_S = 60.0, 45.0, 15.0, 15.0, 40.0


class Abandoned(Exception):
    """The call has ended after all, and its thread is no longer anybody's worker."""


@dataclass(frozen=True, slots=True)
class _Call:
    since: float
    stuck_at: float
    silent_after: float | None


def end_thread(ident: int) -> None:
    """Raise SystemExit in a thread at its next bytecode: ends a driver that spins, not one that waits in a C call."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(SystemExit))


def is_serial(address: str) -> bool:
    """Return True for the address of a serial line of this box."""
    return address.startswith(("/", "serial:"))


def is_line(address: str) -> bool:
    """Return True for a line of bytes, a serial server's included: no account is behind it that tries could lock."""
    return is_serial(address) or address.startswith("tcp://")


class DriverCalls:
    """Written by the worker, read by the supervisor's watch."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._call: _Call | None = None
        self.abandoned = False

    @contextmanager
    def timed(self, deadline: float, silent: float | None = None) -> Iterator[None]:
        """Bound one call; raise Abandoned instead of its outcome when the thread was given up during the call."""
        now = self._clock()
        self._call = _Call(now, now + deadline, silent)
        try:
            yield
        finally:
            with self._lock:
                self._call = None
                abandoned = self.abandoned
            if abandoned:
                raise Abandoned

    @property
    def under_way(self) -> bool:
        """Return True inside a call, whose time the watch bounds."""
        return self._call is not None

    def silence(self) -> float | None:
        """Return the limit in seconds that the call under way has passed; None while it is in time."""
        call = self._call
        if call is None or call.silent_after is None or self._clock() - call.since <= call.silent_after:
            return None
        return call.silent_after

    def give_up(self) -> bool:
        """Return True, once, when the call under way is past its deadline: from then on its outcome is discarded."""
        with self._lock:
            if self.abandoned or self._call is None or self._clock() <= self._call.stuck_at:
                return False
            self.abandoned = True
            return True
