"""Two threads that hear a console: one reads on in its memory of events, the other listens to its alert stream.

The memory is the path that is guaranteed, and gives every event once and in order. The stream only makes it fast: it
wakes the reading, says which events happen now, and brings the questions, which alone may lead to an opening. Events
that a stream replays (`currentEvent: false`) are recorded in their turn and never acted on.
"""

import logging
import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from devicemgr.domain.device_events import Presented
from devicemgr.errors import DeviceError, DeviceGarbled, DevicemgrError, DeviceUnreachable
from drivers.common.http.client import Request
from drivers.common.http.multipart import Part
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.codes import ALARM, EVENT, adopted_log, log_of
from drivers.hikvision_console.events.memories import MAJORS, Adopted, Memories
from drivers.hikvision_console.events.push import (
    SILENT_S,
    PushedQuestions,
    document_of,
    events_of,
    parts_of,
    refusal_of,
)
from drivers.hikvision_console.events.replay_watch import COMPLAINT, NO_QUESTIONS, RETRY_S, ReplayWatch
from drivers.hikvision_console.events.translate import Event, from_stream, is_alarm, question
from drivers.hikvision_console.isapi import Isapi

STREAM = "/ISAPI/Event/notification/alertStream"
_log = logging.getLogger(__name__)
T = TypeVar("T")

CONNECTING, CONNECTED, REPLAYING = "not connected yet", "connected", "repeats what is long past"
_STREAM_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
_ASK_AGAIN = 0.5
_PATIENCE = 3.0
_BACK_CHECK = 60.0
_FRESH_S = 10.0
_LIVE_S = 5.0
_WHOLE_S = 1.5  # the console tells no fractions
_MAX_WAITING = 500
_MAX_QUESTIONS = 50
_MAX_REMEMBERED = 2000
_STOP_S = 3.0

_HISTORY_PAUSE_S = 0.2
# How long a console that asks by its stream may be without one.
NO_STREAM_S = 60.0

FeedItem = Event | Presented | Adopted


@dataclass(frozen=True, slots=True)
class Wires:
    """A connection of its own for each thread."""

    memory: Isapi
    stream: Isapi
    push: Isapi | None = None

    def cut(self) -> None:
        """End whatever waits."""
        for wire in (self.memory, self.stream, self.push):
            if wire is not None:
                wire.http.cut()

    def close(self) -> None:
        """Let go of the connections."""
        for wire in (self.memory, self.stream, self.push):
            if wire is not None:
                wire.http.close()


