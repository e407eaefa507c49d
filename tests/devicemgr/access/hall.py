"""A hall of the tests: the entrance's lane `lobby`, a lane `side` beside it, and a door `lab-door` further in."""

import queue
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from devicemgr.access.area_checkpoint import AreaKeeper
from devicemgr.domain.device_events import CardRead, PassageCompleted
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import AccessLevel, AccessPoint, Direction, Portal, Requirement
from devicemgr.domain.rules.areas.whereabouts import Whereabouts
from devicemgr.domain.zones import OUTSIDE, Enforcement, Zone
from devicemgr.ledger.feed import Recorded

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


def lane(name: str, gate: str, outside: str, inside: str) -> Portal:
    """A portal with a card reader on each side."""
    points = (AccessPoint(name, ENTRY, f"{gate}-in"), AccessPoint(name, EXIT, f"{gate}-out"))
    return Portal(name, gate, access_points=points, outside=outside, inside=inside, require=Requirement.ANY)


class Hall:
    """Anna has card 1, Bert card 2; all gates run on the calling thread, and `pump` is the dispatcher's turn."""

    def __init__(self, entrance: Any, **settings: Any) -> None:
        self.entrance = entrance
        self.pipeline = entrance.pipeline
        self.anna, self.bert = entrance.anna, "bert"
        self.recorded: queue.Queue[Recorded] = queue.Queue()
        rules = entrance.rules.current
        lobby = replace(rules.portals["lobby"], outside=OUTSIDE, inside="hall")
        points = (*lobby.access_points, AccessPoint("lobby", ENTRY, "arm-in"), AccessPoint("lobby", EXIT, "arm-out"))
        self.portals = {
            "lobby": replace(lobby, access_points=points),
            "side": lane("side", "arm2", OUTSIDE, "hall"),
            "lab-door": lane("lab-door", "bolt", "hall", "lab"),
        }
        anna = rules.people[self.anna]
        level = AccessLevel("hall", dict.fromkeys(self.portals))
        people = {one: replace(anna, id=one, levels=frozenset({"hall"})) for one in (self.anna, self.bert)}
        self.set(
            portals=self.portals,
            zones={"hall": Zone("hall", **settings), "lab": Zone("lab", "hall")},
            levels={**rules.levels, "hall": level},
            people=people,
            cards={"1": self.anna, "2": self.bert},
        )
        self.keeper = AreaKeeper(entrance.site.database, entrance.site.ledger, entrance.rules, self.pipeline.areas)
        self.keeper.begin(lambda: entrance.site.ledger.feed.follow(self.recorded.put))

    def set(self, **fields: Any) -> None:
        """Change the rights in force, as a reload of the site does."""
        self.entrance.rules._snapshot = replace(self.entrance.rules.current, **fields)

    def hard(self) -> None:
        self.set(zones={"hall": Zone("hall", anti_passback=Enforcement.HARD), "lab": Zone("lab", "hall")})

    def card(self, reader: str, number: str = "1") -> None:
        self.pipeline.on_device_fact(reader, CardRead(1, (number,)))

    def pump(self) -> None:
        """Let in what is durable and what gates answer, until nothing waits."""
        is_quiet = False
        while not is_quiet:
            self.flush()
            is_quiet = True
            while not self.entrance.outcomes.empty():
                is_quiet = False
                self.pipeline.on_outcome(self.entrance.outcomes.get())
            while not self.recorded.empty():
                recorded = self.recorded.get()
                is_quiet &= all(body["kind"] == "test.flush" for body in recorded.bodies)
                self.pipeline.areas.on_recorded(recorded)

    def flush(self) -> None:
        written = threading.Event()
        self.entrance.site.ledger.submit(Fact("test.flush", datetime.now(UTC)), lambda _: written.set())
        assert written.wait(10)

    def passes(self, reader: str, gate: str, number: str = "1", direction: Direction = ENTRY) -> None:
        self.card(reader, number)
        self.pump()
        self.pipeline.on_device_fact(gate, PassageCompleted(1, direction))
        self.pump()

    def times_out(self) -> None:
        """Let all releases run out."""
        self.pipeline._passages.tick(time.monotonic() + 60)
        self.pump()

    def last(self, kind: str) -> dict[str, Any]:
        return [event for event in self.entrance.events() if event["kind"] == kind][-1]

    def verdicts(self) -> list[str]:
        """Grants and denials so far, in order."""
        events = self.entrance.events()
        found = [event for event in events if event["kind"] in ("access_granted", "access_denied", "rule_violated")]
        return [event["reason"] or "granted" for event in found]

    def zone_of(self, person: str) -> str | None:
        place = self.pipeline.areas.view.whereabouts.where.get(person)
        return place.zone if place else None

    @property
    def state(self) -> Whereabouts:
        return self.pipeline.areas.chained


@pytest.fixture
def hall(entrance: Any) -> Hall:
    return Hall(entrance)
