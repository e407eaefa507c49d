"""All rules together, each on or off: every decision is the first of what the rules, stated here anew, object to."""

import os
import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import product

import pytest

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import AccessLevel, Direction, Person, Portal, Schedule
from devicemgr.domain.rules.areas.facts import Escort, Facts, Reservation
from devicemgr.domain.rules.areas.fold import fold_all
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, count
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import decide, explain
from devicemgr.domain.rules.schedules import parse_window
from devicemgr.domain.rules.threats.threat import SITE, Threat, ThreatInForce
from devicemgr.domain.zones import OUTSIDE, Enforcement, Interlock, Zone
from tests.devicemgr.domain.rules.areas.floor import ENTRY, EXIT, NOON, Book, door

RULES = ("passback", "max", "min", "first", "two", "escort", "interlock", "free", "threat")
STEPS = int(os.environ.get("DEVICEMGR_STEPS", "10"))
MOST, LEAST = 3, 2
SIDES = {"street": (OUTSIDE, "hall"), "yard": (OUTSIDE, "hall"), "lab-door": ("hall", "lab")}
ABOVE = {OUTSIDE: (), "hall": ("hall",), "lab": ("lab", "hall")}
# Who holds which levels: chiefs open the lab for the others and may pass in a threat, as guards may.
LEVELS = {
    "chief": {"staff", "chiefs", "responders"},
    "deputy": {"staff", "chiefs", "responders"},
    "guard": {"staff", "responders"},
    "anna": {"staff"},
    "bert": {"staff"},
    "guest": {"staff", "responders"},
}


@dataclass
class Lobby:
    """A hall with two doors to the street and a lab behind it; what is true of it is kept here, beside the record."""

    rules: frozenset[str]
    place: dict[str, str] = field(default_factory=lambda: dict.fromkeys(LEVELS, OUTSIDE))
    book: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        self.snapshot = Snapshot(
            1,
            people={
                name: Person(
                    name,
                    name,
                    name,
                    levels=frozenset(levels),
                    escort=name == "guest" and "escort" in self.rules,
                    host_id="anna" if name == "guest" else None,
                )
                for name, levels in LEVELS.items()
            },
            levels={
                "staff": AccessLevel("staff", dict.fromkeys(SIDES)),
                "chiefs": AccessLevel("chiefs", {}),
                "responders": AccessLevel("responders", {}),
            },
            portals={name: self._door(name) for name in SIDES},
            schedules={"always": Schedule("always", "UTC", (parse_window("mon-sun 00:00-24:00"),))},
            zones={"hall": self._zone("hall", None), "lab": self._zone("lab", "hall")},
            interlocks={"trap": Interlock("trap", frozenset({"street", "lab-door"}))}
            if "interlock" in self.rules
            else {},
            threats={"lockdown": Threat("lockdown", 9, allow=frozenset({"responders"}))},
            threats_in_force={"lockdown": ThreatInForce("lockdown", frozenset({SITE}), NOON)}
            if "threat" in self.rules
            else {},
        )
        self.state = NOWHERE
        self.folded = 0

    def _door(self, name: str) -> Portal:
        portal = door(name, *SIDES[name])
        if name == "lab-door" and "two" in self.rules:
            portal = replace(portal, people=2)
        return replace(portal, free="always") if name == "yard" and "free" in self.rules else portal

    def _zone(self, name: str, parent: str | None) -> Zone:
        return Zone(
            name,
            parent,
            anti_passback=Enforcement.HARD if "passback" in self.rules else Enforcement.OFF,
            max_people=MOST if name == "hall" and "max" in self.rules else None,
            min_people=LEAST if name == "lab" and "min" in self.rules else None,
            opens_with=frozenset({"chiefs"} if name == "lab" and "first" in self.rules else ()),
            while_present=True,
        )

    def facts(self, **more: object) -> Facts:
        self.state = fold_all(self.state, self.book.events[self.folded :], self.snapshot.zone_map)
        self.folded = len(self.book.events)
        return Facts(self.state, **more)

    def request(self, person: str, portal: str, direction: Direction) -> AccessRequest:
        at = NOON + timedelta(minutes=len(self.book.events) + 1)
        card = CardEvidence(("1",), person)
        return AccessRequest("now", portal, direction, f"{portal}-{direction}", at, 1.0, 1.1, card=card)

    def passes(self, person: str, portal: str, direction: Direction) -> None:
        self.book.passes(person, portal, direction)
        near, far = SIDES[portal]
        self.place[person] = far if direction is ENTRY else near

    def inside(self, zone: str) -> int:
        return sum(1 for at in self.place.values() if zone in ABOVE[at])


@dataclass(frozen=True)
class Moment:
    """What a request meets: who waits with it, whether its host does, what is held in the hall, and an open door."""

    waiting: tuple[str, ...] = ()
    has_host: bool = False
    held: tuple[str, ...] = ()
    other_open: bool = False

    def facts(self, lobby: Lobby, portal: str, direction: Direction) -> Facts:
        other = {"street": "lab-door", "lab-door": "street"}.get(portal)
        reservations = [
            Reservation(
                f"held-{name}", name, "yard" if portal != "yard" else "street", ENTRY, frozenset({"hall"}), 99.0
            )
            for name in self.held
        ]
        return lobby.facts(
            waiting={(portal, direction): self.waiting},
            escorts={(portal, direction): (Escort("anna", 5),)} if self.has_host else {},
            reservations=tuple(reservations),
            not_shut={other: "released"} if other and self.other_open else {},
        )


