"""What a device should hold by the rules here, and how that differs from what it holds. Pure: no clock, no store.

A device that decides by itself knows no second factors, so a door is in a holding only if one factor suffices there.
Schedules it keeps itself where it can (ports.Scheduling): the door's hours are named, by the schedules of all levels
that lead there. Where it can't, a door is in a holding only while a schedule is open. In a threat it holds only those
whom the threat allows. Keys: badges, or UHPPOTE's cards.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, Protocol

from devicemgr.domain.model import Factor, Person
from devicemgr.domain.ports.device import Holding
from devicemgr.domain.rules.cards.formats import controller_number, whole_number
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.decision.usable_cards import cards_by_person, end_with_cards
from devicemgr.domain.rules.factors import suffices
from devicemgr.domain.rules.threats.device_doors import Door, entitled_people

Holds = Literal["people", "cards"]

_NO_NUMBER = "the controller reads this card as no number, or as another card's; assign it as FACILITY:NUMBER"
_TWO_PEOPLE = "two people's cards are read as this number; take it from one of them"


def takes_any_card(_: str) -> None:
    """Accept any card: the `card_refusal` of a device that holds every card (ports.CardLimits)."""


class State(StrEnum):
    """Where one key on one device stands; `to_remove` until it is read back as gone."""

    PENDING = "pending"
    HELD = "held"
    FAILED = "failed"
    TO_REMOVE = "to_remove"


@dataclass(frozen=True, slots=True)
class Record:
    """What is known here of one key on one device: by the person's random id, without a name.

    `digest` is of the holding that was last put, `seen` of how the device tells it, `face` of the sample it was given.
    """

    key: str
    person_id: str
    state: State
    digest: str | None = None
    seen: str | None = None
    face: str | None = None
    error: str | None = None

    def revoked(self) -> "Record":
        """Return the same, to be removed; nothing names what was held."""
        return replace(self, state=State.TO_REMOVE, digest=None, seen=None)

    def again(self) -> "Record":
        """Return the same, to be put."""
        return replace(self, state=State.PENDING, error=None)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a device takes: people or cards, face samples or none; `decides` when it opens without asking here.

    `hours` when it keeps weekly hours by itself, but for the names in `no_hours`, which it refused.
    """

    holds: Holds
    faces: bool = False
    decides: bool = True
    hours: bool = False
    no_hours: frozenset[str] = frozenset()
    card_refusal: Callable[[str], str | None] = takes_any_card


class Samples(Protocol):
    """Face samples for devices, of people whose consent is in force."""

    def digests(self) -> Mapping[str, str]:
        """By person's id, what names the present sample."""

    def jpeg(self, person_id: str, /) -> bytes | None:
        """Return the sample; None when there is none any more."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A holding and whose it is."""

    person_id: str
    holding: Holding


@dataclass(frozen=True, slots=True)
class Desired:
    """What a device should hold, by key; `unfit` what it should and can't, with person's id and reason.

    `missing` says by key what of it the device can't hold, while it holds the rest. `hours` leads from the names of
    weekly hours to their schedules; `by_clock` are those that this box keeps for it.
    """

    wanted: Mapping[str, Wanted] = field(default_factory=dict)
    unfit: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    hours: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_clock: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """Keys by what is to be done, in the order in which it is done; `unknown` belong to no one here, and are left."""

    remove: tuple[str, ...] = ()
    restrict: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Return True when something is to be done."""
        return bool(self.remove or self.restrict or self.change or self.add)


def desired(
    device: str, policy: Policy, snapshot: Snapshot, times: Sequence[datetime], faces: Mapping[str, str]
) -> Desired:
    """Who may pass at `device` at each of `times`; `faces` leads from people's ids to sample digests."""
    cards = cards_by_person(snapshot, times)
    entitled, kept = entitled_people(device, snapshot, times, alone=policy.decides), _Hours(policy)
    if policy.holds == "cards":
        return _desired_cards(kept, entitled, cards, snapshot)
    wanted, unfit, missing = {}, {}, {}
    for person, doors in entitled:
        face = faces.get(person.id) if policy.faces and person.face_consent else None
        if face is not None and policy.decides and not _alone(Factor.FACE, person, doors):
            face = None
        numbers, refused = _fitting(cards.get(person.id, ()), policy)
        if refused:
            missing[person.badge] = refused
        if face is None and not numbers:
            if refused:
                unfit[person.badge] = (person.id, refused)
            continue  # without face or card no one can pass there, so nothing of theirs goes there
        factors = [factor for factor, given in ((Factor.FACE, face), (Factor.CARD, numbers)) if given]
        opens, hours = kept.of(person, doors, factors)
        end = person.valid_to if face is not None else end_with_cards(person, numbers, snapshot)
        holding = Holding(person.badge, person.name, numbers, opens, person.valid_from, end, face, hours)
        wanted[person.badge] = Wanted(person.id, holding)
    return Desired(wanted, unfit, missing, kept.names, frozenset(kept.by_clock))


