"""A UHPPOTE controller as a device: doors, cards that it holds or does not, events read by their index."""

import time
import zoneinfo
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from uhppoted import decode, encode

from devicemgr.clock.ntp import is_doubted
from devicemgr.domain.device_events import DeviceFact, DeviceReported, DoorContact, FireRelease, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceInfo, Direction, JsonValue, PortalMode
from devicemgr.domain.ports.device import Delivery, ReleaseTimes
from devicemgr.errors import DeviceRefused, DeviceUnreachable, OutcomeUnknown
from drivers.uhppote_controller.doors import Doors
from drivers.uhppote_controller.events import (
    CONTACTS,
    NONE,
    OPENED_BY_ANOTHER,
    OVERWRITTEN,
    REMOTE_OPEN,
    ControllerEvent,
    fact_of,
)
from drivers.uhppote_controller.held.cards import DOORS
from drivers.uhppote_controller.listener import Listener, listen
from drivers.uhppote_controller.options import Options
from drivers.uhppote_controller.own_openings import OwnOpenings
from drivers.uhppote_controller.protocol import Endpoint, Wire, aware, wall

FIRE_INPUT = 0x01
REFLECTS = (
    "this network path echoes: each packet to the controller comes back as well; look at routers and relays of UDP"
)
SKEW_S = 5.0
OURS = "opened as commanded from here"
OURS_PROVEN = "opened as commanded from here, although its answer was lost"
OPENED_BEFORE = "opened remotely while it was not connected here"

_EVENTS_A_POLL = 20
# Its memory is read so often at least; a hint from its listener is looked for in between.
_QUIET, _BUSY, _HINT = 0.25, 0.01, 0.03


