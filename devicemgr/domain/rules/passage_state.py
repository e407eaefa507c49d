"""The state of one passage lane: who has been released, who are in it, and what that makes of a turn of the arm.

A wide gate lets several people pass at once, each with a start and an end of their own.

`step` is pure: a state and an input give the next state and the facts to record. What a reported movement means
stands in TRANSITIONS. A device that counts several people in one report is fed as that many Completed inputs: the
first uses up the release, the others went through without one.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction

# How long after a release has ended, or a passage has begun, the arm may still turn for it, at a gate that
# names no time of its own (ports.SelfTimed). A time that is too long only delays `passage_timed_out`.
PASSAGE_TIMEOUT_S = 7.0


@dataclass(frozen=True, slots=True)
class Released:
    """Input: the gate was released for one person for `seconds`; `now` is CLOCK_MONOTONIC seconds, as below."""

    request: str | None
    direction: Direction
    now: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Started:
    """Input: the gate reports a person in the passage; direction None when it does not say."""

    direction: Direction | None
    now: float


@dataclass(frozen=True, slots=True)
class Completed:
    """Input: the gate reports that the arm has turned for one person."""

    direction: Direction | None
    now: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Input: time has passed."""

    now: float


Input = Released | Started | Completed | Tick


@dataclass(frozen=True, slots=True)
class Waiting:
    """A release that is not used yet; void from `until` on."""

    request: str | None
    direction: Direction
    until: float


@dataclass(frozen=True, slots=True)
class Passing:
    """A person in the passage, by whose release if by any; given up from `until` on."""

    request: str | None
    direction: Direction | None
    until: float


class StateName(StrEnum):
    """What `status` shows of a lane."""

    IDLE = "idle"
    RELEASED = "released"
    PASSING = "passing"


@dataclass(frozen=True, slots=True)
class LaneState:
    """Releases that wait and passages under way, each oldest first; entry and exit may both be open."""

    waiting: tuple[Waiting, ...] = ()
    passing: tuple[Passing, ...] = ()

    @property
    def name(self) -> StateName:
        """Return the state in a word."""
        if self.passing:
            return StateName.PASSING
        return StateName.RELEASED if self.waiting else StateName.IDLE


IDLE = LaneState()


class PassageReason(StrEnum):
    """What the facts of a lane give as their reason."""

    UNUSED = "nobody_passed"
    TURNED_BACK = "turned_back"
    NO_RELEASE = "no_release"


@dataclass(frozen=True, slots=True)
class PassageFact:
    """A fact to record: `request` is the one that released the person, None for a passage without a release."""

    kind: Kind
    request: str | None = None
    direction: Direction | None = None
    reason: PassageReason | None = None


class Movement(StrEnum):
    """What a gate reports."""

    STARTED = "started"
    COMPLETED = "completed"


class Situation(StrEnum):
    """What a movement meets, looked for in this order."""

    UNDER_WAY = "a passage is under way that it belongs to"
    EXPECTED = "a release waits for its direction"
    FREE = "the portal is free"
    UNEXPECTED = "none of these"


TRANSITIONS: dict[tuple[Movement, Situation], tuple[StateName, tuple[Kind, ...]]] = {
    (Movement.STARTED, Situation.UNDER_WAY): (StateName.PASSING, ()),
    (Movement.STARTED, Situation.EXPECTED): (StateName.PASSING, (Kind.PASSAGE_STARTED,)),
    (Movement.STARTED, Situation.FREE): (StateName.PASSING, (Kind.PASSAGE_STARTED,)),
    (Movement.STARTED, Situation.UNEXPECTED): (StateName.PASSING, (Kind.PORTAL_FORCED, Kind.PASSAGE_STARTED)),
    (Movement.COMPLETED, Situation.UNDER_WAY): (StateName.IDLE, (Kind.PASSAGE_COMPLETED,)),
    (Movement.COMPLETED, Situation.EXPECTED): (StateName.IDLE, (Kind.PASSAGE_COMPLETED,)),
    (Movement.COMPLETED, Situation.FREE): (StateName.IDLE, (Kind.PASSAGE_COMPLETED,)),
    (Movement.COMPLETED, Situation.UNEXPECTED): (StateName.IDLE, (Kind.PORTAL_FORCED, Kind.PASSAGE_COMPLETED)),
}
"""Movement and what it meets → the state of that passage and the facts; others wait or pass beside it."""