def _fitting(cards: Sequence[str], policy: Policy) -> tuple[tuple[str, ...], str]:
    """Return the cards that the device can hold, and in words which it can't and why."""
    refused = [why for why in map(policy.card_refusal, cards) if why is not None]
    fitting = cards if not refused else [card for card in cards if policy.card_refusal(card) is None]
    return tuple(fitting), "; ".join(refused)


def _desired_cards(
    kept: "_Hours",
    entitled: Iterator[tuple[Person, list[Door]]],
    cards: Mapping[str, list[str]],
    snapshot: Snapshot,
) -> Desired:
    wanted: dict[str, Wanted] = {}
    unfit: dict[str, tuple[str, str]] = {}
    for person, doors in entitled:
        for number in cards.get(person.id, ()):
            held = controller_number(number)
            key = number if held is None else str(held)
            if held is None:
                unfit[key] = (person.id, _NO_NUMBER)
                continue
            if key in wanted and wanted[key].person_id != person.id:
                unfit[key] = (person.id, _TWO_PEOPLE)
                continue
            opens, hours = kept.of(person, doors, [Factor.CARD])
            end = end_with_cards(person, (number,), snapshot)
            holding = Holding(key, "", (), opens, person.valid_from, end, None, hours)
            wanted[key] = Wanted(person.id, holding)
    fit = {key: found for key, found in wanted.items() if key not in unfit}
    return Desired(fit, unfit, {}, kept.names, frozenset(kept.by_clock))


class _Hours:
    """Which doors a person is given, and under which hours; collects the names of the hours that come up."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.names: dict[str, tuple[str, ...]] = {}
        self.by_clock: set[str] = set()

    def of(
        self, person: Person, doors: list[Door], factors: list[Factor]
    ) -> tuple[frozenset[int], tuple[tuple[int, str], ...]]:
        """Doors, and the hours of those that are not open at all times."""
        if not self._policy.decides:
            return frozenset(number for door in doors for number in door.numbers), ()
        given: dict[int, list[Door]] = {}
        for door in doors:
            if any(_suffices(factor, person, door) for factor in factors):
                for number in door.numbers:
                    given.setdefault(number, []).append(door)
        opens, hours = set(), []
        for number, ways in sorted(given.items()):
            schedules = {way.schedule for way in ways}
            name = "" if None in schedules else hours_name(sorted(str(schedule) for schedule in schedules))
            if name and self._policy.hours and name not in self._policy.no_hours:
                self.names[name] = tuple(sorted(str(schedule) for schedule in schedules))
                hours.append((number, name))
            elif name:
                self.by_clock |= {str(schedule) for schedule in schedules}
                if not any(way.open_now for way in ways):
                    continue
            opens.add(number)
        return frozenset(opens), tuple(hours)


def hours_name(schedules: Sequence[str]) -> str:
    """Return a short name for the hours of these schedules together.

    The same as long as they are the same schedules.
    """
    return "dm-" + hashlib.sha256("+".join(schedules).encode()).hexdigest()[:12]


def _alone(factor: Factor, person: Person, doors: list[Door]) -> bool:
    """Return whether the factor suffices at every door: a device that decides opens all of a person's doors by it."""
    return all(_suffices(factor, person, door) for door in doors)


def _suffices(factor: Factor, person: Person, door: Door) -> bool:
    shown = frozenset({factor})
    return all(suffices(require, shown, consents=person.face_consent, doubtful_face=False) for require in door.requires)


