"""The decision at a portal: one request against one snapshot of rights, without clock, disk or network.

The checks stand in CHECKS_OF_EVIDENCE and CHECKS_OF_RIGHTS, in the order in which they are made. The first that
objects gives the reason; when none objects, and only then, access is granted. What is missing objects: an unknown
portal, person, schedule or zone, and a number that is not a number, keep the gate closed.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import (
    AccessLevel,
    ConsoleLiveness,
    Direction,
    Factor,
    Liveness,
    Person,
    Portal,
    PortalMode,
    Schedule,
)
from devicemgr.domain.rules.factors import suffices
from devicemgr.domain.rules.schedules import find_zone, is_open
from devicemgr.domain.rules.validity import invalidity
from devicemgr.domain.zones import Interlock, Zone

MAX_EVIDENCE_AGE_S = 2.0
# Consoles give whole seconds, and their clocks are read to half a second.
MAX_CONSOLE_AGE_S = MAX_EVIDENCE_AGE_S + 1.5
# What was shown first waits this long for a card, a face or a PIN.
SECOND_FACTOR_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class FaceEvidence:
    """What recognition says of one face: cosine scores, higher is more alike; `reason` None for a match."""

    score: float | None
    threshold: float
    margin: float | None
    frames: int
    liveness: float | None = None
    person_id: str | None = None
    reason: Reason | None = None
    vendor: str = ""


@dataclass(frozen=True, slots=True)
class CardEvidence:
    """A card that was read: every number it answers to, and its holder; `person_id` None without one.

    One that could not be read has no numbers; `unread` says why.
    """

    names: tuple[str, ...]
    person_id: str | None = None
    is_blocked: bool = False
    unread: str = ""


@dataclass(frozen=True, slots=True)
class ConsoleEvidence:
    """What a console says of a person: the factors it proved, and the person of its badge (None for an unknown one).

    `stale` says in words why its question is not of now, or is a repetition; "" when it is fresh. `refused` is True
    when the console itself refused, for `reason` where that is one of ours.
    """

    vendor: str
    method: str = ""
    factors: frozenset[Factor] = frozenset()
    person_id: str | None = None
    stale: str = ""
    refused: bool = False
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """Presentation of a person: `at` is aware wall time, `captured`, `first` and `now` are CLOCK_MONOTONIC seconds.

    `captured` is when the last of face, card and PIN came, `first` when the first did. `pin` is True for the right
    one, False for a wrong one, None for none. `more_possible` tells of a reader on that side, for a second factor.
    `console` is what a console proved beside `face`, `card` and `pin`, and `question` the number of its question.
    `also_at` are other times at which the right must hold, while it is not known which of two clocks is right.
    """

    id: str
    portal: str
    direction: Direction
    device: str
    at: datetime
    captured: float
    now: float
    face: FaceEvidence | None = None
    card: CardEvidence | None = None
    pin: bool | None = None
    first: float | None = None
    more_possible: bool = False
    question: int | None = None
    also_at: tuple[datetime, ...] = ()
    console: ConsoleEvidence | None = None


_MAPPINGS = (
    "people",
    "levels",
    "schedules",
    "portals",
    "zones",
    "interlocks",
    "modes",
    "cards",
    "blocked_cards",
    "pins",
    "badges",
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rights and the site at one `version`; people by id, the rest by name; `modes` overrides Portal.mode.

    `cards`, `blocked_cards` (those that open nothing, such as lost ones) and `badges` lead to people's ids, `pins`
    from ids to argon2id hashes; `lookalikes` are ids of people whose faces are too much alike to open by themselves
    where there is a reader; `readers` names the devices at access points that can read a card or take a PIN.
    `lanes_side_by_side` is for how many seconds a person who was granted at one lane of a group gets no second grant
    at the others.
    """

    version: int
    people: Mapping[str, Person] = field(default_factory=dict)
    levels: Mapping[str, AccessLevel] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    portals: Mapping[str, Portal] = field(default_factory=dict)
    zones: Mapping[str, Zone] = field(default_factory=dict)
    interlocks: Mapping[str, Interlock] = field(default_factory=dict)
    modes: Mapping[str, PortalMode] = field(default_factory=dict)
    fire_active: bool = False
    cards: Mapping[str, str] = field(default_factory=dict)
    blocked_cards: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict, repr=False)
    lookalikes: frozenset[str] = frozenset()
    badges: Mapping[str, str] = field(default_factory=dict)
    readers: frozenset[str] = frozenset()
    lanes_side_by_side: float = 0.0

    def __post_init__(self) -> None:
        for name in _MAPPINGS:
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for schedule in self.schedules.values():
            find_zone(schedule.timezone)  # now, so that deciding reads no disk

    def card_read(self, names: tuple[str, ...]) -> CardEvidence:
        """Return a card that answers to these numbers, with its holder; blocked if any of the numbers is."""
        for cards in (self.blocked_cards, self.cards):
            person = next((cards[name] for name in names if name in cards), None)
            if person is not None:
                return CardEvidence(names, person, is_blocked=cards is self.blocked_cards)
        return CardEvidence(names)


