"""Digital inputs of an ONVIF device as facts: what is pressed, what alarms, and whether there is fire.

Which topics tell of inputs, and under which names, differs by vendor. Seen in the field: Hikvision's
tns1:Device/Trigger/tnshik:AlarmIn with AlarmInToken and State, beside DigitalInput or instead of it (Home Assistant
issue 83510); Axis' tns1:Device/tnsaxis:IO/VirtualInput with port and active, and IO/VirtualPort with port and state,
whose numbers are not those of IO/Port (issue 51157); Imou's tns1:VideoSource/tns1:Device/Trigger/DigitalInput
(issue 140575). So any topic below Device counts whose source names a configured input and whose data holds one boolean.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devicemgr.domain.device_events import DeviceFact, FireRelease, GateAlarm, RexPressed
from drivers.common.onvif.options import WiredOptions
from drivers.common.onvif.services.notifications import Notice, state_of
from drivers.common.onvif.soap.namespaces import plain

_INPUTS = frozenset({"digitalinput", "logicalstate", "alarmin"})
# ONVIF Core's own topics below Device that report something else, and vendors' outputs.
_NO_INPUTS = frozenset({"relay", "digitaloutput", "alarmout", "outputport", "hardwarefailure", "operationmode"})
_TOKENS = ("inputtoken", "alarmintoken", "token", "port", "index", "source")
_STATES = ("logicalstate", "state", "active", "value")
_MAX_LISTED = 32
# How long a device may take to report an input that it has, and of one that it does not list.
FIRST_REPORT_S, UNLISTED_S = 30.0, 10.0


@dataclass(frozen=True, slots=True)
class _Reading:
    """An input's state in one notification; `certain` for the topics that report inputs and of nothing else."""

    token: str
    topic: tuple[str, ...]
    is_on: bool
    certain: bool


