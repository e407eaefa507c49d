"""The state of one passage lane: who has been released, who is in it, and what that makes of a turn of the arm.

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
    """Releases that wait, oldest first (entry and exit may both be open), and the passage under way."""

    waiting: tuple[Waiting, ...] = ()
    passing: Passing | None = None

    @property
    def name(self) -> StateName:
        """Return the state in a word."""
        if self.passing is not None:
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
"""Movement and what it meets → the state of that passage and the facts; other releases go on waiting beside it."""


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
    passing = state.passing
    if passing is not None and passing.until <= now:
        facts.append(PassageFact(Kind.PASSAGE_TIMED_OUT, passing.request, passing.direction, PassageReason.TURNED_BACK))
        passing = None
    return LaneState(tuple(release for release in state.waiting if release.until > now), passing), tuple(facts)


def _release(state: LaneState, release: Waiting) -> LaneState:
    # Many step into the lane before they are recognized: the release is then theirs, not the next person's.
    passing = state.passing
    if passing is not None and passing.request is None and _agree(passing.direction, release.direction):
        until = max(passing.until, release.until)
        return replace(state, passing=Passing(release.request, release.direction, until))
    return replace(state, waiting=(*state.waiting, release))


def _move(
    state: LaneState, movement: Movement, direction: Direction | None, until: float, free: bool
) -> tuple[LaneState, tuple[PassageFact, ...]]:
    release = next((release for release in state.waiting if _agree(release.direction, direction)), None)
    situation = _situation(state, movement, direction, release, free)
    next_name, kinds = TRANSITIONS[movement, situation]
    person = _whose(state, situation, release)
    request = person.request if person else None
    direction = direction or (person.direction if person else None)
    waiting, passing = state.waiting, state.passing
    if situation is Situation.EXPECTED:
        waiting = tuple(other for other in waiting if other is not release)
    if situation is Situation.UNDER_WAY:
        passing = passing if next_name is StateName.PASSING else None
    elif next_name is StateName.PASSING:
        passing = Passing(request, direction, max(until, person.until) if person else until)
    return LaneState(waiting, passing), tuple(_fact(kind, request, direction) for kind in kinds)


def _whose(state: LaneState, situation: Situation, release: Waiting | None) -> Waiting | Passing | None:
    if situation is Situation.UNDER_WAY:
        return state.passing
    return release if situation is Situation.EXPECTED else None


def _situation(
    state: LaneState, movement: Movement, direction: Direction | None, release: Waiting | None, free: bool
) -> Situation:
    # A second start can't be distinguished from a repeated report of the first; a second turn of the arm can.
    if state.passing and (movement is Movement.STARTED or _agree(state.passing.direction, direction)):
        return Situation.UNDER_WAY
    if release is not None:
        return Situation.EXPECTED
    return Situation.FREE if free else Situation.UNEXPECTED


def _agree(one: Direction | None, other: Direction | None) -> bool:
    return one is None or other is None or one is other


def _fact(kind: Kind, request: str | None, direction: Direction | None) -> PassageFact:
    return PassageFact(kind, request, direction, PassageReason.NO_RELEASE if kind is Kind.PORTAL_FORCED else None)
