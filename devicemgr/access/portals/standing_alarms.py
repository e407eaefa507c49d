"""Alarms of doors and devices that stand until they are over, and the state of each door's contact.

A forced or held-open door, an open case or a duress signal is an event, and an alarm of `status` until its end: the
device reports it, the door closes, a guard sets the portal's mode, or, where the device never reports an end, a day
passes. What stands is stored in the transaction of its event and outlives a restart.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.access.policy_cache import Rulebook, point_of, portal_at
from devicemgr.domain.device_events import DeviceReported, DoorContact, GateAlarm
from devicemgr.domain.ledger_events import Condition, Fact, Kind
from devicemgr.domain.model import DeviceConfig, JsonValue, Portal
from devicemgr.ledger.writer import Ledger
from devicemgr.store.database import Session
from devicemgr.store.site import conditions, devices as device_store
from devicemgr.text import rfc3339

# Kinds that stand although their device may never report an end; of the others only those that it will end.
STANDING = frozenset({Kind.PORTAL_FORCED, Kind.PORTAL_HELD_OPEN, Kind.TAMPER})
# What a closing door ends, and a guard's mode command too.
OF_THE_DOOR = frozenset({Kind.PORTAL_FORCED, Kind.PORTAL_HELD_OPEN})
# Conditions that fire.py and portal_modes.py keep.
_OTHERS = (Kind.FIRE_RELEASE, Kind.PORTAL_LOCKED)
MAX_AGE = timedelta(hours=24)

# The `input` of a turnstile's arm that turned without a release.
_PASSAGE = "passage"

_Key = tuple[str, int, str, str]


@dataclass(frozen=True, slots=True)
class _Alarm:
    """What stands at a device's channel; `lasting` when the device reports the end."""

    since: datetime
    cause: str
    lasting: bool


