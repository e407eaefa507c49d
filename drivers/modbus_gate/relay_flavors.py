"""Flavors of Modbus relay boards: coils, or holding registers as Eletechsup and OVEN have them."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from drivers.modbus_gate.master import Master


class RelayFlavor(Protocol):
    """Relays and inputs of a board, each counted from 1. Switching on is sent once, never repeated here."""

    def switch(self, relay: int, on: bool) -> None:
        """Switch a relay, for good."""

    def flash(self, relay: int, seconds: float) -> None:
        """Switch a relay on; the board switches it off by itself."""

    def states(self, relays: Sequence[int]) -> dict[int, bool]:
        """Read which of these relays are on."""

    def inputs(self, first: int, last: int) -> dict[int, bool]:
        """Read these inputs."""


class Coils:
    """Coils and discrete inputs (Waveshare and alike: "RS485 relay", flash-on and flash-off commands)."""

    SWITCH, FLASH_ON = 0x0000, 0x0200  # the value of flash-on is the length in ticks
    ON, OFF = 0xFF00, 0x0000
    TICKS_PER_SECOND, MAX_TICKS = 10, 0x7FFF

    def __init__(self, master: "Master") -> None:
        self._master = master

    def switch(self, relay: int, on: bool) -> None:
        """Write a relay's coil; a lost answer is repeated only when switching off."""
        # Switching on releases: whether it may be sent again is for the caller, which knows how old the decision is.
        self._master.write_coil(self.SWITCH + relay - 1, self.ON if on else self.OFF, may_repeat=not on)

    def flash(self, relay: int, seconds: float) -> None:
        """Write a pulse in the board's ticks to the coil's flash address, once."""
        ticks = min(max(1, round(seconds * self.TICKS_PER_SECOND)), self.MAX_TICKS)
        self._master.write_coil(self.FLASH_ON + relay - 1, ticks, may_repeat=False)

    def states(self, relays: Sequence[int]) -> dict[int, bool]:
        """Read the coils from the first to the last of these relays in one request."""
        first, last = min(relays), max(relays)
        bits = dict(enumerate(self._master.read_coils(self.SWITCH + first - 1, last - first + 1), first))
        return {relay: bits[relay] for relay in relays}

    def inputs(self, first: int, last: int) -> dict[int, bool]:
        """Read discrete inputs `first` to `last`, counted from 1."""
        return dict(enumerate(self._master.read_inputs(first - 1, last - first + 1), first))


class EletechsupRegisters:
    """Function 6 on register N for relay N: the command in the high byte, seconds in the low one; read as 1 or 0.

    Commands and bytes: Erriez/R421A08-rs485-8ch-relay-board, README and R421A08.py. One register a reading.
    """

    ON, OFF, DELAYED = 0x0100, 0x0200, 0x0600
    FIRST_INPUT = 0x0081
    MAX_PULSE_S = 255

    def __init__(self, master: "Master") -> None:
        self._master = master

    def switch(self, relay: int, on: bool) -> None:
        """Write a relay's register, which reads back as 0 or 1; repeat only when switching off."""
        self._master.write_register(relay, self.ON if on else self.OFF, reads_as=int(on), may_repeat=not on)

    def flash(self, relay: int, seconds: float) -> None:
        """Write a delayed switch-off in whole seconds, rounded up, once."""
        whole = min(max(1, math.ceil(seconds)), self.MAX_PULSE_S)
        self._master.write_register(relay, self.DELAYED | whole, may_repeat=False)

    def states(self, relays: Sequence[int]) -> dict[int, bool]:
        """Read each relay's register."""
        return {relay: self._master.read_register(relay) == 1 for relay in relays}

    def inputs(self, first: int, last: int) -> dict[int, bool]:
        """Read each input's register."""
        numbers = range(first, last + 1)
        return {number: self._master.read_register(self.FIRST_INPUT + number - 1) != 0 for number in numbers}


class OvenRegisters:
    """Function 16 on register N - 1 for output N of an OVEN MU110 or MK110: 0 to 1000 thousandths of the time on.

    Values and addresses as in public programs for the MU110-224.8R ("000603E8": output 7 on) and .16R.
    """

    ON, OFF = 1000, 0

    def __init__(self, master: "Master") -> None:
        self._master = master

    def switch(self, relay: int, on: bool) -> None:
        """Write the duty cycle of an output: full or zero; repeat only when switching off."""
        self._master.write_registers(relay - 1, [self.ON if on else self.OFF], may_repeat=not on)

    def flash(self, relay: int, seconds: float) -> None:
        """Raise NotImplementedError: the options refuse pulse=device for these boards."""
        raise NotImplementedError  # the options refuse pulse=device

    def states(self, relays: Sequence[int]) -> dict[int, bool]:
        """Read each output's duty cycle; anything above zero is on."""
        return {relay: self._master.read_register(relay - 1) != self.OFF for relay in relays}

    def inputs(self, first: int, last: int) -> dict[int, bool]:
        """Raise NotImplementedError: the options refuse inputs for these boards."""
        raise NotImplementedError  # the options refuse inputs


FLAVORS: dict[str, type[Coils] | type[EletechsupRegisters] | type[OvenRegisters]] = {
    "coil": Coils,
    "eletechsup": EletechsupRegisters,
    "oven": OvenRegisters,
}