class UhppoteGate:
    """Doors and events; `poll` reads the events behind the last one that was reported, oldest first."""

    senses_passage = False

    def __init__(self, name: str, endpoint: Endpoint, options: Options) -> None:
        self._name, self._options, self._id = name, options, options.controller
        self.channels = max(1, min(4, self._id // 100_000_000))  # the first digit of the serial number
        self._zone = zoneinfo.ZoneInfo(options.timezone) if options.timezone else None
        self._endpoint = endpoint
        self._wire = Wire(endpoint, options.controller, options.timeout)
        self._listener: Listener | None = None
        self._pushes = "to none"
        self._read_at = 0.0
        self._last: int | None = None
        self._live_from = 0
        self._now: datetime | None = None
        self._fire: bool | None = None
        self._skew = timedelta()
        self._doors = Doors(self._ask, name, options.doors)
        self._contacts: dict[int, bool] = {}
        self._own_openings = OwnOpenings()
        self._waiting: list[DeviceFact] = []
        self._is_open = False
        self.poll_interval = _QUIET

    def resume(self, serial: int | None) -> None:
        """Continue after record `serial`, the last one stored here."""
        if serial is not None:
            self._last = max(serial, self._last or 0)

    def open(self) -> DeviceInfo:
        """Connect, set a clock that is wrong, and start listening for events; return the identity."""
        self.close()
        self._fire = None  # so that it is reported again, also when it did not change
        self._contacts.clear()
        info = self._ask("get_controller")
        self._ask("record_special_events", True)
        status = self._status()
        self._waiting = self._keep_clock(status)
        newest = int(status.event_index)
        if self._last is None:
            self._last = newest  # whatever happened before it was ours is not of this site
        self._live_from = newest + 1
        if self._options.listener != "off":
            port, take = self._options.listener_port, self._options.listener == "take"
            self._listener, self._pushes = listen(self._ask, self._endpoint, self._id, port, take=take)
        self.poll_interval = self._pace
        self._read_at = 0.0
        self._is_open = True
        return DeviceInfo("UHPPOTE", f"{self._id // 100_000_000}-door controller", info.version, str(self._id))

    def close(self) -> None:
        """Stop listening."""
        self._is_open = False
        self._doors.forget()
        listener, self._listener = self._listener, None
        if listener is not None:
            self._wire.dropped += listener.dropped
            listener.close()

    @property
    def _pace(self) -> float:
        return _QUIET if self._listener is None else _HINT

    def poll(self) -> Sequence[DeviceFact]:
        """Read new events and the doors' contacts, when an event was announced or a reading is due."""
        self._require_open()
        if self._listener is not None:
            hinted = self._listener.has_received()
            if not hinted and time.monotonic() < self._read_at:
                return []
            self._read_at = time.monotonic() + _QUIET
        status = self._status()
        facts = [*self._waiting, *self._keep_clock(status), *self._fire_of(status)]
        self._waiting = []
        facts += self._events(int(status.event_index)) + self._contacts_of(status)
        # Fire opens the doors whatever their mode is.
        return facts if self._fire else facts + self._doors.compare()

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:  # noqa: ARG002
        """Open a door once, after setting its delay to whole seconds."""
        self._require_open()
        self._doors.prepare(channel, _whole_seconds(seconds))
        opening = self._own_openings.send(channel)
        try:
            answer = self._ask("open_door", channel, tries=1)
        except DeviceUnreachable as error:
            raise OutcomeUnknown(
                f"{self._doors.label(channel)} of {self._name} may or may not have opened: no answer"
            ) from error
        if not answer.opened:
            self._own_openings.refused(opening)
            label = self._doors.label(channel)
            raise DeviceRefused(f"{self._name} refused to open {label}; check its wiring and number")
        opening.is_proven = True
        return Delivery.CONFIRMED

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        """Return the whole seconds for which the controller keeps a door open."""
        return ReleaseTimes(_whole_seconds(seconds))

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Set a door's control mode, and read it back."""
        self._require_open()
        self._doors.set_mode(channel, mode)
        return Delivery.CONFIRMED

    def check(self) -> dict[str, JsonValue]:
        """Read identity, clock, listener and doors."""
        info, status = self._ask("get_controller"), self._status()
        clock = self._clock(status)
        found: dict[str, JsonValue] = {
            "serial": str(self._id),
            "firmware": str(info.version),
            "address": str(info.ip_address),
            "cards": int(self._ask("get_cards").cards),
            "events": int(status.event_index),
            "clock": clock.isoformat() if clock else None,
            "fire": bool(status.inputs & FIRE_INPUT),
            "error": int(status.system_error),
            "pushes": self._pushes,
            "doors": self._doors.words(self.channels),
            "dropped": self._wire.dropped + (self._listener.dropped if self._listener else 0),
        }
        return found | ({"warning": REFLECTS} if self._wire.echoes else {})

    def _ask(self, name: str, *arguments: Any, tries: int = 2, fits: Any = lambda _: True) -> Any:
        request = getattr(encode, f"{name}_request")(self._id, *arguments)
        return self._wire.ask(request, getattr(decode, f"{name}_response"), fits, tries)

    def _status(self) -> Any:
        return self._ask("get_status")

    def _require_open(self) -> None:
        if not self._is_open:
            raise DeviceUnreachable(f"{self._name} is not open; open it first")

    def _clock(self, status: Any) -> datetime | None:
        if status.system_date is None or status.system_time is None:
            return None
        return aware(datetime.combine(status.system_date, status.system_time), self._zone)

    def _keep_clock(self, status: Any) -> list[DeviceFact]:
        """Set a clock that is wrong, and say so: the controller stamps its events and ends its cards by it."""
        clock, now = self._clock(status), datetime.now(UTC)
        self._now = clock
        self._skew = timedelta() if clock is None else clock - now
        skew = None if clock is None else self._skew.total_seconds()
        if (skew is not None and abs(skew) <= SKEW_S) or is_doubted():
            return []
        self._ask("set_time", wall(now, self._zone))
        how = "stood at no time" if skew is None else f"was {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
        return [GateAlarm(1, Kind.DEVICE_DEGRADED, f"its clock {how} and was set")]

    def _fire_of(self, status: Any) -> list[DeviceFact]:
        if not self._options.fire_input:
            return []
        before, self._fire = self._fire, bool(status.inputs & FIRE_INPUT)
        return [FireRelease(self._fire)] if self._fire != before else []

    def _contacts_of(self, status: Any) -> list[DeviceFact]:
        """Report the doors' contacts at the first reading, then those that changed without an event."""
        facts: list[DeviceFact] = []
        for door in DOORS[: self.channels]:
            is_open = bool(getattr(status, f"door_{door}_open"))
            if self._contacts.get(door) != is_open:
                self._contacts[door] = is_open
                facts.append(DoorContact(door, is_open))
        return facts

    def _events(self, newest: int) -> list[DeviceFact]:
        facts: list[DeviceFact] = []
        last = self._last or 0
        if newest < last:
            facts.append(GateAlarm(1, Kind.DEVICE_DEGRADED, "its memory of events started over"))
            last, self._live_from = 0, 1
        for _ in range(_EVENTS_A_POLL):
            if last >= newest:
                break
            event = self._event(last + 1)
            if event is None:
                first, last = last + 1, max(last + 1, int(self._ask("get_event", 0).index) - 1)
                facts.append(GateAlarm(1, Kind.DEVICE_DEGRADED, f"events {first} to {last} are lost: written over"))
                continue
            facts += self._facts(event)
            last = event.index
        self._last = last
        more = last < newest
        self.poll_interval, self._read_at = (_BUSY, 0.0) if more else (self._pace, self._read_at)
        return facts

    def _event(self, index: int) -> ControllerEvent | None:
        """Read one event; None when it has been overwritten."""
        found = self._ask("get_event", index, fits=lambda answer: answer.index in (index, 0))
        if found.event_type in (NONE, OVERWRITTEN):
            return None
        at = aware(found.timestamp, self._zone) or datetime.now(UTC)
        return ControllerEvent(
            index, found.event_type, found.access_granted, found.door, found.direction, found.card, at, found.reason
        )

    def _facts(self, event: ControllerEvent) -> list[DeviceFact]:
        if event.reason == REMOTE_OPEN:
            return [self._remote_opening(event)]
        if event.reason in CONTACTS:
            self._contacts[event.door] = CONTACTS[event.reason]
            return [DoorContact(event.door, CONTACTS[event.reason])]
        return [fact_of(event)]

    def _remote_opening(self, event: ControllerEvent) -> DeviceReported:
        """Return the record of an opening: ours, also when its answer was lost, or another program's."""
        own = self._own_openings.match(event.door, event.at, self._skew)
        if own is not None:
            why = OURS if own.is_proven else OURS_PROVEN
            return DeviceReported(event.door, Kind.DEVICE_CONFIRMED, event.index, event.at, why)
        # What was before this connection may have been sent by this computer before it was started again.
        why = OPENED_BEFORE if event.index < self._live_from else OPENED_BY_ANOTHER
        return DeviceReported(event.door, Kind.PORTAL_UNLOCKED, event.index, event.at, why)


def _whole_seconds(seconds: float) -> int:
    """Return the delay that the controller is given: 1 to 255 whole seconds, rounded up."""
    return min(255, max(1, -int(-seconds // 1)))
