"""Count events since the daemon's start, read behind the ledger so that no writer waits for it."""

import bisect
import json
import threading
from collections import Counter
from collections.abc import Iterator

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.duress.veil import veiled_kind
from devicemgr.store.database import Database
from devicemgr.store.ledger import events

# Seconds; a decision takes milliseconds, an unlock as long as the gate's line.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_AT_ONCE = 2000
_DECISIONS = {str(Kind.ACCESS_GRANTED): "granted", str(Kind.ACCESS_DENIED): "denied"}
_PARTS = ("capture_to_decision", "decision_to_record", "record_to_unlock", "total")


class Histogram:
    """How many values fell at or under each of BUCKETS, how many in all, and their sum."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one value."""
        self.counts[bisect.bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def copy(self) -> "Histogram":
        """Return what it has counted until now."""
        found = Histogram()
        found.counts, found.total = list(self.counts), self.total
        return found

    def buckets(self) -> Iterator[tuple[str, float]]:
        """Upper bounds and how many lie under each, the last one +Inf, as Prometheus wants them."""
        seen = 0
        for bound, count in zip([*map(str, BUCKETS), "+Inf"], self.counts, strict=True):
            seen += count
            yield bound, float(seen)


class Meters:
    """`look` by one thread; the figures may be read by any."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seq: int | None = None
        self._lock = threading.Lock()
        self.events: Counter[str] = Counter()
        self.veiled_events: Counter[str] = Counter()  # as those count them who may not know of duress
        self.decisions: Counter[tuple[str, str]] = Counter()
        self.portal_decisions: Counter[tuple[str, str]] = Counter()
        self.latency = {part: Histogram() for part in _PARTS}

    def look(self) -> None:
        """Count what was recorded since the last look, a few thousand at most."""
        with self._lock, self._database.read() as session:
            if self._seq is None:
                self._seq = events.head(session)[0]
                return
            for seq, body in events.bodies_after(session, self._seq, _AT_ONCE):
                self._count(json.loads(body))
                self._seq = seq

    def _count(self, event: dict[str, object]) -> None:
        kind = str(event["kind"])
        self.events[kind] += 1
        self.veiled_events[veiled_kind(event)] += 1
        if kind in _DECISIONS:
            self.decisions[_DECISIONS[kind], str(event["reason"] or "")] += 1
            if event.get("portal"):
                self.portal_decisions[str(event["portal"]), _DECISIONS[kind]] += 1
        latency = event["latency_ms"]
        if isinstance(latency, dict) and kind != Kind.ACCESS_GRANTED:  # its unlock tells the whole way
            for part in _PARTS:
                if isinstance(latency.get(part), (int, float)):
                    self.latency[part].add(latency[part] / 1000)
