"""A dry-contact turnstile behind a simulated relay board: relays 1 and 2 unlock it, inputs 1 to 3 hear its contacts."""

from typing import Literal

from devicemgr.domain.model import Direction
from drivers.sim.base.events import EventLog

UNLOCK = {1: Direction.ENTRY, 2: Direction.EXIT}
PASS = {Direction.ENTRY: 1, Direction.EXIT: 2}
READY = 3
# After a pulse it waits so long, whatever the pulse (DEVICE_FACTS, PERCo).
WAITS_S = 5.0
STEPS_IN_S, PASSES_S = 0.3, 0.6


class PercoArm:
    """`inputs` are the board's; a person comes after each unlocking if `passage`."""

    def __init__(
        self, inputs: dict[int, bool], log: EventLog, mode: Literal["pulse", "potential"], *, passage: bool = True
    ) -> None:
        self.passage = passage
        self._inputs = inputs
        self._log = log
        self._mode = mode
        self._unlocked: Direction | None = None
        self._turning: Direction | None = None
        self._due: list[tuple[float, str]] = []
        self._dead = False
        self._rest(True)

    def _rest(self, powered: bool) -> None:
        for number in (*PASS.values(), READY):
            self._inputs[number] = powered

    def relay(self, relay: int, on: bool, now: float) -> None:
        """React to a relay of the board that has moved."""
        direction = UNLOCK.get(relay)
        if direction is None or self._dead or self._turning:
            return
        if on:
            self._unlocked = direction
            self._log.add("unlocked", direction=str(direction))
            self._due = [(now + STEPS_IN_S, "step_in")] if self.passage else []
            if self._mode == "pulse":
                self._due.append((now + WAITS_S, "lock"))
        elif self._mode == "potential" and self._unlocked is direction:
            self._lock()

    def lose_power(self, now: float, seconds: float) -> None:
        """Drop all contacts, and restore them after `seconds`."""
        self._dead, self._unlocked, self._turning = True, None, None
        self._rest(False)
        self._log.add("power_lost")
        self._due = [(now + seconds, "power")]

    def tick(self, now: float) -> None:
        """Carry out what is due."""
        while self._due and min(self._due)[0] <= now:
            due = min(self._due)
            self._due.remove(due)
            getattr(self, f"_{due[1]}")(*([due[0]] if due[1] == "step_in" else []))

    def next_tick(self) -> float | None:
        """Return when something is due next."""
        return min(self._due)[0] if self._due else None

    def _step_in(self, now: float) -> None:
        if self._unlocked is None:
            return
        self._turning, self._unlocked = self._unlocked, None
        self._inputs[PASS[self._turning]] = False
        self._log.add("object", direction=str(self._turning))
        self._due = [(now + PASSES_S, "passed")]

    def _passed(self) -> None:
        turned, self._turning = self._turning, None
        if turned is not None:
            self._inputs[PASS[turned]] = True
            self._log.add("passage", direction=str(turned))

    def _lock(self) -> None:
        if self._unlocked is not None:
            self._log.add("locked", direction=str(self._unlocked))
        self._unlocked, self._due = None, []

    def _power(self) -> None:
        self._dead = False
        self._rest(True)
        self._log.add("power_back")