@dataclass(frozen=True, slots=True)
class Decision:
    """Granted, or why not; `person_id` as far as a person was identified and is known."""

    granted: bool
    reason: Reason | None
    person_id: str | None


@dataclass(frozen=True, slots=True)
class Check:
    """A row of the tables below: deny with `reason` when `objects`; `when` says it in words for the docs."""

    reason: Reason
    when: str
    objects: Callable[[AccessRequest, Person, Snapshot], bool]


# What a device may refuse for although it does not know the rights as exactly as the rules here do.
REASONS_OF_RIGHTS = frozenset(
    {
        Reason.CONSENT_WITHDRAWN,
        Reason.SUSPENDED,
        Reason.NOT_YET_VALID,
        Reason.EXPIRED,
        Reason.PORTAL_LOCKED,
        Reason.NO_ACCESS_LEVEL,
        Reason.OUTSIDE_SCHEDULE,
    }
)

# Stands for a person who isn't known, so that no check meets None; has no rights, and is suspended besides.
NO_PERSON = Person(id="", badge="", name="", suspended=True)


def decide(request: AccessRequest, snapshot: Snapshot) -> Decision:
    """Grant when no check objects, else deny with the reason of the first that does; pure; never raises."""
    person = _person(request, snapshot)
    if request.console is not None and request.console.refused and not _is_stale(request):
        reason = exact_reason(request.console.reason, request, person, snapshot) or Reason.UNKNOWN_CREDENTIAL
        return Decision(granted=False, reason=reason, person_id=person.id or None)
    for check in CHECKS_OF_EVIDENCE:
        if check.objects(request, person, snapshot):
            return Decision(granted=False, reason=check.reason, person_id=None)
    at_each_time = [request, *(replace(request, at=at) for at in request.also_at)]
    for check in CHECKS_OF_RIGHTS:
        if any(check.objects(reading, person, snapshot) for reading in at_each_time):
            return Decision(granted=False, reason=check.reason, person_id=person.id)
    return Decision(granted=True, reason=None, person_id=person.id)


def exact_reason(reported: Reason | None, request: AccessRequest, person: Person, snapshot: Snapshot) -> Reason | None:
    """Return why a device's refusal is right: our own reason where it is one of rights and the rights are ours to know.

    A device that refuses for what it saw (a wrong PIN, another face) is taken at its word.
    """
    if person is NO_PERSON or (reported is not None and reported not in REASONS_OF_RIGHTS):
        return reported
    checks = (check for check in CHECKS_OF_RIGHTS if check.reason in REASONS_OF_RIGHTS)
    return next((check.reason for check in checks if check.objects(request, person, snapshot)), reported)


def _person(request: AccessRequest, snapshot: Snapshot) -> Person:
    shown = request.card or request.face or request.console
    if shown is None or shown.person_id is None:
        return NO_PERSON
    return snapshot.people.get(shown.person_id, NO_PERSON)


