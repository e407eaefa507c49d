"""Events of a controller: the codes of the vendor's appendix as data, and their translation to facts.

Codes come in pairs, the first for the way in and the second for the way out. Flags of fire and guard events are those
of the vendor's ZGuard SDK (ZG_FR_F_…, ZG_SR_F_…). Sources of the codes: the appendix as three public servers have it
that were tried on controllers (acs/z5r of a Go NVR with firmware 2.41, s7server/z5rweb, Z5RWeb ACS Admin), and
ZG_CTR_EV_TYPE of the SDK.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from devicemgr.domain.device_events import (
    DeviceDecided,
    DeviceFact,
    DeviceReported,
    DoorContact,
    FireRelease,
    GateAlarm,
    PassageCompleted,
    RexPressed,
)
from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Direction
from drivers.ironlogic_controller.messages import card_names, whole

GRANTED = {4: "", 52: "the gateway allows it"}
DENIED = {
    2: Reason.UNKNOWN_CREDENTIAL,
    6: "the controller does not allow it",
    10: Reason.PORTAL_LOCKED,
    26: Reason.ANTI_PASSBACK,
    50: Reason.INTERLOCK,
    54: Reason.ANTI_PASSBACK,
}
REPORTS = {
    0: (Kind.REX_PRESSED, ""),
    8: (Kind.PORTAL_UNLOCKED, "opened over the network by another program"),
    12: (Kind.PORTAL_FORCED, "the door was opened without a release"),
    14: (Kind.PORTAL_HELD_OPEN, "the door was left open"),
    16: (Kind.PASSAGE_COMPLETED, ""),
    22: (Kind.REX_PRESSED, "refused: the button is blocked"),
    28: (Kind.DEVICE_DEGRADED, "the lock was switched on (trigger mode)"),
    30: (Kind.DEVICE_DEGRADED, "the lock was switched off (trigger mode)"),
    40: (Kind.PASSAGE_TIMED_OUT, ""),
    48: (Kind.PASSAGE_STARTED, "into the gateway"),
}
DOOR_OPEN, DOOR_CLOSED, REX, NETWORK_OPEN, PASSAGE = 32, 34, 0, 8, 16
RESTARTED, POWER, MODE_CHANGED, FIRE, GUARD = 20, 21, 37, 38, 39
SENSOR_1, SENSOR_2, POWER_CONTROL, HOTEL_MODE, HOTEL_CARD = 18, 19, 36, 64, 65
# Sent before the event of a card; that event names the card itself.
KEY_NUMBERS = frozenset({85, 86})
SINGLE = frozenset(
    {RESTARTED, POWER, MODE_CHANGED, FIRE, GUARD, SENSOR_1, SENSOR_2, POWER_CONTROL, HOTEL_MODE, HOTEL_CARD}
)
FIRE_ACTIVE, GUARD_ALARM = 0x01, 0x02
LIVE_S = 10.0


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `code` is that of the way in, `direction` tells which it was."""

    code: int
    direction: Direction
    card: str
    at: datetime
    flag: int

    @property
    def reader(self) -> int:
        """Return the reader's number, which is the channel of its access point."""
        return 1 if self.direction is Direction.ENTRY else 2

    @property
    def sent_code(self) -> int:
        """Return the code as the controller sent it: that of the way out is one higher."""
        return self.code + (self.direction is Direction.EXIT)

    @property
    def is_live(self) -> bool:
        """Return True if it has happened just now, by the clock that each answer sets."""
        return abs((datetime.now(UTC) - self.at).total_seconds()) < LIVE_S


