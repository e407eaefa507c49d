"""Stream, memory and pushes of a Dahua terminal made into one sequence of facts, each reported once.

The memory (record numbers) is what counts; the stream says sooner, and more: score and liveness. What the stream tells
waits a few seconds for its record; where none comes it is reported without a number of its own.
"""

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from devicemgr.domain.device_events import DeviceFact, DeviceReported, Presented
from devicemgr.domain.ledger_events import Kind
from devicemgr.errors import NotYet
from devicemgr.text import safe
from drivers.common.console.device_clock import ClockReading
from drivers.dahua_console.cgi import number
from drivers.dahua_console.events.log import History
from drivers.dahua_console.events.methods import REMOTE
from drivers.dahua_console.events.push import PushListener
from drivers.dahua_console.events.record_query import Record
from drivers.dahua_console.events.stream import EventStream
from drivers.dahua_console.events.translate import DURESS, Terms, alarm, happened, is_forced, presented
from drivers.dahua_console.parsing import StreamEvent, moment, text_of
from drivers.dahua_console.refusals import CgiRefused

_READING_S = 0.4
_ATTACHED_EVERY, _DEAF_EVERY, _REFUSED_EVERY = 15.0, 2.0, 60.0
_BUSY_EVERY = 3.0
_PATIENCE = 5.0
# A record may come with the second after the event's.
_SAME_S = 2
_SAME_ANSWER_S = 15
# Between a release from here and the terminal's own time of it.
_OWN_RELEASE_S = 10
OWN_RELEASE = "opened remotely, as commanded from here"
# They say sooner that something stands in the memory, or what it says as well.
_HINTS = {"ButtonExit", "_Button_", "_DoorFace_"}
ANSWERED = {True: "opened as answered from here", False: "refused as answered from here"}
_MAX_PENDING, _MAX_REMEMBERED = 2000, 5000

_log = logging.getLogger(__name__)


@dataclass
class _Pending:
    """An event of the stream; `matched` once its record has come."""

    event: StreamEvent
    at: float
    matched: bool = False


@dataclass(frozen=True, slots=True)
class _Answered:
    """A question and what it was answered; `second` is the terminal's."""

    user: str
    card: str
    second: int
    granted: bool