def _is_stale(request: AccessRequest) -> bool:
    age = request.now - request.captured
    waited = 0.0 if request.first is None else request.captured - request.first
    fresh = 0.0 <= age <= MAX_EVIDENCE_AGE_S and 0.0 <= waited <= SECOND_FACTOR_WITHIN_S
    is_late = request.console is not None and bool(request.console.stale)
    return not fresh or is_late or any(at.utcoffset() is None for at in (request.at, *request.also_at))


def _shows_nothing(request: AccessRequest) -> bool:
    proved = request.console is not None and bool(request.console.factors)
    return request.face is None and request.card is None and not proved


def _is_unassigned(request: AccessRequest, person: Person) -> bool:
    return person is NO_PERSON and (request.card is not None or request.face is None)


def _says(request: AccessRequest, reason: Reason) -> bool:
    return request.face is not None and request.face.reason is reason


def _console_doubts(request: AccessRequest) -> bool:
    """Return True if a console takes the face for a picture: its liveness, by a sensor of its own, is below a half."""
    face = request.face
    return face is not None and bool(face.vendor) and face.liveness is not None and not face.liveness >= 0.5


def _lacks_liveness(request: AccessRequest, snapshot: Snapshot) -> bool:
    portal, face = snapshot.portals.get(request.portal), request.face
    if portal is None or face is None or not face.vendor or face.liveness is not None:
        return False
    return portal.liveness is not Liveness.OFF and portal.console_liveness is not ConsoleLiveness.TRUST


def _runner_up_as_good(request: AccessRequest) -> bool:
    """Return True if the match is ambiguous; a margin of None means that there is no other person to compare with."""
    margin = None if request.face is None else request.face.margin
    return margin is not None and not (math.isfinite(margin) and margin > 0.0)


def _is_no_match(request: AccessRequest) -> bool:
    """Return True if the face matches no one.

    The gallery has applied its threshold already, and this checks it again.
    """
    face = request.face
    if face is None:
        return _shows_nothing(request)
    if face.reason is not None or face.person_id is None:
        return True
    if face.vendor:
        return False  # A console has matched by itself; it need not tell how well.
    if face.score is None:
        return True
    return not (math.isfinite(face.score) and math.isfinite(face.threshold) and 0.0 < face.threshold <= face.score)


def _is_locked(request: AccessRequest, snapshot: Snapshot) -> bool:
    """Return True if the portal is locked and no fire input is active: a lock gives way to fire."""
    portal = snapshot.portals.get(request.portal)
    if portal is None or snapshot.fire_active:
        return False
    return snapshot.modes.get(portal.name, portal.mode) is PortalMode.LOCKED


def _schedules_for(request: AccessRequest, person: Person, snapshot: Snapshot) -> Iterator[str | None]:
    """Of each of the person's levels that covers the portal, the schedule name; None means always."""
    if request.portal not in snapshot.portals:
        return
    for name in person.levels:
        level = snapshot.levels.get(name)
        if level is not None and request.portal in level.portals:
            yield level.portals[request.portal]


def _has_no_level(request: AccessRequest, person: Person, snapshot: Snapshot) -> bool:
    return not any(True for _ in _schedules_for(request, person, snapshot))


def _is_outside(request: AccessRequest, person: Person, snapshot: Snapshot) -> bool:
    return not any(_is_open_now(name, request.at, snapshot) for name in _schedules_for(request, person, snapshot))


def _are_two_people(request: AccessRequest) -> bool:
    face, card, console = request.face, request.card, request.console
    named = None if console is None else console.person_id
    if card is None:
        return False
    return (face is not None and face.person_id != card.person_id) or named not in (None, card.person_id)


