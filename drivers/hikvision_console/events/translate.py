"""Translation of a console's events, from the stream or its memory, to values and facts."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from devicemgr.domain.device_events import (
    DeviceDecided,
    DeviceFact,
    DeviceReported,
    DoorContact,
    FireRelease,
    GateAlarm,
    Presented,
    RexPressed,
)
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Factor, JsonValue
from devicemgr.domain.rules.cards.formats import names_of_number
from devicemgr.text import safe
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.alarm_table import FIRES
from drivers.hikvision_console.events.code_table import SILENT
from drivers.hikvision_console.events.codes import CODES, CONTACTS, EVENT, OPERATION, Code, history_log, log_of
from drivers.hikvision_console.isapi import section

VENDOR = "hikvision"
_MAX_SERIAL = 2**53
_NOT_BY_CARD = re.compile("face|finger|PIN|QR|person|voice|code")
_UNKNOWN_CODE = Code("a code that is not known here", kind=Kind.DEVICE_REPORTED)
# With a person it is a refusal at most, so that no one at a door is dropped.
_UNKNOWN_WITH_PERSON = Code("a code that is not known here", granted=False)
# These carry the vendor's number: their words are only the nearest ones.
_NUMBERED = frozenset({Kind.DEVICE_REPORTED, Kind.DEVICE_DEGRADED, Kind.PORTAL_UNLOCK_FAILED})
# What a gate's alarm can be; other kinds are recorded with the console's own time, also while they happen.
_GATE_ALARMS = frozenset(
    {
        Kind.PORTAL_FORCED,
        Kind.PORTAL_HELD_OPEN,
        Kind.TAMPER,
        Kind.PASSAGE_TAILGATED,
        Kind.PASSAGE_REVERSED,
        Kind.PASSAGE_CLIMBED,
        Kind.PASSAGE_OBSTRUCTED,
    }
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `live` when the console said that it happens now, `asks` when it waits for an answer.

    `at_once` when the stream brought it, before the memory is read; `is_history` when it is older than the console's
    place here. `user` and `host` name who did an operation.
    """

    serial: int
    code: tuple[int, int]
    at: datetime
    reader: int = 1
    door: int = 1
    badge: str | None = None
    card: str = ""
    mode: str = ""
    live: bool | None = None
    asks: bool = False
    score: float | None = None
    at_once: bool = False
    is_history: bool = False
    user: str = ""
    host: str = ""

    @property
    def log(self) -> str:
        """The memory that `serial` counts in."""
        return history_log(self.code[0]) if self.is_history else log_of(self.code[0])

    @property
    def meaning(self) -> Code:
        """What the code stands for."""
        return CODES.get(self.code, _UNKNOWN_CODE)

    @property
    def method(self) -> str:
        """The code as the vendor writes it."""
        return f"{self.code[0]}/0x{self.code[1]:02x}"

    @property
    def names(self) -> tuple[str, ...]:
        """Every way to write the number of the card that was shown; an event may name a card that was not."""
        code = self.meaning
        if code.granted:
            shown = Factor.CARD in code.factors
        else:
            shown = "card" in code.words or not _NOT_BY_CARD.search(code.words)
        return names_of_number(int(self.card)) if shown and self.card.isascii() and self.card.isdigit() else ()


def from_stream(event: dict[str, Any], clock: Clock) -> Event | None:
    """Translate an alert of the stream or of a push; None for heartbeats and other events."""
    inner = section(event, "AccessControllerEvent")
    if not inner:
        return None
    codes = (inner.get("majorEventType"), inner.get("subEventType"))
    found = _event(inner, codes, str(event.get("dateTime") or ""), clock)
    if found is None:
        return None
    return replace(found, live=_flag(inner.get("currentEvent")), asks=_flag(inner.get("remoteCheck")) is True)


def from_memory(event: dict[str, Any], clock: Clock) -> Event | None:
    """Translate an item of AcsEvent's InfoList."""
    return _event(event, (event.get("major"), event.get("minor")), str(event.get("time") or ""), clock)


def _event(event: dict[str, Any], codes: tuple[Any, Any], time: str, clock: Clock) -> Event | None:
    major, minor, serial = _number(codes[0]), _number(codes[1]), _number(event.get("serialNo"))
    at = clock.read(time)
    if major is None or minor is None or serial is None or at is None:
        return None
    badge = str(event.get("employeeNoString") or event.get("employeeNo") or "").strip()[:64]
    return Event(
        serial,
        (major, minor),
        at,
        _number(event.get("cardReaderNo")) or 1,
        _number(event.get("doorNo")) or 1,
        badge or None,
        str(event.get("cardNo") or "").strip()[:20],
        str(event.get("currentVerifyMode") or "")[:40],
        score=_score(event.get("similarity")),
        user=str(event.get("netUser") or "").strip()[:32],
        host=str(event.get("remoteHostAddr") or "").strip()[:45],
    )


