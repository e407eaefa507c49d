"""The web server that a controller calls: its messages are taken, and commands go out in the answers.

A call counts only from the controller's own address, to the path set here, and with its serial number.
"""

import contextlib
import itertools
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from http.server import BaseHTTPRequestHandler
from typing import Any, cast

from devicemgr.domain.device_events import PushRefused
from devicemgr.errors import DeviceBusy, DeviceError, DeviceRefused, DeviceUnreachable, OutcomeUnknown
from devicemgr.text import safe
from drivers.common.http.push_server import PushServer, addresses_of
from drivers.ironlogic_controller.messages import MAX_ANSWER_BYTES, MAX_BODY_BYTES, MAX_EVENTS, Call, read_call, whole

ANSWER_S, TAKEN_S, WHOLE_CALL_S = 3.0, 2.0, 10.0
MAX_WAITING = 200
# Public servers confirm events in three ways: by their number, by a 2 for "all" (firmware 2.41), by `last_event`. Where
# the same events come again this often although they were confirmed, the next way is tried.
CONFIRM_AGAIN, ALL_TAKEN, CONFIRMATIONS = 3, 2, 3

_log = logging.getLogger(__name__)


@dataclass
class Command:
    """An operation on its way: `left` once it went out in an answer, `done` once the controller has confirmed it."""

    number: int
    operation: dict[str, Any]
    left: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    succeeded: bool = False

    @property
    def message(self) -> dict[str, Any]:
        """Return it as it is sent."""
        return {"id": self.number, **self.operation}


@dataclass
class Question:
    """A card at a reader now; the call that brought it waits for the answer."""

    serial: int
    number: int
    card: str
    reader: int
    arrived: float
    granted: bool = False
    answered: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    is_sent: bool = False


@dataclass
class Batch:
    """Events that wait to be taken; confirmed to the controller only then, or it sends them again."""

    events: list[dict[str, Any]]
    last_event: int = 0
    taken: threading.Event = field(default_factory=threading.Event)