def objecting(lobby: Lobby, moment: Moment, person: str, portal: str, direction: Direction) -> list[Reason]:
    """Return which rules object, in their order."""
    rules = lobby.rules
    near, far = SIDES[portal] if direction is ENTRY else SIDES[portal][::-1]
    entered = [zone for zone in ABOVE[far] if zone not in ABOVE[near]]
    together = {*moment.waiting, person}
    in_hall = lobby.inside("hall") + len(moment.held)
    is_passed_back = any(zone in ABOVE[lobby.place[person]] for zone in entered)
    is_held = "hall" in entered and person in moment.held
    too_few = ("two" in rules and portal == "lab-door" and direction is ENTRY) or (
        "min" in rules and "lab" in entered and lobby.inside("lab") + 1 < LEAST
    )
    chief_inside = any("chiefs" in LEVELS[one] and at == "lab" for one, at in lobby.place.items())
    found = {
        Reason.LOCKDOWN: "threat" in rules and "responders" not in LEVELS[person],
        Reason.ESCORT_REQUIRED: "escort" in rules and person == "guest" and far != OUTSIDE and not moment.has_host,
        Reason.ANTI_PASSBACK: "passback" in rules and (is_passed_back or is_held),
        Reason.OCCUPANCY: "max" in rules and "hall" in entered and in_hall + 1 > MOST,
        Reason.FIRST_PERSON_REQUIRED: "first" in rules
        and "lab" in entered
        and not chief_inside
        and "chiefs" not in LEVELS[person],
        Reason.SECOND_PERSON_REQUIRED: too_few and len(together) < 2,
        Reason.INTERLOCK: "interlock" in rules and portal != "yard" and moment.other_open,
    }
    return [reason for reason, objects in found.items() if objects]


COMBINATIONS = [frozenset(r for r, on in zip(RULES, bits, strict=True) if on) for bits in product((0, 1), repeat=9)]


@pytest.mark.scaled
def test_every_combination_decides_as_each_of_its_rules_does():
    seen = set()
    for number, rules in enumerate(COMBINATIONS):
        chance, lobby = random.Random(number), Lobby(rules)
        for _ in range(STEPS):
            person, portal = chance.choice(list(LEVELS)), chance.choice(list(SIDES))
            direction = chance.choice([ENTRY, EXIT])
            others = [one for one in LEVELS if one != person]
            moment = Moment(
                waiting=tuple(chance.sample([*others, person], chance.choice([0, 0, 1]))),
                has_host=chance.random() < 0.5,
                held=tuple(chance.sample(list(LEVELS), chance.choice([0, 0, 0, 1, 2]))),
                other_open=chance.random() < 0.2,
            )
            facts = moment.facts(lobby, portal, direction)
            request = lobby.request(person, portal, direction)
            decision = decide(request, lobby.snapshot, facts)
            expected = objecting(lobby, moment, person, portal, direction)
            case = (sorted(rules), person, portal, str(direction), moment, lobby.place)
            assert decision.reason == (expected[0] if expected else None), case
            assert decision.granted == (not expected), case
            told = [one.reason for one in explain(request, lobby.snapshot, facts) if one.objected]
            assert told == expected, case
            seen |= set(expected)
            # Who passes is where they came from; others have shown a card and stay.
            near = SIDES[portal][0 if direction is ENTRY else 1]
            if decision.granted and lobby.place[person] == near and person not in moment.held and chance.random() < 0.7:
                lobby.passes(person, portal, direction)
                for zone in ("hall", "lab"):
                    state = lobby.facts().whereabouts
                    assert count(state, zone, lobby.snapshot.zone_map) == lobby.inside(zone), case
    assert seen == {
        Reason.LOCKDOWN,
        Reason.ESCORT_REQUIRED,
        Reason.ANTI_PASSBACK,
        Reason.OCCUPANCY,
        Reason.FIRST_PERSON_REQUIRED,
        Reason.SECOND_PERSON_REQUIRED,
        Reason.INTERLOCK,
    }


@pytest.mark.parametrize("number", range(0, len(COMBINATIONS), 64))
def test_no_combination_keeps_two_who_are_entitled_out_of_an_empty_site(number):
    for rules in COMBINATIONS[number : number + 64]:
        lobby = Lobby(rules)
        pair = ("chief", "deputy")
        for portal in ("street", "lab-door"):
            for person, other in (pair, pair[::-1]):
                facts = Moment(waiting=(other,)).facts(lobby, portal, ENTRY)
                decision = decide(lobby.request(person, portal, ENTRY), lobby.snapshot, facts)
                assert decision.granted, (sorted(rules), person, portal, decision.reason)
            for person in pair:
                lobby.passes(person, portal, ENTRY)
        assert [lobby.place[person] for person in pair] == ["lab", "lab"]


def test_a_fire_voids_every_rule_of_zones_in_every_combination():
    for rules in COMBINATIONS:
        lobby = Lobby(rules)
        lobby.snapshot = replace(lobby.snapshot, fire_active=True)
        for person in ("chief", "anna"):
            lobby.passes(person, "street", ENTRY)
            facts = Moment(held=("bert", "guard", "deputy"), other_open=True).facts(lobby, "street", ENTRY)
            assert decide(lobby.request(person, "street", ENTRY), lobby.snapshot, facts).granted, sorted(rules)
