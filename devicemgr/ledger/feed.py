"""Durable events of the ledger, passed on in their order as soon as they are committed, by whatever thread or process.

The ledger's writer, administrative transactions and the spill file are one stream to those who follow it. What another
process commits is found by `look`.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devicemgr.domain.ledger_chain import Entry
from devicemgr.store.database import Database
from devicemgr.store.ledger import events

log = logging.getLogger(__name__)

_PIECE = 1000

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """Events that are durable now.

    `is_spilled` for those in the spill file, which come once more, under the same `id`, when they have a seq.
    """

    bodies: tuple[Body, ...]
    is_spilled: bool = False


Follower = Callable[[Recorded], None]
"""Called on the thread that committed, one at a time; must not block."""


class Feed:
    """Any thread; nothing is passed on before `begin`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._followers: tuple[Follower, ...] = ()
        self._held: dict[int, str] = {}
        self._last: int | None = None

    def begin(self, seq: int) -> None:
        """Pass on what is committed behind `seq`, from now on."""
        with self._lock:
            self._last = seq
            self._held.clear()
        self._database.on_events = self.committed
        self.look()

    def follow(self, follower: Follower) -> None:
        """Call `follower` with all that is passed on from now on."""
        with self._lock:
            self._followers += (follower,)

    def leave(self, follower: Follower) -> None:
        """Call `follower` no more."""
        with self._lock:
            self._followers = tuple(one for one in self._followers if one != follower)

    def committed(self, entries: Sequence[Entry]) -> None:
        """Pass on what a transaction has committed; it waits here for another thread's commit before it."""
        with self._lock:
            if self._last is None:
                return
            self._held |= {entry.seq: entry.body for entry in entries if entry.seq > self._last}
            self._pass_on()

    def spilled(self, bodies: Sequence[Body]) -> None:
        """Pass on what is durable in the spill file alone."""
        with self._lock:
            if self._last is not None and bodies:
                self._call(Recorded(tuple(bodies), is_spilled=True))

    def look(self) -> None:
        """Pass on what other processes have committed; now and then."""
        while self._read_next():
            pass

    def _read_next(self) -> bool:
        last = self._last
        if last is None:
            return False
        with self._database.read() as session:
            found = events.bodies_after(session, last, _PIECE)
        with self._lock:
            if self._last is not None:
                self._held |= {seq: body for seq, body in found if seq > self._last}
                self._pass_on()
        return len(found) == _PIECE

    def _pass_on(self) -> None:
        """Call the followers with all that follows without a gap; the lock is held."""
        assert self._last is not None
        bodies = []
        while (body := self._held.pop(self._last + 1, None)) is not None:
            self._last += 1
            bodies.append(json.loads(body))
        if bodies:
            self._call(Recorded(tuple(bodies)))

    def _call(self, recorded: Recorded) -> None:
        for follower in self._followers:
            try:
                follower(recorded)
            except Exception:
                log.exception("a follower of the ledger's feed failed")
