"""Relays that release and inputs that tell of passage, exit button and fire, whatever line the board is on."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence

from devicemgr.domain.device_events import DeviceFact, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, JsonValue, PortalMode, Signal
from devicemgr.domain.ports.device import Delivery, ReleaseTimes
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, OutcomeUnknown
from drivers.common.relays.dry_contacts import PASS, READY
from drivers.common.relays.inputs import InputOptions, Watch
from drivers.common.relays.outputs import Flash, RelayBank, Switch
from drivers.common.serial.line import NoAnswer, Patience, persist

# How often relays are compared with the modes; what differs twice is put back.
LOOK_S = 0.5

_log = logging.getLogger(__name__)


class RelayDevice:
    """One board, its line left to the kind: `_read`, `_switch` and, where the board times pulses, `_flash`."""

    def __init__(
        self,
        name: str,
        options: InputOptions,
        switch: Switch,
        flash: Flash | None = None,
        delivery: Delivery = Delivery.CONFIRMED,
    ) -> None:
        self._name = name
        self._options = options
        self._bank = RelayBank(options, switch, flash, delivery)
        self._watch = Watch(options)
        self.senses_passage = self._watch.senses_passage
        self.channels = options.channels
        self._patience = Patience()
        self._look_at = 0.0
        self._differing: dict[int, bool] = {}
        self._missing: frozenset[int] = frozenset()
        self._reported: frozenset[int] = frozenset()

    @property
    def complaint(self) -> str | None:
        """Inputs that the options name and the board does not report, with those that it does (ports.Complaining)."""
        if not self._missing:
            return None
        reported = ", ".join(map(str, sorted(self._reported))) or "none"
        return (
            f"the board does not report input {', '.join(map(str, sorted(self._missing)))}, only {reported}; check "
            "the options ending in _input"
        )

    def _readings(self, levels: Mapping[int, bool], also_reported: Iterable[int] = ()) -> dict[str, bool]:
        """Return what the wired inputs say; one that the board does not report is a complaint, and never inactive.

        `also_reported` are inputs of the board besides those of `levels`, for the complaint. DeviceRefused where the
        contacts of a turnstile are missing: without them its passages would be guessed.
        """
        wired = self._options.inputs()
        self._missing = frozenset(wired.values()) - frozenset(levels)
        self._reported = frozenset(levels) | frozenset(also_reported)
        if contacts := {*PASS.values(), READY} & {name for name, number in wired.items() if number in self._missing}:
            raise DeviceRefused(f"{self._name} does not report the inputs of {', '.join(sorted(contacts))}; check them")
        bits = {number: levels.get(number, False) for number in wired.values()}
        readings = self._options.readings(bits)
        return {name: on for name, on in readings.items() if wired[name] not in self._missing}

    def _relays_on(self, relays: Sequence[int]) -> dict[int, bool]:  # noqa: ARG002
        """Which of these relays are on; {} for a board that does not say."""
        return {}

    def _read(self) -> dict[str, bool]:
        """Read the wired inputs by name; a board without any is read too, which shows that it is alive."""
        raise NotImplementedError

    def close(self) -> None:
        """Release the relays and close the line (ports.Device)."""
        raise NotImplementedError

    def _begin(self) -> None:
        """Set the relays of a line just opened as the modes want them, unless fire is active."""
        try:
            self._patience = Patience()
            self._look_at, self._differing = 0.0, {}
            self._watch.reset()
            self._watch.fire = persist(self._read).get("fire", False)
            if self._watch.fire:
                _log.warning("%s: fire release is active, so relays are left as they are", self._name)
            else:
                self._bank.restore()
        except DeviceError:
            self.close()
            raise

    def poll(self) -> Sequence[DeviceFact]:
        """End the pulses that are due, read the inputs and return what has changed."""
        try:
            self._bank.end_pulses()
        except OutcomeUnknown as error:
            # It stays due, and no caller waits for this command: what counts is that the board has gone.
            raise DeviceUnreachable(f"a pulse is to end, and {error}") from error
        try:
            now = self._read()
            put_back = self._compare_modes(fire=now.get("fire", False))
        except NoAnswer as error:
            self._patience.missed(error)
            return []
        self._patience.answered()
        facts, passing = self._watch.step(now, free=self._bank.mode(1) is PortalMode.FREE)
        if self._options.contacts == "potential":
            for direction in passing:
                self._bank.cut_short(1, direction)
        return [*put_back, *facts]

    def _compare_modes(self, *, fire: bool) -> list[DeviceFact]:
        """Put back each relay that is not where its mode wants it: the board lost its power, or something moved it."""
        if fire or time.monotonic() < self._look_at:
            return []
        self._look_at = time.monotonic() + LOOK_S
        wanted = self._bank.wanted()
        try:
            states = self._relays_on(sorted(wanted))
        except NoAnswer:
            return []  # what the inputs say must not be lost with it; the next reading counts the silence
        except DeviceRefused as error:
            self._look_at = float("inf")
            _log.info("%s does not say which relays are on (%s)", self._name, error)
            return []
        facts: list[DeviceFact] = []
        before, self._differing = self._differing, {}
        for relay, on in states.items():
            channel, should = wanted[relay]
            if on is should:
                continue
            self._differing[relay] = on
            if before.get(relay) is on:
                self._bank.put_back(relay, should)
                is_on, mode = "on" if on else "off", self._bank.mode(channel)
                text = f"relay {relay} was {is_on} although the portal is {mode}; it was switched back"
                facts.append(GateAlarm(channel, Kind.DEVICE_DEGRADED, text))
        return facts

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        """Release the relay of one direction, and expect a person there for as long as the release is in force."""
        in_force = self._options.seconds_in_force(seconds)
        with self._watch.releasing(self._name, channel, direction, in_force):
            return self._bank.release(channel, direction, seconds)

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        """Return for how many seconds a release of `seconds` is in force at this board."""
        return ReleaseTimes(self._options.seconds_in_force(seconds))

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Set the relays and lamps to a mode; raise where contacts on pulses can't express it."""
        if mode is PortalMode.FREE and self._options.contacts == "pulse":
            # A turnstile on pulses can't be kept free, but in a fire its lock must not refuse who wants out.
            self._bank.unlock(channel)
        self._watch.refuse_mode(self._name, mode)
        return self._bank.set_mode(channel, mode)

    def indicate(self, channel: int, direction: Direction, signal: Signal) -> None:
        """By lamps on spare relays, where there are any; they belong to channel 1."""
        if channel == 1:
            self._bank.indicate(direction, signal)

    def check(self) -> dict[str, JsonValue]:
        """Read the inputs once."""
        return {"inputs": {**self._read()}}
