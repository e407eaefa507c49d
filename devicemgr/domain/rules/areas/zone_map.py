"""The tree of zones, and which portals lead from one to another."""

from collections.abc import Mapping

from devicemgr.domain.model import Direction, Portal
from devicemgr.domain.zones import OUTSIDE, Zone


class ZoneMap:
    """Zones and portals of one version of the site; what names no zone leads nowhere.

    `openers` are by zone the people of the levels that it opens with, `first_people` by portal those of the levels
    whose passage begins its free time.
    """

    def __init__(
        self,
        zones: Mapping[str, Zone],
        portals: Mapping[str, Portal],
        openers: Mapping[str, frozenset[str]] | None = None,
        first_people: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self.zones, self.portals = zones, portals
        self.openers, self.first_people = openers or {}, first_people or {}
        self._above = {name: self._climb(name) for name in zones}
        self._below: dict[str, tuple[str, ...]] = {name: () for name in zones}
        for name, path in self._above.items():
            for upper in path:
                self._below[upper] += (name,)
        self._sides = {
            portal.name: (portal.outside, portal.inside)
            for portal in portals.values()
            if portal.outside is not None
            and portal.inside is not None
            and self.is_place(portal.outside)
            and self.is_place(portal.inside)
        }
        self._touching: dict[str, frozenset[str]] = {name: frozenset() for name in zones}
        for portal_name, sides in self._sides.items():
            for zone in set(sides) - {OUTSIDE}:
                self._touching[zone] |= {portal_name}
        self.forgetful = tuple(zone for zone in zones.values() if zone.forget_after_minutes or zone.forget_at)
        self.watched = tuple(zone for zone in zones.values() if zone.warn_at or zone.min_people)

    def _climb(self, name: str) -> tuple[str, ...]:
        path: list[str] = []
        upper: str | None = name
        while upper is not None and upper in self.zones and upper not in path:
            path.append(upper)
            upper = self.zones[upper].parent
        return tuple(path)

    def is_as(self, other: "ZoneMap") -> bool:
        """Return True if zones and portals lead where those of another map do, and the same people come first."""
        if self is other:
            return True
        first, others = (self.openers, self.first_people), (other.openers, other.first_people)
        return self._above == other._above and self._sides == other._sides and first == others

    def is_place(self, name: str | None) -> bool:
        """Return True for a zone of the site and for the world outside."""
        return name == OUTSIDE or name in self.zones

    def above(self, zone: str | None) -> tuple[str, ...]:
        """Return the zone and those above it, the innermost first; none for the world outside."""
        return self._above.get(zone or "", ())

    def below(self, zone: str) -> tuple[str, ...]:
        """Return the zone and all below it."""
        return self._below.get(zone, ())

    def depth(self, zone: str) -> int:
        """Return how many zones lie above this one."""
        return len(self.above(zone)) - 1

    def sides(self, portal: str | None, direction: Direction | None) -> tuple[str, str] | None:
        """Return from which zone to which a passage leads; None where portal or direction do not say."""
        found = self._sides.get(portal or "")
        if found is None or direction is None:
            return None
        return found if direction is Direction.ENTRY else (found[1], found[0])

    def entered(self, origin: str, target: str) -> tuple[str, ...]:
        """Return the zones that a movement enters, the innermost first; coming back from below is no entry."""
        before = self.above(origin)
        return tuple(zone for zone in self.above(target) if zone not in before)

    def portals_of(self, zone: str) -> frozenset[str]:
        """Return the portals that lead into or out of exactly this zone."""
        return self._touching.get(zone, frozenset())

    def perimeter(self, zone: str) -> frozenset[str]:
        """Return the portals through which one enters or leaves the zone, those of zones below it included."""
        inside = self.below(zone)
        found = frozenset[str]().union(*(self._touching[name] for name in inside)) if inside else frozenset[str]()
        return frozenset(name for name in found if len({side in inside for side in self._sides[name]}) == 2)


NO_ZONES = ZoneMap({}, {})