def entitled_keys(
    device: str, snapshot: Snapshot, times: Sequence[datetime], *, decides: bool = True
) -> dict[str, str]:
    """Every key, badge or printed number, under which the device may hold a person; and whose it is.

    A device that `decides` by itself may not hold those whom a threat in force keeps out.
    """
    cards = cards_by_person(snapshot, times)
    keys = {}
    for person, _ in entitled_people(device, snapshot, times, alone=decides):
        keys[person.badge] = person.id
        keys |= {_key(number): person.id for number in cards.get(person.id, ())}
    return keys


def known_keys(holds: Holds, snapshot: Snapshot) -> dict[str, str]:
    """Return the keys of everybody here, whatever their rights, and whose they are."""
    if holds == "people":
        return {person.badge: person.id for person in snapshot.people.values()}
    # A blocked card is known, so that it is taken away there.
    known = {**snapshot.cards, **snapshot.blocked_cards}
    return {_key(number): person_id for number, person_id in known.items()}


def _key(number: str) -> str:
    held = controller_number(number)
    return number if held is None else str(held)


def digest(holding: Holding) -> str:
    """Return what names a holding with all that it says."""
    times = (holding.valid_from, holding.valid_to)
    parts = (
        holding.key,
        holding.name,
        tuple(sorted(holding.cards)),
        tuple(sorted(holding.doors)),
        tuple(time.astimezone(UTC).isoformat() if time else "" for time in times),
        holding.face,
    )
    if holding.hours:
        parts = (*parts, tuple(sorted(holding.hours)))  # type: ignore[assignment]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def agrees(want: Holding, actual: Holding, record: Record | None) -> bool:
    """Return whether the device holds what it should.

    A device may keep a name or a time more coarsely than it was sent; what it reported after a put is its form of that.
    """
    if _has_extras(want, actual):
        return False
    if record is not None and record.digest == digest(want):
        return record.seen is None or record.seen == digest(actual)
    if want.face is not None and (record is None or record.face != want.face):
        return False
    same = (want.name, _as_read(want.cards), want.doors, want.valid_from, want.valid_to, set(want.hours))
    times = (actual.valid_from, actual.valid_to)
    reported = (actual.name, _as_read(actual.cards), actual.doors, *times, set(actual.hours))
    return same == reported and (want.face is None) == (actual.face is None)


def _has_extras(want: Holding, actual: Holding) -> bool:
    """Return whether a card has what none from here has (ports.Holding); that is no device's form of ours."""
    is_card = not (want.name or want.cards or want.face)
    return is_card and bool(actual.name)


def restricts(want: Holding, actual: Holding) -> bool:
    """Return whether a change takes something away."""
    shorter = want.valid_to is not None and (actual.valid_to is None or want.valid_to < actual.valid_to)
    later = want.valid_from is not None and (actual.valid_from is None or want.valid_from > actual.valid_from)
    face = want.face is None and actual.face is not None
    cards = bool(_as_read(actual.cards) - _as_read(want.cards))
    doors = bool(actual.doors - want.doors or set(want.hours) - set(actual.hours))
    return shorter or later or face or cards or doors


def _as_read(cards: Sequence[str]) -> set[str]:
    """Return cards by their whole numbers, so that two notations of a card are one."""
    return {str(whole_number(card) or card) for card in cards}


def plan(wanted: Desired, actual: Mapping[str, Holding], ours: Mapping[str, Record], known: Mapping[str, str]) -> Plan:
    """Return what to do; a key that is neither recorded (`ours`) nor anybody's here (`known`) is unknown, and stays."""
    gone = [key for key in actual if key not in wanted.wanted]
    differing = [
        key
        for key, want in wanted.wanted.items()
        if key in actual and not agrees(want.holding, actual[key], ours.get(key))
    ]
    restrict = {key for key in differing if restricts(wanted.wanted[key].holding, actual[key])}
    present = set(wanted.wanted) & set(actual)
    return Plan(
        remove=tuple(sorted(key for key in gone if key in ours or key in known)),
        restrict=tuple(sorted(restrict)),
        change=tuple(sorted(set(differing) - restrict)),
        add=tuple(sorted(set(wanted.wanted) - set(actual))),
        same=tuple(sorted(present - set(differing))),
        unknown=tuple(sorted(key for key in gone if key not in ours and key not in known)),
    )
