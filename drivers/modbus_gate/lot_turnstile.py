"""LOT Group turnstiles over Modbus RTU: lotltd/TurnstileModbusSDK, doc "Описание регистров SDK"."""

import logging
import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from devicemgr.domain.device_events import DeviceFact, FireRelease, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceInfo, Direction, JsonValue, PortalMode, Signal
from devicemgr.domain.ports.device import Delivery, ReleaseTimes
from devicemgr.errors import DeviceError, DeviceRefused, InvalidInput, NotYet
from devicemgr.text import safe
from drivers.common.serial.line import NoAnswer, Patience, persist
from drivers.modbus_gate.lot.readers import Readers
from drivers.modbus_gate.lot.registers import (
    ACCUMULATES,
    ANTI_PANIC,
    BLOCKED,
    CLOSED,
    CONTROL,
    ENTRY_LEFT,
    ERROR_DETAILS,
    EXIT_LEFT,
    FREE,
    INPUT_KIND,
    INPUT_KINDS,
    LAMPS,
    NORMAL,
    ONE_PASSAGE,
    PASSAGE_TIMEOUT,
    SHOWN,
    START_TIMEOUT,
    STATE_COUNT,
    STATE_FIRST,
)
from drivers.modbus_gate.lot.state import State, facts_between, with_left

if TYPE_CHECKING:
    from drivers.modbus_gate.master import Master

RELEASE = {Direction.ENTRY: ENTRY_LEFT, Direction.EXIT: EXIT_LEFT}
# The control register changes by hand or fire panel: once a second keeps the line free for the state.
CONTROL_S = 1.0
# The time-outs are changed in the turnstile's menu; firmware without them answers each question with silence.
TIMES_S, NO_TIMES_S = 10.0, 120.0
# What is outside is no time-out that a lane could wait for: then the release is canceled when the lane gives up.
MIN_TIMEOUT_S, MAX_TIMEOUT_S = 1, 300
# A lane waits longer than this for every release, so one that is younger is not the one to cancel.
MIN_CANCEL_AGE_S = 5.0
# A turnstile without a control register is tried again this often.
NO_CONTROL_S = 60.0
# Between an answer and the next request (vendor's SDK).
PAUSE_S = 0.005
_log = logging.getLogger(__name__)


