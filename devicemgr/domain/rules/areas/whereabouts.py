"""Who is where, folded from the ledger: a state and an event give the next state.

`fold` is pure and total. Events that say nothing of anyone's place change nothing but `seq`. What each event changes
stands in FOLDS, and in words in docs/rules.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from devicemgr.domain.rules.areas.zone_map import ZoneMap

# Grants whose release has not ended; the oldest goes.
MAX_REQUESTS = 4096
# People who may still be in a lane when they are erased; the oldest goes.
MAX_ERASED = 4096
# What is reached counts as left again at this share.
REARM_SHARE = 0.95


class How(StrEnum):
    """How it is known where a person is."""

    PASSAGE = "passage"  # the gate reported it
    RELEASE = "release"  # the gate was released, and senses no passage
    DEVICE = "device"  # a device decided alone, and its clock is not ours
    OPERATOR = "operator"  # an operator said so


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person is: `zone` None for unknown; `since` an instant, `seq` the event that says so."""

    zone: str | None
    since: datetime
    seq: int
    how: How


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The state after event `seq`.

    `where` is by person; who is not in it is unknown. `extra` counts, by zone, people who passed and are no one's;
    negative where people who are recorded inside left unnamed. `requests` leads from grants whose release has not ended
    to their person. `entered` holds the last entry of people into zones that have a time for it. `blind` are portals
    whose gate senses no passage, `unsure` leads from zones to the device whose clock is not ours, `reached` holds zone
    and limit of recorded warnings, `below` zones with fewer people than they need, `forgotten` until when a zone's
    presences were forgotten at the time of day. `inside` counts the people of `where` in exactly each zone.
    `erased` are the people erased last: what their gates report after it is no one's. `along` leads from a request
    whose release lets several people in to the requests of the others.
    presences were forgotten at the time of day. `inside` counts the people of `where` in exactly each zone. `opened` is
    when someone who opens a zone for the others was last seen to enter or leave it, `first_people` when someone whose
    passage begins a portal's free time last passed there, `suspended` when a threat there began or ended last.
    """

    seq: int = 0
    where: Mapping[str, Place] = field(default_factory=dict)
    extra: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    entered: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    blind: frozenset[str] = frozenset()
    unsure: Mapping[str, str] = field(default_factory=dict)
    reached: frozenset[tuple[str, int]] = frozenset()
    below: frozenset[str] = frozenset()
    forgotten: Mapping[str, datetime] = field(default_factory=dict)
    inside: Mapping[str, int] = field(default_factory=dict)
    erased: tuple[str, ...] = ()
    along: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    opened: Mapping[str, datetime] = field(default_factory=dict)
    first_people: Mapping[str, datetime] = field(default_factory=dict)
    suspended: Mapping[str, datetime] = field(default_factory=dict)


NOWHERE = Whereabouts()


def is_in(state: Whereabouts, person_id: str, zone: str, at: datetime, zones: ZoneMap) -> bool:
    """Return True if the person's zone is `zone` or lies below it, and is not forgotten at `at`."""
    place = place_of(state, person_id, at, zones)
    return place is not None and zone in zones.above(place.zone)


def place_of(state: Whereabouts, person_id: str, at: datetime, zones: ZoneMap) -> Place | None:
    """Return where a person is; None where it is unknown, or so long ago that the zone forgets it."""
    place = state.where.get(person_id)
    if place is None or not zones.is_place(place.zone) or _is_forgotten(place, at, zones):
        return None
    return place


def count(state: Whereabouts, zone: str, zones: ZoneMap) -> int:
    """Return how many people are in the zone and below it, named and unnamed; without reservations."""
    return max(0, raw_count(state.inside, state.extra, zone, zones))


def raw_count(inside: Mapping[str, int], extra: Mapping[str, int], zone: str, zones: ZoneMap) -> int:
    """Return the sum of named and unnamed people in and below a zone, which unnamed exits may bring below 0."""
    return sum(inside.get(name, 0) + extra.get(name, 0) for name in zones.below(zone))


def _is_forgotten(place: Place, at: datetime, zones: ZoneMap) -> bool:
    if not zones.forgetful:
        return False
    for name in zones.above(place.zone):
        zone = zones.zones[name]
        if zone.forget_after_minutes and place.since + timedelta(minutes=zone.forget_after_minutes) <= at:
            return True
        if zone.forget_at is not None and place.since < last_time_of_day(at, zone.forget_at, zone.timezone):
            return True
    return False


def last_time_of_day(at: datetime, clock_time: Any, timezone: str) -> datetime:
    """Return the last instant not after `at` at which clocks of `timezone` showed `clock_time`."""
    local = at.astimezone(ZoneInfo(timezone))
    found = datetime.combine(local.date(), clock_time, local.tzinfo).astimezone(UTC)
    if found > at:
        found = datetime.combine(local.date() - timedelta(days=1), clock_time, local.tzinfo).astimezone(UTC)
    return found


@dataclass(frozen=True, slots=True)
class Sweep:
    """Presences in `zone` from before `before` are to be forgotten; `is_daily` by the time of day."""

    zone: str
    before: datetime
    is_daily: bool


def overdue(state: Whereabouts, at: datetime, zones: ZoneMap) -> list[Sweep]:
    """Return what is to be forgotten now, for the event that says so."""
    found = []
    for zone in zones.forgetful:
        inside = zones.below(zone.name)
        since = [place.since for place in state.where.values() if place.zone in inside]
        if zone.forget_after_minutes:
            before = at - timedelta(minutes=zone.forget_after_minutes)
            if any(one <= before for one in since):
                found.append(Sweep(zone.name, before, is_daily=False))
        if zone.forget_at is not None:
            before = last_time_of_day(at, zone.forget_at, zone.timezone)
            done = state.forgotten.get(zone.name)
            # Also when no one is inside: unnamed people have no time, and the first of the day would be forgotten.
            if done is None or done < before:
                found.append(Sweep(zone.name, before, is_daily=True))
    return found