class CallServer:
    """Serves one controller. `execute` waits for its next call; everything else only looks."""

    def __init__(
        self, host: str, port: int, path: str, serial: int, interval: int, zone: tzinfo | None, *, online: bool
    ) -> None:
        self._host, self._port, self.path, self._serial = host, port, path, serial
        self.interval, self._zone, self._online = interval, zone, online
        self._lock = threading.RLock()
        self._numbers = itertools.count(int(time.time()) % 900_000_000 + 1)
        self._waiting: deque[Command] = deque()
        self._sent: dict[int, Command] = {}
        self.questions: deque[Question] = deque(maxlen=MAX_WAITING)
        self._open: dict[int, Question] = {}
        self.batches: deque[Batch] = deque(maxlen=MAX_WAITING)
        self._confirmed: list[dict[str, Any]] = []
        self._way = 0
        self.repeats = 0
        self.called = threading.Event()
        self.called_at = 0.0
        self.calls = 0
        self.state: dict[str, Any] = {}
        self.other_serial: int | None = None
        self._question_serials = int(time.time() * 1000)
        self._server: _Server | None = None

    def start(self) -> None:
        """Begin to listen; DeviceBusy when the port is taken."""
        if self._server is not None:
            return
        try:
            self._server = _Server(("0.0.0.0", self._port), self, addresses_of(self._host))  # noqa: S104 - another machine
        except OSError as error:
            raise DeviceBusy(f"port {self._port} for the controller is taken; give another push_port") from error
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="web-json", daemon=True).start()

    def stop(self) -> None:
        """End; open questions are answered no, waiting commands are withdrawn. Never raises."""
        server, self._server = self._server, None
        if server is None:
            return
        with self._lock:
            self._waiting.clear()
            for question in self._open.values():
                question.answered.set()
        server.shutdown()
        server.server_close()
        self.called.clear()

    @property
    def port(self) -> int:
        """Return where it listens."""
        return self._server.server_port if self._server else self._port

    def refused(self) -> list[PushRefused]:
        """Return what is to be recorded of calls that were not the controller's."""
        return self._server.refused() if self._server else []

    def enqueue(self, operation: dict[str, Any], *, is_urgent: bool = False) -> Command:
        """Have an operation sent with the next answer, without waiting for it."""
        with self._lock:
            command = Command(next(self._numbers), operation)
            (self._waiting.appendleft if is_urgent else self._waiting.append)(command)
            return command

    def execute(self, operation: dict[str, Any], *, is_urgent: bool = False) -> None:
        """Send an operation with the next answer, once, and wait for the controller's confirmation.

        DeviceUnreachable when the controller did not call, so that nothing was sent and nothing will be; OutcomeUnknown
        when it took the operation and confirmed nothing; DeviceRefused when it says no.
        """
        command = self.enqueue(operation, is_urgent=is_urgent)
        command.left.wait(self.interval + 2.0)
        with self._lock:
            if not command.left.is_set():
                with contextlib.suppress(ValueError):
                    self._waiting.remove(command)
                raise DeviceUnreachable("the controller has not called, and nothing was sent; check its network")
        if not command.done.wait(self.interval + 3.0):
            self._sent.pop(command.number, None)
            raise OutcomeUnknown("the controller took the command and has not confirmed it; look at the door")
        if not command.succeeded:
            raise DeviceRefused(f"the controller refuses {operation['operation']}; check its firmware and its wiring")

    def answer(self, serial: int, granted: bool) -> Question:
        """Answer a question once; DeviceRefused when nothing waits any more, OutcomeUnknown when the line was lost."""
        with self._lock:
            question = self._open.pop(serial, None)
        if question is None or question.answered.is_set():
            raise DeviceRefused("the controller does not wait for this answer any more")
        question.granted = granted
        question.answered.set()
        if not question.left.wait(2.0) or not question.is_sent:
            raise OutcomeUnknown("the controller hung up before it had its answer; look at the door")
        return question

    def take(self, call: Call, arrived: float) -> Callable[[], tuple[bytes, list[Question], list[Command]]]:
        """Note what a call says; return what waits for the answers and then makes the answer."""
        questions, replies = [], []
        waiting: list[tuple[int, Batch]] = []
        for message in call.messages:
            number = whole(message.get("id")) or 0
            operation = str(message.get("operation") or "")
            if not operation:
                self._confirm(number, message.get("success") in (1, "1", True))
            elif operation in ("power_on", "ping"):
                self.state |= {key: message[key] for key in ("fw", "conn_fw", "active", "mode") if key in message}
                if operation == "power_on" or message.get("active") != 1:
                    self.activate()
            elif operation == "check_access":
                questions.append(self._ask(number, message, arrived))
            elif operation == "events" and isinstance(message.get("events"), list):
                events = [each for each in message["events"][:MAX_EVENTS] if isinstance(each, dict)]
                batch = Batch(events, whole(message.get("last_event")) or 0)
                self._note_repeat(events)
                self.batches.append(batch)
                waiting.append((number, batch))
        self.called_at, self.calls = time.monotonic(), self.calls + 1
        self.state["type"] = call.kind
        self.called.set()

        def reply() -> tuple[bytes, list[Question], list[Command]]:
            for question in questions:
                question.answered.wait(max(0.0, arrived + ANSWER_S - time.monotonic()))
                question.answered.set()
                self._open.pop(question.serial, None)
                replies.append({"id": question.number, "operation": "check_access", "granted": int(question.granted)})
            for number, batch in waiting:
                count = self._confirmation(batch) if batch.taken.wait(TAKEN_S) else 0
                replies.append({"id": number, "operation": "events", "events_success": count})
            commands = self._outgoing(replies)
            return self._envelope([*replies, *(command.message for command in commands)]), questions, commands

        return reply

    def sent(self, questions: list[Question], commands: list[Command], *, is_sent: bool) -> None:
        """Note that an answer went out, or that the line was lost on the way."""
        for question in questions:
            question.is_sent = is_sent
            question.left.set()
        for command in commands:
            command.left.set()

    def admits(self, path: str, serial: int) -> bool:
        """Return True if a call is meant for this controller's device."""
        if serial != self._serial:
            self.other_serial = serial
            return False
        self.other_serial = None
        return path.partition("?")[0] == self.path

    def activate(self) -> None:
        """Have the controller work with this computer, and ask here where it is to."""
        with self._lock:
            if not any(command.operation["operation"] == "set_active" for command in self._waiting):
                self.enqueue({"operation": "set_active", "active": 1, "online": int(self._online)}, is_urgent=True)

    def _note_repeat(self, events: list[dict[str, Any]]) -> None:
        """Count how often in a row the same events come after they were confirmed; then confirm in another way."""
        self.repeats = self.repeats + 1 if events and events == self._confirmed else 0
        if self.repeats and self.repeats % CONFIRM_AGAIN == 0:
            self._way = (self._way + 1) % CONFIRMATIONS

    def _confirmation(self, batch: Batch) -> int:
        self._confirmed = batch.events
        return (len(batch.events), ALL_TAKEN, batch.last_event or len(batch.events))[self._way]

    def _ask(self, number: int, message: dict[str, Any], arrived: float) -> Question:
        with self._lock:
            self._question_serials += 1
            reader = message.get("reader")
            question = Question(
                self._question_serials, number, str(message.get("card") or "")[:16], 2 if reader == 2 else 1, arrived
            )
            self._open[question.serial] = question
            self.questions.append(question)
        return question

    def _confirm(self, number: int, succeeded: bool) -> None:
        command = self._sent.pop(number, None)
        if command is not None:
            command.succeeded = succeeded
            command.done.set()

    def _outgoing(self, replies: list[dict[str, Any]]) -> list[Command]:
        with self._lock:
            taken: list[Command] = []
            size = len(json.dumps(replies))
            while self._waiting:
                size += len(json.dumps(self._waiting[0].message)) + 2
                if size > MAX_ANSWER_BYTES and (taken or replies):
                    break
                command = self._waiting.popleft()
                self._sent[command.number] = command
                taken.append(command)
            while len(self._sent) > MAX_WAITING:
                self._sent.pop(next(iter(self._sent)))
            return taken

    def _envelope(self, messages: list[dict[str, Any]]) -> bytes:
        now = datetime.now(self._zone).strftime("%Y-%m-%d %H:%M:%S")
        return json.dumps({"date": now, "interval": self.interval, "messages": messages}).encode()


class _Server(PushServer):
    def __init__(self, place: tuple[str, int], owner: CallServer, hosts: list[str]) -> None:
        self.owner = owner
        super().__init__(place, _Handler, hosts, WHOLE_CALL_S)


class _Handler(BaseHTTPRequestHandler):
    timeout = WHOLE_CALL_S
    server_version, sys_version = "devicemgr", ""

    def log_message(self, *args: object) -> None:
        """Log nothing: each controller calls several times a minute."""

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or len(length) > 6 or int(length) > MAX_BODY_BYTES:
            self._send(413, b"")
            return
        owner = cast(_Server, self.server).owner
        arrived = cast(_Server, self.server).arrived(self.request)
        try:
            call = read_call(self.rfile.read(int(length)))
        except DeviceError as error:
            _log.warning("Failed to read a controller's call: %s", safe(str(error)))
            self._send(400, b"")
            return
        if not owner.admits(self.path, call.serial):
            cast(_Server, self.server).refuse("wrong path or serial number", str(self.client_address[0]))
            self._send(404, b"")
            return
        body, questions, commands = owner.take(call, arrived)()
        is_sent = False
        try:
            self._send(200, body)
            is_sent = True
        finally:
            owner.sent(questions, commands, is_sent=is_sent)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