def read_event(found: Mapping[str, Any], zone: tzinfo | None) -> Event | None:
    """Return an event; None for what has no code. A time that can't be read is now."""
    code = whole(found.get("event"))
    if code is None:
        return None
    is_out = code not in SINGLE | KEY_NUMBERS and code % 2 == 1
    try:
        local = datetime.strptime(str(found.get("time")), "%Y-%m-%d %H:%M:%S")
        at = (local.astimezone() if zone is None else local.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        at = datetime.now(UTC)
    direction = Direction.EXIT if is_out else Direction.ENTRY
    return Event(code - is_out, direction, str(found.get("card") or "")[:16], at, whole(found.get("flag")) or 0)


def facts_of(event: Event, serial: int, *, is_ours: bool, has_fire_input: bool) -> list[DeviceFact]:
    """Return what to report of an event; `is_ours` when it answers an order or answer from here."""
    if is_ours:
        return [DeviceReported(1, Kind.DEVICE_CONFIRMED, serial, event.at, "as it was ordered from here")]
    if event.code in GRANTED or event.code in DENIED:
        granted = event.code in GRANTED
        return [_decided(event, serial, str(GRANTED[event.code] if granted else DENIED[event.code]), granted=granted)]
    if event.code in KEY_NUMBERS:
        return []
    if event.code in (DOOR_OPEN, DOOR_CLOSED):
        return [DoorContact(1, event.code == DOOR_OPEN)] if event.is_live else []
    if event.code in SINGLE:
        return [_of_controller(event, serial, has_fire_input=has_fire_input)]
    return [_reported(event, serial)]


def _reported(event: Event, serial: int) -> DeviceFact:
    if event.code not in REPORTS:
        return _unknown(event, serial)
    kind, words = REPORTS[event.code]
    live: dict[int, DeviceFact] = {
        REX: RexPressed(1),
        PASSAGE: PassageCompleted(1, event.direction),
        12: GateAlarm(1, kind, words),
        14: GateAlarm(1, kind, words),
    }
    if event.is_live and event.code in live:
        return live[event.code]
    return DeviceReported(1, kind, serial, event.at, words)


def _decided(event: Event, serial: int, why: str, *, granted: bool) -> DeviceDecided:
    return DeviceDecided(
        event.reader,
        granted,
        serial,
        event.at,
        event.direction,
        card_names(event.card),
        why=why,
        evidence={"card": True, "vendor": "ironlogic", "code": event.sent_code},
        live=event.is_live,
    )


def _unknown(event: Event, serial: int) -> DeviceFact:
    """Return the record of a code that no document has: with a card it is a refusal at most."""
    why = f"event {event.sent_code}, flag {event.flag}, which its documents do not have"
    if card_names(event.card):
        return _decided(event, serial, why, granted=False)
    return DeviceReported(1, Kind.DEVICE_DEGRADED, serial, event.at, why)


def _of_controller(event: Event, serial: int, *, has_fire_input: bool) -> DeviceFact:
    if event.code == HOTEL_CARD and card_names(event.card):
        # Whether it opened is not said: it is a refusal at most.
        return _decided(event, serial, f"a card in hotel mode, flag {event.flag}", granted=False)
    if event.code == FIRE and has_fire_input:
        return FireRelease(bool(event.flag & FIRE_ACTIVE))
    words = {
        RESTARTED: "the controller was restarted",
        POWER: f"its power {'is back' if event.flag & 1 else 'was lost'}",
        MODE_CHANGED: f"its mode was changed (flag {event.flag})",
        FIRE: f"fire mode {'began' if event.flag & FIRE_ACTIVE else 'ended'} (flag {event.flag}); set fire_input=true",
        GUARD: f"guard event, flag {event.flag}",
        SENSOR_1: f"its sensor 1 (guard) was triggered, flag {event.flag}",
        SENSOR_2: f"its sensor 2 (fire) was triggered, flag {event.flag}",
        POWER_CONTROL: f"its power control switched, flag {event.flag}",
        HOTEL_MODE: f"its hotel mode was changed (flag {event.flag})",
        HOTEL_CARD: f"a card in hotel mode, flag {event.flag}",
    }
    is_alarm = event.code == GUARD and event.flag & GUARD_ALARM
    return DeviceReported(1, Kind.TAMPER if is_alarm else Kind.DEVICE_DEGRADED, serial, event.at, words[event.code])
