"""Modbus relay boards as gates: relays (coils) release, discrete inputs report passage, exit button and fire."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from devicemgr.domain.model import DeviceInfo, JsonValue
from devicemgr.errors import DeviceRefused, NotYet
from drivers.common.relays.device import RelayDevice
from drivers.common.relays.inputs import InputOptions
from drivers.common.serial.line import NoAnswer

if TYPE_CHECKING:
    from drivers.modbus_gate.master import Master

# Coils, counted from 0 (Waveshare and alike: DEVICE_FACTS, Modbus RTU).
SWITCH = 0x0000  #    value ON or OFF
FLASH_ON = 0x0200  #  value is the length in ticks; the board switches off by itself
ON, OFF = 0xFF00, 0x0000
TICKS_PER_SECOND, MAX_TICKS = 10, 0x7FFF
# Inputs are counted up to here where a board refuses those that the options name.
MAX_INPUTS = 64


class ModbusRelay(RelayDevice):
    """A board that times its pulses or not, and what its inputs tell of channel 1."""

    def __init__(self, name: str, master: "Master", options: InputOptions, *, timed_by_board: bool) -> None:
        super().__init__(name, options, self._switch, self._flash if timed_by_board else None)
        self._master = master
        self._timed_by_board = timed_by_board
        self._pulse_proven = False
        self._inputs: range | None = None
        # A pulse timed here ends at a poll, so polls are frequent.
        self.poll_interval = 0.1 if timed_by_board else 0.05

    def open(self) -> DeviceInfo:
        self._inputs = None
        self._master.open()
        self._begin()
        return DeviceInfo()

    def _read(self) -> dict[str, bool]:
        """Read a relay of a board without inputs."""
        wired = self._options.inputs().values()
        if not wired:
            self._master.read_coils(SWITCH + min(self._options.relays(1)) - 1, 1)
            return {}
        if self._inputs is None:
            wanted = range(min(wired), max(wired) + 1)
            try:
                found = self._read_range(wanted)
            except DeviceRefused as error:
                self._inputs = self._count_inputs(max(wired), error)
            else:
                self._inputs = wanted
                return found
        return self._read_range(self._inputs)

    def _read_range(self, numbers: range) -> dict[str, bool]:
        """Read inputs in one request; of a board that has none of them its first relay, which shows that it lives."""
        if not numbers:
            self._master.read_coils(SWITCH + min(self._options.relays(1)) - 1, 1)
            return self._readings({})
        bits = self._master.read_inputs(numbers.start - 1, len(numbers))
        wired = set(self._options.inputs().values())
        return self._readings({n: on for n, on in zip(numbers, bits, strict=True) if n in wired}, numbers)

    def _count_inputs(self, last: int, refusal: DeviceRefused) -> range:
        """Return the inputs 1 to N that the board has, where it refuses one of those that the options name."""
        for number in range(1, min(last, MAX_INPUTS) + 1):
            try:
                self._master.read_inputs(number - 1, 1)
            except NoAnswer:
                raise
            except DeviceRefused:
                return range(1, number)
        raise refusal

    def _relays_on(self, relays: Sequence[int]) -> dict[int, bool]:
        if not relays:
            return {}
        first, last = min(relays), max(relays)
        bits = dict(enumerate(self._master.read_coils(SWITCH + first - 1, last - first + 1), first))
        return {relay: bits[relay] for relay in relays}

    def check(self) -> dict[str, JsonValue]:
        found = super().check() | self._master.warnings()
        if self._timed_by_board and not self._pulse_proven:
            found["unproven"] = (
                "whether this board ends a pulse by itself (pulse=device): watch the relay at the first release; "
                "if it stays on or is refused, set pulse=host"
            )
        return found

    def trace(self) -> list[tuple[float, str, bytes]]:
        return self._master.trace()

    def close(self) -> None:
        self._bank.let_go()
        self._master.close()

    def _switch(self, relay: int, on: bool) -> None:
        # Switching on releases: whether it may be sent again is for the caller, which knows how old the decision is.
        self._master.write_coil(SWITCH + relay - 1, ON if on else OFF, may_repeat=not on)

    def _flash(self, relay: int, seconds: float) -> None:
        ticks = min(max(1, round(seconds * TICKS_PER_SECOND)), MAX_TICKS)
        try:
            self._master.write_coil(FLASH_ON + relay - 1, ticks, may_repeat=False)
        except NotYet:
            raise
        except DeviceRefused as error:
            raise DeviceRefused(
                f"{error}; a board that does not time pulses itself needs --option pulse=host (read its warning)"
            ) from error
        self._pulse_proven = True
