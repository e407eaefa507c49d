"""Translation of a Dahua terminal's events to facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from devicemgr.domain.device_events import DeviceDecided, DeviceReported, DoorContact, GateAlarm, Presented
from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Direction, Factor, JsonValue
from devicemgr.text import safe
from drivers.common.console.device_clock import ClockReading
from drivers.dahua_console.cgi import number
from drivers.dahua_console.events.error_codes import why_refused
from drivers.dahua_console.events.methods import (
    BUTTON,
    DURESS_CARD,
    DURESS_PIN,
    REMOTE,
    may_show_card,
    proven_by,
)
from drivers.dahua_console.parsing import StreamEvent, moment, question_second, second_of, text_of
from drivers.dahua_console.users.names import CardNumbers

VENDOR = "dahua"

DURESS = "a person was forced to open (duress)"
_ALARMS = {
    "DoorNotClosed": (Kind.PORTAL_HELD_OPEN, ""),
    "BreakIn": (Kind.PORTAL_FORCED, ""),
    "ChassisIntruded": (Kind.TAMPER, "the terminal's case is open"),
    "Duress": (Kind.DURESS_SIGNALLED, DURESS),
    "AlarmLocal": (Kind.TAMPER, "an alarm input of the terminal"),
}
_DIRECTIONS = {"Entry": Direction.ENTRY, "Exit": Direction.EXIT, "0": Direction.ENTRY, "1": Direction.EXIT}
_LATE_S = 10.0


def alarm(event: StreamEvent) -> GateAlarm | DoorContact | None:
    """Return an alarm that begins or ends, or a door's contact; None for what is neither.

    The stream tells no states after a loss, so that a missed end must not keep an alarm for good.
    """
    if event.code == "DoorStatus":
        is_open = {"open": True, "close": False}.get(text_of(event.data, "Status").lower())
        return None if is_open is None else DoorContact(event.door + 1, is_open)
    kind, words = _ALARMS.get(event.code, (None, ""))
    if kind is None:
        return None
    name = f"alarm {event.index}" if event.code == "AlarmLocal" else event.code
    return GateAlarm(event.door + 1, kind, words, active=False if event.action.lower() == "stop" else None, input=name)


@dataclass(frozen=True, slots=True)
class Terms:
    """One terminal's way to write times and cards, and the seconds that its clock is ahead."""

    zone: tzinfo = UTC
    numbers: CardNumbers = field(default_factory=CardNumbers)
    skew: float = 0.0


def happened(
    data: Mapping[str, Any],
    serial: int,
    terms: Terms = Terms(),
    *,
    live: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> DeviceDecided | DeviceReported:
    """Translate a record, or an AccessControl event without one.

    `extra` is the stream's event for it, which may carry more fields.
    """
    event = dict(extra or {}) | {key: value for key, value in data.items() if value not in ("", None)}
    channel = min(max(number(event.get("Door", 0)), 0), 255) + 1
    second = second_of(event, terms.zone)
    at = moment(second) if second else datetime.now(UTC)
    method, granted = number(event.get("Method", -1), -1), number(event.get("Status", 0)) == 1
    if granted and method in (REMOTE, BUTTON):
        kind = Kind.PORTAL_UNLOCKED if method == REMOTE else Kind.REX_PRESSED
        return DeviceReported(channel, kind, serial, at, "remote command" if method == REMOTE else "")
    # A refusal names the card that was refused by a method of cards; who used something else may have a card as well.
    names = terms.numbers.names(text_of(event, "CardNo")) if may_show_card(method) else ()
    return DeviceDecided(
        channel,
        granted,
        serial,
        at,
        _DIRECTIONS.get(text_of(event, "Type")),
        names,
        text_of(event, "UserID") or None,
        "" if granted else _why(event, method),
        _evidence(event, method, terms.skew),
        live and abs(datetime.now(UTC).timestamp() + terms.skew - at.timestamp()) < _LATE_S,
    )


def is_forced(data: Mapping[str, Any]) -> bool:
    """Return whether a person opened under duress, by PIN or card."""
    method, card_type = number(data.get("Method", -1), -1), number(data.get("CardType", 0))
    return number(data.get("Status", 0)) == 1 and (
        method == DURESS_PIN or (card_type == DURESS_CARD and Factor.CARD in proven_by(method))
    )


def presented(
    event: StreamEvent,
    serial: int,
    captured: float,
    clock: ClockReading | None = None,
    read: float | None = None,
    numbers: CardNumbers | None = None,
) -> Presented:
    """Translate a question of online mode, read at the CLOCK_MONOTONIC second `read` (`captured` if not given).

    Only the method says what was proven, and only where the terminal's own match succeeded. A card's owner is known by
    its number.
    """
    method = number(event.data.get("Method", -1), -1)
    refused = "" if _succeeded(event.data) else _why(event.data, method) or "the terminal refused by itself"
    factors = frozenset[Factor]() if refused else proven_by(method)
    numbers = numbers or CardNumbers()
    names = numbers.names(text_of(event.data, "CardNo")) if Factor.CARD in factors else ()
    badge = text_of(event.data, "UserID") or None
    second = question_second(event.data, event.zone)
    at = moment(second) if second else None
    age = clock.age_of(at, captured if read is None else read) if clock is not None and at is not None else None
    return Presented(
        event.door + 1,
        serial,
        captured,
        badge if factors != {Factor.CARD} else None,
        names,
        _score(event.data),
        _liveness(event.data),
        VENDOR,
        factors,
        refused,
        at,
        age,
        str(method),
    )


def _succeeded(data: Mapping[str, Any]) -> bool:
    """Return True if the terminal says of its own match that it was one; what says nothing was none."""
    return number(data.get("Status", 0)) == 1 and number(data.get("ErrorCode", 0), -1) == 0


def _why(event: Mapping[str, Any], method: int) -> str:
    code = number(event.get("ErrorCode", 0))
    if Factor.FACE in proven_by(method) and not text_of(event, "UserID"):
        return Reason.UNKNOWN_FACE
    return why_refused(code, is_known=bool(text_of(event, "UserID"))) if code else ""


def _evidence(event: Mapping[str, Any], method: int, skew: float) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {"vendor": VENDOR, "method": method}
    factors = proven_by(method)
    found |= {str(factor): True for factor in (Factor.FINGER, Factor.QR, Factor.PIN) if factor in factors}
    if Factor.FACE in factors:
        face: dict[str, JsonValue] = {"vendor": VENDOR}
        face |= {} if (score := _score(event)) is None else {"score": score}
        face |= {} if (liveness := _liveness(event)) is None else {"liveness": liveness}
        found["face"] = face
    if Factor.CARD in factors and text_of(event, "CardNo"):
        found["card"] = True
    if reader := text_of(event, "ReaderID", 16):
        found["reader"] = safe(reader)
    if abs(skew) >= 1.0:
        found["clock_skew_s"] = round(skew, 1)
    return found


def _score(event: Mapping[str, Any]) -> float | None:
    return _bounded(event.get("Similarity"), 100.0)


def _liveness(event: Mapping[str, Any]) -> float | None:
    """Parse `Alive`, which comes as 0 to 100, or as yes and no."""
    value = _bounded(event.get("Alive"), 100.0)
    return value / 100.0 if value is not None and value > 1.0 else value


def _bounded(value: object, most: float) -> float | None:
    if isinstance(value, bool):
        return float(value)
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if 0.0 <= found <= most else None
