"""What the checks of zones and interlocks read, and what they find."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from devicemgr.domain.model import Direction, JsonValue
from devicemgr.domain.rules.areas import whereabouts
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, Whereabouts
from devicemgr.domain.rules.areas.zone_map import ZoneMap


@dataclass(frozen=True, slots=True)
class Reservation:
    """The place that a grant holds in the zones it enters, until its passage has ended; `until` is CLOCK_MONOTONIC.

    `person_id` is None for an opening by a guard. `use_of` is the level of which the passage takes a use.
    """

    request: str
    person_id: str | None
    portal: str
    direction: Direction
    zones: frozenset[str]
    until: float
    use_of: str | None = None


@dataclass(frozen=True, slots=True)
class Escort:
    """A person who may escort visitors now, and how many more of them; no `person_id` stands for any escort."""

    person_id: str
    free: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Who is where and who is about to move, and which portals are not shut and why.

    `spent` has person and level of uses that are counted in the store and not in the snapshot of rights.
    `not_shut` covers the portals that are interlocked with the one of the request; `unsure` leads from zones to the
    device at their perimeter that is away, unread, or has another clock. `waiting` are the people who wait for others,
    by portal and direction, and `escorts` those who may take visitors along there.
    """

    whereabouts: Whereabouts = NOWHERE
    reservations: tuple[Reservation, ...] = ()
    not_shut: Mapping[str, str] = field(default_factory=dict)
    unsure: Mapping[str, str] = field(default_factory=dict)
    spent: tuple[tuple[str, str], ...] = ()
    escorts: Mapping[tuple[str, Direction], tuple[Escort, ...]] = field(default_factory=dict)
    waiting: Mapping[tuple[str, Direction], tuple[str, ...]] = field(default_factory=dict)

    def held_uses(self, person_id: str) -> Mapping[str, int]:
        """Return by level how many of a person's uses are held by openings, or spent and not in the rights yet."""
        opened = [one.use_of for one in self.reservations if one.person_id == person_id and one.use_of is not None]
        return Counter([*opened, *(level for person, level in self.spent if person == person_id)])

    def reserved(self, person_id: str, zone: str, *, beside: str) -> Reservation | None:
        """Return a person's reservation in a zone through another portal than `beside`."""
        return next(
            (
                one
                for one in self.reservations
                if one.person_id == person_id and zone in one.zones and one.portal != beside
            ),
            None,
        )

    def count(self, zone: str, zones: ZoneMap) -> int:
        """Return how many people are in a zone or about to enter it."""
        coming = sum(1 for one in self.reservations if zone in one.zones)
        return whereabouts.count(self.whereabouts, zone, zones) + coming

    def without(self, request: str) -> "Facts":
        """Return the facts without what this request itself has reserved."""
        others = tuple(one for one in self.reservations if one.request != request)
        return self if len(others) == len(self.reservations) else replace(self, reservations=others)

    def renewing(self, portal: str) -> "Facts":
        """Return the facts without the grants at a portal that a new one takes the place of."""
        return replace(self, reservations=tuple(one for one in self.reservations if one.portal != portal))


NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class Objection:
    """What a rule finds: the zone or group whose rule it is, what was read, and whether it refuses."""

    rule: str
    facts: Mapping[str, JsonValue]
    is_hard: bool = True


Objections = Iterator[Objection]
