"""The real-time log of a C3 or inBIO controller: records of 16 bytes, events or the state of its four doors.

Newer firmware writes the same as text in the form of the PUSH protocol: `time=…<tab>pin=…`, `sensor=…<tab>alarm=…`.
Sources: ZKTeco, PullSDK Interfaces User Guide 2.0, 5.7 (meaning); captures in issue 3 of hass-zkaccess_c3 (bytes) and
in the tests of zkaccess-c3-py (text).
"""

import struct
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from devicemgr.domain.device_events import DeviceFact, DoorContact, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.errors import DeviceGarbled
from drivers.common.zkteco.records import Event, Record, decode_time, read_event, read_records

RECORD_BYTES = 16
STATE = 255
MAX_DOORS = 4
_RECORD = struct.Struct("<IIBBBBI")
_STATE = struct.Struct("<4s4sBBBBI")
_CLOSED, _OPEN = 1, 2
_ALARM, _TIMEOUT = 1, 2


@dataclass(frozen=True, slots=True)
class State:
    """Alarms and contacts of the doors, in bytes from door 1, and the controller's clock."""

    alarms: bytes
    contacts: bytes
    at: datetime | None


def read_log(data: bytes, zone: tzinfo | None) -> tuple[list[Event], list[State], int]:
    """Return events and states in their order, and how many records have no time that exists."""
    if not data.strip(b"\0"):
        return [], [], 0  # seen of firmware that has nothing to say, in lengths that fit no record
    if len(data) % RECORD_BYTES:
        raise DeviceGarbled(f"a real-time log of {len(data)} bytes: this firmware writes another form")
    events: list[Event] = []
    states: list[State] = []
    unread = 0
    for place in range(0, len(data), RECORD_BYTES):
        record = data[place : place + RECORD_BYTES]
        card, pin, verified, door, code, inout, seconds = _RECORD.unpack(record)
        at = decode_time(seconds, zone)
        if code == STATE:
            alarms, contacts = _STATE.unpack(record)[:2]
            states.append(State(alarms, contacts, at))
        elif at is None:
            unread += 1
        else:
            events.append(
                Event(
                    0,
                    at,
                    code,
                    max(door, 1),
                    str(pin) if pin else "",
                    str(card) if card else "0",
                    str(verified),
                    str(inout),
                )
            )
    return events, states, unread


def is_text(data: bytes) -> bool:
    """Return True for a log in the newer form."""
    return data.startswith(b"time=")


def read_text_log(data: bytes, zone: tzinfo | None) -> tuple[list[Event], list[Record], int]:
    """Return events and reports of a state in their order, and how many records can't be read.

    The events' numbers are left out: they are those of a log that is emptied by reading, and may have gaps.
    """
    records = read_records(data)
    reports = [record for record in records if "sensor" in record or "alarm" in record]
    found = [read_event(record, zone) for record in records if record not in reports]
    events = [replace(event, index=0) for event in found if event is not None]
    return events, reports, len(found) - len(events)


class Doors:
    """Turns states into facts when they change."""

    def __init__(self) -> None:
        self._contacts: dict[int, bool | None] = {}
        self._alarms: dict[tuple[int, int], bool] = {}

    def forget(self) -> None:
        """Take the next state as the first one."""
        self._contacts.clear()
        self._alarms.clear()

    def read(self, state: State, doors: int) -> list[DeviceFact]:
        """Return what has changed at doors 1 to `doors`."""
        facts: list[DeviceFact] = []
        for door in range(1, min(doors, MAX_DOORS) + 1):
            bits = state.alarms[door - 1]
            facts += self._alarm(door, _ALARM, Kind.TAMPER, "alarm", "an alarm at the door", bits)
            facts += self._alarm(door, _TIMEOUT, Kind.PORTAL_HELD_OPEN, "", "the door stands open for too long", bits)
            is_open = {_CLOSED: False, _OPEN: True}.get(state.contacts[door - 1])
            if door not in self._contacts or self._contacts[door] is not is_open:
                self._contacts[door] = is_open
                facts.append(DoorContact(door, is_open))
        return facts

    def _alarm(self, door: int, bit: int, kind: Kind, name: str, words: str, bits: int) -> list[DeviceFact]:
        active = bool(bits & bit)
        if self._alarms.get((door, bit)) is active:
            return []
        self._alarms[door, bit] = active
        return [GateAlarm(door, kind, words if active else f"over: {words}", active=active, input=name)]
