"""A relay board's inputs as facts of a portal: passages, exit button, fire, door contact, tamper. No I/O."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from pydantic import Field, model_validator

from devicemgr.domain.device_events import DeviceFact, DoorContact, FireRelease, GateAlarm, PassageCompleted, RexPressed
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.errors import DeviceRefused, OutcomeUnknown
from drivers.common.relays.dry_contacts import PASS, READY, Contacts
from drivers.common.relays.outputs import RelayOptions

# A passage is credited to the direction last released if it comes this long after the release, or while it lasts.
PASSAGE_S = 15.0
# A door may open so long after its release has run out, or after the exit button, without being forced.
DOOR_SLACK_S, REX_S = 2.0, 10.0
# Enough for any turnstile's input; a PERCo wants 0.1 s at least.
PULSE_S, MIN_PULSE_S = 0.5, 0.1
# A PERCo that was unlocked by a pulse waits so long by itself (vendor).
WAIT_S = 5.0
MAX_INPUTS = 250


def _input(what: str) -> int | None:
    return Field(None, ge=1, le=MAX_INPUTS, description=f"Input, counted from 1, {what}")


class InputOptions(RelayOptions):
    """Which inputs are wired to what; all belong to channel 1."""

    passage_input: int | None = _input("that closes when a person has passed")
    rex_input: int | None = _input("of the request-to-exit button")
    fire_input: int | None = _input(
        "of the fire panel; while active nothing is locked from here. It only tells of the hard-wired release, it does "
        "not replace it"
    )
    door_input: int | None = _input("that is active while the door is open; tells of doors forced or held open")
    tamper_input: int | None = _input("of the tamper switch")
    inputs_inverted: bool = Field(
        False, description="These inputs are closed at rest and open when active (never pass_… and ready_input)"
    )
    held_seconds: float = Field(30.0, ge=1, le=3600, description="How long a door may stay open before it is an alarm")
    contacts: Literal["none", "pulse", "potential"] = Field(
        "none",
        description="A turnstile with dry contacts, such as PERCo. pulse: a short pulse unlocks it, and it waits by "
        "itself. potential: it is open while the relay is on, which is dropped when a person steps in",
    )
    pass_entry_input: int | None = _input("of the turnstile's PASS contact for entry, which is on at rest")
    pass_exit_input: int | None = _input("of the turnstile's PASS contact for exit, which is on at rest")
    ready_input: int | None = _input("of the turnstile's Not ready contact, wired so that it is on while it is ready")

    @model_validator(mode="after")
    def _inputs_fit(self) -> "InputOptions":
        wired = list(self.inputs().values())
        if len(wired) != len(set(wired)):
            raise ValueError("two options ending in _input name the same input")
        passes = [name for name in PASS.values() if name in self.inputs()]
        if self.contacts == "none" and (passes or self.ready_input):
            raise ValueError("pass_entry_input, pass_exit_input and ready_input need contacts=pulse or potential")
        if len(passes) == 1 and not self.ready_input:
            raise ValueError("with one PASS contact wire ready_input too, or a power loss would look like a passage")
        if passes and self.passage_input:
            raise ValueError("passage_input and the PASS inputs would count everybody twice")
        if self.contacts == "pulse" and (self.pulse_seconds or PULSE_S) < MIN_PULSE_S:
            raise ValueError(f"pulse_seconds must be {MIN_PULSE_S} or more, or the turnstile misses the pulse")
        return self

    def inputs(self) -> dict[str, int]:
        """Map the wired inputs to their numbers: passage, rex, fire, door, tamper, pass_entry, pass_exit, ready."""
        names = ("passage", "rex", "fire", "door", "tamper", *PASS.values(), READY)
        return {name: number for name in names if (number := getattr(self, f"{name}_input")) is not None}

    def release_seconds(self, seconds: float) -> float:
        """Return how long a release keeps the relay on."""
        if self.pulse_seconds is not None:
            return self.pulse_seconds
        return PULSE_S if self.contacts == "pulse" else seconds

    def seconds_in_force(self, seconds: float) -> float:
        """Return how long a release may be used: while the relay is on, and as long as the turnstile then waits."""
        relay = self.release_seconds(seconds)
        return max(seconds, relay, WAIT_S if self.contacts == "pulse" else 0.0)

    def readings(self, bits: Mapping[int, bool]) -> dict[str, bool]:
        """Name bits by their inputs: active, or energized for PASS and ready contacts."""
        straight = {*PASS.values(), READY}
        inputs = self.inputs().items()
        return {name: bits[number] != (self.inputs_inverted and name not in straight) for name, number in inputs}


class Watch:
    """Follows one board's inputs over time; `now` is CLOCK_MONOTONIC seconds."""

    def __init__(self, options: InputOptions) -> None:
        wired = options.inputs()
        self._held_seconds = options.held_seconds
        self._pulses = options.contacts == "pulse"
        self._contacts = Contacts(wired) if {*PASS.values(), READY} & set(wired) else None
        self.senses_passage = bool({"passage", *PASS.values()} & set(wired))
        self.fire = False
        self._fire_reported: bool | None = None
        self._before: dict[str, bool] | None = None
        self._released: tuple[Direction, float] | None = None
        self._may_open_until = 0.0
        self._open_since: float | None = None

    def reset(self) -> None:
        """Forget the last reading after a lost line: an edge that was missed proves nothing."""
        self._before = None
        self._fire_reported = None
        self._open_since = None
        if self._contacts:
            self._contacts.reset()

    @contextmanager
    def releasing(self, name: str, channel: int, direction: Direction, seconds: float) -> Iterator[None]:
        """Around sending a release, which is refused when it would be lost; a person who passes then does so by it."""
        if channel == 1 and self._contacts and self._contacts.powerless:
            raise DeviceRefused(f"the turnstile at {name} has no power or is not ready; look at its supply")
        try:
            yield
        except OutcomeUnknown:
            self._expect(channel, direction, seconds)
            raise
        self._expect(channel, direction, seconds)

    def _expect(self, channel: int, direction: Direction, seconds: float) -> None:
        if channel == 1:
            now = time.monotonic()
            self._released = (direction, now + max(PASSAGE_S, seconds + DOOR_SLACK_S))
            self._may_open_until = max(self._may_open_until, now + seconds + DOOR_SLACK_S)

    def refuse_mode(self, name: str, mode: PortalMode) -> None:
        """Raise DeviceRefused for a mode that is not allowed or not possible here."""
        if self.fire and mode is not PortalMode.FREE:
            raise DeviceRefused(f"fire release is active at {name}: nothing is locked until it ends")
        if self._pulses and mode is PortalMode.FREE:
            raise DeviceRefused(f"{name} can't be kept free by pulses; wire and set contacts=potential for that")

    def step(self, on: dict[str, bool], *, free: bool) -> tuple[list[DeviceFact], set[Direction]]:
        """Compare a reading with the last one; return the facts, and the directions a person may be walking in now."""
        now = time.monotonic()
        before, self._before = self._before, on
        rising = {name for name, active in on.items() if before is not None and active and not before[name]}
        facts: list[DeviceFact] = []
        self.fire = on.get("fire", False)
        if "fire" in on and self.fire != self._fire_reported:
            self._fire_reported = self.fire
            facts.append(FireRelease(self.fire))
        if "passage" in rising:
            facts.append(PassageCompleted(1, self._last_released(now)))
        if "rex" in rising:
            self._may_open_until = max(self._may_open_until, now + REX_S)
            facts.append(RexPressed(1))
        if "tamper" in on and (before is None or on["tamper"] != before["tamper"]):
            words = "the tamper switch has opened" if on["tamper"] else "the tamper switch is closed"
            facts.append(GateAlarm(1, Kind.TAMPER, words, active=on["tamper"]))
        if "door" in on and (before is None or on["door"] != before["door"]):
            facts.append(DoorContact(1, on["door"]))
        if "door" in on:
            facts += self._door(now, on["door"], opened="door" in rising, free=free or self.fire)
        more, passing = self._contacts.step(on) if self._contacts else ([], set())
        return facts + more, passing

    def _last_released(self, now: float) -> Direction | None:
        released, self._released = self._released, None
        return released[0] if released and now < released[1] else None

    def _door(self, now: float, is_open: bool, *, opened: bool, free: bool) -> list[DeviceFact]:
        if not is_open:
            self._open_since = None
            return []
        facts: list[DeviceFact] = []
        if opened and not free and now > self._may_open_until:
            facts.append(GateAlarm(1, Kind.PORTAL_FORCED, "the door was opened without a release", active=True))
        if free or self._open_since is None:
            self._open_since = now
        elif now - self._open_since >= self._held_seconds:
            words = f"the door is open for {self._held_seconds:g} s"
            facts.append(GateAlarm(1, Kind.PORTAL_HELD_OPEN, words, active=True))
            # Once; it closes before the next.
            self._open_since = float("inf")
        return facts
