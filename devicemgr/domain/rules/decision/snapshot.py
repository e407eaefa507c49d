"""The rights and the site at one version, by which requests are decided."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from devicemgr.domain.model import AccessLevel, Person, PersonKind, Portal, PortalMode, Schedule
from devicemgr.domain.rules.areas.zone_map import NO_ZONES, ZoneMap
from devicemgr.domain.rules.decision.requests import CardEvidence
from devicemgr.domain.rules.schedules import find_zone
from devicemgr.domain.rules.threats.threat import Standing, Threat, ThreatInForce, standing_threats
from devicemgr.domain.rules.validity import ALWAYS, CardTerm
from devicemgr.domain.zones import Interlock, Waiver, Zone

# Stands for a person who isn't known, so that no check meets None; has no rights, and is suspended besides.
NO_PERSON = Person(id="", badge="", name="", suspended=True)

_MAPPINGS = (
    "people",
    "levels",
    "schedules",
    "portals",
    "zones",
    "interlocks",
    "threats",
    "threats_in_force",
    "modes",
    "cards",
    "blocked_cards",
    "card_terms",
    "pins",
    "duress_pins",
    "badges",
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rights and the site at one `version`; people by id, the rest by name; `modes` overrides Portal.mode.

    `cards`, `blocked_cards` (those that open nothing, such as lost ones) and `badges` lead to people's ids, `pins`
    from ids to argon2id hashes; `card_terms` has the cards that do not open at all times; `lookalikes` are ids of
    people whose faces are too much alike to open by themselves where there is a reader; `readers` names the devices at
    access points that can read a card or take a PIN. `lanes_side_by_side` is for how many seconds a person who was
    granted at one lane of a group gets no second grant at the others. The rights are those after event `seq`, whose
    passages have taken their uses. `threats` are defined and `threats_in_force` were set by a guard. `zone_map` is made
    of `zones` and `portals`, and `threat_at` has the threat that counts at each portal; `has_area_rules` when any check
    reads who is where, or who else is present. `visitors_of`
    leads from hosts to their visitors.
    """

    version: int
    people: Mapping[str, Person] = field(default_factory=dict)
    levels: Mapping[str, AccessLevel] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    portals: Mapping[str, Portal] = field(default_factory=dict)
    zones: Mapping[str, Zone] = field(default_factory=dict)
    interlocks: Mapping[str, Interlock] = field(default_factory=dict)
    threats: Mapping[str, Threat] = field(default_factory=dict)
    threats_in_force: Mapping[str, ThreatInForce] = field(default_factory=dict)
    modes: Mapping[str, PortalMode] = field(default_factory=dict)
    fire_active: bool = False
    cards: Mapping[str, str] = field(default_factory=dict)
    blocked_cards: Mapping[str, str] = field(default_factory=dict)
    card_terms: Mapping[str, CardTerm] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict, repr=False)
    duress_pins: Mapping[str, str] = field(default_factory=dict, repr=False)
    lookalikes: frozenset[str] = frozenset()
    badges: Mapping[str, str] = field(default_factory=dict)
    readers: frozenset[str] = frozenset()
    lanes_side_by_side: float = 0.0
    seq: int = 0
    zone_map: ZoneMap = field(default=NO_ZONES, init=False, compare=False, repr=False)
    has_area_rules: bool = field(default=False, init=False, compare=False, repr=False)
    visitors_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict, init=False, compare=False, repr=False)
    threat_at: Mapping[str, Standing] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in _MAPPINGS:
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        object.__setattr__(self, "visitors_of", _visitors_of(self.people.values()))
        in_pairs = any(portal.people > 1 for portal in self.portals.values())
        object.__setattr__(self, "has_area_rules", bool(self.zones or self.interlocks) or in_pairs)
        if self.zones or any(portal.free_after for portal in self.portals.values()):
            object.__setattr__(self, "zone_map", ZoneMap(self.zones, self.portals, *self._first_people()))
            for zone in self.zones.values():
                find_zone(zone.timezone)
        if self.threats_in_force:
            found = standing_threats(self.portals, self.zone_map, self.threats, self.threats_in_force)
            object.__setattr__(self, "threat_at", MappingProxyType(found))
        for schedule in self.schedules.values():
            find_zone(schedule.timezone)  # now, so that deciding reads no disk

    def _first_people(self) -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
        """Return who opens a zone for the others, by zone, and who begins a portal's free time, by portal."""
        zones = {zone.name: self._holders(zone.opens_with) for zone in self.zones.values() if zone.opens_with}
        portals = {
            portal.name: self._holders(portal.free_after) for portal in self.portals.values() if portal.free_after
        }
        return zones, portals

    def _holders(self, levels: frozenset[str]) -> frozenset[str]:
        return frozenset(
            person.id
            for person in self.people.values()
            if person.levels & levels or any(grant.level in levels for grant in person.grants)
        )

    def card_read(self, names: tuple[str, ...]) -> CardEvidence:
        """Return a card that answers to these numbers, with its holder; blocked if any of the numbers is."""
        for cards in (self.blocked_cards, self.cards):
            person = next((cards[name] for name in names if name in cards), None)
            if person is not None:
                term = next((self.card_terms[name] for name in names if name in self.card_terms), ALWAYS)
                return CardEvidence(names, person, is_blocked=cards is self.blocked_cards, term=term)
        return CardEvidence(names)

    def waives(self, person: Person, waiver: Waiver) -> bool:
        """Return True if one of the person's levels spares them this check."""
        return any(level is not None and waiver in level.waives for level in map(self.levels.get, person.levels))


def _visitors_of(people: Iterable[Person]) -> Mapping[str, tuple[str, ...]]:
    """Return the visitors of each host: who needs an escort, or is here as a visitor."""
    found: dict[str, tuple[str, ...]] = {}
    for person in people:
        if person.host_id is not None and (person.escort or person.kind is PersonKind.VISITOR):
            found[person.host_id] = (*found.get(person.host_id, ()), person.id)
    return MappingProxyType(found)
