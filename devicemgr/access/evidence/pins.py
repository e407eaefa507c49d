"""PINs: 4 to 8 digits, kept as argon2id hashes (RFC 9106), and checked away from the thread that decides."""

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from devicemgr.errors import InvalidInput

log = logging.getLogger(__name__)

MIN_DIGITS, MAX_DIGITS = 4, 8
# Wrong ones in a row before a person's PINs are refused unseen for a while: ten thousand are soon tried otherwise.
MAX_WRONG, LOCKOUT_S = 5, 60.0
_WAITING = 64

# RFC 9106's second recommendation, with less memory: a small box checks while it recognizes faces.
_HASHER = PasswordHasher(time_cost=3, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


def hash_pin(pin: str) -> str:
    """Return the stored form of a PIN; InvalidInput for one that is too short, too long or too easy to guess."""
    if not (pin.isascii() and pin.isdigit() and MIN_DIGITS <= len(pin) <= MAX_DIGITS):
        raise InvalidInput(f"a PIN has {MIN_DIGITS} to {MAX_DIGITS} digits")
    steps = {int(after) - int(before) for before, after in itertools.pairwise(pin)}
    if len(steps) == 1 and steps <= {-1, 0, 1}:
        raise InvalidInput("this PIN is too easy to guess; choose digits that are not all alike or in a row")
    return _HASHER.hash(pin)


def is_right(stored: str, pin: str) -> bool:
    """Return whether `pin` is the one; about 30 ms of CPU; a damaged hash is never right."""
    try:
        return _HASHER.verify(stored, pin)
    except (Argon2Error, InvalidHashError):
        return False


@dataclass(frozen=True, slots=True)
class PinTry:
    """A PIN entered for a person at an access point; `entered` is a CLOCK_MONOTONIC second."""

    device: str
    channel: int
    person_id: str
    stored: str | None
    pin: str = field(repr=False)
    entered: float = 0.0


@dataclass(frozen=True, slots=True)
class PinChecked:
    """What became of a PinTry."""

    device: str
    channel: int
    person_id: str
    right: bool
    entered: float


class PinChecker:
    """One thread that checks PINs in order; `done` hears each result there."""

    def __init__(self, done: Callable[[PinChecked], None]) -> None:
        self._done = done
        self._tries: queue.Queue[PinTry | None] = queue.Queue(_WAITING)
        self._wrong: dict[str, tuple[int, float]] = {}
        self._thread = threading.Thread(target=self._run, name="pins", daemon=True)

    def start(self) -> None:
        """Begin to check."""
        self._thread.start()

    def stop(self) -> None:
        """End; what waits is not checked."""
        self._tries.put(None)

    def ask(self, attempt: PinTry) -> None:
        """Check soon; with too many waiting it counts as wrong at once."""
        try:
            self._tries.put_nowait(attempt)
        except queue.Full:
            self._report(attempt, right=False)

    def _run(self) -> None:
        while (attempt := self._tries.get()) is not None:
            self._report(attempt, right=self._check(attempt))

    def _check(self, attempt: PinTry) -> bool:
        count, since = self._wrong.get(attempt.person_id, (0, 0.0))
        if count >= MAX_WRONG and time.monotonic() - since < LOCKOUT_S:
            log.warning("PINs of one person are refused for a minute after %d wrong ones", count)
            return False
        if attempt.stored is not None and is_right(attempt.stored, attempt.pin):
            self._wrong.pop(attempt.person_id, None)
            return True
        self._wrong[attempt.person_id] = (count % MAX_WRONG + 1, time.monotonic())
        return False

    def _report(self, attempt: PinTry, *, right: bool) -> None:
        self._done(PinChecked(attempt.device, attempt.channel, attempt.person_id, right, attempt.entered))
