"""Simulated relay boards: lcus, kmtronic, numato and devantech on a serial port, and a Modbus board."""

import re
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from devicemgr.errors import InvalidInput
from drivers.sim.base.command import print_line, serve, stop_signals
from drivers.sim.base.events import Event, EventLog, Sink
from drivers.sim.base.faults import BODY_FAULTS, FAULTS, POWERLESS_S, UNPLUGGED_S, Plan, obey
from drivers.sim.base.pluggable import Plugged
from drivers.sim.base.ports import PtyPort
from drivers.sim.gates.dry_contact_turnstile import PercoArm
from drivers.sim.gates.modbus_unit import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Faults, Handler, ModbusUnit, Refusal
from drivers.sim.gates.register_boards import eletechsup_handlers, oven_handlers
from drivers.sim.gates.relay_states import Relays

Model = Literal["lcus", "kmtronic", "numato", "devantech", "modbus", "eletechsup", "oven"]
MAX_RECEIVED_BYTES = 512
Contacts = Literal["none", "pulse", "potential"]
# A board that frames nothing has no unit, and confirms by being read.
ABLE = ("silence", "garbage", "lost-ack", "unplug", "power-loss")

_INPUT = re.compile(r"input ([0-9]{1,3}) (on|off)")


class SerialBoard:
    """A board that talks bytes without frames; `pattern` finds one order, `_obey` carries it out."""

    pattern: re.Pattern[bytes]

    def __init__(self, relays: Relays, log: EventLog, faults: Faults) -> None:
        self.plan = Plan(log, ABLE)
        self.after_command: Callable[[], None] = lambda: None
        self.powerless_until = 0.0
        self.relays = relays
        self._log = log
        self._faults = faults
        self._received = b""
        self._answers = b""
        self._unsure = False

    def receive(self, data: bytes, now: float) -> None:
        """Carry out each whole order."""
        if now < self.powerless_until:
            return
        self._received = (self._received + data)[-MAX_RECEIVED_BYTES:]
        while order := self.pattern.search(self._received):
            self._received = self._received[order.end() :]
            self._log.add("order", bytes=order[0].hex(" "))
            before = dict(self.relays.on)
            answer = self.obey(order)
            if self.relays.on != before:
                self._unsure = self.plan.due("lost-ack")
                self.after_command()
                answer = b"" if self._unsure else answer
            elif answer and self._unsure:
                # The reading back that would have confirmed the order.
                answer, self._unsure = b"", False
            if answer and self.plan.due("silence"):
                continue
            if answer and self.plan.due("garbage"):
                answer = bytes(byte ^ 0x5A for byte in answer)
            if self._faults.silent and answer:
                self._faults.injected["silent"] += 1
            else:
                self._answers += answer

    def advance(self, now: float) -> bytes:
        """Return the bytes due by `now`."""
        self.relays.tick(now)
        answers, self._answers = self._answers, b""
        return answers

    def next_due(self) -> float | None:
        """Return when the arm behind the board is due; the board itself times nothing."""
        return self.relays.next_tick()

    def obey(self, order: re.Match[bytes]) -> bytes:
        """Carry out one order and return its answer."""
        raise NotImplementedError


class LcusBoard(SerialBoard):
    """Wrong sums are ignored; FF lists the relays."""

    pattern = re.compile(rb"\xa0[\x00-\xff]{3}|\xff", re.DOTALL)

    def obey(self, order: re.Match[bytes]) -> bytes:
        """Switch a relay if the sum is right; answer FF with all states."""
        if order[0] == b"\xff":
            return b"".join(b"CH%d:%s\r\n" % (n, b"ON" if on else b"OFF") for n, on in self.relays.on.items())
        if sum(order[0][:3]) & 0xFF == order[0][3]:
            self.relays.switch(order[0][1], order[0][2] == 1)
        return b""


class KmTronicBoard(SerialBoard):
    """One or two relays answer one by one; four or eight only all at once."""

    pattern = re.compile(rb"\xff[\x00-\xff]{2}", re.DOTALL)

    def obey(self, order: re.Match[bytes]) -> bytes:
        """Switch a relay, or answer a reading as small and large boards do."""
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
        """Carry out "relay on|off|read N" or "gpio read N" and answer with an echo and a prompt."""
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