class News:
    """For the device's own thread only. `fault` says why the memory can't be read, None while it can."""

    def __init__(self, stream: EventStream, history: History, listener: PushListener | None) -> None:
        self._stream, self._history, self._listener = stream, history, listener
        self._terms = Terms()
        self._own_releases: deque[tuple[int, str, float]] = deque(maxlen=_MAX_REMEMBERED)
        self._unknown: set[str] = set()
        self.fault: str | None = None
        self._pending: deque[_Pending] = deque(maxlen=_MAX_PENDING)
        self._reported_without: deque[tuple[int, str, str]] = deque(maxlen=_MAX_REMEMBERED)
        self._open_questions: dict[int, StreamEvent] = {}
        self._answered: deque[_Answered] = deque(maxlen=_MAX_REMEMBERED)
        self._due = 0.0

    def poll(self, terms: Terms, clock: ClockReading | None = None) -> list[DeviceFact]:
        """Return everything new, questions first; `clock` is the terminal's, by which a question is of now or not."""
        self._terms = terms
        facts: list[DeviceFact] = list(self._questions(clock))
        for event, at in self._stream.take():
            facts += self._streamed(event.in_zone(terms.zone), at)
        for event in self._listener.hints() if self._listener else []:
            self._expect(event.in_zone(terms.zone))
        facts += self._remembered()
        facts += self._unrecorded()
        return facts

    def released(self, channel: int, user: str) -> None:
        """Note a release of `channel` from here: the terminal's record of it is its proof, and no event."""
        self._own_releases.append((channel, user, time.time()))

    def not_released(self) -> None:
        """Take back the last noted release, which the terminal refused."""
        self._own_releases.pop()

    def answered(self, serial: int, granted: bool) -> None:
        """Question `serial` gets this answer: its record is no decision of the terminal's own."""
        event = self._open_questions.pop(serial, None)
        if event is not None:
            user, card = text_of(event.data, "UserID"), text_of(event.data, "CardNo").upper()
            self._answered.append(_Answered(user, card, event.second, granted))

    def _questions(self, clock: ClockReading | None) -> Iterator[Presented]:
        for question in self._listener.questions() if self._listener else []:
            event = question.event.in_zone(self._terms.zone)
            self._open_questions[question.serial] = event
            while len(self._open_questions) > _MAX_REMEMBERED:
                self._open_questions.pop(next(iter(self._open_questions)))
            yield presented(event, question.serial, question.arrived, clock, question.read, self._terms.numbers)

    def _streamed(self, event: StreamEvent, at: float) -> list[DeviceFact]:
        if event.code == "AccessControl":
            self._pending.append(_Pending(event, at))
            self._expect(event)
        elif (found := alarm(event)) is not None:
            return [found]
        elif event.code in _HINTS:
            self._expect(event)
        elif text_of(event.data, "UserID") or text_of(event.data, "CardNo"):
            why = f"the terminal reports {event.code} of a person, an event that is not known here"
            serial, second = self._history.serial, event.second
            at_time = moment(second) if second else datetime.now(UTC)
            return [DeviceReported(event.door + 1, Kind.DEVICE_DEGRADED, serial, at_time, safe(why, 120))]
        elif event.code not in self._unknown and len(self._unknown) < _MAX_REMEMBERED:
            self._unknown.add(event.code)
            _log.info("an event of the terminal that is of no door or person: %s", safe(event.code, 40))
        return []

    def _expect(self, event: StreamEvent) -> None:
        self._history.hint(event.second)
        self._due = 0.0

    def _remembered(self) -> Iterator[DeviceFact]:
        until = time.monotonic() + _READING_S
        while time.monotonic() < until and (not self._history.caught_up or time.monotonic() >= self._due):
            try:
                records = self._history.page()
            except NotYet:
                self._history.caught_up, self._due = True, time.monotonic() + _BUSY_EVERY
                return
            except CgiRefused as error:
                _log.warning("the terminal's memory of events can't be read: %s", safe(str(error)))
                self.fault = str(error)
                self._history.caught_up, self._due = True, time.monotonic() + _REFUSED_EVERY
                return
            self.fault = None
            every = _ATTACHED_EVERY if self._stream.attached.is_set() else _DEAF_EVERY
            self._due = time.monotonic() + every
            for record in records:
                yield from self._of(record)

    def _of(self, record: Record) -> Iterator[DeviceFact]:
        who = (record.second, text_of(record.row, "UserID"), text_of(record.row, "CardNo").upper())
        if who in self._reported_without:
            self._reported_without.remove(who)
            return
        pending = next(
            (pending for pending in self._pending if not pending.matched and _same(pending.event, who)), None
        )
        if pending is not None:
            pending.matched = True
        granted = number(record.row.get("Status", 0)) == 1
        channel = min(max(number(record.row.get("Door", 0)), 0), 255) + 1
        answer = self._answer_to(who, granted)
        if answer is not None:
            self._answered.remove(answer)
            # Decided here, and recorded when it was: this only takes its number off the list.
            at = moment(record.second)
            yield DeviceReported(channel, Kind.DEVICE_CONFIRMED, record.serial, at, ANSWERED[granted])
            return
        if granted and number(record.row.get("Method", -1)) == REMOTE and self._was_ours(channel, who):
            yield DeviceReported(channel, Kind.DEVICE_CONFIRMED, record.serial, moment(record.second), OWN_RELEASE)
            return
        extra = pending.event.data if pending is not None else None
        yield happened(record.row, record.serial, self._terms, live=pending is not None, extra=extra)
        if pending is None and is_forced(record.row):
            # Of who is forced while the stream listens, the stream tells by itself.
            yield DeviceReported(channel, Kind.DURESS_SIGNALLED, record.serial, moment(record.second), DURESS)

    def _was_ours(self, channel: int, who: tuple[int, str, str]) -> bool:
        """Return, once for each, whether a release from here is what the terminal recorded."""
        for release in self._own_releases:
            is_near = abs(release[2] + self._terms.skew - who[0]) <= _OWN_RELEASE_S
            if is_near and release[0] == channel and who[1] in ("", release[1]):
                self._own_releases.remove(release)
                return True
        return False

    def _answer_to(self, who: tuple[int, str, str], granted: bool) -> _Answered | None:
        """Find the answer that the terminal has carried out; one with the other outcome does not count."""
        for answer in self._answered:
            near = abs(answer.second - who[0]) <= _SAME_ANSWER_S
            if near and (answer.user, answer.card) == who[1:] and answer.granted == granted:
                return answer
        return None

    def _unrecorded(self) -> Iterator[DeviceFact]:
        """Return what the stream reported, and the memory does not after a while."""
        now = time.monotonic()
        while self._pending and (self._pending[0].matched or now - self._pending[0].at > _PATIENCE):
            pending = self._pending.popleft()
            if pending.matched:
                continue
            granted = number(pending.event.data.get("Status", 0)) == 1
            # What was answered here waits for its record, however late that comes.
            if self._answer_to(pending.event.who, granted) is None:
                self._reported_without.append(pending.event.who)
                yield happened(pending.event.data, self._history.serial, self._terms, live=True)


def _same(event: StreamEvent, who: tuple[int, str, str]) -> bool:
    second, user, card = event.who
    return abs(second - who[0]) <= _SAME_S and (user, card) == who[1:]
