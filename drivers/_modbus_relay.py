"""Modbus relay boards as gates: relays (coils) release, discrete inputs report passage, exit button and fire."""

import logging
import time
from typing import TYPE_CHECKING

from devicemgr.errors import DeviceError, DeviceRefused
from devicemgr.events import DeviceFact, FireRelease, PassageCompleted, RexPressed
from devicemgr.model import DeviceInfo, Direction, JsonValue, PortalMode
from drivers._line import NoAnswer, Patience, persist
from drivers._relays import RelayBank, RelayOptions

if TYPE_CHECKING:
    from drivers._modbus import Master

# Coils, counted from 0 (Waveshare and alike: DEVICE_FACTS, Modbus RTU).
SWITCH = 0x0000  #    value ON or OFF
FLASH_ON = 0x0200  #  value is the length in ticks; the board switches off by itself
ON, OFF = 0xFF00, 0x0000
TICKS_PER_SECOND, MOST_TICKS = 10, 0x7FFF

# A passage is credited to the direction last released if it comes this long after the release at most.
PASSAGE_SECONDS = 15.0

_log = logging.getLogger(__name__)


class ModbusRelay:
    """A board; `inputs` maps passage, rex and fire to input numbers from 1, as far as they are wired (channel 1)."""

    def __init__(
        self,
        name: str,
        master: "Master",
        options: RelayOptions,
        *,
        timed_by_board: bool,
        inputs: dict[str, int],
        inverted: bool,
    ) -> None:
        self._name = name
        self._master = master
        self._inputs = inputs
        self.senses_passage = "passage" in inputs
        self._inverted = inverted
        self._bank = RelayBank(options, self._switch, self._flash if timed_by_board else None)
        self._lowest = min(options.relays(1))
        self._before: dict[str, bool] | None = None
        self._fire = False
        self._fire_told = False
        self._released: tuple[Direction, float] | None = None
        self._patience = Patience()
        # A pulse timed here ends at a poll, so polls are frequent.
        self.poll_interval = 0.1 if timed_by_board else 0.05

    def open(self) -> DeviceInfo:
        self._patience = Patience()
        # An input that closed while the line was lost is not reported: an edge nobody saw proves nothing.
        self._before = None
        self._master.open()
        try:
            self._fire = persist(self._read).get("fire", False)
            if self._fire:
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
        before, self._before = self._before, now
        return self._facts(before, now)

    def _facts(self, before: dict[str, bool] | None, now: dict[str, bool]) -> list[DeviceFact]:
        rising = {name for name, on in now.items() if before is not None and on and not before[name]}
        facts: list[DeviceFact] = []
        self._fire = now.get("fire", False)
        if self._fire != self._fire_told:
            self._fire_told = self._fire
            facts.append(FireRelease(self._fire))
        if "passage" in rising:
            facts.append(PassageCompleted(1, self._last_released()))
        if "rex" in rising:
            facts.append(RexPressed(1))
        return facts

    def _last_released(self) -> Direction | None:
        released, self._released = self._released, None
        return released[0] if released and time.monotonic() - released[1] < PASSAGE_SECONDS else None

    def _read(self) -> dict[str, bool]:
        """The wired inputs by name; a board without any is asked for a relay, to know that it lives."""
        if not self._inputs:
            self._master.read_coils(SWITCH + self._lowest - 1, 1)
            return {}
        first, last = min(self._inputs.values()), max(self._inputs.values())
        bits = self._master.read_inputs(first - 1, last - first + 1)
        return {name: bits[number - first] != self._inverted for name, number in self._inputs.items()}

    def release(self, channel: int, direction: Direction, seconds: float) -> None:
        self._bank.release(channel, direction, seconds)
        if channel == 1:
            self._released = (direction, time.monotonic())

    def set_mode(self, channel: int, mode: PortalMode) -> None:
        if self._fire and mode is not PortalMode.FREE:
            raise DeviceRefused(f"fire release is active at {self._name}: nothing is locked until it ends")
        self._bank.set_mode(channel, mode)

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
