"""What a peer of the contract is: one device in bytes, which can be told to misbehave in four ways.

A driver of another package brings its own (docs/driver-guide.md, "Its peer"); nothing here has to be inherited from.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

READING, COMMAND, SILENCE, UNSEEN, UNKNOWN = "busy_reading", "busy_command", "silence", "unseen_input", "unknown_code"
RULES = (READING, COMMAND, SILENCE, UNSEEN, UNKNOWN)


@dataclass(frozen=True)
class Unknown:
    """An event whose code stands in no table: the code as it must be recorded, and the person in it, if any.

    `card` is one of the ways in which the card's number may be stored.
    """

    code: str
    badge: str = ""
    card: str = ""


class Peer:
    """One device, running from its construction to `close`; the attributes that follow are read by the contract."""

    address = ""
    username: str | None = None
    password: str | None = None
    # How the device is built, and with which options it is to report something that this peer never does.
    options: Mapping[str, Any] = {}
    unseen: Mapping[str, Any] = {}
    # What the complaint of the unseen input must name: what is missing, and what the device reports instead.
    missing, reported = "", ""
    # Why a rule can't be broken by such a device: rule -> reason.
    without: Mapping[str, str] = {}
    # What notices silence: polls, or only a check where polls must not take a stream of the device.
    silence_shows_in = "poll"
    # Within how many seconds of the fault the driver must have noticed it.
    patience_s = 30.0

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.refused = self.ignored = self.opened = self.sessions = 0
        self.is_silent = False
        self._busy: dict[str, int] = {}

    def hurry(self, patch: Any) -> None:
        """Shorten the driver's own waits, so that a test does not last minutes; `patch` is a MonkeyPatch."""

    def be_busy(self, times: int, rule: str) -> None:
        """Answer so many requests from now on with "not now"; those of a reading, or those of a release."""
        with self.lock:
            self._busy[rule] = times

    def is_busy_for(self, rule: str) -> bool:
        """Return True, and count it, if a request of this rule gets "not now" instead of its answer."""
        with self.lock:
            if self._busy.get(rule, 0) < 1:
                return False
            self._busy[rule] -= 1
            self.refused += 1
            return True

    def fall_silent(self) -> None:
        """Answer nothing from now on, with the line left open."""
        self.is_silent = True

    def swallows(self) -> bool:
        """Return True, and count it, if a request gets no answer."""
        with self.lock:
            self.ignored += self.is_silent
            return self.is_silent

    def send_unknown(self) -> Sequence[Unknown]:
        """Report something under a code that is in no document: with a person, and without where there is such."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of line and threads."""


def wait_until(holds: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait until `holds()` is true."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "did not happen"
        threading.Event().wait(0.01)
