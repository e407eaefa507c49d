"""The four doors of a UHPPOTE controller: mode and delay, set and read back, and put back when another has set them."""

import time
from collections.abc import Sequence
from typing import Any, Protocol

from devicemgr.domain.device_events import DeviceFact, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import JsonValue, PortalMode
from devicemgr.errors import DeviceRefused
from devicemgr.text import safe
from drivers.uhppote_controller.held.cards import DOORS

OPEN, CLOSED, CONTROLLED = 1, 2, 3
MODES = {PortalMode.FREE: OPEN, PortalMode.LOCKED: CLOSED, PortalMode.NORMAL: CONTROLLED}
MODE_WORDS = {OPEN: "normally open", CLOSED: "normally closed", CONTROLLED: "controlled"}
# One door is compared this often: its mode stands in an answer of its own.
COMPARED_EVERY_S = 2.0


class Ask(Protocol):
    """One request to the controller by its name, and the decoded answer."""

    def __call__(self, name: str, *arguments: Any, tries: int = 2, fits: Any = ...) -> Any:
        """Send the request up to `tries` times, and return the first answer that `fits`."""


class Doors:
    """For the device's thread. `names` are those of doors 1 to 4, for messages."""

    def __init__(self, ask: Ask, controller: str, names: Sequence[str]) -> None:
        self._ask, self._controller, self._names = ask, controller, names
        self._known: dict[int, tuple[int, int]] = {}
        self._modes: dict[int, PortalMode] = {}
        self._compared_at = 0.0

    def forget(self) -> None:
        """Read everything again; the modes that were set stay to be compared."""
        self._known.clear()

    def label(self, door: int) -> str:
        """Return the door's number, and its name if it has one."""
        return f"door {door} ({safe(self._names[door - 1], 40)})" if door <= len(self._names) else f"door {door}"

    def get(self, door: int) -> tuple[int, int]:
        """Return mode and seconds of a door as last read."""
        return self._known.get(door) or self.read(door)

    def read(self, door: int) -> tuple[int, int]:
        """Read mode and seconds of a door."""
        if door not in DOORS:
            raise DeviceRefused(f"{self._controller} has doors 1 to 4, not {door}; check the gate of the portal")
        found = self._ask("get_door_control", door, fits=lambda answer: answer.door == door)
        self._known[door] = (found.mode, found.delay)
        return self._known[door]

    def prepare(self, door: int, seconds: int) -> None:
        """Set the delay for a release. DeviceRefused for a door that is normally closed.

        Such a door answers "opened" and records an opening, and stays shut (uhppote-simulator, entities/door.go).
        """
        mode, delay = self.get(door)
        if mode == CLOSED:
            mode, delay = self.read(door)
        if mode == CLOSED:
            raise DeviceRefused(
                f"{self.label(door)} of {self._controller} is normally closed and would stay shut; "
                "put the portal into normal mode first"
            )
        if delay != seconds:
            self._set(door, mode, seconds)

    def set_mode(self, door: int, mode: PortalMode) -> None:
        """Set a mode, read back, and keep it until the next one."""
        _, delay = self.get(door)
        self._set(door, MODES[mode], delay)
        self._modes[door] = mode

    def _set(self, door: int, mode: int, delay: int) -> None:
        self._known.pop(door, None)
        self._ask("set_door_control", door, mode, delay, fits=lambda answer: answer.door == door)
        if self.read(door) != (mode, delay):
            raise DeviceRefused(
                f"{self._controller} did not take mode {mode} and {delay} s for {self.label(door)}; has it that door?"
            )

    def compare(self) -> list[DeviceFact]:
        """Read one door whose mode was set here, in turn, and put back what another has changed."""
        if not self._modes or time.monotonic() < self._compared_at:
            return []
        self._compared_at = time.monotonic() + COMPARED_EVERY_S
        door, wanted = next(iter(self._modes.items()))
        self._modes[door] = self._modes.pop(door)
        found, delay = self.read(door)
        if found == MODES[wanted]:
            return []
        self._set(door, MODES[wanted], delay)
        words = MODE_WORDS.get(found, f"in mode {found}")
        reported = f"{self.label(door)} was {words}, not {wanted} as its portal is; it was put back"
        return [GateAlarm(door, Kind.DEVICE_DEGRADED, reported)]

    def words(self, count: int) -> list[JsonValue]:
        """Return each of the first `count` doors as the controller has it."""
        found: list[JsonValue] = []
        for door in DOORS[:count]:
            mode, delay = self.read(door)
            found.append(f"{self.label(door)}: {MODE_WORDS.get(mode, f'mode {mode}')}, {delay} s")
        return found
