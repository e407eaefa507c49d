"""The answers that callers may ask for again by an idempotency key, in memory and bounded."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from devicemgr.errors import InvalidInput, TooManyTries

MAX_KEYS_OF_A_CALLER = 64
MAX_KEYS = 4096
MAX_ANSWER_BYTES = 64 * 1024
MAX_ALL_BYTES = 16 * 1024 * 1024
KEPT_S = 600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: status, headers and body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(slots=True)
class Entry:
    """A request that was begun: what was sent, and its answer as soon as there is one."""

    fingerprint: bytes
    began: float
    answer: "Future[Answer]" = field(default_factory=Future)

    @property
    def size(self) -> int:
        """Return the bytes of the answer's body."""
        return len(self.answer.result().body) if self.answer.done() else 0


class KeptAnswers:
    """Any thread. The oldest answers go first; a request that is under way stays until it is answered."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[str, str], Entry] = OrderedDict()

    def begin(self, caller: str, key: str, fingerprint: bytes) -> tuple[Entry, bool]:
        """Return the entry of a key, and whether it is a new one, whose request is to be carried out.

        Raises InvalidInput for a key that was used for another request, TooManyTries where too many are under way.
        """
        with self._lock:
            self._expire()
            found = self._entries.get((caller, key))
            if found is not None:
                if found.fingerprint != fingerprint:
                    raise InvalidInput(
                        "this Idempotency-Key was used for another request; send a new one", code="key_reused"
                    )
                return found, False
            self._make_room(caller)
            entry = self._entries[caller, key] = Entry(fingerprint, self._clock())
            return entry, True

    def end(self, entry: Entry, answer: Answer) -> None:
        """Give the answer to those who wait for it, and keep it."""
        entry.answer.set_result(answer)
        with self._lock:
            total = sum(one.size for one in self._entries.values())
            for name, one in list(self._entries.items()):
                if total <= MAX_ALL_BYTES:
                    return
                if one.answer.done() and one is not entry:
                    total -= one.size
                    del self._entries[name]

    def _expire(self) -> None:
        limit = self._clock() - KEPT_S
        for name, one in list(self._entries.items()):
            if one.began > limit:
                return
            if one.answer.done():
                del self._entries[name]

    def _make_room(self, caller: str) -> None:
        own = [name for name in self._entries if name[0] == caller]
        self._drop(own, MAX_KEYS_OF_A_CALLER)
        self._drop(list(self._entries), MAX_KEYS)

    def _drop(self, names: list[tuple[str, str]], most: int) -> None:
        """Leave room for one more among these entries."""
        excess = len(names) - most + 1
        done = [name for name in names if self._entries[name].answer.done()]
        if excess > len(done):
            raise TooManyTries("too many requests are under way; wait until they are answered")
        for name in done[: max(0, excess)]:
            del self._entries[name]
