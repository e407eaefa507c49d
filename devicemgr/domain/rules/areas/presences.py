"""Who is where and how many are in each zone, as it is shown to operators."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from devicemgr.domain.rules.areas.facts import Facts
from devicemgr.domain.rules.areas.whereabouts import Place, Whereabouts, place_of
from devicemgr.domain.rules.areas.zone_map import ZoneMap


@dataclass(frozen=True, slots=True)
class ZoneCount:
    """How many people are in a zone and below it: `named`, `unnamed` (which may be below 0), and about to enter."""

    named: int
    unnamed: int
    coming: int

    @property
    def count(self) -> int:
        """Return the number that the zone's limits go by."""
        return max(0, self.named + self.unnamed) + self.coming


@dataclass(frozen=True, slots=True)
class Presences:
    """The state after event `seq`: places of people by id, and counts by zone; who is not in `people` is unknown.

    `unsure` leads from zones to the device at their border that is away, unread, or has another clock.
    """

    seq: int
    people: Mapping[str, Place]
    counts: Mapping[str, ZoneCount]
    unsure: Mapping[str, str]


def presences(facts: Facts, zones: ZoneMap, at: datetime) -> Presences:
    """Return what is known at a time."""
    state = facts.whereabouts
    found = {person: place_of(state, person, at, zones) for person in state.where}
    return Presences(
        state.seq,
        {person: place for person, place in found.items() if place is not None},
        zone_counts(facts, zones),
        facts.unsure,
    )


def zone_counts(facts: Facts, zones: ZoneMap) -> dict[str, ZoneCount]:
    """Return how many people are in each zone."""
    return {name: _count(facts, facts.whereabouts, name, zones) for name in zones.zones}


def _count(facts: Facts, state: Whereabouts, zone: str, zones: ZoneMap) -> ZoneCount:
    below = zones.below(zone)
    return ZoneCount(
        sum(state.inside.get(name, 0) for name in below),
        sum(state.extra.get(name, 0) for name in below),
        sum(1 for one in facts.reservations if zone in one.zones),
    )
