"""Refused calls and pushes as events, at a rate that no caller can raise.

The first refusal of a source is recorded at once. What follows is counted, and recorded as one event at the end of a
window, which doubles with each event up to an hour: a flood costs the record some thirty events a day.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import JsonValue
from devicemgr.text import rfc3339

CALL_REFUSED, PUSH_REFUSED = "admin.call_refused", "admin.push_refused"
WINDOW_S, MAX_WINDOW_S = 60.0, 3600.0
MAX_CALLERS = 32
_MAX_LISTED, _MAX_ADDRESSES = 10, 8
_OTHERS = "others"


@dataclass
class Tally:
    """Count what one source was refused, for one event a window; not safe for several threads."""

    window_s: float = WINDOW_S
    due: float = 0.0  # CLOCK_MONOTONIC
    count: int = 0
    since: datetime | None = None
    calls: Counter[str] = field(default_factory=Counter)
    addresses: set[str] = field(default_factory=set)

    def add(self, call: str, address: str | None) -> None:
        """Count one refusal; of calls and addresses only the first few kinds are kept."""
        self.since = self.since or datetime.now(UTC)
        self.count += 1
        if call in self.calls or len(self.calls) < _MAX_LISTED:
            self.calls[call] += 1
        if address is not None and len(self.addresses) < _MAX_ADDRESSES:
            self.addresses.add(address)

    def take(self, now: float, *, early: bool = False) -> dict[str, JsonValue] | None:
        """Return the detail of an event and begin the next window; None while there is nothing to record yet."""
        if not self.count or self.since is None or (now < self.due and not early):
            return None
        detail: dict[str, JsonValue] = {"count": self.count, "since": rfc3339(self.since), "calls": dict(self.calls)}
        if self.addresses:
            detail["addresses"] = list[JsonValue](sorted(self.addresses))
        if self.due:
            self.window_s = min(self.window_s * 2, MAX_WINDOW_S)
        self.due = now + self.window_s
        self.count, self.since = 0, None
        self.calls.clear()
        self.addresses.clear()
        return detail

    def is_over(self, now: float) -> bool:
        """Return True when nothing came for so long that the next refusal is a first one again."""
        return not self.count and now > self.due + MAX_WINDOW_S


class RefusedCalls:
    """Tallies of callers by name, those who are not known under one name together; any thread.

    `record` runs on a thread of its own, so noting a refusal never waits for storage.
    """

    def __init__(self, record: Callable[[Fact], None]) -> None:
        self._record = record
        self._lock = threading.Lock()
        self._tallies: dict[str | None, Tally] = {}
        self._timer: threading.Timer | None = None

    def note(self, actor: str | None, call: str, address: str | None = None) -> None:
        """Count a refused call; `actor` is None for a caller who is not known."""
        with self._lock:
            now = time.monotonic()
            if actor not in self._tallies:
                self._tallies = {name: tally for name, tally in self._tallies.items() if not tally.is_over(now)}
                actor = actor if len(self._tallies) < MAX_CALLERS or actor is None else _OTHERS
            self._tallies.setdefault(actor, Tally()).add(call, address)
            self._arm(now)

    def flush(self) -> None:
        """Record what was counted, at the daemon's end."""
        self._run(early=True)

    def _arm(self, now: float) -> None:
        due = [tally.due for tally in self._tallies.values() if tally.count]
        if due and self._timer is None:
            self._timer = threading.Timer(max(0.0, min(due) - now), self._run)
            self._timer.daemon = True
            self._timer.start()
        elif due and self._timer is not None and min(due) <= now:  # a caller's first, while another's window runs
            self._timer.cancel()
            self._timer = None
            self._arm(now)

    def _run(self, *, early: bool = False) -> None:
        facts = []
        with self._lock:
            now = time.monotonic()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            for actor, tally in self._tallies.items():
                detail = tally.take(now, early=early)
                if detail is not None:
                    facts.append(Fact(CALL_REFUSED, datetime.now(UTC), actor=actor, detail=detail))
            self._arm(now)
        for fact in facts:
            self._record(fact)
