"""Random worlds, whose every event and decision is compared with a model that was written from the rules alone."""

import random
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from devicemgr.domain.model import AccessLevel, Direction, Person, Portal
from devicemgr.domain.rules.areas.facts import Facts, Reservation
from devicemgr.domain.rules.areas.fold import fold, fold_all
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, Whereabouts, count
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import decide, explain
from devicemgr.domain.zones import OUTSIDE, Enforcement, Interlock, Waiver, Zone
from tests.devicemgr.domain.rules.areas.floor import NOON, door
from tests.devicemgr.domain.rules.areas.reference import Asked, Reference

STEPS = 120
ENFORCED = ("anti_passback", "exit_check", "when_unsure")
PRESENTS, ENDS, SLIPS, OPENED, CORRECTED = "presents", "ends", "slips", "opened", "corrected"


def some_rules(chance: random.Random, *, is_tidy: bool) -> dict[str, Any]:
    """Settings of a zone; in a tidy world nothing is forgotten."""
    return {
        "anti_passback": chance.choice(["off", "soft", "hard"]),
        "exit_check": chance.choice(["off", "off", "soft", "hard"]),
        "when_unsure": chance.choice(["soft", "hard"]),
        "strict_path": chance.random() < 0.25,
        "again_after_minutes": chance.choice([0, 0, 0, 3, 30]),
        "forget_after_minutes": 0 if is_tidy else chance.choice([0, 0, 0, 5, 60]),
        "forget_at": None if is_tidy else chance.choice([None, None, time(13, 0), time(12, 30)]),
        "timezone": chance.choice(["UTC", "Asia/Almaty", "Europe/Berlin"]),
        "max_people": chance.choice([None, None, 1, 2, 4]),
    }


class Site:
    """Zones, portals and people by chance, for the product and for the model."""

    def __init__(self, chance: random.Random, *, is_tidy: bool) -> None:
        names = list("abcdef")[: chance.randint(1, 6)]
        parents = {name: chance.choice([None, *names[:above]]) for above, name in enumerate(names)}
        rules = {name: some_rules(chance, is_tidy=is_tidy) for name in names}
        self.places = [OUTSIDE, *names]
        self.portals = {"shed": Portal("shed", "gate-shed")}
        for number in range(chance.randint(2, 8)):
            outer, inner = sorted(chance.sample(self.places, 2), key=lambda place: place != OUTSIDE)
            self.portals[f"door-{number}"] = door(f"door-{number}", outer, inner, egress=chance.random() < 0.2)
        groups = {
            f"lock-{number}": set(chance.sample(sorted(self.portals), 2)) for number in range(chance.randint(0, 2))
        }
        self.people = [f"p{number}" for number in range(chance.randint(2, 7))]
        self.waives = {
            one: {w for w in ("anti_passback", "occupancy") if chance.random() < 0.12} for one in self.people
        }
        sides = {name: (portal.outside, portal.inside, portal.egress) for name, portal in self.portals.items()}
        self.model = Reference(parents, rules, sides, groups)
        self.snapshot = Snapshot(
            1,
            people={one: Person(one, one, one, levels=frozenset({one})) for one in self.people},
            levels={
                one: AccessLevel(one, dict.fromkeys(self.portals), waives=frozenset(map(Waiver, self.waives[one])))
                for one in self.people
            },
            portals=self.portals,
            zones={name: zone_of(name, parents[name], rules[name]) for name in names},
            interlocks={name: Interlock(name, frozenset(members)) for name, members in groups.items()},
        )


def zone_of(name: str, parent: str | None, rules: dict[str, Any]) -> Zone:
    return Zone(name, parent, **{key: Enforcement(value) if key in ENFORCED else value for key, value in rules.items()})


