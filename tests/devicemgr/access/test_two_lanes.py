"""Two lanes and the last places: however decisions, commits and passages interleave, no limit is exceeded."""

import os
import random
from collections import deque
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from devicemgr.access.area_state import AreaState
from devicemgr.domain.model import AccessLevel, Person
from devicemgr.domain.rules.areas.whereabouts import count
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import decide
from devicemgr.domain.zones import Enforcement
from devicemgr.ledger.feed import Recorded
from tests.devicemgr.domain.rules.areas.floor import ENTRY, NOON, PORTALS, zones

INTERLEAVINGS = int(os.environ.get("DEVICEMGR_INTERLEAVINGS", "2000"))
PEOPLE = {name: Person(name, name, name, levels=frozenset({"all"})) for name in ("anna", "bert", "carl")}
LEVELS = {"all": AccessLevel("all", dict.fromkeys(PORTALS))}
FULL = Snapshot(
    1,
    people=PEOPLE,
    levels=LEVELS,
    portals=PORTALS,
    zones=zones(lobby={"max_people": 1, "anti_passback": Enforcement.HARD}),
)
_REQUEST = AccessRequest("", "main", ENTRY, "reader", NOON + timedelta(hours=1), 1.0, 1.1)
REQUESTS = {name: replace(_REQUEST, card=CardEvidence((name,), name)) for name in PEOPLE}


class Lanes:
    """Both lanes into the lobby; what is submitted is durable when `commit` says so, or refused."""

    def __init__(self) -> None:
        self.areas = AreaState(
            SimpleNamespace(current=FULL),  # type: ignore[arg-type]
            lambda *_: {},
            lambda _: {},
            lambda _: None,
            lambda _: None,
        )
        self.waiting: deque[dict[str, Any]] = deque()
        self.released: dict[str, tuple[str, str]] = {}
        self.seq = 0
        self.grants = 0

    def present(self, person: str, portal: str) -> None:
        request = replace(REQUESTS[person], portal=portal, id=f"{person}-{portal}-{self.grants}")
        decision = decide(request, FULL, self.areas.facts(portal, FULL))
        if decision.granted:
            self.grants += 1
            self.areas.reserve(request.id, person, PORTALS[portal], ENTRY, decided=1.0)
            self.submit("access_granted", portal, person, request.id)

    def submit(self, kind: str, portal: str, person: str, request: str) -> None:
        self.waiting.append({"kind": kind, "portal": portal, "person_id": person, "request": request})

    def commit(self, chance: random.Random) -> None:
        if not self.waiting:
            return
        body = self.waiting.popleft()
        if body["kind"] == "access_granted" and chance.random() < 0.2:
            self.areas.give_back(body["request"])
            return
        self.seq += 1
        body |= {"seq": self.seq, "id": str(self.seq), "direction": "entry", "detail": {}, "time": NOON.isoformat()}
        if body["kind"] == "access_granted":
            self.released[body["request"]] = (body["portal"], body["person_id"])
        self.areas.on_recorded(Recorded((body,)))

    def end(self, chance: random.Random) -> None:
        if not self.released:
            return
        request = chance.choice(sorted(self.released))
        portal, person = self.released.pop(request)
        kind = "passage_completed" if chance.random() < 0.6 else "passage_timed_out"
        self.submit(kind, portal, person, request)


@pytest.mark.scaled
def test_the_last_place_is_given_once_in_all_interleavings() -> None:
    entered = 0
    for seed in range(INTERLEAVINGS):
        chance, lanes = random.Random(seed), Lanes()
        for _ in range(12):
            turn = chance.random()
            if turn < 0.4:
                lanes.present(chance.choice(("anna", "bert", "carl")), chance.choice(("main", "side")))
            elif turn < 0.8:
                lanes.commit(chance)
            else:
                lanes.end(chance)
            facts = lanes.areas.facts("main", FULL)
            assert facts.count("lobby", FULL.zone_map) <= 1, seed
        while lanes.waiting or lanes.released:
            lanes.commit(chance)
            lanes.end(chance)
        assert lanes.areas.view.reservations == (), seed
        entered += count(lanes.areas.chained, "lobby", FULL.zone_map)
    assert 0 < entered < INTERLEAVINGS
