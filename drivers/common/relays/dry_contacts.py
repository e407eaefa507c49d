"""Turnstiles that speak by dry contacts only, such as PERCo (DEVICE_FACTS, PERCo). Pure: readings in, facts out.

Their PASS contacts are energized at rest and drop while a person passes, so a power loss looks like a passage. It is
distinguished by what a passage can't do: both PASS contacts down, or the ready contact down.
"""

from collections.abc import Collection, Mapping

from devicemgr.domain.device_events import DeviceFact, GateAlarm, PassageCompleted, PassageStarted
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction

PASS = {Direction.ENTRY: "pass_entry", Direction.EXIT: "pass_exit"}
READY = "ready"
# Seen in one reading only, a drop may be a bounce or the first of all contacts to go.
READINGS = 2

POWER_LOST = "the turnstile has no power or is not ready: its contacts dropped together; no person has passed"
POWER_BACK = "the turnstile's contacts are at rest"


class Contacts:
    """The contacts of one turnstile; `wired` names those that have an input: pass_entry, pass_exit, ready."""

    def __init__(self, wired: Collection[str]) -> None:
        self._passes = {direction: name for direction, name in PASS.items() if name in wired}
        self._ready = READY in wired
        self.powerless = False
        self._at_rest = self._has_rested = False
        self._down = dict.fromkeys(self._passes, 0)

    def reset(self) -> None:
        """Start over after a lost line.

        What is down now has dropped unseen and proves nothing until all contacts are up again.
        """
        self._at_rest = False
        self._down = dict.fromkeys(self._passes, 0)

    def step(self, on: Mapping[str, bool]) -> tuple[list[DeviceFact], set[Direction]]:
        """Compare a reading with the last one; return the facts, and the directions the arm may be turning in now."""
        down = {direction for direction, name in self._passes.items() if not on[name]}
        if (self._ready and not on[READY]) or len(down) > 1:
            self.reset()
            before, self.powerless = self.powerless, True
            return ([] if before else [GateAlarm(1, Kind.DEVICE_DEGRADED, POWER_LOST, active=True)]), set()
        if not self._at_rest:
            # Contacts come back one by one, so the way back is no passage either.
            self._at_rest = not down
            was_powerless, self.powerless = self.powerless, self.powerless and bool(down)
            # Also at the first rest after an opening: a daemon before this one may have seen the power fail.
            over = not down and (was_powerless or not self._has_rested)
            self._has_rested = self._has_rested or not down
            return ([GateAlarm(1, Kind.DEVICE_DEGRADED, POWER_BACK, active=False)] if over else []), set()
        facts: list[DeviceFact] = []
        for direction in self._passes:
            facts += self._turn(direction, direction in down)
        return facts, down

    def _turn(self, direction: Direction, down: bool) -> list[DeviceFact]:
        before = self._down[direction]
        self._down[direction] = min(before + 1, READINGS) if down else 0
        if down:
            return [PassageStarted(1, direction)] if before == READINGS - 1 else []
        return [PassageCompleted(1, direction)] if before >= READINGS else []
