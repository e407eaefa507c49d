"""Doors of an ONVIF controller (Profile C, door control): opened, locked, freed, read back; their alarms as facts."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.domain.device_events import DeviceFact, DeviceReported, DoorContact, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, JsonValue, PortalMode
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused, InvalidInput, OutcomeUnknown
from drivers.common.onvif.services.notifications import Notice
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import DOORS, plain

MAX_DOORS = 256
_LOOKS = (0.0, 0.15, 0.35, 0.7)
_OPENED = {"Accessed", "Unlocked", "LockedOpen"}
# tns1:Door/State/<topic>, its value -> what it is here.
_ALARMS = {
    ("DoorAlarm", "DoorForcedOpen"): Kind.PORTAL_FORCED,
    ("DoorAlarm", "DoorOpenTooLong"): Kind.PORTAL_HELD_OPEN,
    ("DoorTamper", "TamperDetected"): Kind.TAMPER,
    ("DoorFault", "FaultDetected"): Kind.DEVICE_DEGRADED,
}
# The same topics' values that say that it is over (ONVIF Door Control 5.2); Unknown and NotSupported say nothing.
_OVER = {"DoorAlarm": "Normal", "DoorTamper": "NotInTamper", "DoorFault": "NotInFault"}
# Values of tns1:Door/State that need no record (Door Control 5.2): what every release does, and what says nothing.
_USUAL = {
    "DoorMode": {"Unknown", "Locked", "Unlocked", "Accessed"},
    "DoorAlarm": {"Normal", "Unknown"},
    "DoorTamper": {"NotInTamper", "Unknown", "NotSupported"},
    "DoorFault": {"NotInFault", "Unknown", "NotSupported"},
    "LockPhysicalState": {"Unknown", "Locked", "Unlocked"},
    "DoubleLockPhysicalState": {"Unknown", "Locked", "Unlocked"},
}
_CONTACT = {"Open": True, "Closed": False, "Unknown": None, "Fault": None}


@dataclass(frozen=True, slots=True)
class Door:
    """A door as the controller lists it; `timed` when it takes an access time of ours."""

    token: str
    name: str
    timed: bool

    def as_json(self) -> dict[str, JsonValue]:
        """Return the door for `device test`."""
        return {"token": plain(self.token), "name": plain(self.name), "access_time": self.timed}


class Doors:
    """Channels of a gate: the doors in the controller's order, or those that the options name, in theirs."""

    def __init__(self, device: OnvifDevice, entry: list[str], leave: list[str]) -> None:
        if leave and len(leave) != len(entry):
            raise InvalidInput("door_exit must name as many doors as door")
        self._device, self._entry, self._leave = device, entry, leave
        self._doors: dict[str, Door] = {}
        self._channels: dict[Direction, list[str]] = {}
        self._modes: dict[int, PortalMode] = {}
        self._states: dict[tuple[str, str], str] = {}

    def open(self) -> None:
        """Read the list; DeviceRefused when a door that the options name is not there."""
        found = [_door(node) for node in pages(self._device, DOORS, "GetDoorInfoList", "DoorInfo")]
        self._doors = {door.token: door for door in found}
        entry = self._entry or list(self._doors)
        self._channels = {Direction.ENTRY: entry, Direction.EXIT: self._leave or entry}
        for token in (*entry, *self._leave):
            if token not in self._doors:
                there = ", ".join(map(plain, self._doors)) or "none"
                raise DeviceRefused(f"the controller has no door '{plain(token)}'; it has: {there}")
        for channel in range(1, len(entry) + 1):
            self._modes.setdefault(channel, PortalMode.NORMAL)

    @property
    def channels(self) -> int | None:
        """How many channels there are; None before open()."""
        return len(self._channels[Direction.ENTRY]) if self._channels else None

    @property
    def faulty(self) -> list[str]:
        """Names of doors that report a fault of their own."""
        return [
            plain(door.name or door.token)
            for door in self._doors.values()
            if self._states.get((door.token, "DoorFault")) == "FaultDetected"
        ]

    def channel_of(self, token: str) -> int | None:
        """Return the channel that a door belongs to."""
        for tokens in self._channels.values():
            if token in tokens:
                return tokens.index(token) + 1
        return None

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        """AccessDoor, once; read back."""
        door = self._door(channel, direction)
        mode = self._modes[channel]
        if mode is PortalMode.LOCKED:
            raise DeviceRefused(f"channel {channel} is locked; put the portal into normal mode first")
        if mode is PortalMode.FREE:
            return Delivery.CONFIRMED
        timing = {"AccessTime": timedelta(seconds=seconds)} if door.timed else {}
        self._device.call(DOORS, "AccessDoor", once=True, Token=door.token, **timing)
        self._require(door, "opens", _is_open)
        return Delivery.CONFIRMED

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """UnlockDoor for free, LockDoor for normal and locked; each read back."""
        free = mode is PortalMode.FREE
        self._door(channel, Direction.ENTRY)
        for token in sorted({tokens[channel - 1] for tokens in self._channels.values()}):
            door = self._doors[token]
            self._device.call(DOORS, "UnlockDoor" if free else "LockDoor", once=True, Token=token)
            wanted = {"Unlocked", "LockedOpen"} if free else {"Locked", "DoubleLocked", "Blocked", "LockedDown"}
            self._require(door, "is free" if free else "is locked", lambda state: state.get("mode") in wanted)  # noqa: B023
        self._modes[channel] = mode
        return Delivery.CONFIRMED

    def states(self) -> list[JsonValue]:
        """Read the state of every door, for `device test`."""
        return [door.as_json() | dict[str, JsonValue](self._state(door.token)) for door in self._doors.values()]

    def facts(self, notice: Notice, stale: bool) -> list[DeviceFact]:
        """Return what a notification of a door's state means here; nothing for every other and for what is known."""
        if notice.topic[:2] != ("Door", "State") or len(notice.topic) < 3:
            return []
        token, value = notice.first_of("DoorToken", "Token"), notice.first_of("State")
        channel, key = self.channel_of(token), (token, notice.topic[2])
        if channel is None or self._states.get(key) == value:
            return []
        self._states[key] = value
        if notice.topic[2] == "DoorPhysicalState":
            known = value in _CONTACT
            return [DoorContact(channel, _CONTACT[value])] if known else self._noted(channel, notice, token, value)
        why = f"door {plain(self._doors[token].name or token)}"
        ended = self._ended(notice.topic[2], value)
        facts: list[DeviceFact] = [GateAlarm(channel, kind, why, active=False, input=token[:64]) for kind in ended]
        kind = _ALARMS.get((notice.topic[2], value))
        if kind is None:
            return facts + self._noted(channel, notice, token, value)
        if stale and notice.operation != "Initialized":
            return [*facts, DeviceReported(channel, kind, notice.serial, notice.at or datetime.now(UTC), why)]
        return [*facts, GateAlarm(channel, kind, why, active=True, input=token[:64])]

    def _noted(self, channel: int, notice: Notice, token: str, value: str) -> list[DeviceFact]:
        """Return a record of a state that is neither usual nor an alarm: another client's doing, or a new word."""
        topic = notice.topic[2]
        if not value or value in _USUAL.get(topic, ()):
            return []
        why = f"door {plain(self._doors[token].name or token)}: {plain(topic)} {plain(value)}"
        return [DeviceReported(channel, Kind.DEVICE_REPORTED, notice.serial, notice.at or datetime.now(UTC), why)]

    def _ended(self, topic: str, value: str) -> list[Kind]:
        """Return the alarms of a topic that its new value ends: all of them, or those other than the one it names."""
        kinds = {state: kind for (of, state), kind in _ALARMS.items() if of == topic}
        return (
            [kind for response, kind in kinds.items() if response != value]
            if value in {_OVER.get(topic), *kinds}
            else []
        )

    def _door(self, channel: int, direction: Direction) -> Door:
        tokens = self._channels.get(direction, [])
        if not 1 <= channel <= len(tokens):
            raise InvalidInput(f"this controller has doors 1 to {len(tokens)}, not {channel}; see option door")
        return self._doors[tokens[channel - 1]]

    def _state(self, token: str) -> dict[str, str]:
        response = self._device.call(DOORS, "GetDoorState", Token=token)
        names = {
            "mode": "DoorMode",
            "door": "DoorPhysicalState",
            "lock": "LockPhysicalState",
            "alarm": "Alarm",
        }
        found = {name: plain(getattr(response, field, None)) for name, field in names.items()}
        return {name: value for name, value in found.items() if value}

    def _require(self, door: Door, word: str, true: Callable[[dict[str, str]], bool]) -> None:
        """Look until it is so, about a second: some devices answer success and do nothing."""
        for pause in _LOOKS:
            time.sleep(pause)
            try:
                state = self._state(door.token)
            except (DeviceRefused, DeviceGarbled):
                return  # its state can't be read: then its answer has to do
            except DeviceError as error:
                raise OutcomeUnknown(f"door {plain(door.name)} may have moved: {error}") from error
            if true(state):
                return
        shown = ", ".join(f"{name} {value}" for name, value in state.items())
        raise DeviceRefused(
            f"the controller answers that door {plain(door.name or door.token)} {word}, and it does not ({shown}); "
            "look at its settings"
        )


def _is_open(state: dict[str, str]) -> bool:
    return state.get("mode") in _OPENED or state.get("lock") == "Unlocked" or state.get("door") == "Open"


def pages(device: OnvifDevice, namespace: str, operation: str, item: str) -> list[Any]:
    """Read all items of a list that comes in pages, at most 256."""
    found: list[Any] = []
    start: str | None = None
    for _ in range(MAX_DOORS):
        where: dict[str, Any] = {"StartReference": start} if start else {}
        response = device.call(namespace, operation, **where)
        found += [node for node in (getattr(response, item, None) or []) if node.token]
        start = getattr(response, "NextStartReference", None)
        if not start or len(found) >= MAX_DOORS:
            break
    return found[:MAX_DOORS]


def _door(node: Any) -> Door:
    able = getattr(node, "Capabilities", None)
    return Door(str(node.token), str(node.Name or ""), bool(getattr(able, "AccessTimingOverride", False)))
