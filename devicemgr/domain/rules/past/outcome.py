"""What a replay has found: of each person how often, where, when and why, with the first example."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot

_HOURS_A_DAY = 24


@dataclass(slots=True)
class Tally:
    """Requests of one person that come to the same."""

    first: int
    count: int = 0
    portals: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    times: set[datetime] = field(default_factory=set)

    def hours(self, zone: tzinfo | None) -> list[str]:
        """Return the hours of the day in which the requests were, such as `07:00-09:00`; None is this host's zone."""
        return hour_ranges({at.astimezone(zone).hour for at in self.times})


@dataclass(slots=True)
class Tallies:
    """Requests that come to the same, by person."""

    by_person: dict[str, Tally] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Return how many requests there are."""
        return sum(tally.count for tally in self.by_person.values())

    def add(self, person: str, request: AccessRequest, seq: int, why: str) -> None:
        """Count one request of a person."""
        tally = self.by_person.setdefault(person, Tally(seq))
        tally.count += 1
        tally.portals[request.portal] = tally.portals.get(request.portal, 0) + 1
        tally.reasons[why] = tally.reasons.get(why, 0) + 1
        tally.times.add(request.at.replace(minute=0, second=0, microsecond=0))

    def by_portal(self) -> Mapping[str, int]:
        """Return how many requests there are at each portal, the most first."""
        found: dict[str, int] = {}
        for tally in self.by_person.values():
            for portal, count in tally.portals.items():
                found[portal] = found.get(portal, 0) + count
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


@dataclass(slots=True)
class Comparison:
    """What is otherwise by the planned rights: refused, granted, or short of what was shown.

    `requests` were judged, of the people in `came`; `gone` were of people who are no longer here. `unpredicted` were
    refused by anti-passback to people who by these rights would have passed earlier.
    """

    requests: int = 0
    gone: int = 0
    unpredicted: int = 0
    came: set[str] = field(default_factory=set)
    losses: Tallies = field(default_factory=Tallies)
    gains: Tallies = field(default_factory=Tallies)
    needs_more: Tallies = field(default_factory=Tallies)

    def count(self, person: str, *, is_known: bool) -> None:
        """Count a request that is judged."""
        if is_known:
            self.requests += 1
            self.came.add(person)
        else:
            self.gone += 1


def hour_ranges(hours: set[int]) -> list[str]:
    """Return hours of the day as ranges: {7, 8, 17} is `07:00-09:00` and `17:00-18:00`."""
    found: list[str] = []
    start: int | None = None
    for hour in range(_HOURS_A_DAY + 1):
        if hour in hours:
            start = hour if start is None else start
        elif start is not None:
            found.append(f"{start:02}:00-{hour:02}:00")
            start = None
    return found


def never_came(rules: Snapshot, came: set[str]) -> dict[str, int]:
    """Return, by level, how many of its people made no request, so that the replay says nothing of them."""
    found: dict[str, int] = {}
    for person in rules.people.values():
        if person.id not in came:
            for level in {*person.levels, *(grant.level for grant in person.grants)}:
                found[level] = found.get(level, 0) + 1
    return dict(sorted(found.items()))


def as_json(tally: Tally, zone: tzinfo | None) -> dict[str, Any]:
    """Return what is shown of one person's requests."""
    return {
        "count": tally.count,
        "portals": sorted(tally.portals),
        "hours": tally.hours(zone),
        "reasons": sorted(tally.reasons),
        "first": tally.first,
    }