class Feed:
    """The events of a console, for one opening of it: `take` gives them in order, `close` ends both threads."""

    def __init__(
        self,
        wires: Wires,
        clock: Clock,
        cursors: Mapping[str, int],
        poll_seconds: float,
        *,
        with_history: bool = False,
        asks: bool = False,
    ) -> None:
        self._wires, self._clock, self._poll_seconds, self._asks = wires, clock, poll_seconds, asks
        self._replay = ReplayWatch()
        self._began = time.time()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self.pushes = PushedQuestions(wires.push, self._stopping)
        self._streamed_more = threading.Event()
        self._waiting: queue.Queue[Event | Adopted] = queue.Queue(_MAX_WAITING)
        self._questions: deque[Presented] = deque(maxlen=_MAX_QUESTIONS)
        self._alarms: deque[Event] = deque(maxlen=_MAX_QUESTIONS)
        self._memories = Memories(
            wires.memory,
            clock,
            cursors,
            self._has_just_happened,
            self._stopping.is_set,
            with_history=with_history,
        )
        self._last = {major: cursors.get(log_of(major), 0) for major in MAJORS}
        self._new = {major for major in MAJORS if not {log_of(major), adopted_log(major)} & set(cursors)}
        self._with_history = with_history
        self._lock = threading.Lock()
        self._streamed: OrderedDict[tuple[int, int], tuple[Event, float]] = OrderedDict()
        self._question_serials: OrderedDict[int, None] = OrderedDict()
        self._at_once: OrderedDict[tuple[int, int], None] = OrderedDict()
        self._error: DevicemgrError | None = None
        self.stream_state = CONNECTING
        self._lost_at: float | None = time.monotonic()  # since when its stream is not there; CLOCK_MONOTONIC
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=f"console-{name}", daemon=True)
            for name, work in (("memory", self._read_on), ("stream", self._listen))
        ]

    def start(self) -> None:
        """Begin to read and to listen."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End both threads; what was not taken is reported again after the next opening."""
        self._stopping.set()
        self._wake.set()
        self._wires.cut()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_STOP_S)
        self._wires.close()

    def take(self, most: int) -> list[FeedItem]:
        """Return at most `most` new items, questions first; raise the error that ended the reading."""
        found: list[FeedItem] = []
        while self._questions:
            found.append(self._questions.popleft())
        while self._alarms:
            found.append(self._alarms.popleft())
        while len(found) < most:
            try:
                found.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        if not found and self._error is not None:
            raise self._error
        return found

    def wake(self) -> None:
        """Something may have happened: look into the memory now. Any thread."""
        self._wake.set()

    def set_clock(self, clock: Clock) -> None:
        """Read what is item from now on by this clock. Any thread."""
        self._clock = clock
        self._memories.set_clock(clock)

    def is_question(self, serial: int) -> bool:
        """Return True if this event was a question that has been handed on."""
        with self._lock:
            return serial in self._question_serials

    def was_at_once(self, event: Event) -> bool:
        """Return True if this event of the memory has been handed on from the stream already."""
        with self._lock:
            return (event.code[0], event.serial) in self._at_once

    @property
    def complaint(self) -> str | None:
        """What is wrong with its stream, if anything."""
        watch, lost_at = self._replay, self._lost_at
        if self._asks and lost_at is not None and time.monotonic() - lost_at > NO_STREAM_S:
            return f"its questions do not reach this host, as its stream is {self.stream_state}"
        if not watch.is_replaying:
            return None
        words = COMPLAINT.format(count=watch.count, seconds=watch.seconds, poll=self._poll_seconds)
        return words + (NO_QUESTIONS if self._asks else "")

    def pushed(self, body: bytes, arrived: float, seconds: float) -> dict[str, Any] | None:
        """Return the answer to a question that was pushed, None where there is none. Any thread."""
        events = [event for event in events_of(body, self._clock) if event.asks and self._is_now(event)]
        return self.pushes.answer_to(events[0], self._clock, arrived, seconds, self._ask) if events else None

    @property
    def missing(self) -> list[str]:
        """The memories that this firmware does not let be queried, in words."""
        return self._memories.missing

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except DevicemgrError as error:
            self._error = error
        except Exception as error:
            if not self._stopping.is_set():
                _log.exception("hearing a console failed")
                self._error = DeviceError(f"hearing the console failed: {type(error).__name__}")

    # The memory's thread.

    def _read_on(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            for item in self._memories.sweep(self._on_back):
                self._hand_on(item)
            is_late = self._hand_on_what_memory_lacks()
            history = self._memories.history()
            for event in history:
                self._put(event)
            pause = _HISTORY_PAUSE_S if history else _ASK_AGAIN if is_late else self._poll_seconds
            self._wake.wait(pause)

    def _on_back(self, major: int) -> None:
        with self._lock:
            self._last[major] = 0
            if major == EVENT:
                self._question_serials.clear()
            for key in [key for key in self._at_once if key[0] == major]:
                del self._at_once[key]

    def _hand_on(self, item: Event | Adopted) -> None:
        """Hand on one event of a memory, marked as happening now where the stream said so."""
        if isinstance(item, Adopted):
            with self._lock:
                self._last[item.major] = item.serial
            self._put(item)
            return
        self._let_the_stream_speak_first(item)
        major = item.code[0]
        with self._lock:
            known = self._streamed.pop((major, item.serial), None)
            self._last[major] = item.serial
        live = known[0].live is True if known is not None else self._has_just_happened(item)
        self._put(replace(item, live=live))

    def _let_the_stream_speak_first(self, event: Event) -> None:
        """Wait a moment for the stream, since only it says whether a new event is a question."""
        if event.code[0] != EVENT:
            return
        until = time.monotonic() + _ASK_AGAIN
        while self.stream_state in (CONNECTING, CONNECTED) and self._has_just_happened(event):
            with self._lock:
                self._streamed_more.clear()
                if (EVENT, event.serial) in self._streamed:
                    return
            if (left := until - time.monotonic()) <= 0 or self._stopping.is_set():
                return
            self._streamed_more.wait(left)

    def _hand_on_what_memory_lacks(self) -> bool:
        """Hand on events of the stream that their memory still does not hold after a while."""
        now = time.monotonic()
        with self._lock:
            for key in [key for key in self._streamed if key[1] <= self._last[key[0]]]:
                del self._streamed[key]
            waits = sorted(self._streamed.items())
        is_late = False
        for (major, serial), (event, since) in waits:
            if self._memories.has(major) and now - since < _PATIENCE:
                is_late = True
                continue
            self._memories.skip_to(major, serial)
            if event.live is False and major in self._new and self._is_from_before(event):
                # No memory says where a console that is new here begins: what its stream repeats is history.
                if self._with_history:
                    self._put(replace(event, is_history=True))
                continue
            self._hand_on(event)
        return is_late

    def _put(self, item: Event | Adopted) -> None:
        while not self._stopping.is_set():
            try:
                self._waiting.put(item, timeout=0.5)
            except queue.Full:
                continue
            return

    # The stream's thread.

    def _listen(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._listen_once()
                self.stream_state = "ended by the console"
            except DeviceError as error:
                self.stream_state = f"not connected: {error}"
            self._lost_at = self._lost_at or time.monotonic()
            self._wake.set()
            if self._replay.is_useless and not self._asks:
                self._stopping.wait(RETRY_S)
                continue
            failures = 0 if time.monotonic() - began > SILENT_S else failures + 1
            self._stopping.wait(_STREAM_PAUSES[min(failures, len(_STREAM_PAUSES) - 1)])

    def _listen_once(self) -> None:
        with self._wires.stream.http.stream(Request("GET", STREAM)) as stream:
            if stream.status != 200:
                raise refusal_of(stream)
            self.stream_state, self._lost_at = CONNECTED, None
            self._replay.connected()
            for part in parts_of(stream):
                if self._stopping.is_set():
                    return
                self._on_part(part)
                if self._replay.is_useless and not self._asks:
                    raise DeviceUnreachable("its stream repeats what is long past")

    def _on_part(self, part: Part) -> None:
        arrived = time.monotonic()
        try:
            document = document_of(part)
        except DeviceGarbled as error:
            _log.info("a part of a console's stream is left out: %s", error)
            self._wake.set()
            return
        event = from_stream(document, self._clock) if document else None
        if event is not None:
            self._on_event(event, arrived)

    def _on_event(self, event: Event, arrived: float) -> None:
        major, is_now = event.code[0], self._is_now(event)
        self._replay.saw(is_now=is_now)
        self.stream_state = REPLAYING if self._replay.is_useless else CONNECTED
        if event.asks and is_now:
            self._ask(event, arrived)
        if major not in MAJORS:
            return
        with self._lock:
            # The console counts from the start, or repeats itself: only its memory can say which.
            if event.live is True and event.serial < self._last[major]:
                self._memories.went_back(major)
            is_news = event.serial > self._last[major]
            if is_news:
                self._streamed[major, event.serial] = (event, arrived)
                while len(self._streamed) > _MAX_REMEMBERED:
                    self._streamed.popitem(last=False)
            self._streamed_more.set()
        if major == ALARM and is_now:
            self._alarm(event)
        self._memories.note(major)
        self._wake.set()

    def _alarm(self, event: Event) -> None:
        """Hand on an alarm at once; its memory then only confirms it."""
        key = (event.code[0], event.serial)
        if not is_alarm(event):
            return
        with self._lock:
            if key in self._at_once or event.serial <= self._last[ALARM]:
                return
            self._at_once[key] = None
            while len(self._at_once) > _MAX_REMEMBERED:
                self._at_once.popitem(last=False)
        self._alarms.append(replace(event, live=True, at_once=True))

    def _ask(self, event: Event, arrived: float) -> bool:
        """Hand on each question once, and at once: a person stands there; False for one that came before."""
        with self._lock:
            if event.serial in self._question_serials:
                return False
            self._question_serials[event.serial] = None
            while len(self._question_serials) > _MAX_REMEMBERED:
                self._question_serials.popitem(last=False)
        self._questions.append(question(event, arrived, self._clock.age_of(event.at, time.monotonic())))
        return True

    def _is_now(self, event: Event) -> bool:
        """Return True for an event of now: one marked as live, or unmarked with a fresh time."""
        if event.live is not None:
            return event.live
        return self._age(event) < _FRESH_S

    def _has_just_happened(self, event: Event) -> bool:
        """By the console's own time, and since the feed began: its memory was quicker than its stream."""
        return not self._is_from_before(event) and self._age(event) < _LIVE_S

    def _is_from_before(self, event: Event) -> bool:
        """By the console's own time: before the feed began."""
        return event.at.timestamp() - self._clock.skew <= self._began - _WHOLE_S

    def _age(self, event: Event) -> float:
        """Return the seconds between the event and now by this host's clock, either way."""
        return abs(time.time() - event.at.timestamp() + self._clock.skew)