class StandingAlarms:
    """Any thread; `id_of` gives the stored id of a device by its name."""

    def __init__(self, ledger: Ledger, rules: Rulebook, id_of: Callable[[str], str | None]) -> None:
        self._ledger = ledger
        self._rules = rules
        self._id_of = id_of
        self._lock = threading.Lock()
        self._alarms: dict[_Key, _Alarm] = {}
        self._doors: dict[tuple[str, int], bool] = {}
        self._configs: dict[str, DeviceConfig] = {}

    def remember(self, session: Session) -> None:
        """Take what stood when the last daemon ended."""
        found = stored(session)
        with self._lock:
            self._alarms = found

    def set_devices(self, configs: Iterable[DeviceConfig]) -> None:
        """End what a device was to end whose configuration has changed: it reports its states again."""
        wanted = {config.name: config for config in configs}
        with self._lock:
            before, self._configs = self._configs, wanted
            changed = {name for name, config in wanted.items() if before.get(name, config) != config}
            over = [key for key, alarm in self._alarms.items() if key[0] in changed and alarm.lasting]
        self._end(over, "the device was reconfigured")

    def on_fact(self, device: str, fact: GateAlarm | DoorContact) -> None:
        """Take, and record, what a device reports; a state that it only repeats is no event."""
        if isinstance(fact, DoorContact):
            self._on_contact(device, fact)
            return
        key = (device, fact.channel, str(fact.kind), fact.input)
        if fact.active is False:
            self._end([key], fact.detail)
            return
        stands = fact.kind in STANDING or fact.active is True
        alarm = _Alarm(datetime.now(UTC), fact.detail, lasting=fact.active is True)
        with self._lock:
            before = self._alarms.get(key)
            if stands:
                self._alarms[key] = alarm if before is None or not alarm.lasting else replace(alarm, since=before.since)
        if before is not None and before.lasting and alarm.lasting:
            return
        event = Fact(
            fact.kind,
            alarm.since,
            portal=self._gate_portal(device, fact.channel),
            device=device,
            detail={"cause": fact.detail},
        )
        self._ledger.submit(replace(event, condition=self._condition(key, alarm)) if stands else event)

    def attach(self, device: str, report: DeviceReported, event: Fact) -> Fact:
        """Return the event of a report from a device's memory with the alarm that it begins, if it is recent."""
        age = datetime.now(UTC) - event.time
        if report.kind not in STANDING or age > MAX_AGE:
            return event
        key = (device, report.channel, str(report.kind), report.input)
        alarm = _Alarm(event.time, report.why, lasting=False)
        with self._lock:
            before = self._alarms.get(key)
            if before is not None and before.lasting:
                return event
            self._alarms[key] = alarm
        return replace(event, condition=self._condition(key, alarm))

    def attach_passage(self, portal: Portal, event: Fact) -> Fact:
        """Return the event of a passage that nothing released with the alarm that it begins; the arm is shut again."""
        key = (portal.gate, portal.channel, str(event.kind), _PASSAGE)
        alarm = _Alarm(event.time, "a person passed without a release", lasting=False)
        with self._lock:
            self._alarms[key] = alarm
        return replace(event, condition=self._condition(key, alarm))

    def _on_contact(self, device: str, fact: DoorContact) -> None:
        with self._lock:
            if fact.is_open is None:
                self._doors.pop((device, fact.channel), None)
            else:
                self._doors[device, fact.channel] = fact.is_open
            over = [key for key in self._alarms if key[:2] == (device, fact.channel) and key[2] in OF_THE_DOOR]
        if fact.is_open is False:
            self._end(over, "the door is closed")

    def reset(self, name: str) -> None:
        """Take a guard's mode command as the end of what stands at the portal's door, and of what has no other end."""
        portal = self._rules.current.portals.get(name)
        if portal is None:
            return
        places_of = {(portal.gate, portal.channel), *((p.device, p.channel) for p in portal.access_points)}
        with self._lock:
            over = [
                key
                for key, alarm in self._alarms.items()
                if key[:2] in places_of and (key[2] in OF_THE_DOOR or not alarm.lasting)
            ]
        self._end(over, "a guard has set the portal's mode")

    def tick(self) -> None:
        """End what no device will end, a day after it began; now and then."""
        before = datetime.now(UTC) - MAX_AGE
        with self._lock:
            over = [key for key, alarm in self._alarms.items() if not alarm.lasting and alarm.since < before]
        self._end(over, "no device reports its end")

    def _end(self, keys: list[_Key], cause: str) -> None:
        for key in keys:
            with self._lock:
                alarm = self._alarms.pop(key, None)
            if alarm is None:
                continue
            device, channel, kind, name = key
            detail: dict[str, JsonValue] = {"alarm": kind, "cause": cause}
            detail |= {"input": name} if name else {}
            event = Fact(
                Kind.ALARM_ENDED,
                datetime.now(UTC),
                portal=self._gate_portal(device, channel),
                device=device,
                detail=detail,
            )
            condition = self._condition(key, alarm)
            self._ledger.submit(replace(event, condition=condition and replace(condition, active=False)))

    def _condition(self, key: _Key, alarm: _Alarm) -> Condition | None:
        device, channel, kind, name = key
        device_id = self._id_of(device)
        if device_id is None:
            return None
        return Condition(device_id, kind, active=True, channel=channel, input=name[:64], lasting=alarm.lasting)

    def _gate_portal(self, device: str, channel: int) -> str | None:
        portal = portal_at(self._rules.current, device, channel)
        return portal.name if portal else None

    def door_of(self, portal: Portal) -> str | None:
        """Return closed, open, forced or held_open; None where nothing is known of the door."""
        where = (portal.gate, portal.channel)
        with self._lock:
            kinds = {key[2] for key in self._alarms if key[:2] == where and key[3] != _PASSAGE}
            is_open = self._doors.get(where)
        if Kind.PORTAL_FORCED in kinds:
            return "forced"
        if Kind.PORTAL_HELD_OPEN in kinds:
            return "held_open"
        return None if is_open is None else "open" if is_open else "closed"

    def door_at(self, name: str) -> str | None:
        """As `door_of`, by the portal's name."""
        portal = self._rules.current.portals.get(name)
        return self.door_of(portal) if portal is not None else None

    def forget_door(self, device: str) -> None:
        """Forget the contacts of a device that is away; what alarms stand until their end is reported."""
        with self._lock:
            self._doors = {where: is_open for where, is_open in self._doors.items() if where[0] != device}

    def alarms(self) -> list[dict[str, Any]]:
        """Return what stands, as `status` shows it."""
        snapshot = self._rules.current
        with self._lock:
            found = sorted(self._alarms.items())
        listed: list[dict[str, Any]] = []
        for (device, channel, kind, _), alarm in found:
            if self._id_of(device) is None or kind == Kind.DURESS_SIGNALLED:
                continue  # it was removed; or it is shown to those alone who may know of it
            point = point_of(snapshot, device, channel)
            portal = self._gate_portal(device, channel) or (point.portal if point else None)
            where = {"portal": portal} if portal else {}
            listed.append(
                {"kind": kind, **where, "device": device, "cause": alarm.cause or None, "since": rfc3339(alarm.since)}
            )
        return listed


def stored(session: Session) -> dict[_Key, _Alarm]:
    """Return the alarms that stand in the store, by device name, channel, kind and input."""
    names = {row.id: row.name for row in device_store.devices(session)}
    return {
        (names[row.device_id], row.channel, row.kind, row.input): _Alarm(
            datetime.fromisoformat(row.since), row.cause, row.lasting
        )
        for row in conditions.standing(session)
        if row.device_id in names and row.kind not in _OTHERS
    }