def _wants_more(request: AccessRequest, person: Person, snapshot: Snapshot) -> bool:
    portal = snapshot.portals.get(request.portal)
    given = {Factor.FACE: request.face, Factor.CARD: request.card, Factor.PIN: request.pin or None}
    shown = frozenset(factor for factor, evidence in given.items() if evidence is not None)
    shown |= request.console.factors & {Factor.FINGER, Factor.QR} if request.console is not None else frozenset()
    doubtful = person.id in snapshot.lookalikes and request.more_possible
    return portal is None or not suffices(portal.require, shown, consents=person.face_consent, doubtful_face=doubtful)


def _is_open_now(name: str | None, at: datetime, snapshot: Snapshot) -> bool:
    if name is None:
        return True
    schedule = snapshot.schedules.get(name)
    return schedule is not None and is_open(schedule, at)


# fmt: off
CHECKS_OF_EVIDENCE = (
    Check(Reason.STALE_EVIDENCE,
          f"captured more than {MAX_EVIDENCE_AGE_S:g} s ago or at no usable time, or repeated by a console",
          lambda request, _, __: _is_stale(request)),
    Check(Reason.UNKNOWN_CREDENTIAL, "nothing was presented, or nothing that a console proves",
          lambda request, _, __: _shows_nothing(request)),
    Check(Reason.UNKNOWN_CREDENTIAL, "the card, or the badge that a console names, has no holder",
          lambda request, person, _: _is_unassigned(request, person)),
    Check(Reason.LIVENESS_FAILED, "the face does not look alive",
          lambda request, _, __: _says(request, Reason.LIVENESS_FAILED) or _console_doubts(request)),
    Check(Reason.LIVENESS_FAILED, "a console does not say whether the face is alive, and the portal's liveness is on",
          lambda request, _, snapshot: _lacks_liveness(request, snapshot)),
    Check(Reason.LOW_QUALITY, "no picture of the face was good enough",
          lambda request, _, __: _says(request, Reason.LOW_QUALITY)),
    Check(Reason.AMBIGUOUS_FACE, "two enrolled people are too much alike to tell which one it is",
          lambda request, _, __: _says(request, Reason.AMBIGUOUS_FACE) or _runner_up_as_good(request)),
    Check(Reason.UNKNOWN_FACE, "no person matched, or the score is no number at or above the threshold",
          lambda request, _, __: _is_no_match(request)),
    Check(Reason.AMBIGUOUS_FACE, "the face, or the badge that a console names, and the card are two people's",
          lambda request, _, __: _are_two_people(request)),
    Check(Reason.UNKNOWN_FACE, "the person who matched is no longer known",
          lambda _, person, __: person is NO_PERSON),
)

CHECKS_OF_RIGHTS = (
    Check(Reason.CARD_BLOCKED, "the card is blocked, such as a lost one",
          lambda request, _, __: request.card is not None and request.card.is_blocked),
    Check(Reason.CONSENT_WITHDRAWN, "a face was used, and the person has no consent to face recognition on record",
          lambda request, person, _: request.face is not None and not person.face_consent),
    Check(Reason.SUSPENDED, "the person is suspended",
          lambda request, person, _: invalidity(person, request.at) is Reason.SUSPENDED),
    Check(Reason.NOT_YET_VALID, "before the person's first moment of validity",
          lambda request, person, _: invalidity(person, request.at) is Reason.NOT_YET_VALID),
    Check(Reason.EXPIRED, "at or after the end of the person's validity",
          lambda request, person, _: invalidity(person, request.at) is Reason.EXPIRED),
    Check(Reason.PORTAL_LOCKED, "the portal is locked, and there is no fire",
          lambda request, _, snapshot: _is_locked(request, snapshot)),
    Check(Reason.NO_ACCESS_LEVEL, "none of the person's levels covers the portal, or the portal is unknown",
          _has_no_level),
    Check(Reason.OUTSIDE_SCHEDULE, "no covering level has a schedule that is open now",
          _is_outside),
    Check(Reason.WRONG_PIN, "the PIN is not this person's",
          lambda request, _, __: request.pin is False),
    Check(Reason.SECOND_FACTOR_REQUIRED, "the portal asks for more than was shown, or the face is a look-alike's",
          _wants_more),
)
# fmt: on
