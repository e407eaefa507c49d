"""From when to when people were in a place, from the changes of their place that the fold of the ledger makes.

A stay begins and ends by recorded passages. Where one of them is missing, its time is None and the stay says why.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.areas.draft import FoldEvent, Movement
from devicemgr.domain.rules.areas.whereabouts import How
from devicemgr.domain.rules.areas.zone_map import ZoneMap

GroupOf = Callable[[str | None], str | None]
"""Leads from a zone to what a stay is in, such as the site; None for what is not counted."""

_BY_DEVICE = (How.RELEASE, How.DEVICE)


class Flag(StrEnum):
    """What is to be known of a stay before its times are believed."""

    NO_EXIT = "no_exit"  # an entry without an exit
    NO_ENTRY = "no_entry"  # an exit without an entry
    FORGOTTEN = "forgotten"  # the place of the person was made unknown, by a setting of the zone or by an operator
    OFFLINE_SOURCE = "offline_source"  # a device decided alone, and reported it later
    UNSURE = "unsure"  # a gate's answer was lost, a device at the edge was away, or its clock is not ours


@dataclass(frozen=True, slots=True)
class Stay:
    """A time in `group`; `begin` or `end` is None where no passage says it.

    `known_from` and `known_to` are the first and last instant at which the person is on record there; `known_to` is
    None while the record ends with the person inside.
    """

    person_id: str
    group: str
    begin: datetime | None
    end: datetime | None
    known_from: datetime
    known_to: datetime | None
    flags: frozenset[Flag]

    @property
    def seconds(self) -> float | None:
        """Return how long it was; None where that would be a guess."""
        return (self.end - self.begin).total_seconds() if self.begin and self.end else None

    @property
    def counts_for(self) -> datetime:
        """Return the instant by whose day the stay is counted: its beginning, or the only passage there is."""
        return self.begin or self.known_from


@dataclass(slots=True)
class _Open:
    group: str
    begin: datetime | None
    known_from: datetime
    flags: set[Flag] = field(default_factory=set)


class Stays:
    """Takes up movements in their order and yields each stay as it ends; `rest` yields those that have not ended."""

    def __init__(self, zones: ZoneMap, group_of: GroupOf) -> None:
        self._zones = zones
        self._group_of = group_of
        self._open: dict[str, _Open] = {}
        # What is to be said of the next exit of people who are not known to be inside.
        self._marks: dict[str, set[Flag]] = {}

    def take(self, movement: Movement) -> Iterator[Stay]:
        """Yield the stays that a movement ends."""
        person, place, event = movement
        is_passage = event.kind in (Kind.PASSAGE_COMPLETED, Kind.PORTAL_UNLOCKED, Kind.ACCESS_GRANTED)
        sides = self._zones.sides(event.portal, event.direction) if is_passage else None
        if place is None:
            yield from self._lose(person, event.time, None)
        elif place.zone is None and place.how is How.RELEASE:
            self._doubt(person)
        elif place.zone is None:
            yield from self._lose(person, event.time, Flag.FORGOTTEN)
        elif sides is None:
            yield from self._put(person, self._group_of(place.zone), event.time)
        else:
            groups = (self._group_of(sides[0]), self._group_of(place.zone))
            yield from self._pass(person, groups, event, _flags_of(event, place.how))

    def rest(self) -> Iterator[Stay]:
        """Yield the stays of those who are on record inside at the end."""
        for person, stay in self._open.items():
            yield _ended(person, stay, None, None, {Flag.NO_EXIT})

    def is_any_open(self, before: datetime) -> bool:
        """Return True if a stay that began before this time has not ended."""
        return any(stay.known_from < before for stay in self._open.values())

    def _pass(
        self, person: str, groups: tuple[str | None, str | None], event: FoldEvent, flags: set[Flag]
    ) -> Iterator[Stay]:
        left, entered = groups
        stay = self._open.get(person)
        if stay is not None and stay.group != left:  # they have left unseen
            del self._open[person]
            yield _ended(person, stay, None, event.time, {Flag.NO_EXIT})
            stay = None
        if left is not None and left != entered:
            if stay is None:
                marks = self._marks.pop(person, set())
                stay = _Open(left, None, event.time, {Flag.NO_ENTRY} | marks)
            self._open.pop(person, None)
            yield _ended(person, stay, event.time, event.time, flags)
        if entered is None:
            return
        if left != entered:
            self._open[person] = _Open(entered, event.time, event.time, flags)
        elif stay is None:  # seen within, without an entry
            self._open[person] = _Open(entered, None, event.time, {Flag.NO_ENTRY} | self._marks.pop(person, set()))
        self._marks.pop(person, None)

    def _put(self, person: str, group: str | None, at: datetime) -> Iterator[Stay]:
        """Take up where an operator says that a person is, which is no passage."""
        stay = self._open.get(person)
        if stay is not None and stay.group == group:
            return
        if stay is not None:
            del self._open[person]
            yield _ended(person, stay, None, at, {Flag.NO_EXIT})
        if group is not None:
            self._open[person] = _Open(group, None, at, {Flag.NO_ENTRY})

    def _lose(self, person: str, at: datetime, why: Flag | None) -> Iterator[Stay]:
        """End what is known of a person's place."""
        flags = {why} if why is not None else set()
        stay = self._open.pop(person, None)
        if stay is not None:
            yield _ended(person, stay, None, at, {Flag.NO_EXIT} | flags)
            self._marks[person] = flags

    def _doubt(self, person: str) -> None:
        """Take up that a gate's answer was lost: whether the person passed, the next passage may say."""
        stay = self._open.get(person)
        (stay.flags if stay is not None else self._marks.setdefault(person, set())).add(Flag.UNSURE)


def _flags_of(event: FoldEvent, how: How) -> set[Flag]:
    flags = {Flag.UNSURE} if how is How.DEVICE else set()
    if event.kind == Kind.ACCESS_GRANTED and how in _BY_DEVICE and event.detail.get("live") is not True:
        flags.add(Flag.OFFLINE_SOURCE)
    return flags


def _ended(person: str, stay: _Open, end: datetime | None, at: datetime | None, more: Iterable[Flag]) -> Stay:
    flags = frozenset(stay.flags | set(more))
    begin = stay.begin
    if begin is not None and end is not None and end < begin:  # a clock was set back between the two
        return Stay(person, stay.group, begin, None, begin, begin, flags | {Flag.NO_EXIT, Flag.UNSURE})
    return Stay(person, stay.group, begin, end, stay.known_from, at, flags)