class LotGate:
    """One turnstile with an entry and an exit side; it has one channel, 1."""

    poll_interval = 0.1
    senses_passage = True
    channels = 1

    def __init__(self, name: str, master: "Master", alarms: Mapping[int, Kind], readers: str = "auto") -> None:
        self._name = name
        self._alarms = alarms
        self._master = master
        # Kept over close() and open(), so that a passage during a lost line is neither lost nor invented.
        self._state: State | None = None
        self._read_at = 0.0
        self._fire: bool | None = None
        self._undelivered: list[DeviceFact] = []
        self._control = NORMAL
        self._control_at = 0.0
        self._has_control = True
        self._mode = PortalMode.NORMAL
        self._differed = False
        self._one_by_one = False
        self._times = ReleaseTimes(0.0)
        self._times_at = 0.0
        self._sent_at: dict[Direction, float] = {}
        self._patience = Patience()
        self._readers = Readers(name, master, readers)

    @property
    def complaint(self) -> str | None:
        """A reader that is configured and is not there."""
        return self._readers.complaint

    def open(self) -> DeviceInfo:
        """Open the line, find out how the turnstile can be read, and return its identity."""
        self._patience = Patience()
        self._fire = None  # so that it is reported again, also when it did not change
        self._master.open()
        try:
            self._choose_reading()
            self._control_at = self._first_control()
            self._times_at = 0.0
            self._read_times()
            self._readers.open()
            return self._identify()
        except DeviceError:
            self.close()
            raise

    def _choose_reading(self) -> None:
        """Read the state in one request, or register by register where the firmware answers only one at a time."""
        self._one_by_one = False
        try:
            persist(self._words)
        except (NoAnswer, DeviceRefused) as error:
            if isinstance(error, NoAnswer) and not error.noise:
                raise
            self._one_by_one = True
            try:
                persist(self._words)
            except DeviceError:
                raise error from None
            _log.info("%s answers one register at a time: it is read slower", self._name)

    def _words(self) -> list[int]:
        if self._one_by_one:
            return [self._master.read_register(STATE_FIRST + offset) for offset in range(STATE_COUNT)]
        return self._master.read_registers(STATE_FIRST, STATE_COUNT)

    def _first_control(self) -> float:
        self._has_control = True
        try:
            persist(lambda: self._master.read_register(CONTROL))
        except (NoAnswer, DeviceRefused) as error:
            silent = isinstance(error, NoAnswer)
            if silent:
                # Only one that answers to other registers in the same time lacks this one.
                self._master.read_register(STATE_FIRST)
            self._has_control = False
            _log.warning("%s has no control register, so anti-panic is not seen (%s)", self._name, error)
            # It has no state of anti-panic at all, so that no lock has to wait for it.
            self._undelivered.append(FireRelease(False))
            return time.monotonic() + NO_CONTROL_S if silent else math.inf
        return 0.0

    def _identify(self) -> DeviceInfo:
        try:
            reported = self._master.identify()
        except (NoAnswer, DeviceRefused) as error:
            _log.info("%s does not tell its firmware (%s)", self._name, error)
            return DeviceInfo(manufacturer="LOT Group")
        vendor, model, firmware = (safe(reported.get(key, "").strip(), 60) for key in (0, 1, 2))
        return DeviceInfo(manufacturer=vendor or "LOT Group", model=model, firmware=firmware)

    def poll(self) -> list[DeviceFact]:
        """Read the state and the card readers, and return what has happened since."""
        try:
            # Kept until returned: an error in the second reading must not lose what the first one reported.
            self._undelivered += self._read_state()
            self._undelivered += self._readers.poll()
            self._undelivered += self._read_control()
            self._read_times()
            self._undelivered += self._compare_mode()
        except NoAnswer as error:
            self._patience.missed(error)
        else:
            self._patience.answered()
        facts, self._undelivered = self._undelivered, []
        return facts

    def _read_state(self) -> list[DeviceFact]:
        words = self._words()
        now = time.monotonic()
        before, self._state = self._state, State.parse(words)
        for direction in [side for side in self._sent_at if self._state.left[side] == CLOSED]:
            del self._sent_at[direction]
        elapsed, self._read_at = now - self._read_at, now
        new = self._state.errors and (before is None or before.errors != self._state.errors)
        details = self._optional(ERROR_DETAILS) if new else None
        return facts_between(before, self._state, elapsed, self._alarms, details)

    def _optional(self, register: int) -> int | None:
        """Read a register that not every firmware has; its loss must not lose what was read before it."""
        try:
            return self._master.read_register(register)
        except (NoAnswer, DeviceRefused):
            return None

    def _read_control(self) -> list[DeviceFact]:
        if time.monotonic() < self._control_at:
            return []
        if not self._has_control:
            self._control_at = time.monotonic() + NO_CONTROL_S
            self._has_control = self._optional(CONTROL) is not None
        if not self._has_control:
            return []
        self._control = self._master.read_register(CONTROL)
        self._control_at = time.monotonic() + CONTROL_S
        before, self._fire = self._fire, self._control == ANTI_PANIC
        return [FireRelease(self._fire)] if self._fire != before else []

    def _compare_mode(self) -> list[DeviceFact]:
        """Put back a mode that the turnstile has lost with its power, when two readings agree; never anti-panic."""
        left = set(self._state.left.values()) if self._state else {FREE}
        lost = {PortalMode.FREE: left != {FREE}, PortalMode.LOCKED: self._control == NORMAL and self._has_control}
        before, self._differed = self._differed, lost.get(self._mode, False)
        if not (before and self._differed) or self._control == ANTI_PANIC:
            return []
        self._differed = False
        self.set_mode(1, self._mode)
        reported = f"the turnstile was not {self._mode} any more, as its portal is; it was put back"
        return [GateAlarm(1, Kind.DEVICE_DEGRADED, reported)]

    def _read_times(self) -> None:
        if time.monotonic() < self._times_at:
            return
        waits, passage = (self._timeout(register) for register in (START_TIMEOUT, PASSAGE_TIMEOUT))
        self._times = ReleaseTimes(waits or 0.0, passage)
        self._times_at = time.monotonic() + (TIMES_S if waits else NO_TIMES_S)

    def _timeout(self, register: int) -> float | None:
        value = self._optional(register)
        return float(value) if value is not None and MIN_TIMEOUT_S <= value <= MAX_TIMEOUT_S else None

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        """Return the times of the turnstile's registers; the portal's where they can't be read or have no end."""
        return ReleaseTimes(self._times.waits_s or seconds, self._times.passage_s)

    def cancel_release(self, channel: int, direction: Direction) -> None:
        """Set the passages left in a direction to 0, unless the release is so young that its passage may have begun."""
        self._expect_channel(channel)
        if time.monotonic() - self._sent_at.get(direction, -math.inf) < MIN_CANCEL_AGE_S:
            return
        self._undelivered += self._read_state()
        state = self._state
        if state is None or state.left[direction] in {CLOSED, FREE} or state.present[direction]:
            return
        self._master.write_registers(RELEASE[direction], [CLOSED])

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:  # noqa: ARG002
        """Write 1 passage, once. The turnstile's own start timeout (0x3011) ends it, so `seconds` is not used.

        Never "one more than is left": a person passing at that moment would make that two passages for one decision.
        And a 1 over a 1 would be one passage for two decisions: NotYet until the first person is through.
        """
        self._expect_channel(channel)
        if self._control == BLOCKED:
            raise DeviceRefused(f"{self._name} is blocked; put the portal into normal mode first")
        passes_anyway = self._control == ANTI_PANIC or (self._state and self._state.left[direction] == FREE)
        if passes_anyway:
            _log.info("%s is free: nothing to release for %s", self._name, direction)
            return Delivery.CONFIRMED
        self._require_turn(direction)
        self._sent_at[direction] = time.monotonic()
        self._master.write_registers(RELEASE[direction], [ONE_PASSAGE], may_repeat=False)
        return Delivery.CONFIRMED

    def _require_turn(self, direction: Direction) -> None:
        if direction not in self._sent_at:
            return
        self._undelivered += self._read_state()
        if self._state is not None and self._state.left[direction] not in {CLOSED, FREE}:
            raise NotYet(
                f"nothing was released: the person let in before for {direction} has not passed {self._name} yet, "
                "and it takes one at a time; try again"
            )

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Both directions alike; refused while the turnstile is in anti-panic, which only a person ends."""
        self._expect_channel(channel)
        if self._has_control:
            self._control = self._master.read_register(CONTROL)
        elif mode is PortalMode.LOCKED:
            raise DeviceRefused(f"{self._name} has no control register (0x3000), so it can't be blocked from here")
        if self._control == ANTI_PANIC:
            raise DeviceRefused(f"{self._name} is in anti-panic and stays open; end that at the turnstile first")
        passages = FREE if mode is PortalMode.FREE else CLOSED
        control = BLOCKED if mode is PortalMode.LOCKED else NORMAL
        if control != self._control and self._has_control:
            self._master.write_registers(CONTROL, [control])
            self._control = control
        if self._one_by_one:
            self._master.write_registers(ENTRY_LEFT, [passages])
            self._master.write_registers(EXIT_LEFT, [passages])
        else:
            self._master.write_registers(ENTRY_LEFT, [passages, passages])
        self._state = None if self._state is None else with_left(self._state, passages)
        self._mode = mode
        return Delivery.CONFIRMED

    def indicate(self, channel: int, direction: Direction, signal: Signal) -> None:
        """Show a green arrow for 2 s when granted, a red cross when denied, a blinking arrow for a second factor."""
        self._expect_channel(channel)
        lamp, times = SHOWN[signal]
        self._master.write_registers(LAMPS[direction, lamp], times)

    def check(self) -> dict[str, JsonValue]:
        """Read counters, errors, control mode and the two timeouts."""
        state = State.parse(self._words())
        control = self._optional(CONTROL)
        start, passage = self._optional(START_TIMEOUT), self._optional(PASSAGE_TIMEOUT)
        modes = {NORMAL: "normal", BLOCKED: "blocked", ANTI_PANIC: "anti-panic"}
        return {
            "control": "not reported" if control is None else modes.get(control, f"0x{control:04x}"),
            "errors": f"0x{state.errors:04x}",
            "error_details": None if (details := self._optional(ERROR_DETAILS)) is None else f"0x{details:04x}",
            "own_inputs": INPUT_KINDS.get(self._optional(INPUT_KIND)),
            "start_timeout_s": start,
            "passage_timeout_s": passage,
            "accumulates_passages": None if (adds := self._optional(ACCUMULATES)) is None else adds != 0,
            **{f"{direction}_passages_left": state.left[direction] for direction in Direction},
            **{f"{direction}_occupied": state.present[direction] for direction in Direction},
            **{f"{direction}_counter": state.count[direction] for direction in Direction},
            "readers": list[JsonValue](self._readers.present),
            **self._master.warnings(),
        }

    def trace(self) -> list[tuple[float, str, bytes]]:
        """Return the latest bytes of the whole line, those for other units too."""
        return self._master.trace()

    def close(self) -> None:
        """Leave the line, which closes with its last user."""
        self._master.close()

    def _expect_channel(self, channel: int) -> None:
        if channel != 1:
            raise InvalidInput(f"{self._name} has channel 1 only, not {channel}; set the portal's gate to {self._name}")