def question(event: Event, captured: float, age: float | None = None) -> Presented:
    """Translate an `event` that the console waits for: read at `captured` (CLOCK_MONOTONIC), `age` seconds old then.

    Only the code says what was proven. A card's owner is known by its number.
    """
    code = event.meaning
    factors = code.factors if code.granted else frozenset()
    badge = event.badge if factors != {Factor.CARD} else None
    refused = code.why if code.granted is False else ""
    names = event.names if Factor.CARD in factors else ()
    return Presented(
        event.reader,
        event.serial,
        captured,
        badge,
        names,
        event.score,
        None,
        VENDOR,
        factors,
        refused,
        event.at,
        age,
        event.method,
    )


def recorded(event: Event, clock: Clock) -> DeviceFact | None:
    """Translate an event with its own time; None where another event of the console reports the same."""
    if event.code in CONTACTS:
        return None if event.is_history else DoorContact(event.door, CONTACTS[event.code])
    if event.code[0] == EVENT and event.code[1] in SILENT:
        return None
    code = event.meaning
    if code is _UNKNOWN_CODE and event.code[0] == EVENT and (event.badge or event.card.strip("0")):
        code = _UNKNOWN_WITH_PERSON
    if code.granted is not None:
        return _decided(event, code, clock)
    assert code.kind is not None
    if not event.is_history and (fact := _now(event, code)) is not None:
        return fact
    return DeviceReported(
        event.door, code.kind, event.serial, event.at, _words(event, clock), log=event.log, input=code.input
    )


def _decided(event: Event, code: Code, clock: Clock) -> DeviceDecided:
    return DeviceDecided(
        event.reader,
        bool(code.granted),
        event.serial,
        event.at,
        None,
        event.names,
        event.badge,
        code.why,
        _evidence(event, clock),
        bool(event.live),
        event.log,
        event.is_history,
    )


def confirmed(event: Event) -> DeviceReported:
    """Confirm an event that is recorded already: the fact moves the cursor and reports nothing new."""
    words = event.meaning.words
    return DeviceReported(event.door, Kind.DEVICE_CONFIRMED, event.serial, event.at, words, log=event.log)


def _now(event: Event, code: Code) -> DeviceFact | None:
    """Translate an event of this moment at the gate, or the end of an alarm, which counts however late it comes."""
    if code.ends:
        assert code.kind is not None
        return GateAlarm(event.door, code.kind, code.words, active=False, input=code.input)
    if not event.live:
        return None
    if event.code in FIRES:
        return FireRelease(FIRES[event.code][1])
    if code.kind is Kind.REX_PRESSED:
        return RexPressed(event.door)
    if code.kind not in _GATE_ALARMS:
        return None
    # A missed end must not keep an alarm for good: its begin is an event.
    return GateAlarm(event.door, code.kind, code.words, input=code.input)


def is_alarm(event: Event) -> bool:
    """Return True for what is an alarm or a fire while it happens, and for its end: facts that move no cursor."""
    code = event.meaning
    return event.code in FIRES or code.ends or code.kind in _GATE_ALARMS


def _words(event: Event, clock: Clock) -> str:
    """Describe an event: its code in words, with the number where these are approximate, the method and the skew."""
    code = event.meaning
    words = f"{code.words} ({event.method})" if code.kind in _NUMBERED else code.words
    if event.code[0] == OPERATION:
        words += f" by user {safe(event.user, 32)}" if event.user else ""
        words += f" from {safe(event.host, 45)}" if event.host else ""
    return "; ".join(part for part in (words, clock.note) if part)


def _evidence(event: Event, clock: Clock) -> dict[str, JsonValue]:
    """Return the evidence of the console's decision, and its clock error when that was last measured."""
    found: dict[str, JsonValue] = {"vendor": VENDOR, "clock_skew_s": round(clock.skew, 1)}
    code = event.meaning
    if not code.factors:
        found |= {"code": event.method, "words": code.words}
    if Factor.FACE in code.factors or "face" in code.words:
        found["face"] = {"score": event.score}
    if event.names:
        found["card"] = True
    found |= {str(one): True for one in (Factor.FINGER, Factor.QR, Factor.PIN) if one in code.factors}
    if event.mode:
        found["mode"] = event.mode
    return found


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if 0 <= number < _MAX_SERIAL else None


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else None


def _score(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
