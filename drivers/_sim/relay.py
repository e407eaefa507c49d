"""Simulated relay boards: lcus, kmtronic and numato on a serial port, and a Modbus board."""

import re
import struct
from pathlib import Path
from typing import Literal

from drivers._sim.events import EventLog
from drivers._sim.modbus import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Faults, Handler, ModbusUnit, Refusal
from drivers._sim.peer import Brain, Peer
from drivers._sim.ports import PtyPort

Model = Literal["lcus", "kmtronic", "numato", "modbus"]


class Relays:
    """Relays by number from 1, with what the board itself times; `stuck` ones do not move."""

    def __init__(self, count: int, log: EventLog) -> None:
        self.on = dict.fromkeys(range(1, count + 1), False)
        self.inputs = dict.fromkeys(range(1, count + 1), False)
        self.stuck: set[int] = set()
        self._off_at: dict[int, float] = {}
        self._log = log

    def switch(self, relay: int, on: bool, off_at: float | None = None) -> None:
        """Move a relay that exists; `off_at` is when the board switches it off again."""
        if relay not in self.on or relay in self.stuck:
            return
        self.on[relay] = on
        self._off_at.pop(relay, None)
        if off_at is not None:
            self._off_at[relay] = off_at
        self._log.add("on" if on else "off", relay=relay, timed=off_at is not None)

    def tick(self, now: float) -> None:
        """End the pulses that are over."""
        for relay in [relay for relay, when in self._off_at.items() if when <= now]:
            self.switch(relay, False)

    def next_tick(self) -> float | None:
        """When the next pulse ends."""
        return min(self._off_at.values(), default=None)


class SerialBoard:
    """A board that talks bytes without frames; `pattern` finds one order, `_obey` carries it out."""

    pattern: re.Pattern[bytes]

    def __init__(self, relays: Relays, log: EventLog, faults: Faults) -> None:
        self.relays = relays
        self._log = log
        self._faults = faults
        self._heard = b""
        self._answers = b""

    def receive(self, data: bytes, now: float) -> None:  # noqa: ARG002
        """Carry out each whole order."""
        self._heard += data
        while order := self.pattern.search(self._heard):
            self._heard = self._heard[order.end() :]
            self._log.add("order", bytes=order[0].hex(" "))
            answer = self.obey(order)
            if self._faults.silent and answer:
                self._faults.injected["silent"] += 1
            else:
                self._answers += answer

    def advance(self, now: float) -> bytes:  # noqa: ARG002
        """What is to be sent."""
        answers, self._answers = self._answers, b""
        return answers

    def next_due(self) -> float | None:
        """Nothing is timed."""
        return None

    def obey(self, order: re.Match[bytes]) -> bytes:
        """The answer to one order."""
        raise NotImplementedError


class LcusBoard(SerialBoard):
    """Wrong sums are ignored; FF lists the relays."""

    pattern = re.compile(rb"\xa0[\x00-\xff]{3}|\xff", re.DOTALL)

    def obey(self, order: re.Match[bytes]) -> bytes:
        if order[0] == b"\xff":
            return b"".join(b"CH%d:%s\r\n" % (n, b"ON" if on else b"OFF") for n, on in self.relays.on.items())
        if sum(order[0][:3]) & 0xFF == order[0][3]:
            self.relays.switch(order[0][1], order[0][2] == 1)
        return b""


class KmTronicBoard(SerialBoard):
    """One or two relays answer one by one; four or eight only all at once."""

    pattern = re.compile(rb"\xff[\x00-\xff]{2}", re.DOTALL)

    def obey(self, order: re.Match[bytes]) -> bytes:
        relay, what = order[0][1], order[0][2]
        small = len(self.relays.on) <= 2
        if (relay, what) == (9, 0):
            return b"" if small else bytes(self.relays.on.values())
        if what == 3:
            return bytes([0xFF, relay, self.relays.on[relay]]) if small and relay in self.relays.on else b""
        self.relays.switch(relay, what == 1)
        return b""


class NumatoBoard(SerialBoard):
    """Echoes each line, then its answer, then a prompt."""

    pattern = re.compile(rb"[^\r]*\r")

    def obey(self, order: re.Match[bytes]) -> bytes:
        words = order[0].decode("ascii", "replace").split()
        answer = b""
        if len(words) == 3 and words[:2] == ["gpio", "read"] and words[2] in "01234567":
            answer = b"1\n\r" if self.relays.inputs.get(int(words[2]) + 1) else b"0\n\r"
        elif len(words) == 3 and words[0] == "relay" and words[2] in "0123456789ABCDEFGHIJKLMNOPQRSTUV":
            relay = int(words[2], 32) + 1
            if words[1] == "read" and relay in self.relays.on:
                answer = b"on\n\r" if self.relays.on[relay] else b"off\n\r"
            elif words[1] in {"on", "off"}:
                self.relays.switch(relay, words[1] == "on")
        return order[0] + b"\n\r" + answer + b">"


def _modbus_handlers(relays: Relays) -> dict[int, Handler]:
    """Functions 1, 2 and 5 of a board with flash coils (0x0200 on, then off by itself)."""

    def read(pdu: bytes, states: dict[int, bool]) -> bytes:
        first, count = struct.unpack(">HH", pdu[1:5])
        if not 1 <= count <= len(states) - first:
            raise Refusal(ILLEGAL_ADDRESS)
        bits = sum(states[first + 1 + bit] << bit for bit in range(count))
        size = (count + 7) // 8
        return bytes([pdu[0], size]) + bits.to_bytes(size, "little")

    def write(pdu: bytes, now: float) -> bytes:
        coil, value = struct.unpack(">HH", pdu[1:5])
        relay = (coil & 0xFF) + 1
        if relay not in relays.on or coil & 0xFF00 not in {0x0000, 0x0200}:
            raise Refusal(ILLEGAL_ADDRESS)
        if coil & 0x0200:
            relays.switch(relay, True, now + value / 10)
        elif value in {0xFF00, 0x0000}:
            relays.switch(relay, value == 0xFF00)
        else:
            raise Refusal(ILLEGAL_VALUE)
        return pdu

    return {0x01: lambda pdu, _: read(pdu, relays.on), 0x02: lambda pdu, _: read(pdu, relays.inputs), 0x05: write}


class SimulatedRelayBoard:
    """A relay board on a pty; a context manager. Events: order or request, on, off."""

    def __init__(self, model: Model, link: Path | None = None, relays: int = 8, unit: int = 1) -> None:
        self.events = EventLog()
        self.relays = Relays(relays, self.events)
        self.faults = Faults()
        self._port = PtyPort(link)
        brain: Brain
        if model == "modbus":
            unit_brain = ModbusUnit(
                unit, _modbus_handlers(self.relays), self.events, self.relays.tick, self.relays.next_tick
            )
            self.faults = unit_brain.faults
            brain = unit_brain
        else:
            kinds = {"lcus": LcusBoard, "kmtronic": KmTronicBoard, "numato": NumatoBoard}
            brain = kinds[model](self.relays, self.events, self.faults)
        self._peer = Peer(self._port, brain)

    @property
    def path(self) -> str:
        """The port's path for a driver."""
        return self._port.address

    def unplug(self) -> None:
        """Pull the cable; relays stay as they are."""
        self._peer.unplug()

    def replug(self) -> None:
        """Plug in again: another pty behind the same link."""
        self._peer.replug()

    def __enter__(self) -> "SimulatedRelayBoard":
        self._peer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._peer.stop()
