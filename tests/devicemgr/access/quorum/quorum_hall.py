"""The hall of the tests with portals that open for several people: a turnstile `lobby` and a door `lab-door`."""

from dataclasses import replace
from typing import Any

import pytest

from devicemgr.access.quorum.waiting import Waiting
from devicemgr.domain.device_events import PassageCompleted
from devicemgr.domain.model import AccessLevel, Direction
from devicemgr.domain.zones import Waiver
from tests.devicemgr.access.hall import ENTRY, EXIT, Hall

# reader on each side, and gate, by portal
TURNSTILE, DOOR = ("lobby", "arm"), ("lab-door", "bolt")


def aged(waiting: Waiting, seconds: float) -> Waiting:
    """One that has waited so much longer."""
    request = waiting.request
    times = {"captured": request.captured - seconds, "now": request.now - seconds}
    first = None if request.first is None else request.first - seconds
    return replace(waiting, request=replace(request, **times, first=first))


class QuorumHall(Hall):
    """Anna, Bert, Carl and Dora have cards 1 to 4; the arm reports passages, the bolt does not."""

    def __init__(self, entrance: Any) -> None:
        super().__init__(entrance)
        anna = entrance.rules.current.people[self.anna]
        names = (self.anna, "bert", "carl", "dora")
        people = {name: replace(anna, id=name) for name in names}
        self.set(people=people, cards={str(number): name for number, name in enumerate(names, 1)})
        self.pipeline.perimeter.know("arm", has_memory=False, senses_passage=True)
        entrance.command("bolt", lambda gate: setattr(gate, "senses_passage", False), lambda *_: None)
        self.bolt = entrance.others["bolt"]
        self.released = {"arm": 0, "bolt": 0}

    def pairs(self, portal: str = "lobby", people: int = 2, **fields: Any) -> None:
        """Let a portal open for so many people."""
        self.portals[portal] = replace(self.portals[portal], people=people, **fields)
        self.set(portals=self.portals)

    def person(self, name: str, *, levels: frozenset[str] | None = None, **fields: Any) -> None:
        person = self.entrance.rules.current.people[name]
        changed = replace(person, levels=person.levels | (levels or frozenset()), **fields)
        self.set(people={**self.entrance.rules.current.people, name: changed})

    def level(self, name: str, *waivers: Waiver) -> None:
        level = AccessLevel(name, dict.fromkeys(self.portals), frozenset(waivers))
        self.set(levels={**self.entrance.rules.current.levels, name: level})

    def show(self, gate: str, *numbers: str, side: str = "in") -> None:
        """Show cards at a side, one after another."""
        for number in numbers:
            self.card(f"{gate}-{side}", number)
        self.pump()

    def goes(self, gate: str = "arm", direction: Direction = ENTRY) -> None:
        """Let a person pass, and the dispatcher follow."""
        self.pipeline.on_device_fact(gate, PassageCompleted(1, direction))
        self.turn()

    def turn(self) -> None:
        self.pump()
        self.pipeline.tick()
        self.pump()

    def late(self, seconds: float = 11.0) -> None:
        """Let those who wait have waited for so long."""
        for group in self.pipeline._quorums._groups.values():
            group.members = [aged(one, seconds) for one in group.members]
        self.turn()

    def releases(self, gate: str = "arm") -> int:
        """How often a gate was released."""
        device = self.entrance.gate if gate == "arm" else self.entrance.others[gate]
        return sum(1 for done in list(device.done.queue) if done[0] == "release")

    def decisions(self) -> list[dict[str, Any]]:
        kinds = ("access_granted", "access_denied")
        return [event for event in self.entrance.events() if event["kind"] in kinds]

    @property
    def waiting(self) -> dict[tuple[str, Direction], tuple[str, ...]]:
        return dict(self.pipeline._quorums.view)


@pytest.fixture
def pair_hall(entrance: Any) -> QuorumHall:
    return QuorumHall(entrance)


__all__ = ["DOOR", "ENTRY", "EXIT", "TURNSTILE", "QuorumHall", "pair_hall"]
