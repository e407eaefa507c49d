"""Past-tense facts: what is written to the ledger, and what devices and recognisers report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from devicemgr.model import Direction, JsonValue


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
    PORTAL_FORCED = "portal_forced"
    PORTAL_HELD_OPEN = "portal_held_open"
    REX_PRESSED = "rex_pressed"
    TAMPER = "tamper"
    FIRE_RELEASE = "fire_release"
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


@dataclass(frozen=True, slots=True)
class Fact:
    """One event to be recorded; the ledger adds seq, id and hash. People by id, never by name or badge."""

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
    """A gate reports an alarm; kind is portal_forced, portal_held_open, tamper or (its own fault) device_degraded."""

    channel: int
    kind: Kind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RexPressed:
    """The request-to-exit button of `channel` was pressed."""

    channel: int


@dataclass(frozen=True, slots=True)
class FireRelease:
    """The fire input changed; while `active` nothing is locked or blocked."""

    active: bool


DeviceFact = PassageStarted | PassageCompleted | GateAlarm | RexPressed | FireRelease


@dataclass(frozen=True, slots=True)
class Sighting:
    """An encoded face of one track at one camera: `captured` and `first_seen` are CLOCK_MONOTONIC seconds.

    `embedding` is a float32 unit vector, the mean over the track's frames; None when it ended without a frame good
    enough to encode. `latest` is the newest frame's alone, and `quality` is that frame's: face_px, sharpness,
    brightness, yaw_deg, pitch_deg, roll_deg, score (0 to 1), and yaw_min_deg, yaw_max_deg since the sighting before.
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
