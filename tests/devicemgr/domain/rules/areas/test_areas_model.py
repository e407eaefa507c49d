"""Random worlds against a model of its own: people walk, slip through unseen, are refused; counts are the truth.

The model keeps where everyone stands in truth and what a person at a desk would have written down; it shares no code
with the fold. All portals sense passages, and everyone is known to start outside.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import AccessLevel, Direction, Person
from devicemgr.domain.rules.areas.corrections import forgiven
from devicemgr.domain.rules.areas.facts import Facts, Reservation
from devicemgr.domain.rules.areas.fold import fold, fold_all
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, count
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import decide
from devicemgr.domain.zones import OUTSIDE, Enforcement, Zone
from tests.devicemgr.domain.rules.areas.floor import ENTRY, NOON, PORTALS

PEOPLE = [f"p{number}" for number in range(6)]
DOORS = {"main": ("outside", "lobby"), "side": ("outside", "lobby"), "lab-door": ("lobby", "lab"),
         "store-door": ("lobby", "store"), "store-lab": ("store", "lab")}  # fmt: skip
INSIDE_OF = {"outside": set(), "lobby": {"lobby", "building"}, "lab": {"lab", "lobby", "building"},
             "store": {"store", "building"}}  # fmt: skip
PARENT = {"building": None, "lobby": "building", "lab": "lobby", "store": "building"}
enforcement = st.sampled_from(list(Enforcement))


class World(RuleBasedStateMachine):
    @initialize(data=st.data())
    def build(self, data: st.DataObject) -> None:
        self.rules = {
            name: {
                "anti_passback": data.draw(enforcement),
                "exit_check": data.draw(enforcement),
                "max_people": data.draw(st.sampled_from([None, None, 1, 2, 3])),
                "strict_path": data.draw(st.booleans()),
            }
            for name in PARENT
        }
        zones = {name: Zone(name, parent, **self.rules[name]) for name, parent in PARENT.items()}
        level = {"all": AccessLevel("all", dict.fromkeys(PORTALS))}
        people = {name: Person(name, name, name, levels=frozenset({"all"})) for name in PEOPLE}
        self.snapshot = Snapshot(1, people=people, levels=level, portals=PORTALS, zones=zones)
        self.events: list[dict[str, Any]] = []
        self.state = NOWHERE
        self.stands = dict.fromkeys(PEOPLE, "outside")
        self.written = dict.fromkeys(PEOPLE, "outside")
        self.pending: dict[str, tuple[str, str, Direction]] = {}
        for name in PEOPLE:
            self.record("admin.whereabouts_reset", person_id=name, detail=forgiven("outside", "first day"))

    def record(self, kind: str, portal: str | None = None, direction: Direction | None = None, **more: Any) -> None:
        seq = len(self.events) + 1
        time = (NOON + timedelta(seconds=seq)).isoformat()
        body = {"seq": seq, "id": str(seq), "time": time, "kind": kind, "portal": portal, "detail": {}} | more
        body |= {"direction": str(direction)} if direction else {}
        self.events.append(body)
        self.state = fold(self.state, body, self.snapshot.zone_map)

    def walkable(self, person: str) -> list[tuple[str, Direction]]:
        here = self.stands[person]
        found = []
        for door, (outer, inner) in DOORS.items():
            found += [(door, Direction.ENTRY)] if outer == here else []
            found += [(door, Direction.EXIT)] if inner == here else []
        return found

    def busy(self, person: str) -> bool:
        return any(one == person for one, _, _ in self.pending.values())

    def held(self, zone: str) -> int:
        taken = 0
        for _, door, direction in self.pending.values():
            origin, target = self.way(door, direction)
            entered = INSIDE_OF[target] - INSIDE_OF[origin]
            taken += zone in entered
        return taken

    @staticmethod
    def way(door: str, direction: Direction) -> tuple[str, str]:
        outer, inner = DOORS[door]
        return (outer, inner) if direction is Direction.ENTRY else (inner, outer)

    def refusals(self, person: str, door: str, direction: Direction) -> tuple[set[str], set[str]]:
        """What must refuse and what must be recorded, worked out from the model alone."""
        origin, target = self.way(door, direction)
        known, hard, soft = INSIDE_OF[self.written[person]], set(), set()
        for zone in INSIDE_OF[origin] - INSIDE_OF[target]:
            if zone not in known and self.rules[zone]["exit_check"] != "off":
                (hard if self.rules[zone]["exit_check"] == "hard" else soft).add("anti_passback")
        for zone in INSIDE_OF[target] - INSIDE_OF[origin]:
            how = self.rules[zone]["anti_passback"]
            elsewhere = any(
                one == person and other != door and zone in INSIDE_OF[self.way(other, way)[1]]
                for one, other, way in self.pending.values()
            )
            strays = self.rules[zone]["strict_path"] and self.written[person] != origin
            if how != "off" and (zone in known or elsewhere or strays):
                (hard if how == "hard" else soft).add("anti_passback")
            limit = self.rules[zone]["max_people"]
            truth = sum(zone in INSIDE_OF[place] for place in self.stands.values())
            if limit is not None and truth + self.held(zone) + 1 > limit:
                hard.add("occupancy")
        return hard, soft - hard

    @rule(person=st.sampled_from(PEOPLE), data=st.data())
    def presents(self, person: str, data: st.DataObject) -> None:
        ways = self.walkable(person)
        if self.busy(person):
            # A card can be passed on to another lane; the one who shows it stands where the first one does.
            ways = [way for way in ways if way[0] not in {door for _, door, _ in self.pending.values()}]
        if not ways:
            return
        door, direction = data.draw(st.sampled_from(ways))
        reservations = tuple(
            Reservation(request, one, other, way, frozenset(self.entered(other, way)), 99.0)
            for request, (one, other, way) in self.pending.items()
        )
        request_id = f"request-{len(self.events)}"
        at: datetime = NOON + timedelta(hours=1)
        card = CardEvidence(("1",), person)
        request = AccessRequest(request_id, door, direction, "reader", at, 1.0, 1.1, card=card)
        decision = decide(request, self.snapshot, Facts(self.state, reservations))
        hard, soft = self.refusals(person, door, direction)
        assert decision.granted == (not hard), (decision, hard)
        if not decision.granted:
            first = "anti_passback" if "anti_passback" in hard else "occupancy"
            assert decision.reason == first
            self.record("access_denied", door, direction, person_id=person, request=request_id)
            return
        assert {str(one.reason) for one in decision.violations} == soft
        assert Reason.OCCUPANCY not in {one.reason for one in decision.violations}
        self.record("access_granted", door, direction, person_id=person, request=request_id)
        if self.busy(person):  # the model lets one person walk one way at a time
            self.record("passage_timed_out", door, direction, request=request_id)
            return
        self.pending[request_id] = (person, door, direction)

    def entered(self, door: str, direction: Direction) -> set[str]:
        origin, target = self.way(door, direction)
        return INSIDE_OF[target] - INSIDE_OF[origin]

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), follows=st.booleans())
    def ends(self, data: st.DataObject, follows: bool) -> None:
        """A released person passes, or turns back."""
        request = data.draw(st.sampled_from(sorted(self.pending)))
        person, door, direction = self.pending.pop(request)
        if not follows:
            self.record("passage_timed_out", door, direction, request=request)
            return
        self.record("passage_completed", door, direction, request=request)
        self.stands[person] = self.written[person] = self.way(door, direction)[1]

    @rule(person=st.sampled_from(PEOPLE), data=st.data())
    def slips(self, person: str, data: st.DataObject) -> None:
        """Someone passes behind another, or through a freed gate; limits don't stop them."""
        if self.busy(person):
            return
        door, direction = data.draw(st.sampled_from(self.walkable(person)))
        self.record("passage_completed", door, direction)
        self.stands[person] = self.way(door, direction)[1]

    @rule(person=st.sampled_from(PEOPLE))
    def is_forgiven(self, person: str) -> None:
        self.record("admin.whereabouts_reset", person_id=person, detail=forgiven(self.stands[person], "asked"))
        self.written[person] = self.stands[person]

    @rule(data=st.data())
    def restarts(self, data: st.DataObject) -> None:
        """A state from any point of the record on, and the rest, is the state."""
        at = data.draw(st.integers(0, len(self.events)))
        first = fold_all(NOWHERE, json.loads(json.dumps(self.events[:at])), self.snapshot.zone_map)
        assert fold_all(first, self.events[at:], self.snapshot.zone_map) == self.state

    @invariant()
    def counts_are_the_truth(self) -> None:
        if not hasattr(self, "state"):
            return
        for zone in PARENT:
            truth = sum(zone in INSIDE_OF[place] for place in self.stands.values())
            assert count(self.state, zone, self.snapshot.zone_map) == truth
        assert {name: place.zone for name, place in self.state.where.items()} == self.written

    @invariant()
    def a_fire_objects_to_nothing(self) -> None:
        if not hasattr(self, "state") or len(self.events) % 7:
            return
        burning = Snapshot(
            1, people=self.snapshot.people, levels=self.snapshot.levels, portals=PORTALS,
            zones=self.snapshot.zones, fire_active=True,
        )  # fmt: skip
        card = CardEvidence(("1",), PEOPLE[0])
        request = AccessRequest("f", "main", ENTRY, "reader", NOON + timedelta(hours=1), 1.0, 1.1, card=card)
        decision = decide(request, burning, Facts(self.state))
        assert decision.granted
        assert not decision.violations


assert OUTSIDE == "outside"
World.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestWorld = World.TestCase
