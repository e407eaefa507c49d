"""Modbus relay boards as gates: relays release, inputs report passage, exit button and fire."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from devicemgr.domain.model import DeviceInfo, JsonValue
from devicemgr.errors import DeviceRefused, NotYet
from drivers.common.relays.device import RelayDevice
from drivers.common.relays.inputs import InputOptions
from drivers.common.serial.line import NoAnswer
from drivers.modbus_gate.relay_flavors import RelayFlavor

if TYPE_CHECKING:
    from drivers.modbus_gate.master import Master

# Inputs are counted up to here where a board refuses those that the options name.
MAX_INPUTS = 64


class ModbusRelay(RelayDevice):
    """A board that times its pulses or not, and what its inputs tell of channel 1."""

    def __init__(
        self, name: str, master: "Master", flavor: RelayFlavor, options: InputOptions, *, timed_by_board: bool
    ) -> None:
        super().__init__(name, options, flavor.switch, self._flash if timed_by_board else None)
        self._master = master
        self._flavor = flavor
        self._timed_by_board = timed_by_board
        self._pulse_proven = False
        self._inputs: range | None = None
        # A pulse timed here ends at a poll, so polls are frequent.
        self.poll_interval = 0.1 if timed_by_board else 0.05

    def open(self) -> DeviceInfo:
        """Open the line, read the inputs, and set the relays as their modes want them."""
        self._inputs = None
        self._master.open()
        self._begin()
        return DeviceInfo()

    def _read(self) -> dict[str, bool]:
        """Read a relay of a board without inputs."""
        wired = self._options.inputs().values()
        if not wired:
            self._flavor.states([min(self._options.relays(1))])
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
            self._flavor.states([min(self._options.relays(1))])
            return self._readings({})
        bits = self._flavor.inputs(numbers.start, numbers[-1])
        wired = set(self._options.inputs().values())
        return self._readings({number: on for number, on in bits.items() if number in wired}, numbers)

    def _count_inputs(self, last: int, refusal: DeviceRefused) -> range:
        """Return the inputs 1 to N that the board has, where it refuses one of those that the options name."""
        for number in range(1, min(last, MAX_INPUTS) + 1):
            try:
                self._flavor.inputs(number, number)
            except NoAnswer:
                raise
            except DeviceRefused:
                return range(1, number)
        raise refusal

    def _relays_on(self, relays: Sequence[int]) -> dict[int, bool]:
        return self._flavor.states(relays) if relays else {}

    def check(self) -> dict[str, JsonValue]:
        """Read relays and inputs, with warnings about the line and about pulses that no board has proven."""
        found = super().check() | self._master.warnings()
        if self._timed_by_board and not self._pulse_proven:
            found["unproven"] = (
                "whether this board ends a pulse by itself (pulse=device): watch the relay at the first release; "
                "if it stays on or is refused, set pulse=host"
            )
        return found

    def trace(self) -> list[tuple[float, str, bytes]]:
        """Return the latest bytes of the whole line, those for other units too."""
        return self._master.trace()

    def close(self) -> None:
        """Release the relays and leave the line."""
        self._bank.let_go()
        self._master.close()

    def _flash(self, relay: int, seconds: float) -> None:
        try:
            self._flavor.flash(relay, seconds)
        except NotYet:
            raise
        except DeviceRefused as error:
            raise DeviceRefused(
                f"{error}; a board that does not time pulses itself needs the option pulse=host (read its warning)"
            ) from error
        self._pulse_proven = True
