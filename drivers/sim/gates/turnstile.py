"""`devicemgr sim turnstile`: a LOT turnstile on Modbus RTU, on a pty or behind a TCP port."""

import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from devicemgr.domain.model import Direction
from drivers.sim.base.command import print_line, serve, stop_signals
from drivers.sim.base.events import Event, EventLog, Sink
from drivers.sim.base.faults import BODY_FAULTS, POWERLESS_S, UNPLUGGED_S, Plan, obey
from drivers.sim.base.pluggable import Plugged
from drivers.sim.base.ports import PtyPort, TcpPort
from drivers.sim.gates.lot_registers import ERROR_STATE
from drivers.sim.gates.lot_turnstile import LotTurnstile
from drivers.sim.gates.modbus_unit import Faults, ModbusUnit

_CARD = re.compile(r"card ([1-4]) ((?:[0-9A-Fa-f]{2}){1,60})")
_ERRORS = re.compile(r"errors((?: (?:[0-9]|1[0-5]))*)")


class SimulatedTurnstile(Plugged):
    """A turnstile to plug a driver into; a context manager. Every request and passage is in `events`.

    Events: request, release, free, close, write, object, passage, timed_out, shown.
    """

    def __init__(
        self,
        link: Path | None = None,
        listen: str | None = None,
        unit: int = 1,
        *,
        passage: bool = True,
        passage_delay: float = 0.3,
        passage_seconds: float = 0.5,
        on_event: Sink | None = None,
    ) -> None:
        self.events = EventLog(on_event)
        self._turnstile = LotTurnstile(self.events, passage, passage_delay, passage_seconds)
        behavior = self._turnstile
        self._modbus = ModbusUnit(unit, behavior.handlers(), self.events, behavior.tick, behavior.next_tick)
        super().__init__(TcpPort(listen) if listen else PtyPort(link), self._modbus)
        behavior.sticks = lambda: self.plan.due("stuck-arm")
        self.plan.on_clear = lambda: self._peer.do(behavior.unstick)
        self._modbus.after_command = self._afflict

    @property
    def registers(self) -> dict[int, int]:
        """The live registers by number."""
        return self._turnstile.registers

    @property
    def faults(self) -> Faults:
        """Return the faults to inject: silent, garbage, drop_next_answer and others."""
        return self._modbus.faults

    def show(self, reader: int, data: bytes) -> None:
        """Show a card or code to reader 1 (entry) to 4."""
        self._peer.do(lambda: self._turnstile.show(reader, data))

    def add_passages(self, direction: Direction, people: int) -> None:
        """Count `people` through in `direction` at once, as while the line is down."""
        self._peer.do(lambda: self._turnstile.add_passages(direction, people))

    def set_errors(self, bits: Iterable[int]) -> None:
        """Report exactly these bits of the error register, such as of a forced arm."""
        value = sum(1 << bit for bit in set(bits))
        self._peer.do(lambda: self._turnstile.registers.update({ERROR_STATE: value}))

    @property
    def plan(self) -> Plan:
        """Faults by the names of `devicemgr sim turnstile --fault`."""
        return self._modbus.plan

    def obey(self, line: str) -> None:
        """Carry out a line of standard input: `card READER HEX`, `errors BIT…`, or a fault (of the body at once)."""
        if found := _CARD.fullmatch(line.strip()):
            self.show(int(found[1]), bytes.fromhex(found[2]))
        elif found := _ERRORS.fullmatch(line.strip()):
            self.set_errors(map(int, found[1].split()))
        elif obey(self.plan, line) in BODY_FAULTS:
            self._peer.do(self._afflict)

    def _afflict(self) -> None:
        """Inject faults by a command, or by a line of standard input; on the peer's thread."""
        if self.plan.due("unplug"):
            self._peer.bounce(UNPLUGGED_S)
        if self.plan.due("power-loss"):
            self._turnstile.lose_power()
            self._modbus.powerless_until = time.monotonic() + POWERLESS_S


def run(
    link: Path | None,
    listen: str | None,
    unit: int,
    passage: bool,
    passage_delay: float,
    passage_seconds: float,
    faults: Sequence[str] = (),
) -> None:
    """Serve until SIGTERM or SIGINT; JSON lines out, the first when ready; lines on standard input inject faults."""
    turnstile = SimulatedTurnstile(
        link,
        listen,
        unit,
        passage=passage,
        passage_delay=passage_delay,
        passage_seconds=passage_seconds,
        on_event=_print_event,
    )
    for fault in faults:
        turnstile.plan.stand(fault)
    with stop_signals() as stop, turnstile:
        print_line({"event": "ready", "kind": "turnstile", "path": turnstile.path, "unit": unit})
        serve(stop, turnstile.obey)


def _print_event(event: Event) -> None:
    # Polls are ten a second and tell a person nothing.
    if event["event"] != "request":
        print_line(event)