class Inputs:
    """Remembers each input's state over every loss of the device; an edge is a fact, a repeated state none.

    The fire input is the exception: its state is reported again after each loss of the device or of its events. An
    option names an input by its token, or by topic and token (VirtualInput/1) where a device uses a token twice.
    """

    def __init__(self, options: WiredOptions) -> None:
        self._options = options
        self._alarms = options.alarms()
        self._wired = [token for token in (options.fire_input, options.rex_input, *self._alarms) if token]
        self._readings: dict[str, dict[tuple[str, ...], _Reading]] = {}
        self._changed: set[tuple[str, tuple[str, ...]]] = set()
        self._states: dict[str, bool] = {}
        self._fire_known = False
        self._fire_lost_at = 0.0
        self._listed: tuple[str, ...] = ()
        self._reported: dict[str, None] = {}

    def begin(self, listed: Sequence[str]) -> None:
        """Take what the device lists (GetDigitalInputs), after each opening."""
        self._listed = tuple(listed)

    def lose(self) -> list[DeviceFact]:
        """Note that events were lost, so that the fire input's state is not known until the device reports it again."""
        was_known, self._fire_known = self._fire_known, False
        if not was_known:
            return []
        self._fire_lost_at = time.monotonic()
        return [FireRelease(None)]

    def facts(self, notice: Notice) -> list[DeviceFact]:
        """Return what a notification of an input means; nothing for every other, and for one without a state."""
        if not _may_be_input(notice):
            return []
        token = self._token_of(notice)
        if notice.operation == "Deleted":
            return self.lose() if token and token == self._options.fire_input else []
        reading = _reading(notice, token)
        return [] if reading is None else self._facts_of(reading, is_new=notice.operation != "Initialized")

    def _facts_of(self, reading: _Reading, *, is_new: bool) -> list[DeviceFact]:
        self._remember(reading)
        active = self._active(reading, is_new=is_new) if reading.token in self._wired else None
        if active is None:
            return []
        before = self._states.get(reading.token)
        self._states[reading.token] = active
        if reading.token == self._options.fire_input:
            was_known, self._fire_known = self._fire_known, True
            return [] if was_known and active == before else [FireRelease(active)]
        if reading.token == self._options.rex_input:
            # A button that is found pressed after a loss was not pressed now.
            return [RexPressed(1)] if active and not before and is_new else []
        kind = self._alarms.get(reading.token)
        return [GateAlarm(1, kind, f"input {reading.token}", active=active)] if kind and active != before else []

    def complaints(self, opened_at: float) -> list[str]:
        """Return what is configured and was not reported in time, with what the device does report."""
        now = time.monotonic()
        found = []
        for token in self._wired:
            is_fire = token == self._options.fire_input
            since = max(opened_at, self._fire_lost_at) if is_fire else opened_at
            if self._fire_known if is_fire else token in self._states or token in self._listed:
                continue
            is_listed = not self._listed or token in self._listed
            if now - since >= (FIRST_REPORT_S if is_listed else UNLISTED_S):
                found.append(self._unseen(token, is_fire=is_fire))
        return found

    def _unseen(self, token: str, *, is_fire: bool) -> str:
        what = f"{'fire input' if is_fire else 'input'} '{plain(token)}'"
        if token in self._listed:
            return f"the device lists {what} and does not report its state: check its wiring and the device's settings"
        reported = (
            ", ".join(plain(name) for name in dict.fromkeys([*self._listed, *self._reported])) or "no inputs at all"
        )
        return (
            f"the device reports nothing of {what}; it reports {reported}: correct the option, or the device's settings"
        )

    def _token_of(self, notice: Notice) -> str:
        """Return the configured input that a notification names, or else the name of any input in it."""
        known = [value for name in _TOKENS if (value := _item(notice.source, name) or _item(notice.data, name))]
        values = [*known, *notice.source.values()]
        last = notice.topic[-1] if notice.topic else ""
        named = [name for value in values for name in (f"{last}/{value}", value) if name in self._wired]
        return named[0] if named else known[0] if known else ""

    def _remember(self, reading: _Reading) -> None:
        """Remember the name of an input for a person who mistyped it."""
        name = reading.token if reading.certain else f"{reading.topic[-1]}/{reading.token.rpartition('/')[2]}"
        if len(self._reported) < _MAX_LISTED:
            self._reported[name] = None

    def _active(self, reading: _Reading, *, is_new: bool) -> bool | None:
        """Return True if all topics that report the input say active; None where this one does not count.

        A topic of no certain meaning counts beside one of inputs only once it has reported a change: Axis numbers its
        virtual ports as it does the real ones, and reports all of them at the start.
        """
        readings = self._readings.setdefault(reading.token, {})
        before = readings.get(reading.topic)
        readings[reading.topic] = reading
        if is_new and (before is None or before.is_on is not reading.is_on):
            self._changed.add((reading.token, reading.topic))
        is_certain = any(other.certain for other in readings.values())
        counted = [
            other
            for topic, other in readings.items()
            if other.certain or not is_certain or (reading.token, topic) in self._changed
        ]
        if reading not in counted:
            return None
        return any(other.is_on is not self._options.inputs_inverted for other in counted)


def _may_be_input(notice: Notice) -> bool:
    """tns1:Device/Trigger/DigitalInput, what vendors call it below tns1:Device, and no relay or failure."""
    words = [word.lower() for word in notice.topic]
    if not words or _NO_INPUTS & set(words):
        return False
    return words[-1] in _INPUTS or "device" in words[:-1] or (words[-1] == "port" and "io" in words)


def _reading(notice: Notice, token: str) -> _Reading | None:
    """Return the state of an input: by its usual names, else the one boolean that the data holds."""
    usual = [value for name in _STATES if (value := _item(notice.data, name)) is not None]
    states = [state for value in usual or notice.data.values() if (state := state_of(value)) is not None]
    if not token or not states or (len(states) > 1 and not usual):
        return None
    words = [word.lower() for word in notice.topic]
    certain = words[-1] in _INPUTS or (words[-1] == "port" and "io" in words)
    return _Reading(token, notice.topic, states[0], certain)


def _item(items: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in items.items() if key.lower() == name), None)
