"""Modbus relay boards as gates: relays (coils) release, discrete inputs report passage, exit button and fire."""

import logging
from typing import TYPE_CHECKING

from devicemgr.errors import DeviceError
from devicemgr.events import DeviceFact
from devicemgr.model import DeviceInfo, Direction, JsonValue, PortalMode, Signal
from drivers._inputs import InputOptions, Watch
from drivers._line import NoAnswer, Patience, persist
from drivers._relays import RelayBank

if TYPE_CHECKING:
    from drivers._modbus import Master

# Coils, counted from 0 (Waveshare and alike: DEVICE_FACTS, Modbus RTU).
SWITCH = 0x0000  #    value ON or OFF
FLASH_ON = 0x0200  #  value is the length in ticks; the board switches off by itself
ON, OFF = 0xFF00, 0x0000
TICKS_PER_SECOND, MOST_TICKS = 10, 0x7FFF

_log = logging.getLogger(__name__)


class ModbusRelay:
    """A board that times its pulses or not, and what its inputs tell of channel 1."""

    def __init__(self, name: str, master: "Master", options: InputOptions, *, timed_by_board: bool) -> None:
        self._name = name
        self._master = master
        self._options = options
        self._watch = Watch(options)
        self.senses_passage = self._watch.senses_passage
        self._bank = RelayBank(options, self._switch, self._flash if timed_by_board else None)
        self._patience = Patience()
        # A pulse timed here ends at a poll, so polls are frequent.
        self.poll_interval = 0.1 if timed_by_board else 0.05

    def open(self) -> DeviceInfo:
        self._patience = Patience()
        self._watch.reset()
        self._master.open()
        try:
            self._watch.fire = persist(self._read).get("fire", False)
            if self._watch.fire:
                _log.warning("%s: fire release is active, so relays are left as they are", self._name)
            else:
                self._bank.restore()
        except DeviceError:
            self.close()
            raise
        return DeviceInfo()

    def poll(self) -> list[DeviceFact]:
        self._bank.end_pulses()
        try:
            now = self._read()
        except NoAnswer as error:
            self._patience.missed(error)
            return []
        self._patience.answered()
        facts, passing = self._watch.step(now, free=self._bank.mode(1) is PortalMode.FREE)
        if self._options.contacts == "potential":
            for direction in passing:
                self._bank.cut_short(1, direction)
        return facts

    def _read(self) -> dict[str, bool]:
        """The wired inputs by name; a board without any is asked for a relay, to know that it lives."""
        wired = self._options.inputs().values()
        if not wired:
            self._master.read_coils(SWITCH + min(self._options.relays(1)) - 1, 1)
            return {}
        first, last = min(wired), max(wired)
        bits = self._master.read_inputs(first - 1, last - first + 1)
        return self._options.readings(dict(enumerate(bits, first)))

    def release(self, channel: int, direction: Direction, seconds: float) -> None:
        with self._watch.releasing(self._name, channel, direction, seconds):
            self._bank.release(channel, direction, seconds)

    def set_mode(self, channel: int, mode: PortalMode) -> None:
        self._watch.refuse_mode(self._name, mode)
        self._bank.set_mode(channel, mode)

    def indicate(self, channel: int, direction: Direction, signal: Signal) -> None:
        """By lamps on spare relays, where there are any; they belong to channel 1."""
        if channel == 1:
            self._bank.indicate(direction, signal)

    def check(self) -> dict[str, JsonValue]:
        return {"inputs": {**self._read()}}

    def trace(self) -> list[tuple[float, str, bytes]]:
        return self._master.trace()

    def close(self) -> None:
        self._bank.let_go()
        self._master.close()

    def _switch(self, relay: int, on: bool) -> None:
        self._master.write_coil(SWITCH + relay - 1, ON if on else OFF)

    def _flash(self, relay: int, seconds: float) -> None:
        ticks = min(max(1, round(seconds * TICKS_PER_SECOND)), MOST_TICKS)
        self._master.write_coil(FLASH_ON + relay - 1, ticks)
