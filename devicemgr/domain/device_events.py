"""Events that devices report; past tense, frozen, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, Factor, JsonValue


@dataclass(frozen=True, slots=True)
class PassageStarted:
    """A person is in the passage of `channel`."""

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
    """A gate or reader reports an alarm.

    `kind` is portal_forced, portal_held_open, tamper, passage_tailgated, …_reversed, …_climbed or …_obstructed, or, its
    own fault, device_degraded.

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
    """A card now before reader `channel`: every way to write its number (rules.cards), the most specific first.

    A card that can't be read has no `names`, and `unread` says why in words, without its number.
    """

    channel: int
    names: tuple[str, ...]
    unread: str = ""


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
    where the console gives them. `is_bound` when the question has no time, and the answer to it can open only at the
    asking device over the connection that brought it: a copy of it that is sent again opens nothing there.
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
    is_bound: bool = False


@dataclass(frozen=True, slots=True)
class DeviceDecided:
    """A device that decides by itself has let a person in, or not; recorded, never acted on.

    `serial` is the device's own number of the event, `at` its own time; `names` as in CardRead, `badge` where it
    holds people by badge. `live` when it has happened just now, and the gate may be open; `why` is a Reason's value
    where the device's code means one, else words. `evidence` names the factors that it went by, where it says.
    `log` names the memory that `serial` counts in, "" for a device's only or main one. `is_history` for what happened
    before the device was added: the rules here had no say then, so it is never disputed.
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
    log: str = ""
    is_history: bool = False


@dataclass(frozen=True, slots=True)
class DeviceReported:
    """Something else from a device's own memory, by kind, serial, time and memory as in DeviceDecided.

    `input` tells several sources of one alarm apart, as in GateAlarm, which may report its end.
    """

    channel: int
    kind: Kind
    serial: int
    at: datetime
    why: str = ""
    log: str = ""
    input: str = ""


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
