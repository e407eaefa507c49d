"""A reader's inputs as facts of the door: opened by force, held open, the button pressed. No I/O of its own."""

from collections.abc import Sequence

from devicemgr.domain.device_events import DeviceFact, DoorContact, GateAlarm, RexPressed
from devicemgr.domain.ledger_events import Kind

CHANNEL = 1
# A door may be pulled open in the last moment of a release.
GRACE_S = 2.0


class DoorWatch:
    """Follows door contact and request-to-exit button; inputs count from 1, times are CLOCK_MONOTONIC seconds."""

    def __init__(self, door: int | None, rex: int | None, held_open_seconds: float, *, inverted: bool) -> None:
        self._door = door
        self._rex = rex
        self._held_open_seconds = held_open_seconds
        self._inverted = inverted
        self._open: bool | None = None
        self._pressed: bool | None = False
        self._allowed_until = 0.0
        self._tell_held_at: float | None = None
        self.free = False

    @property
    def is_wired(self) -> bool:
        """Whether any input matters."""
        return self._door is not None or self._rex is not None

    def forget(self, *, requested: bool) -> None:
        """Start over with the next report; a `requested` one is a state: a button found held was not pressed now."""
        self._open = None
        self._pressed = None if requested else bool(self._pressed)

    def allow(self, now: float, seconds: float) -> None:
        """Allow the door to be open for `seconds` and a grace time from `now`."""
        self._allowed_until = max(self._allowed_until, now + seconds + GRACE_S)

    def on_report(self, inputs: Sequence[int], now: float) -> list[DeviceFact]:
        """Take a report of all inputs, one number each."""
        facts: list[DeviceFact] = []
        pressed = self._is_active(self._rex, inputs)
        if pressed and self._pressed is False:
            self.allow(now, self._held_open_seconds)
            facts.append(RexPressed(CHANNEL))
        self._pressed = pressed
        opened = self._is_active(self._door, inputs)
        if self._door is not None and opened != self._open:
            if opened and self._open is not None and not self.free and now > self._allowed_until:
                words = "the door was opened without a release"
                facts.append(GateAlarm(CHANNEL, Kind.PORTAL_FORCED, words, active=True))
            self._tell_held_at = now + self._held_open_seconds if opened else None
            self._open = opened
            facts.insert(0, DoorContact(CHANNEL, opened))
        return facts

    def tick(self, now: float) -> list[DeviceFact]:
        """Return the alarm of a door held open, once it is due."""
        if self._tell_held_at is None or now < self._tell_held_at or self.free:
            return []
        self._tell_held_at = None
        cause = f"the door has been open for {self._held_open_seconds:g} s"
        return [GateAlarm(CHANNEL, Kind.PORTAL_HELD_OPEN, cause, active=True)]

    def _is_active(self, number: int | None, inputs: Sequence[int]) -> bool:
        if number is None or number > len(inputs):
            return False
        return (inputs[number - 1] != 0) is not self._inverted
