"""PINs: 4 to 8 digits, kept as argon2id hashes (RFC 9106), and checked away from the thread that decides.

A person may have a second one, the duress PIN, that opens as the first does and signals besides. Whatever is typed, and
whatever the person has, the same two hashes are computed, so that time does not say which it was.
"""

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
_DIGITS = "0123456789"

# A duress PIN of one wrong key would signal by mistake.
MIN_DIFFERENT = 2

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


# The hash of nothing that can be typed: it is checked where a person has no such PIN.
_NO_PIN = "$argon2id$v=19$m=19456,t=3,p=1$ZGV2aWNlbWdyLW5vLXBpbg$7l0Vb8c3hD2y0QJmXo8y4bqQeW3M0h8m1n5pTg9aYxI"


def is_too_close(stored: str, pin: str) -> bool:
    """Return True if `pin` differs in fewer than MIN_DIFFERENT places from the PIN of this hash; some seconds of CPU.

    A place that only the longer one has is a place in which they differ.
    """
    close = {pin, pin[:-1], *(pin + digit for digit in _DIGITS)}
    close |= {pin[:place] + digit + pin[place + 1 :] for place in range(len(pin)) for digit in _DIGITS}
    return any(is_right(stored, one) for one in sorted(close) if MIN_DIGITS <= len(one) <= MAX_DIGITS)


def is_right(stored: str, pin: str) -> bool:
    """Return whether `pin` is the one; about 30 ms of CPU; a damaged hash is never right."""
    try:
        return _HASHER.verify(stored, pin)
    except (Argon2Error, InvalidHashError):
        return False


@dataclass(frozen=True, slots=True)
class PinTry:
    """A PIN entered for a person at an access point; `entered` is a CLOCK_MONOTONIC second.

    `stored` and `duress` are the hashes of the person's PINs.
    """

    device: str
    channel: int
    person_id: str
    stored: str | None
    pin: str = field(repr=False)
    entered: float = 0.0
    duress: str | None = None


@dataclass(frozen=True, slots=True)
class PinChecked:
    """What became of a PinTry; `is_duress` of one that was right by the duress PIN."""

    device: str
    channel: int
    person_id: str
    right: bool
    entered: float
    is_duress: bool = False


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
            self._report(attempt, (False, False))

    def _run(self) -> None:
        while (attempt := self._tries.get()) is not None:
            self._report(attempt, self._check(attempt))

    def _check(self, attempt: PinTry) -> tuple[bool, bool]:
        """Return whether the PIN is one of the person's, and whether it is the duress PIN."""
        count, since = self._wrong.get(attempt.person_id, (0, 0.0))
        if count >= MAX_WRONG and time.monotonic() - since < LOCKOUT_S:
            log.warning("PINs of one person are refused for a minute after %d wrong ones", count)
            return False, False
        is_usual = is_right(attempt.stored or _NO_PIN, attempt.pin)
        is_duress = is_right(attempt.duress or _NO_PIN, attempt.pin)  # always, also after the right one
        if is_usual or is_duress:
            self._wrong.pop(attempt.person_id, None)
        else:
            self._wrong[attempt.person_id] = (count % MAX_WRONG + 1, time.monotonic())
        return is_usual or is_duress, is_duress and not is_usual

    def _report(self, attempt: PinTry, found: tuple[bool, bool]) -> None:
        right, is_duress = found
        self._done(PinChecked(attempt.device, attempt.channel, attempt.person_id, right, attempt.entered, is_duress))