def step(
    state: LaneState, event: Input, *, free: bool, passage_timeout: float = PASSAGE_TIMEOUT_S
) -> tuple[LaneState, tuple[PassageFact, ...]]:
    """Return the next state and the facts to record; what has run out by `event.now` is given up first, tick or not."""
    state, facts = _give_up(state, event.now)
    match event:
        case Released(request, direction, now, seconds):
            return _release(state, Waiting(request, direction, now + seconds + passage_timeout)), facts
        case Started(direction, now):
            state, moved = _move(state, Movement.STARTED, direction, now + passage_timeout, free)
            return state, facts + moved
        case Completed(direction, now):
            state, moved = _move(state, Movement.COMPLETED, direction, now + passage_timeout, free)
            return state, facts + moved
        case Tick():
            return state, facts


def _give_up(state: LaneState, now: float) -> tuple[LaneState, tuple[PassageFact, ...]]:
    facts = [
        PassageFact(Kind.PASSAGE_TIMED_OUT, release.request, release.direction, PassageReason.UNUSED)
        for release in state.waiting
        if release.until <= now
    ]
    facts += [
        PassageFact(Kind.PASSAGE_TIMED_OUT, passing.request, passing.direction, PassageReason.TURNED_BACK)
        for passing in state.passing
        if passing.until <= now
    ]
    waiting = tuple(release for release in state.waiting if release.until > now)
    return LaneState(waiting, tuple(passing for passing in state.passing if passing.until > now)), tuple(facts)


def _release(state: LaneState, release: Waiting) -> LaneState:
    # Many step into the lane before they are recognized: the release is then theirs, not the next person's.
    for passing in state.passing:
        if passing.request is None and _agree(passing.direction, release.direction):
            theirs = Passing(release.request, release.direction, max(passing.until, release.until))
            return replace(state, passing=_with(state.passing, passing, theirs))
    return replace(state, waiting=(*state.waiting, release))


def _move(
    state: LaneState, movement: Movement, direction: Direction | None, until: float, free: bool
) -> tuple[LaneState, tuple[PassageFact, ...]]:
    release = next((release for release in state.waiting if _agree(release.direction, direction)), None)
    under_way = _under_way(state, movement, direction, release, free)
    situation = _situation(under_way, release, free)
    next_name, kinds = TRANSITIONS[movement, situation]
    person = under_way or release
    request = person.request if person else None
    direction = direction or (person.direction if person else None)
    waiting, passing = state.waiting, state.passing
    if situation is Situation.EXPECTED:
        waiting = tuple(other for other in waiting if other is not release)
    if under_way is not None:
        passing = passing if next_name is StateName.PASSING else _with(passing, under_way)
    elif next_name is StateName.PASSING:
        passing = (*passing, Passing(request, direction, max(until, person.until) if person else until))
    return LaneState(waiting, passing), tuple(_fact(kind, request, direction) for kind in kinds)


def _under_way(
    state: LaneState, movement: Movement, direction: Direction | None, release: Waiting | None, free: bool
) -> Passing | None:
    """Return the passage that a movement belongs to.

    A turn of the arm ends the oldest passage of its direction. A start is a second person's if a release waits for one,
    or if another direction of a free portal reports it; else it can't be distinguished from a repeated report.
    """
    named = [passing for passing in state.passing if passing.direction is direction]
    agreeing = named or [passing for passing in state.passing if _agree(passing.direction, direction)]
    if movement is Movement.COMPLETED or agreeing:
        second = movement is Movement.STARTED and release is not None
        return agreeing[0] if agreeing and not second else None
    return state.passing[0] if state.passing and release is None and not free else None


def _situation(under_way: Passing | None, release: Waiting | None, free: bool) -> Situation:
    if under_way is not None:
        return Situation.UNDER_WAY
    if release is not None:
        return Situation.EXPECTED
    return Situation.FREE if free else Situation.UNEXPECTED


def _with(passing: tuple[Passing, ...], one: Passing, *instead: Passing) -> tuple[Passing, ...]:
    at = passing.index(one)
    return (*passing[:at], *instead, *passing[at + 1 :])


def _agree(one: Direction | None, other: Direction | None) -> bool:
    return one is None or other is None or one is other


def _fact(kind: Kind, request: str | None, direction: Direction | None) -> PassageFact:
    return PassageFact(kind, request, direction, PassageReason.NO_RELEASE if kind is Kind.PORTAL_FORCED else None)
