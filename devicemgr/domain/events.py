"""Past-tense facts: what is written to the ledger, and what devices and recognisers report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from devicemgr.domain.model import Direction, Factor, JsonValue


class Kind(StrEnum):
    """Kinds of ledger events (INTERFACES, Events); administrative ones are `admin.…` strings."""

    ACCESS_GRANTED = "access_granted"
    ACCESS_DENIED = "access_denied"
    PORTAL_UNLOCKED = "portal_unlocked"
    PORTAL_UNLOCK_FAILED = "portal_unlock_failed"
    PORTAL_UNLOCK_UNCONFIRMED = "portal_unlock_unconfirmed"
    PORTAL_LOCKED = "portal_locked"
    PASSAGE_STARTED = "passage_started"
    PASSAGE_COMPLETED = "passage_completed"
    PASSAGE_TIMED_OUT = "passage_timed_out"
    PASSAGE_TAILGATED = "passage_tailgated"
    PASSAGE_REVERSED = "passage_reversed"
    PASSAGE_CLIMBED = "passage_climbed"
    PASSAGE_OBSTRUCTED = "passage_obstructed"
    PORTAL_FORCED = "portal_forced"
    PORTAL_HELD_OPEN = "portal_held_open"
    REX_PRESSED = "rex_pressed"
    TAMPER = "tamper"
    FIRE_RELEASE = "fire_release"
    ALARM_ENDED = "alarm_ended"  # detail.alarm says which kind
    DECISION_DISPUTED = "decision_disputed"
    DEVICE_CONFIRMED = "device_confirmed"  # its memory says that it did as it was answered
    DEVICE_ONLINE = "device_online"
    DEVICE_OFFLINE = "device_offline"
    DEVICE_DEGRADED = "device_degraded"
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
    WRONG_PIN = "wrong_pin"
    NO_ACCESS_LEVEL = "no_access_level"
    OUTSIDE_SCHEDULE = "outside_schedule"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    PORTAL_LOCKED = "portal_locked"
    SECOND_FACTOR_REQUIRED = "second_factor_required"
    ANTI_PASSBACK = "anti_passback"
    INTERLOCK = "interlock"
    OCCUPANCY = "occupancy"
    STALE_EVIDENCE = "stale_evidence"
    STORAGE_FAILED = "storage_failed"


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


@dataclass(frozen=True, slots=True)
class Fact:
    """One event to be recorded; the ledger adds seq, id and hash. People by id, never by name or badge.

    `cursor`, a device's id and the serial number of its event, and `condition` are stored in the same transaction and
    not in the event.
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
    cursor: tuple[str, int] | None = None
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class PassageStarted:
    """Somebody is in the passage of `channel`."""

    channel: int
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class PassageCompleted:
    """The arm has turned: `count` people went through `channel`."""

    channel: int
    direction: Direction | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class GateAlarm:
    """A gate or reader reports an alarm: portal_forced, portal_held_open, tamper, passage_tailgated, …_reversed,
    …_climbed or …_obstructed, or, its own fault, device_degraded.

    `active` True begins a state that the device will end with False, which it reports also when it finds the state over
    after an opening; a repeated state is no fault. None is an event whose end the device never reports. `input` tells
    several sources of one kind and channel apart.
    """

    channel: int
    kind: Kind
    detail: str = ""
    active: bool | None = None
    input: str = ""


@dataclass(frozen=True, slots=True)
class DoorContact:
    """State of the door at `channel`, at the first reading and when it changes; None when it can't be known."""

    channel: int
    is_open: bool | None


@dataclass(frozen=True, slots=True)
class RexPressed:
    """The request-to-exit button of `channel` was pressed."""

    channel: int


@dataclass(frozen=True, slots=True)
class FireRelease:
    """State of a fire input, as read or received: at the first reading after each open(), then when it changes.

    While `active` nothing is locked or blocked. None means that the state can no longer be known, such as after the
    device's events stopped. `is_presumed`: the device's memory holds no report of the input, so it is inactive unless
    a fire was reported before; this never ends a fire.
    """

    active: bool | None
    input: str = ""
    is_presumed: bool = False


@dataclass(frozen=True, slots=True)
class CardRead:
    """A card now before reader `channel`: every way to write its number (rules.cards), the most specific first."""

    channel: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeysPressed:
    """Keys of reader `channel` in order: 0-9, `*` clears, `#` enters; never logged, never in repr."""

    channel: int
    keys: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Presented:
    """A person stands before a console now, which asks what to do (ports.Verifier); evidence, not a decision.

    `factors` are those that the console proved, by its code or method; without any of them the question opens nothing.
    `badge` names whom, and proves nothing by itself; None for a card alone, whose `names` are as in CardRead.
    `refused` is the console's own refusal, a Reason's value or words; "" when it has none.
    `captured` is the CLOCK_MONOTONIC second by which the question had arrived. `at` is the console's own time of it and
    `age` the seconds between that and the console's clock when the question was read, None while its clock is unknown.
    `method` is the vendor's word for what was used. `score` is in the vendor's scale, and `liveness` from 0 to 1,
    where the console gives them.
    """

    channel: int
    serial: int
    captured: float
    badge: str | None = None
    names: tuple[str, ...] = ()
    score: float | None = None
    liveness: float | None = None
    vendor: str = ""
    factors: frozenset[Factor] = frozenset()
    refused: str = ""
    at: datetime | None = None
    age: float | None = None
    method: str = ""


@dataclass(frozen=True, slots=True)
class DeviceDecided:
    """A device that decides by itself has let somebody in, or not; recorded, never acted on.

    `serial` is the device's own number of the event, `at` its own time; `names` as in CardRead, `badge` where it
    holds people by badge. `live` when it has happened just now, and the gate may be open; `why` is a Reason's value
    where the device's code means one, else words. `evidence` names the factors that it went by, where it says.
    """

    channel: int
    granted: bool
    serial: int
    at: datetime
    direction: Direction | None = None
    names: tuple[str, ...] = ()
    badge: str | None = None
    why: str = ""
    evidence: Mapping[str, JsonValue] | None = None
    live: bool = False


@dataclass(frozen=True, slots=True)
class DeviceReported:
    """Something else from a device's own memory, by kind, serial and time as in DeviceDecided."""

    channel: int
    kind: Kind
    serial: int
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class PushRefused:
    """Something that was not the device pushed to its listener: how often, from where, and what; at a bounded rate."""

    detail: Mapping[str, JsonValue]


DeviceFact = (
    PassageStarted
    | PassageCompleted
    | GateAlarm
    | DoorContact
    | RexPressed
    | FireRelease
    | CardRead
    | KeysPressed
    | Presented
    | DeviceDecided
    | DeviceReported
    | PushRefused
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """An encoded face of one track at one camera: `captured` and `first_seen` are CLOCK_MONOTONIC seconds.

    `embedding` is a float32 unit vector, the mean over the track's frames; None when it ended without a frame good
    enough to encode. `latest` is the newest frame's alone, and `quality` is that frame's: face_px, sharpness,
    brightness, yaw_deg, pitch_deg, roll_deg, score (0 to 1), and yaw_min_deg, yaw_max_deg since the sighting before.
    `model` made the embeddings; a gallery of another model is never asked about them.
    `timings_ms`: decode, detect, encode and wait, which add up to the time from `captured` to the sending.
    """

    device: str
    track: str
    captured: float
    first_seen: float
    frames: int
    embedding: NDArray[np.float32] | None
    ended: bool = False
    quality: Mapping[str, float] = field(default_factory=dict)
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    latest: NDArray[np.float32] | None = None
    model: str = ""
