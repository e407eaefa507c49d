"""A muster: the list of people who were in a place when it began, and what has become of each.

The list is fixed at the beginning. Each person on it is missing until they present themselves at an assembly zone or a
guard has seen them (safe), until a passage of theirs leads out (out), or until a guard says with a reason why they are
not there (not here). Frozen, no I/O.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from devicemgr.domain.rules.areas.whereabouts import Place, Whereabouts, place_of
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.zones import OUTSIDE


class Mark(StrEnum):
    """What is noted of a person on the list."""

    SAFE = "safe"
    NOT_HERE = "not_here"
    MISSING = "missing"  # takes back what the same guard has marked before


class Found(StrEnum):
    """What has become of a person on the list."""

    MISSING = "missing"
    SAFE = "safe"
    OUT = "out"
    NOT_HERE = "not_here"


@dataclass(frozen=True, slots=True)
class Marking:
    """A mark: `by` is an operator, or `portal:NAME` for a badge or face shown at an assembly zone."""

    mark: Mark
    by: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A person on the list: the zone of their last recorded passage and its time.

    `entered` is when they last came back into the place after the muster began. `is_late` for one whom a console's
    memory, read during the muster, put on the list or took off it.
    """

    zone: str
    since: datetime
    marks: tuple[Marking, ...] = ()
    entered: datetime | None = None
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Muster:
    """A muster of `zone`, None for the whole site, and its list.

    `unnamed` people were inside when it began without being recognized; below 0, so many of the listed had left so.
    `unnamed_out` and `unnamed_in` passed the border since. `elsewhere` says of people who are not on the list since
    when that was known, for what consoles report late. The list holds what the record says up to event `after`, and
    what then stood in the spill file as `spilled`; `requests` leads from grants that wait to their person. The tables
    are changed by `fold_all` alone, in a copy.
    """

    id: str
    zone: str | None
    is_drill: bool
    started: datetime
    by: str | None
    because: str = ""
    people: dict[str, Listed] = field(default_factory=dict)
    unnamed: int = 0
    unnamed_out: int = 0
    unnamed_in: int = 0
    elsewhere: dict[str, datetime] = field(default_factory=dict)
    after: int = 0
    spilled: frozenset[str] = frozenset()
    requests: dict[str, str] = field(default_factory=dict)
    ended: datetime | None = None

    def found(self, listed: Listed, zones: ZoneMap) -> Found:
        """Return what has become of a person: any mark as safe counts, unless they came back in after it."""
        marks = {one.mark for one in _in_force(listed)}
        if Mark.SAFE in marks:
            return Found.SAFE
        if not self.covers(listed.zone, zones):
            return Found.OUT
        return Found.NOT_HERE if Mark.NOT_HERE in marks else Found.MISSING

    def covers(self, zone: str | None, zones: ZoneMap) -> bool:
        """Return True for the muster's zone and those below it; without one, for all zones."""
        if zone is None or zone == OUTSIDE:
            return False
        return self.zone in (None, zone) or self.zone in zones.above(zone)


def _in_force(listed: Listed) -> list[Marking]:
    """Return the marks that count: given after the person last came back in, and not taken back by who gave them."""
    later = [one for one in listed.marks if listed.entered is None or one.at > listed.entered]
    taken_back = {one.by: one.at for one in later if one.mark is Mark.MISSING}
    return [one for one in later if one.by not in taken_back or one.at > taken_back[one.by]]


@dataclass(frozen=True, slots=True)
class MusterView:
    """A muster and what has become of each person on its list, by id."""

    muster: Muster
    found: Mapping[str, Found]


def begin(muster: Muster, state: Whereabouts, zones: ZoneMap, at: datetime) -> Muster:
    """Return a muster with its list: the people whom `state` has in its zone at the time `at`."""
    people: dict[str, Listed] = {}
    elsewhere: dict[str, datetime] = {}
    for person, place in _known(state, zones, at):
        if muster.covers(place.zone, zones):
            people[person] = Listed(str(place.zone), place.since)
        else:
            elsewhere[person] = place.since
    inside = list(zones.zones) if muster.zone is None else zones.below(muster.zone)
    return replace(
        muster,
        people=people,
        unnamed=sum(state.extra.get(name, 0) for name in inside),
        elsewhere=elsewhere,
        after=state.seq,
        requests={request: person for request, person in state.requests.items() if person in people},
    )


def _known(state: Whereabouts, zones: ZoneMap, at: datetime) -> Iterable[tuple[str, Place]]:
    found = ((person, place_of(state, person, at, zones)) for person in state.where)
    return ((person, place) for person, place in found if place is not None)


def digest(people: Iterable[str]) -> str:
    """Return the SHA-256 of a list's ids, in order, one a line."""
    return sha256("\n".join(sorted(people)).encode()).hexdigest()


def totals(muster: Muster, zones: ZoneMap) -> dict[str, int]:
    """Return how many people are missing, safe, out and not here, and how many unnamed there were."""
    counts = {str(found): 0 for found in Found}
    for listed in muster.people.values():
        counts[str(muster.found(listed, zones))] += 1
    return counts | {"unnamed": muster.unnamed}
