"""What waits for the dispatcher: facts in order, never dropped; sightings one a track, the newest."""

import threading
from collections import OrderedDict, deque
from contextvars import Context, copy_context
from dataclasses import dataclass, field

from devicemgr.access.evidence.pins import PinChecked
from devicemgr.access.release import Opening, Outcome
from devicemgr.domain.device_events import DeviceFact
from devicemgr.domain.sighting import Sighting
from devicemgr.ledger.feed import Recorded

_FACTS = 10_000
_TRACKS = 1_000


@dataclass(frozen=True, slots=True)
class FromDevice:
    """A fact and the device it comes from."""

    device: str
    fact: DeviceFact


@dataclass(frozen=True, slots=True)
class Override:
    """A guard's decision to open a portal although another one of its interlock is not shut."""

    reason: str


@dataclass(frozen=True, slots=True)
class OpeningWanted:
    """A guard's command to open a portal that is interlocked; `context` knows where the command comes from."""

    opening: Opening
    override: Override | None = None
    context: Context = field(default_factory=copy_context, compare=False, repr=False)


Given = FromDevice | Outcome | PinChecked | Recorded | OpeningWanted
Item = Given | Sighting


class Inbox:
    """Facts and outcomes go before sightings; a full house makes devices wait, never the dispatcher or the ledger.

    Outcomes have no bound of their own: each belongs to one decision, as recorded events do.
    """

    def __init__(self) -> None:
        self._facts: deque[Given] = deque()
        self._sightings: OrderedDict[tuple[str, str], Sighting] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Given) -> None:
        """Leave a fact of a device, which blocks while the house is full, or something else, which never does."""
        with self._changed:
            if isinstance(item, FromDevice):
                self._changed.wait_for(lambda: self._closed or len(self._facts) < _FACTS)
            self._facts.append(item)
            self._changed.notify_all()

    def put_sighting(self, sighting: Sighting) -> None:
        """Leave a sighting in place of its track's older one; with too many tracks the oldest gives way."""
        key = (sighting.device, sighting.track)
        with self._changed:
            self._sightings[key] = sighting
            if len(self._sightings) > _TRACKS:
                self._sightings.popitem(last=False)
            self._changed.notify_all()

    def get(self, timeout: float) -> Item | None:
        """Return the next item, or None after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._facts or self._sightings or self._closed, timeout)
            if self._facts:
                self._changed.notify_all()
                return self._facts.popleft()
            return self._sightings.popitem(last=False)[1] if self._sightings else None

    def __len__(self) -> int:
        return len(self._facts) + len(self._sightings)

    @property
    def closed(self) -> bool:
        """Return True when no thread waits for room any more; what is left can still be taken."""
        return self._closed

    def close(self) -> None:
        """Let everybody go on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
