"""Behavior of a LOT turnstile: registers, people who pass or do not, timeouts. No bytes, no clock of its own."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from devicemgr.domain.model import Direction
from drivers.sim.base.events import EventLog
from drivers.sim.gates import lot_registers
from drivers.sim.gates.modbus_unit import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, Handler, Refusal

IDENTITY = {0: b"LOT Group (simulated)", 1: b"Turnstile", 2: b"1.0"}
MEI_DEVICE_ID = 0x0E


@dataclass
class Side:
    """One direction: `due` is when the next thing happens, `inside` whether a person is in the passage."""

    direction: Direction
    left: int
    present: int
    count: int
    due: float | None = None
    inside: bool = False
    freed: bool = False


class LotTurnstile:
    """Registers by number; when released, a person passes if `passage`, else it times out by register 0x3011 (s)."""

    def __init__(self, log: EventLog, passage: bool, passage_delay: float, passage_seconds: float) -> None:
        self.passage = passage
        self._log = log
        self._delay = passage_delay
        self._seconds = passage_seconds
        self.sticks: Callable[[], bool] = lambda: False
        self._stuck: set[int] = set()
        self.registers: dict[int, int] = dict(lot_registers.FACTORY_VALUES)
        self._sides = {
            left: Side(
                direction,
                left,
                lot_registers.OBJECT_IN_PASSAGE[direction],
                lot_registers.PASSAGE_COUNTER[direction],
            )
            for direction, left in lot_registers.PASSAGES_LEFT.items()
        }

    def handlers(self) -> dict[int, Handler]:
        """Modbus functions 3, 16 and 43/14."""
        return {0x03: self._on_read, 0x10: self._on_write, 0x2B: self._on_identify}

    def counter(self, direction: Direction) -> int:
        """People who passed in that direction."""
        side = next(side for side in self._sides.values() if side.direction is direction)
        return self.registers[side.count] | self.registers[side.count + 1] << 16

    def add_passages(self, direction: Direction, people: int) -> None:
        """Move the counter as if `people` passed unseen; wraps after 32 bits."""
        side = next(side for side in self._sides.values() if side.direction is direction)
        count = (self.counter(direction) + people) % 2**32
        self.registers[side.count], self.registers[side.count + 1] = count & 0xFFFF, count >> 16

    def show(self, reader: int, data: bytes) -> None:
        """Show a card or code to a built-in reader."""
        head = lot_registers.READER_HEADS[reader]
        padded = data.ljust(2 * lot_registers.READER_DATA_REGISTERS, b"\0")
        for offset in range(lot_registers.READER_DATA_REGISTERS):
            self.registers[head + 1 + offset] = int.from_bytes(padded[2 * offset : 2 * offset + 2], "big")
        self.registers[head] = 1 << 8 | len(data)
        self._log.add("shown", reader=reader, data=data.hex())

    def unstick(self) -> None:
        """Let arms go on that have stopped half-way."""
        for side in self._sides.values():
            if side.left in self._stuck:
                side.due, side.freed = 0.0, True
        self._stuck.clear()

    def lose_power(self) -> None:
        """Cut the power: arms fall back, releases are lost, counters and anti-panic stay (vendor's register map)."""
        for side in self._sides.values():
            side.due, side.inside = None, False
            self.registers[side.left] = self.registers[side.present] = 0
        self._stuck.clear()
        self._log.add("power_lost")

    def tick(self, now: float) -> None:
        """Carry out what is due."""
        for side in self._sides.values():
            while side.due is not None and side.due <= now:
                self._step(side, side.due)

    def next_tick(self) -> float | None:
        """Return when something is due next."""
        return min((side.due for side in self._sides.values() if side.due is not None), default=None)

    def _on_read(self, pdu: bytes, now: float) -> bytes:
        self.tick(now)
        first, count = struct.unpack(">HH", pdu[1:5])
        wanted = range(first, first + count)
        if not count or any(register not in self.registers for register in wanted):
            raise Refusal(ILLEGAL_ADDRESS)
        values = [self.registers[register] for register in wanted]
        for head in lot_registers.READER_HEADS.values():
            if head + 1 in wanted:
                self.registers[head] &= 0xFF
        return struct.pack(f">BB{count}H", pdu[0], 2 * count, *values)

    def _on_write(self, pdu: bytes, now: float) -> bytes:
        first, count = struct.unpack(">HH", pdu[1:5])
        values = struct.unpack(f">{count}H", pdu[6:])
        if any(register not in self.registers for register in range(first, first + count)):
            raise Refusal(ILLEGAL_ADDRESS)
        for register, value in enumerate(values, first):
            self._write(register, value, now)
        return pdu[:5]

    def _on_identify(self, pdu: bytes, now: float) -> bytes:  # noqa: ARG002
        if pdu[1] != MEI_DEVICE_ID:
            raise Refusal(ILLEGAL_FUNCTION)
        objects = b"".join(bytes([key, len(text)]) + text for key, text in IDENTITY.items())
        return pdu[:3] + bytes([0x01, 0, 0, len(IDENTITY)]) + objects

    def _write(self, register: int, value: int, now: float) -> None:
        side = self._sides.get(register)
        if side is None:
            self.registers[register] = value
            self._log.add("write", register=hex(register), value=value)
            return
        if self.registers.get(lot_registers.PASS_STATE) == lot_registers.STATE_BLOCKED:
            value = lot_registers.PASSAGE_CLOSED
        self.registers[register] = value
        kind = {lot_registers.PASSAGE_CLOSED: "close", lot_registers.PASSAGE_FREE: "free"}.get(value, "release")
        self._log.add(kind, direction=str(side.direction), register=hex(register), value=value)
        if not side.inside:
            side.due = self._next_arrival(now) if kind == "release" else None

    def _next_arrival(self, now: float) -> float:
        return now + (self._delay if self.passage else self.registers[lot_registers.START_TIMEOUT_S])

    def _step(self, side: Side, now: float) -> None:
        left = self.registers[side.left]
        direction = str(side.direction)
        side.due = None
        if side.inside and not side.freed and self.sticks():
            self._stuck.add(side.left)
        elif side.inside:
            side.inside = side.freed = False
            self.registers[side.present] = 0
            self.add_passages(side.direction, 1)
            if left not in {lot_registers.PASSAGE_CLOSED, lot_registers.PASSAGE_FREE}:
                self.registers[side.left] = left - 1
                side.due = self._next_arrival(now) if left > 1 else None
            self._log.add("passage", direction=direction, counter=self.counter(side.direction))
        elif self.passage:
            side.inside = True
            self.registers[side.present] = 1
            side.due = now + self._seconds
            self._log.add("object", direction=direction)
        else:
            self.registers[side.left] = lot_registers.PASSAGE_CLOSED
            self._log.add("timed_out", direction=direction)