class DevantechBoard(SerialBoard):
    """A USB-RLY16, module 9: single bytes, but for 5C, which sets all relays to the byte that follows."""

    pattern = re.compile(rb"\x5c[\x00-\xff]|[\x38\x5a\x5b\x64-\x6c\x6e-\x76]", re.DOTALL)

    def obey(self, order: re.Match[bytes]) -> bytes:
        """Switch a relay, or answer the codes for serial number, module and states."""
        match order[0][0]:
            case 0x38:
                return b"00001234"
            case 0x5A:
                return b"\x09\x02"
            case 0x5B:
                return bytes([sum(1 << (relay - 1) for relay, on in self.relays.on.items() if on)])
            case 0x5C:
                for relay in self.relays.on:
                    self.relays.switch(relay, bool(order[0][1] >> (relay - 1) & 1))
            case byte:
                chosen = byte - (0x64 if byte < 0x6E else 0x6E)
                for relay in [chosen] if chosen else list(self.relays.on):
                    self.relays.switch(relay, byte < 0x6E)
        return b""


def _modbus_handlers(relays: Relays) -> dict[int, Handler]:
    """Handle functions 1, 2 and 5 of a board with flash coils (0x0200 on, then off by itself)."""

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


# Boards on Modbus, and what they answer.
MODBUS = {"modbus": _modbus_handlers, "eletechsup": eletechsup_handlers, "oven": oven_handlers}


class SimulatedRelayBoard(Plugged):
    """A relay board on a pty; a context manager. Events: order or request, on, off."""

    def __init__(
        self,
        model: Model,
        link: Path | None = None,
        relays: int = 8,
        unit: int = 1,
        *,
        contacts: Contacts = "none",
        passage: bool = True,
        on_event: Sink | None = None,
    ) -> None:
        self.events = EventLog(on_event)
        self.relays = Relays(relays, self.events)
        if contacts != "none":
            self.relays.arm = PercoArm(self.relays.inputs, self.events, contacts, passage=passage)
        self.faults = Faults()
        brain: SerialBoard | ModbusUnit
        if model in MODBUS:
            unit_brain = ModbusUnit(
                unit,
                MODBUS[model](self.relays),
                self.events,
                self.relays.tick,
                self.relays.next_tick,
                able=set(FAULTS) - {"stuck-arm"},
            )
            self.faults = unit_brain.faults
            brain = unit_brain
        else:
            kinds = {
                "lcus": LcusBoard,
                "kmtronic": KmTronicBoard,
                "numato": NumatoBoard,
                "devantech": DevantechBoard,
            }
            brain = kinds[model](self.relays, self.events, self.faults)
        self._brain = brain
        super().__init__(PtyPort(link), brain)
        brain.after_command = self._afflict

    @property
    def plan(self) -> Plan:
        """Faults by the names of `devicemgr sim relay --fault`."""
        return self._brain.plan

    def obey(self, line: str) -> None:
        """Carry out a line of standard input: `input N on|off`, or a fault; faults of the body act at once."""
        if found := _INPUT.fullmatch(line.strip()):
            number, on = int(found[1]), found[2] == "on"
            if number not in self.relays.inputs:
                raise InvalidInput(f"there is no input {number}; type input N on, with N from 1")
            self.relays.inputs[number] = on
        elif obey(self.plan, line) in BODY_FAULTS:
            self._peer.do(self._afflict)

    def _afflict(self) -> None:
        if self.plan.due("unplug"):
            self._peer.bounce(UNPLUGGED_S)
        if self.plan.due("power-loss"):
            now = time.monotonic()
            self.relays.lose_power(now, POWERLESS_S)
            if not self.relays.arm:
                self._brain.powerless_until = now + POWERLESS_S


def run(board: SimulatedRelayBoard, model: str, faults: Sequence[str]) -> None:
    """Serve until SIGTERM or SIGINT; JSON lines out, the first when ready; lines on standard input inject faults."""
    for fault in faults:
        board.plan.stand(fault)
    with stop_signals() as stop, board:
        print_line({"event": "ready", "kind": "relay", "model": model, "path": board.path})
        serve(stop, board.obey)


def print_event(event: Event) -> None:
    """Print an event, except for the many readings and orders."""
    if event["event"] not in {"request", "order"}:
        print_line(event)
