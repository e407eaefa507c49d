"""The relays and inputs of a simulated board, and what the board itself times."""

import time

from drivers.sim.base.events import EventLog
from drivers.sim.gates.dry_contact_turnstile import PercoArm


class Relays:
    """Relays by number from 1, with what the board itself times; `stuck` ones do not move."""

    def __init__(self, count: int, log: EventLog) -> None:
        self.on = dict.fromkeys(range(1, count + 1), False)
        self.inputs = dict.fromkeys(range(1, count + 1), False)
        self.stuck: set[int] = set()
        self.arm: PercoArm | None = None
        self._off_at: dict[int, float] = {}
        self._log = log

    def switch(self, relay: int, on: bool, off_at: float | None = None) -> None:
        """Move a relay that exists; `off_at` is when the board switches it off again."""
        if relay not in self.on or relay in self.stuck:
            return
        self.on[relay] = on
        self._off_at.pop(relay, None)
        if off_at is not None:
            self._off_at[relay] = off_at
        self._log.add("on" if on else "off", relay=relay, timed=off_at is not None)
        if self.arm:
            self.arm.relay(relay, on, time.monotonic())

    def tick(self, now: float) -> None:
        """End the pulses that are over."""
        for relay in [relay for relay, when in self._off_at.items() if when <= now]:
            self.switch(relay, False)
        if self.arm:
            self.arm.tick(now)

    def next_tick(self) -> float | None:
        """Return when the next pulse ends, or the arm has something to do."""
        dues = [*self._off_at.values(), self.arm.next_tick() if self.arm else None]
        return min((due for due in dues if due is not None), default=None)

    def lose_power(self, now: float, seconds: float) -> None:
        """Cut the arm's power where there is an arm, else the board's: all relays fall."""
        if self.arm:
            self.arm.lose_power(now, seconds)
            return
        for relay in [relay for relay, on in self.on.items() if on]:
            self.switch(relay, False)
        self._log.add("power_lost")