class World:
    """Where people are in truth, the record, and both states that are folded from it.

    In a tidy world all gates sense passages, everyone starts outside, and no one corrects anything: counts are the
    truth there.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.is_tidy = self.chance.random() < 0.4
        self.site = Site(self.chance, is_tidy=self.is_tidy)
        self.model, self.zones = self.site.model, self.site.snapshot.zone_map
        self.senses = {name: self.is_tidy or self.chance.random() < 0.75 for name in self.site.portals}
        self.stands = dict.fromkeys(self.site.people, OUTSIDE)
        self.pending: dict[str, tuple[str, str, str]] = {}
        self.events: list[dict[str, Any]] = []
        self.state: Whereabouts = NOWHERE
        self.now = NOON
        if self.is_tidy or self.chance.random() < 0.5:
            for person in self.site.people:
                self.record("admin.whereabouts_reset", person_id=person, detail={"place": OUTSIDE})

    def record(self, kind: str, portal: str | None = None, direction: str | None = None, **more: Any) -> None:
        self.now += timedelta(seconds=self.chance.choice([1, 5, 30, 120]))
        at: datetime = more.pop("at", self.now)
        seq = len(self.events) + 1
        body = {"seq": seq, "id": str(seq), "time": at.isoformat(), "kind": kind, "portal": portal}
        body |= {"direction": direction, "device": None, "person_id": None, "request": None, "detail": {}} | more
        self.events.append(body)
        self.state = fold(self.state, body, self.zones)
        self.model.fold(body | {"at": at})
        self.compare_states()

    def compare_states(self) -> None:
        found = {person: place.zone for person, place in self.state.where.items() if place.zone is not None}
        assert found == {person: place for person, (place, _) in self.model.where.items() if place is not None}
        assert dict(self.state.extra) == {zone: extra for zone, extra in self.model.extra.items() if extra}
        for zone in self.model.parents:
            people = count(self.state, zone, self.zones)
            assert people == max(0, self.model.total(zone))
            if self.is_tidy:
                assert people == sum(1 for place in self.stands.values() if zone in self.model.around(place))

    def step(self) -> None:
        chance = self.chance
        person, portal = chance.choice(self.site.people), chance.choice(sorted(self.site.portals))
        direction = chance.choice(["entry", "exit"])
        if self.is_tidy or chance.random() < 0.6:
            ways = list(self.ways(self.stands[person]))
            if self.is_tidy and (not ways or self.is_waiting(person)):
                self.end_a_release()
                return
            portal, direction = chance.choice(ways or [(portal, direction)])
        what = chance.choices([PRESENTS, ENDS, SLIPS, OPENED, CORRECTED], [50, 28, 8, 4, 10])[0]
        if what == PRESENTS:
            self.present(person, portal, direction)
        elif what == ENDS:
            self.end_a_release()
        elif what == SLIPS:
            self.move(person, portal, direction)
            self.record("passage_completed", portal, direction)
        elif what == OPENED and not self.is_tidy:
            self.open(portal, direction, "admin.portal_open")
        elif not self.is_tidy:
            self.correct(person, portal, direction)

    def ways(self, place: str) -> Iterator[tuple[str, str]]:
        for name, portal in self.site.portals.items():
            if place in (portal.outside, portal.inside):
                yield name, "entry" if place == portal.outside else "exit"

    def is_waiting(self, person: str) -> bool:
        return any(person == one for one, _, _ in self.pending.values())

    def move(self, person: str, portal: str, direction: str) -> None:
        sides = self.model.sides(portal, direction)
        if sides is not None:
            self.stands[person] = sides[1]

    def present(self, person: str, portal: str, direction: str) -> None:
        chance = self.chance
        asked = Asked(
            person,
            portal,
            direction,
            self.now + timedelta(seconds=chance.choice([0, 1, 60, 400, 3000])),
            [(who, at, frozenset(self.held(at, way))) for who, at, way in self.pending.values()],
            {name: "open" for name in self.site.portals if chance.random() < 0.2},
            {zone: "gate" for zone in self.model.parents if chance.random() < 0.15},
            self.site.waives[person],
        )
        if self.is_granted(asked) and self.model.sides(portal, direction):
            self.open(portal, direction, "access_granted", person)

    def held(self, portal: str, direction: str) -> list[str]:
        sides = self.model.sides(portal, direction)
        return self.model.entering(sides) if sides else []

    def is_granted(self, asked: Asked) -> bool:
        """Decide by both, and compare."""
        held = [Reservation("r", who, at, Direction.ENTRY, zones, 1e9) for who, at, zones in asked.reserved]
        facts = Facts(self.state, tuple(held), asked.not_shut, asked.unsure)
        direction, card = Direction(asked.direction), CardEvidence(("1",), asked.person)
        request = AccessRequest("r", asked.portal, direction, "reader", asked.at, 10.0, 10.1, card=card)
        found, wanted = decide(request, self.site.snapshot, facts), self.model.refusal(asked)
        assert (str(found.reason) if found.reason else None) == (wanted[0] if wanted else None), asked
        if wanted is not None:
            assert found.rule in wanted[1], asked
        else:
            assert sorted((str(one.reason), one.rule) for one in found.violations) == self.model.recorded(asked), asked
        objected = [check.reason for check in explain(request, self.site.snapshot, facts) if check.objected]
        assert next(iter(objected), None) == found.reason
        return found.granted

    def open(self, portal: str, direction: str, kind: str, person: str | None = None) -> None:
        """Record a grant or a guard's opening, and the release."""
        request = f"request-{len(self.events) + 1}"
        self.record(kind, portal, direction, person_id=person, request=request)
        outcome = "confirmed" if self.is_tidy else self.chance.choice(["confirmed", "sent", "sent", "unknown"])
        if self.senses[portal]:
            self.pending[request] = (person or "", portal, direction)
        elif person is not None:
            self.move(person, portal, direction)
        detail = {"outcome": outcome, "senses_passage": self.senses[portal]}
        self.record("portal_unlocked", portal, direction, request=request, detail=detail)

    def end_a_release(self) -> None:
        if not self.pending:
            return
        request = self.chance.choice(sorted(self.pending))
        person, portal, direction = self.pending.pop(request)
        ends = ["passage_completed"] * 6 + ["passage_timed_out", "portal_unlock_failed", "passage_reversed"]
        kind = self.chance.choice(ends if self.is_tidy else [*ends, "portal_unlock_unconfirmed"])
        if kind == "passage_completed" and person:
            sides = self.model.sides(portal, direction)
            if self.is_tidy and sides and self.stands[person] != sides[0]:
                kind = "passage_timed_out"  # they have slipped away elsewhere
            else:
                self.move(person, portal, direction)
        self.record(kind, portal, direction, request=request)

    def correct(self, person: str, portal: str, direction: str) -> None:
        """What guards, zones that forget, and consoles that decided alone write into the record."""
        zone = self.chance.choice(sorted(self.model.parents))
        before = (self.now - timedelta(minutes=self.chance.choice([0, 5, 20]))).isoformat()
        reset = self.chance.choice(
            [
                {"person_id": person, "detail": {"place": self.chance.choice([None, *self.site.places])}},
                {"detail": {"zone": zone}},
                {"detail": {"all": True}},
                {"detail": {"zone": zone, "before": before, "because": "forget_at"}},
                {"detail": {"zone": zone, "before": before, "because": "forget_after"}},
            ]
        )
        kind = self.chance.choice(["whereabouts_reset"] * 5 + ["occupancy_set", "person_erased"] + ["console"] * 3)
        if kind == "whereabouts_reset":
            self.record(f"admin.{kind}", **reset)
        elif kind == "occupancy_set":
            self.record(f"admin.{kind}", detail={"zone": zone, "count": self.chance.randint(0, 6)})
        elif kind == "person_erased":
            self.record(f"admin.{kind}", person_id=person)
        else:
            at = self.now - timedelta(seconds=self.chance.choice([-1, 0, 10, 300, 1000]))
            detail = {"decided_by": "console"} | self.chance.choice([{}, {"clock_off_s": 9}, {"awaits_passage": True}])
            request = f"console-{len(self.events)}"
            self.record("access_granted", portal, direction, person_id=person, request=request, at=at, detail=detail)


@pytest.mark.parametrize(
    ("first", "worlds"), [(0, 60), pytest.param(1000, 4000, marks=[pytest.mark.faults, pytest.mark.timeout(1200)])]
)
def test_every_decision_and_place_is_as_the_model_of_the_rules_says(first: int, worlds: int) -> None:
    for seed in range(first, first + worlds):
        world = World(seed)
        for _ in range(STEPS):
            world.step()
        assert fold_all(NOWHERE, world.events, world.zones) == world.state
