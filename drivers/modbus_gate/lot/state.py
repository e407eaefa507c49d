"""State registers of a LOT turnstile, and the facts between two readings of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devicemgr.domain.device_events import DeviceFact, GateAlarm, PassageCompleted, PassageStarted
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from drivers.modbus_gate.lot.registers import (
    ENTRY_COUNT,
    ENTRY_LEFT,
    ENTRY_PRESENT,
    ERRORS,
    EXIT_COUNT,
    EXIT_LEFT,
    EXIT_PRESENT,
    STATE_FIRST,
)

# No turnstile turns faster; a counter that ran further was set, or is another turnstile's.
PASSAGES_PER_SECOND, PASSAGES_SLACK = 2, 10


@dataclass(frozen=True, slots=True)
class State:
    """Registers 0x40 to 0x48, read in one request."""

    left: dict[Direction, int]
    present: dict[Direction, bool]
    count: dict[Direction, int]
    errors: int

    @classmethod
    def parse(cls, words: Sequence[int]) -> "State":
        """Parse the nine words."""

        def at(register: int) -> int:
            return words[register - STATE_FIRST]

        return cls(
            left={Direction.ENTRY: at(ENTRY_LEFT), Direction.EXIT: at(EXIT_LEFT)},
            present={Direction.ENTRY: at(ENTRY_PRESENT) != 0, Direction.EXIT: at(EXIT_PRESENT) != 0},
            count={
                Direction.ENTRY: at(ENTRY_COUNT) | at(ENTRY_COUNT + 1) << 16,
                Direction.EXIT: at(EXIT_COUNT) | at(EXIT_COUNT + 1) << 16,
            },
            errors=at(ERRORS),
        )


def facts_between(
    before: State | None, now: State, elapsed: float, alarms: Mapping[int, Kind], details: int | None = None
) -> list[DeviceFact]:
    """Compare two readings taken `elapsed` seconds apart; the first reading reports errors only.

    `alarms` says what the bits of the error register mean, `details` is what register 0x2000 holds.

    The counters are the proof of passage, so what they counted while the line was lost is reported too.
    """
    facts: list[DeviceFact] = []
    for direction in Direction:
        if before is not None:
            if now.present[direction] and not before.present[direction]:
                facts.append(PassageStarted(1, direction))
            facts += _passages(direction, before.count[direction], now.count[direction], elapsed)
    new = now.errors & ~(before.errors if before else 0)
    return facts + _alarms(new, alarms, now.errors, details) + _ended(before, now, alarms)


def _ended(before: State | None, now: State, alarms: Mapping[int, Kind]) -> list[DeviceFact]:
    """Return the ends of alarms whose bits have all gone; at the first reading, of all that are not there."""
    stands = _kinds(now.errors, alarms)
    stood = {*alarms.values(), Kind.DEVICE_DEGRADED} if before is None else _kinds(before.errors, alarms)
    reported = f"the turnstile reports errors 0x{now.errors:04x}"
    return [GateAlarm(1, kind, reported, active=False) for kind in sorted(stood - stands)]


def _kinds(errors: int, alarms: Mapping[int, Kind]) -> set[Kind]:
    return {alarms.get(bit, Kind.DEVICE_DEGRADED) for bit in range(16) if errors >> bit & 1}


def _alarms(new: int, alarms: Mapping[int, Kind], errors: int, details: int | None) -> list[DeviceFact]:
    """Return one alarm for each kind that a new error bit stands for; unexplained bits are faults."""
    reported = f"the turnstile reports errors 0x{errors:04x}"
    if details is not None:
        reported += f", details 0x{details:04x}"
    return [GateAlarm(1, kind, reported, active=True) for kind in sorted(_kinds(new, alarms))]


def _passages(direction: Direction, before: int, now: int, elapsed: float) -> list[DeviceFact]:
    turned = (now - before) % 2**32
    if turned == 0:
        return []
    if turned > PASSAGES_SLACK + PASSAGES_PER_SECOND * elapsed:
        jump = f"the {direction} counter went from {before} to {now} in {elapsed:.0f} s; passages between are unknown"
        return [GateAlarm(1, Kind.TAMPER, f"{jump} (was the turnstile replaced or reset?)")]
    return [PassageCompleted(1, direction, turned)]


def with_left(state: State, left: int) -> State:
    """Return the state with so many passages left on both sides."""
    return State(dict.fromkeys(Direction, left), state.present, state.count, state.errors)
