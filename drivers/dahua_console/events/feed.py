"""Stream, memory and pushes of a Dahua terminal made into one sequence of facts, each reported once.

The memory (record numbers) is what counts; the stream says sooner, and more: score and liveness. What the stream tells
waits a few seconds for its record; where none comes it is reported without a number of its own.
"""

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from devicemgr.domain.device_events import DeviceFact, DeviceReported, Presented
from devicemgr.domain.ledger_events import Kind
from devicemgr.text import safe
from drivers.common.console.device_clock import ClockReading
from drivers.dahua_console.cgi import CgiRefused, number
from drivers.dahua_console.events.log import History, Record
from drivers.dahua_console.events.push import PushListener
from drivers.dahua_console.events.stream import EventStream
from drivers.dahua_console.events.translate import alarm, happened, presented
from drivers.dahua_console.parsing import StreamEvent, moment, text_of

_READING_SECONDS = 0.4
_ATTACHED_EVERY, _DEAF_EVERY, _REFUSED_EVERY = 15.0, 2.0, 60.0
_PATIENCE = 5.0
# A record may come with the second after the event's.
_SAME_SECONDS = 2
_SAME_ANSWER_SECONDS = 15
ANSWERED = {True: "opened as answered from here", False: "refused as answered from here"}
_MOST_PENDING, _MOST_REMEMBERED = 2000, 5000

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
    """For the device's own thread only."""

    def __init__(self, stream: EventStream, history: History, listener: PushListener | None) -> None:
        self._stream, self._history, self._listener = stream, history, listener
        self._pending: deque[_Pending] = deque(maxlen=_MOST_PENDING)
        self._reported_without: deque[tuple[int, str, str]] = deque(maxlen=_MOST_REMEMBERED)
        self._open_questions: dict[int, StreamEvent] = {}
        self._answered: deque[_Answered] = deque(maxlen=_MOST_REMEMBERED)
        self._due = 0.0

    def poll(self, skew: float, clock: ClockReading | None = None) -> list[DeviceFact]:
        """Everything new, questions first; `clock` is the terminal's, by which a question is of now or not."""
        facts: list[DeviceFact] = list(self._questions(clock))
        for event, at in self._stream.take():
            if event.code == "AccessControl":
                self._pending.append(_Pending(event, at))
                self._expect(event)
            elif (found := alarm(event)) is not None:
                facts.append(found)
        for event in self._listener.hints() if self._listener else []:
            self._expect(event)
        facts += self._remembered(skew)
        facts += self._unrecorded(skew)
        return facts

    def answered(self, serial: int, granted: bool) -> None:
        """Question `serial` gets this answer: its record is no decision of the terminal's own."""
        event = self._open_questions.pop(serial, None)
        if event is not None:
            user, card = text_of(event.data, "UserID"), text_of(event.data, "CardNo").upper()
            self._answered.append(_Answered(user, card, event.second, granted))

    def _questions(self, clock: ClockReading | None) -> Iterator[Presented]:
        for question in self._listener.questions() if self._listener else []:
            self._open_questions[question.serial] = question.event
            while len(self._open_questions) > _MOST_REMEMBERED:
                self._open_questions.pop(next(iter(self._open_questions)))
            yield presented(question.event, question.serial, question.arrived, clock, question.read)

    def _expect(self, event: StreamEvent) -> None:
        self._history.hint(event.second)
        self._due = 0.0

    def _remembered(self, skew: float) -> Iterator[DeviceFact]:
        until = time.monotonic() + _READING_SECONDS
        while time.monotonic() < until and (not self._history.caught_up or time.monotonic() >= self._due):
            try:
                records = self._history.page()
            except CgiRefused as error:
                _log.warning("the terminal's memory of events can't be read: %s", safe(str(error)))
                self._history.caught_up, self._due = True, time.monotonic() + _REFUSED_EVERY
                return
            every = _ATTACHED_EVERY if self._stream.attached.is_set() else _DEAF_EVERY
            self._due = time.monotonic() + every
            for record in records:
                if (fact := self._of(record, skew)) is not None:
                    yield fact

    def _of(self, record: Record, skew: float) -> DeviceFact | None:
        who = (record.second, text_of(record.row, "UserID"), text_of(record.row, "CardNo").upper())
        if who in self._reported_without:
            self._reported_without.remove(who)
            return None
        pending = next(
            (pending for pending in self._pending if not pending.matched and _same(pending.event, who)), None
        )
        if pending is not None:
            pending.matched = True
        granted = number(record.row.get("Status", 0)) == 1
        answer = self._answer_to(who, granted)
        if answer is not None:
            self._answered.remove(answer)
            # Decided here, and recorded when it was: this only takes its number off the list.
            channel = min(max(number(record.row.get("Door", 0)), 0), 255) + 1
            return DeviceReported(
                channel, Kind.DEVICE_CONFIRMED, record.serial, moment(record.second), ANSWERED[granted]
            )
        extra = pending.event.data if pending is not None else None
        return happened(record.row, record.serial, skew=skew, live=pending is not None, extra=extra)

    def _answer_to(self, who: tuple[int, str, str], granted: bool) -> _Answered | None:
        """The answer that the terminal has carried out; one that says otherwise is not it."""
        for answer in self._answered:
            near = abs(answer.second - who[0]) <= _SAME_ANSWER_SECONDS
            if near and (answer.user, answer.card) == who[1:] and answer.granted == granted:
                return answer
        return None

    def _unrecorded(self, skew: float) -> Iterator[DeviceFact]:
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
                yield happened(pending.event.data, self._history.serial, skew=skew, live=True)


def _same(event: StreamEvent, who: tuple[int, str, str]) -> bool:
    second, user, card = event.who
    return abs(second - who[0]) <= _SAME_SECONDS and (user, card) == who[1:]
