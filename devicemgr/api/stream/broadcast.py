"""One reader of new events and states for all streams, woken by the ledger's commit."""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from devicemgr.api.context import Context
from devicemgr.api.stream import states
from devicemgr.api.stream.messages import EventMessage, StateMessage, revision_text
from devicemgr.domain.rules.alarms import changes_alarms
from devicemgr.errors import StorageFailed
from devicemgr.ledger.counters import Histogram
from devicemgr.ledger.feed import Recorded
from devicemgr.store.database import revision
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter

log = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Messages that wait for one client; one that is slower reads events from the database, and misses states."""

_PAGE = 500
# What changes in memory without an event, such as a portal that is at rest again, is seen this soon.
_LOOK_S = 0.5
# Without a daemon no commit is announced.
_POLL_S = 0.2

# Events after which a caller may have no session, token or role any more.
_OF_CALLERS = frozenset(
    {
        "admin.operator_added",
        "admin.operator_removed",
        "admin.operator_password_set",
        "admin.token_removed",
        "admin.token_expired",
        "admin.signed_in",
        "admin.signed_out",
    }
)

Message = EventMessage | StateMessage | str
"""A text is sent as it is."""


class Subscriber:
    """The messages that wait for one client: put there by the broadcast's thread, taken on the client's event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, accepts: Callable[[Message], bool]) -> None:
        self._loop = loop
        self._accepts = accepts
        self._waiting: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._lagged = False
        self._doubted = True

    def offer(self, messages: Sequence[Message]) -> None:
        """Hand over what the client wants of these; any thread."""
        wanted = [message for message in messages if self._accepts(message)]
        if wanted:
            with contextlib.suppress(RuntimeError):  # the loop is closed: its client is gone
                self._loop.call_soon_threadsafe(self._put, wanted)

    def doubt(self) -> None:
        """Let the client look whether it may go on; any thread."""
        self._doubted = True
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._arrived.set)

    def _put(self, messages: list[Message]) -> None:
        if len(self._waiting) + len(messages) > MAX_WAITING:
            self._waiting.clear()
            self._lagged = True
        else:
            self._waiting.extend(messages)
        self._arrived.set()

    async def wait(self, timeout: float) -> bool:
        """Wait until there is something to take or to look at, for at most `timeout` seconds; False if there is not."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), timeout)
        found = self._arrived.is_set()
        self._arrived.clear()
        return found

    def take(self) -> list[Message]:
        """Return what waits."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    def take_doubt(self) -> bool:
        """Return whether the client should look whether it may go on."""
        doubted, self._doubted = self._doubted, False
        return doubted

    def take_lag(self) -> bool:
        """Return whether messages were dropped since this was last called."""
        lagged, self._lagged = self._lagged, False
        return lagged


class Broadcast:
    """A thread while anyone subscribes: it reads new events once, compares states, and hands both to all."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._subscribers: tuple[Subscriber, ...] = ()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._position = 0
        self._revision = 0
        self._states: states.States = {}
        self._announced: float | None = None
        self._delays = Histogram()

    @property
    def clients(self) -> int:
        """Return how many clients follow the stream."""
        return len(self._subscribers)

    def delays(self) -> Histogram:
        """Return how long events took from their commit until a client was sent them; any thread."""
        with self._lock:
            return self._delays.copy()

    def note_sent(self, message: Message) -> None:
        """Count how long an event took, once a client was sent it; any thread."""
        if isinstance(message, EventMessage) and message.announced is not None:
            with self._lock:
                self._delays.add(time.monotonic() - message.announced)

    def begin(self, subscriber: Subscriber) -> int:
        """Subscribe, and return the seq behind which all that is committed arrives. Reads the database."""
        with self._context.site.database.read() as session:
            head, found = events.head(session)[0], revision(session)
            present = states.present(self._context.runtime, {}, session)
        with self._lock:
            self._subscribers += (subscriber,)
            if self._thread is None:
                self._position, self._revision, self._states = head, found, present
                self._context.site.ledger.feed.follow(self._on_recorded)
                self._thread = threading.Thread(target=self._run, name="stream", daemon=True)
                self._thread.start()
        subscriber.offer([revision_text(found), StateMessage(present, is_whole=True)])
        return head

    def present(self) -> StateMessage:
        """Return all states as they were at the last turn; any thread."""
        return StateMessage(self._states, is_whole=True)

    def leave(self, subscriber: Subscriber) -> None:
        """End a subscription."""
        with self._lock:
            self._subscribers = tuple(one for one in self._subscribers if one is not subscriber)
            is_last = not self._subscribers
        if is_last:
            self._wake.set()

    def _on_recorded(self, recorded: Recorded) -> None:
        # What is spilled has no seq yet, and comes again when it has.
        if not recorded.is_spilled:
            if self._announced is None:
                self._announced = time.monotonic()
            self._wake.set()

    def _run(self) -> None:
        while True:
            is_announced = self._wake.wait(_LOOK_S if self._context.runtime.running else _POLL_S)
            self._wake.clear()
            if not self._goes_on():
                return
            try:
                self._turn(reads=is_announced or not self._context.runtime.running)
            except StorageFailed as error:
                log.debug("the stream waits for the database: %s", error)
                self._compare(states.present(self._context.runtime, self._states, None))
                time.sleep(_LOOK_S)
                self._wake.set()
            except Exception:
                log.exception("the stream's turn failed")

    def _goes_on(self) -> bool:
        with self._lock:
            if self._subscribers and not self._context.runtime.stopping:
                return True
            self._context.site.ledger.feed.leave(self._on_recorded)
            self._thread = None
            for subscriber in self._subscribers:
                subscriber.doubt()
            return False

    def _turn(self, *, reads: bool) -> None:
        if reads:
            for messages in self._new_events():
                self._offer(messages)
        else:
            self._compare(states.present(self._context.runtime, self._states, None))

    def _new_events(self) -> Iterator[list[Message]]:
        """Yield new events in pages, and behind them what else has changed."""
        is_full, alarms_changed = True, False
        announced, self._announced = self._announced, None
        while is_full:
            with self._context.site.database.read() as session:
                found = events.find(session, EventFilter(after=self._position, shows_duress=True), _PAGE, names=True)
                is_full = len(found) == _PAGE
                alarms_changed |= any(changes_alarms(event) for event in found)
                present = states.present(self._context.runtime, self._states, session if alarms_changed else None)
                revised = revision(session)
            if found:
                self._position = found[-1]["seq"]
                yield [EventMessage(event, announced) for event in found]
        if revised != self._revision:
            self._revision = revised
            yield [revision_text(revised)]
        self._compare(present)

    def _compare(self, present: states.States) -> None:
        """Offer what has changed of the states since the last turn."""
        changed, self._states = states.changes(self._states, present), present
        if changed:
            self._offer([changed])

    def _offer(self, messages: list[Message]) -> None:
        concerns_callers = any(isinstance(one, EventMessage) and one.event["kind"] in _OF_CALLERS for one in messages)
        for subscriber in self._subscribers:
            subscriber.offer(messages)
            if concerns_callers:
                subscriber.doubt()
