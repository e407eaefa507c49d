"""Several simulated LOT turnstiles on one line, each with its own Modbus address."""

from collections.abc import Iterable
from pathlib import Path

from drivers.sim.base.events import EventLog
from drivers.sim.base.pluggable import Plugged
from drivers.sim.base.ports import PtyPort
from drivers.sim.base.thread import Brain
from drivers.sim.gates.lot_turnstile import LotTurnstile
from drivers.sim.gates.modbus_unit import ModbusUnit


class Party:
    """A brain of several: all hear every byte, and the answers go out one after the other."""

    def __init__(self, brains: Iterable[Brain]) -> None:
        self._brains = list(brains)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes that have come."""
        for brain in self._brains:
            brain.receive(data, now)

    def advance(self, now: float) -> bytes:
        """Return the bytes that all units have to send by `now`."""
        return b"".join(brain.advance(now) for brain in self._brains)

    def next_due(self) -> float | None:
        """Return when the first unit has something to do; None if none has."""
        return min((due for brain in self._brains if (due := brain.next_due()) is not None), default=None)


class SimulatedBus(Plugged):
    """Turnstiles by unit on one pty; a context manager. `baudrate` makes answers take as long as on a wire."""

    def __init__(self, units: Iterable[int], link: Path | None = None, baudrate: int | None = None) -> None:
        self.events: dict[int, EventLog] = {}
        self.turnstiles: dict[int, LotTurnstile] = {}
        self.units: dict[int, ModbusUnit] = {}
        for unit in units:
            log = self.events[unit] = EventLog()
            lot = self.turnstiles[unit] = LotTurnstile(log, passage=True, passage_delay=0.0, passage_seconds=0.1)
            self.units[unit] = ModbusUnit(unit, lot.handlers(), log, lot.tick, lot.next_tick, baudrate)
        super().__init__(PtyPort(link), Party(self.units.values()))
