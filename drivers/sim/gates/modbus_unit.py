"""A simulated Modbus RTU unit: answers only its own address, and misbehaves on demand."""

import struct
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from drivers.common.serial.framing import cut
from drivers.sim.base.events import EventLog
from drivers.sim.base.faults import FAULTS, Plan
from drivers.sim.gates.rtu_frames import MAX_RECEIVED_BYTES, frame, measure_requests

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
# Longer than any master waits by itself.
LATE_S = 0.6
WRITES = {0x05, 0x06, 0x0F, 0x10}

Handler = Callable[[bytes, float], bytes]


class Refusal(Exception):
    """A handler's answer is a Modbus exception with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Faults:
    """Faults to inject; `injected` counts by name those that have happened."""

    silent: bool = False
    garbage: bytes = b""
    garbage_after: bytes = b""
    drop_next_answer: int = 0
    drop_next_write_answer: int = 0
    refuse_next_write: int = 0
    answer_as_unit: int | None = None
    answer_late_by: float = 0.0
    break_checksum: bool = False
    injected: Counter[str] = field(default_factory=Counter)


class ModbusUnit:
    """A brain: `handlers` by function code get the PDU and give the answer's; `tick` is called as time goes by."""

    def __init__(
        self,
        unit: int,
        handlers: Mapping[int, Handler],
        log: EventLog,
        tick: Callable[[float], None] = lambda _now: None,
        next_tick: Callable[[], float | None] = lambda: None,
        baudrate: int | None = None,
        able: Collection[str] = tuple(FAULTS),
    ) -> None:
        self.faults = Faults()
        self.plan = Plan(log, able)
        self.powerless_until = 0.0
        self.after_command: Callable[[], None] = lambda: None
        self._unit = unit
        self._handlers = handlers
        self._log = log
        self._tick = tick
        self._next_tick = next_tick
        # With a rate, request and answer take as long as they would on a wire; a pty has none.
        self._character_seconds = 11 / baudrate if baudrate else 0.0
        self._measure = measure_requests(unit)
        self._received = bytearray()
        self._outbox: list[tuple[float, bytes]] = []

    def receive(self, data: bytes, now: float) -> None:
        """Collect bytes and carry out each whole request."""
        self._received += data
        for request in cut(self._received, self._measure, MAX_RECEIVED_BYTES):
            self._serve(request[1:-2], now)

    def advance(self, now: float) -> bytes:
        """Let time pass; what is to be sent."""
        self._tick(now)
        ready = [data for due, data in self._outbox if due <= now]
        self._outbox = [(due, data) for due, data in self._outbox if due > now]
        return b"".join(ready)

    def next_due(self) -> float | None:
        """Return when the next tick or late answer is due; None if nothing is."""
        times = [due for due, _ in self._outbox]
        if (tick := self._next_tick()) is not None:
            times.append(tick)
        return min(times, default=None)

    def _serve(self, pdu: bytes, now: float) -> None:
        function = pdu[0]
        if now < self.powerless_until:
            return
        self._log.add("request", pdu=pdu.hex(" "))
        if self.plan.due("silence"):
            return
        if self.faults.silent:
            self.faults.injected["silent"] += 1
            return
        try:
            answer = self._answer(pdu, now)
        except Refusal as refusal:
            answer = bytes([function | 0x80, refusal.code])
        command = function in WRITES
        if command:
            self.after_command()
            if now < self.powerless_until:
                return
        if command and self.plan.due("lost-ack"):
            return
        if command and self.plan.due("late-ack"):
            now += LATE_S
        if not self._dropped(function):
            sent = self._frame(answer)
            on_the_wire = (len(pdu) + 3 + len(sent)) * self._character_seconds
            self._outbox.append((now + self._lateness() + on_the_wire, sent))

    def _answer(self, pdu: bytes, now: float) -> bytes:
        if pdu[0] in WRITES and self.faults.refuse_next_write:
            code, self.faults.refuse_next_write = self.faults.refuse_next_write, 0
            self.faults.injected["refuse_next_write"] += 1
            raise Refusal(code)
        handler = self._handlers.get(pdu[0])
        if handler is None:
            raise Refusal(ILLEGAL_FUNCTION)
        try:
            return handler(pdu, now)
        except (struct.error, IndexError) as error:
            raise Refusal(ILLEGAL_VALUE) from error

    def _dropped(self, function: int) -> bool:
        name = ""
        if self.faults.drop_next_answer:
            name = "drop_next_answer"
        elif self.faults.drop_next_write_answer and function in WRITES:
            name = "drop_next_write_answer"
        if name:
            setattr(self.faults, name, getattr(self.faults, name) - 1)
            self.faults.injected[name] += 1
        return bool(name)

    def _lateness(self) -> float:
        if self.faults.answer_late_by:
            self.faults.injected["answer_late_by"] += 1
        return self.faults.answer_late_by

    def _frame(self, pdu: bytes) -> bytes:
        faults = self.faults
        unit = self._unit if faults.answer_as_unit is None else faults.answer_as_unit
        if self.plan.due("wrong-unit"):
            unit = unit % 247 + 1
        sent = frame(pdu, unit)
        if self.plan.due("garbage"):
            sent = bytes(byte ^ 0x5A for byte in sent)
        if faults.break_checksum:
            sent = sent[:-1] + bytes([sent[-1] ^ 0x01])
        for name in ("garbage", "garbage_after", "break_checksum"):
            faults.injected[name] += bool(getattr(faults, name))
        faults.injected["answer_as_unit"] += faults.answer_as_unit is not None
        return faults.garbage + sent + faults.garbage_after
