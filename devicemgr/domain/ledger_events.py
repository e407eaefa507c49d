"""Vocabulary of the ledger: kinds of events, reasons of denials, and one event to record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from devicemgr.domain.model import Direction, JsonValue


class Kind(StrEnum):
    """Kinds of ledger events (INTERFACES, Events); administrative ones are `admin.…` strings."""

    ACCESS_GRANTED = "access_granted"
    ACCESS_DENIED = "access_denied"
    PORTAL_UNLOCKED = "portal_unlocked"
    PORTAL_UNLOCK_FAILED = "portal_unlock_failed"
    PORTAL_UNLOCK_UNCONFIRMED = "portal_unlock_unconfirmed"
    PORTAL_LOCKED = "portal_locked"  # by a guard
    PORTAL_RELOCKED = "portal_relocked"  # after its time
    PORTAL_MODE_EFFECTIVE = "portal_mode_effective"
    THREAT_SET = "threat_set"
    THREAT_ENDED = "threat_ended"
    PASSAGE_STARTED = "passage_started"
    PASSAGE_COMPLETED = "passage_completed"
    PASSAGE_TIMED_OUT = "passage_timed_out"
    PASSAGE_TAILGATED = "passage_tailgated"
    PASSAGE_REVERSED = "passage_reversed"
    PASSAGE_CLIMBED = "passage_climbed"
    PASSAGE_OBSTRUCTED = "passage_obstructed"
    RULE_VIOLATED = "rule_violated"  # and granted all the same: the rule is soft, waived, or a device decided alone
    OCCUPANCY_REACHED = "occupancy_reached"
    OCCUPANCY_BELOW_MINIMUM = "occupancy_below_minimum"
    INTERLOCK_BROKEN = "interlock_broken"
    VISITOR_ASTRAY = "visitor_astray"  # the escort has passed, and the visitor did not follow
    VISITOR_LEFT_BEHIND = "visitor_left_behind"  # the host has left the site, and the visitor is still inside
    PORTAL_FORCED = "portal_forced"
    PORTAL_HELD_OPEN = "portal_held_open"
    REX_PRESSED = "rex_pressed"
    TAMPER = "tamper"
    FIRE_RELEASE = "fire_release"
    DURESS_SIGNALLED = "duress_signalled"  # shown only to those who may know of it (domain/rules/duress/veil.py)
    PIN_VERIFIED = "pin_verified"  # in its place for a PIN that is the usual one
    ALARM_ACKNOWLEDGED = "alarm_acknowledged"
    ALARM_ESCALATED = "alarm_escalated"  # no one has acknowledged it in time
    ALARM_ENDED = "alarm_ended"  # detail.alarm says which kind
    MUSTER_STARTED = "muster_started"
    MUSTER_MARKED = "muster_marked"  # by a guard; a badge at an assembly zone is an event of its own
    MUSTER_ENDED = "muster_ended"
    DECISION_DISPUTED = "decision_disputed"
    DEVICE_CONFIRMED = "device_confirmed"  # its memory says that it did as it was answered
    DEVICE_REPORTED = "device_reported"  # something else that its memory holds, by its number and words
    DEVICE_ONLINE = "device_online"
    DEVICE_OFFLINE = "device_offline"
    DEVICE_DEGRADED = "device_degraded"
    VISIT_ARRIVED = "visit_arrived"
    VISIT_ENDED = "visit_ended"
    VISIT_OVERDUE = "visit_overdue"
    CALENDAR_STALE = "calendar_stale"  # not read for a week
    CALENDAR_HELD = "calendar_held"  # what was read takes away so much that an admin must agree
    OUTLET_FAILING = "outlet_failing"  # nothing has left by it for a while, or it waits for a person
    OUTLET_RESTORED = "outlet_restored"
    OUTLET_SKIPPED = "outlet_skipped"  # an event that the receiver refuses, where the outlet may go on
    OUTLET_GAP = "outlet_gap"  # events were removed, by their age, before they had left
    CLOCK_JUMPED = "clock_jumped"
    STORAGE_FAILED = "storage_failed"
    STORAGE_RESTORED = "storage_restored"


class Reason(StrEnum):
    """Why access was denied (INTERFACES, Events)."""

    UNKNOWN_FACE = "unknown_face"
    AMBIGUOUS_FACE = "ambiguous_face"
    LOW_QUALITY = "low_quality"
    LIVENESS_FAILED = "liveness_failed"
    UNKNOWN_CREDENTIAL = "unknown_credential"
    CARD_BLOCKED = "card_blocked"
    CARD_EXPIRED = "card_expired"
    WRONG_PIN = "wrong_pin"
    NO_ACCESS_LEVEL = "no_access_level"
    OUTSIDE_SCHEDULE = "outside_schedule"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    PORTAL_LOCKED = "portal_locked"
    LOCKDOWN = "lockdown"
    SECOND_FACTOR_REQUIRED = "second_factor_required"
    ANTI_PASSBACK = "anti_passback"
    SECOND_PERSON_REQUIRED = "second_person_required"
    ESCORT_REQUIRED = "escort_required"
    INTERLOCK = "interlock"
    OCCUPANCY = "occupancy"
    FIRST_PERSON_REQUIRED = "first_person_required"
    STALE_EVIDENCE = "stale_evidence"
    STORAGE_FAILED = "storage_failed"


def is_of_kind(kind: str, wanted: str) -> bool:
    """Return True for a kind that is wanted; one that ends with `*` stands for all that begin so."""
    return kind.startswith(wanted[:-1]) if wanted.endswith("*") else kind == wanted


def reason_named(words: str) -> Reason | None:
    """Return the reason with this value, None for other words."""
    return _REASONS.get(words)


_REASONS = {str(reason): reason for reason in Reason}


@dataclass(frozen=True, slots=True)
class Condition:
    """A lasting state that an event begins or ends: a fire input, a forced door, an open case.

    `device_id` is the stored device's id, `input` tells several inputs of one kind and channel apart. `lasting`
    conditions end by the device's own report.
    """

    device_id: str
    kind: str
    active: bool
    channel: int = 0
    input: str = ""
    lasting: bool = True


class Cursor(NamedTuple):
    """How far a device's memory of events is recorded; `log` is "" for a device's only or main memory."""

    device_id: str
    serial: int
    log: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One event to be recorded; the ledger adds seq, id and hash. People by id, never by name or badge.

    `cursor`, `condition` and `roll`, the list of a muster, are stored in the same transaction and not in the event.
    """

    kind: str
    time: datetime
    portal: str | None = None
    direction: Direction | None = None
    device: str | None = None
    person_id: str | None = None
    reason: str | None = None
    request: str | None = None
    evidence: Mapping[str, JsonValue] | None = None
    latency_ms: Mapping[str, JsonValue] | None = None
    detail: Mapping[str, JsonValue] = field(default_factory=dict)
    actor: str | None = None
    cursor: Cursor | None = None
    condition: Condition | None = None
    roll: Mapping[str, JsonValue] | None = None
