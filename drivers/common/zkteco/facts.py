"""Translation of a ZKTeco terminal's records and states to facts."""

from dataclasses import dataclass

from devicemgr.domain.device_events import DeviceDecided, DeviceFact, DeviceReported, DoorContact, GateAlarm
from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Direction, Factor, JsonValue
from devicemgr.text import rfc3339, safe
from drivers.common.zkteco.codes import (
    CONTACTS,
    DURESS,
    GRANTED,
    READER_TAMPER_ENDS,
    REFUSED,
    REPORTS,
    STATES,
    proven_by,
)
from drivers.common.zkteco.records import Event, card_names

VENDOR = "zkteco"
_DIRECTIONS = {"0": Direction.ENTRY, "1": Direction.EXIT}
# States of an attendance terminal: check-out, break begins and overtime ends lead out.
_ATTENDANCE = {
    "0": Direction.ENTRY,
    "1": Direction.EXIT,
    "2": Direction.EXIT,
    "3": Direction.ENTRY,
    "4": Direction.ENTRY,
    "5": Direction.EXIT,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """The context of an event: whether it has just happened, and how this terminal writes cards and directions."""

    is_live: bool = False
    has_hex_cards: bool = False
    is_attendance: bool = False
    skew_s: float = 0.0


def facts_of(event: Event, reading: Reading) -> list[DeviceFact]:
    """Return what to record of an event; nothing only for the terminal's own service."""
    code = event.code
    if code in GRANTED:
        return _granted(event, reading)
    if code in REFUSED:
        return [_decided(event, reading, granted=False, why=_why(event))]
    if code in REPORTS:
        report = REPORTS[code]
        return [DeviceReported(event.door, report.kind, event.index, event.at, report.why)]
    return _states(event, reading) if code in STATES else [_unknown(event, reading)]


def _states(event: Event, reading: Reading) -> list[DeviceFact]:
    """Return what a state's record says of now; an old one says nothing any more."""
    if event.code in CONTACTS and reading.is_live:
        return [DoorContact(event.door, CONTACTS[event.code])]
    if event.code == READER_TAMPER_ENDS:
        return [GateAlarm(event.door, Kind.TAMPER, "the reader is back", active=False, input="reader")]
    return []


def _granted(event: Event, reading: Reading) -> list[DeviceFact]:
    if event.code == 207 and not event.pin:
        why = "by the door's password"
        return [DeviceReported(event.door, Kind.PORTAL_UNLOCKED, event.index, event.at, why)]
    # The opening itself is shown to everyone, so it says nothing of duress.
    decided = _decided(event, reading, granted=True, why="")
    if event.code not in DURESS:
        return [decided]
    words = f"a person was forced to open (duress), at {rfc3339(event.at)}"
    return [decided, GateAlarm(event.door, Kind.DURESS_SIGNALLED, words)]


def _decided(event: Event, reading: Reading, *, granted: bool, why: str) -> DeviceDecided:
    directions = _ATTENDANCE if reading.is_attendance else _DIRECTIONS
    factors = proven_by(event.verify) if granted else frozenset[Factor]()
    names = card_names(event.card, hexadecimal=reading.has_hex_cards)
    return DeviceDecided(
        event.door,
        granted,
        event.index,
        event.at,
        directions.get(event.inout),
        names if not event.pin or Factor.CARD in factors else (),
        event.pin or None,
        why,
        _evidence(event, reading, factors),
        live=reading.is_live,
    )


def _evidence(event: Event, reading: Reading, factors: frozenset[Factor]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {"vendor": VENDOR, "code": event.code, "method": safe(event.verify, 16)}
    for factor in sorted(factors):
        found[str(factor)] = {"vendor": VENDOR} if factor is Factor.FACE else True
    if abs(reading.skew_s) >= 1.0:
        found["clock_skew_s"] = round(reading.skew_s, 1)
    return found


def _why(event: Event) -> str:
    why = str(REFUSED[event.code])
    if why == Reason.UNKNOWN_CREDENTIAL and Factor.FACE in proven_by(event.verify):
        return str(Reason.UNKNOWN_FACE)
    return why


def _unknown(event: Event, reading: Reading) -> DeviceFact:
    """Return the record of a code that no document has: with a person or a card it is a refusal at most."""
    why = f"event {event.code}, which its documents do not have"
    if event.pin or card_names(event.card, hexadecimal=reading.has_hex_cards):
        return _decided(event, reading, granted=False, why=why)
    return DeviceReported(event.door, Kind.DEVICE_DEGRADED, event.index, event.at, why)
