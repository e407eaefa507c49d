"""The bench's figures of decisions: beside each other without zones, and with many zones and people in them."""

import time
from datetime import UTC, datetime
from typing import Any

from devicemgr.cli.demo.simulated_entrance import quantile

_PEOPLE, _ZONES, _PORTALS, _DECISIONS = 10_000, 200, 200, 5_000


def measure_decisions() -> dict[str, Any]:
    """CPU time: decide_p99_ms with 10,000 people inside 200 zones; decide_p99_without_zones_ms without any."""
    from devicemgr.domain.rules.areas.facts import NO_FACTS  # noqa: PLC0415 - `--help` need not load the rules

    with_zones, facts = bench_site(with_zones=True)
    without, _ = bench_site(with_zones=False)
    return {
        "decide_p99_ms": _measure(with_zones, facts),
        "decide_p99_without_zones_ms": _measure(without, NO_FACTS),
    }


def _measure(snapshot: Any, facts: Any) -> float:
    from devicemgr.domain.model import Direction  # noqa: PLC0415
    from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence  # noqa: PLC0415
    from devicemgr.domain.rules.policy import decide  # noqa: PLC0415

    at, took = datetime.now(UTC), []
    for number in range(_DECISIONS):
        card = CardEvidence(("1",), f"p{number * 7919 % _PEOPLE}")
        portal, direction = f"d{number % _PORTALS}", list(Direction)[number % 2]
        request = AccessRequest("r", portal, direction, "reader", at, 1.0, 1.1, card=card)
        began = time.thread_time()
        decide(request, snapshot, facts)
        took.append((time.thread_time() - began) * 1000)
    return round(quantile(took, 0.99), 3)


def bench_site(*, with_zones: bool) -> tuple[Any, Any]:
    """Ten buildings of 19 rooms, and a door into each; every person stands in some room."""
    from devicemgr.domain.model import AccessLevel, Direction, Person, Portal  # noqa: PLC0415
    from devicemgr.domain.rules.areas.facts import Facts, Reservation  # noqa: PLC0415
    from devicemgr.domain.rules.areas.whereabouts import How, Place, Whereabouts  # noqa: PLC0415
    from devicemgr.domain.rules.decision.snapshot import Snapshot  # noqa: PLC0415
    from devicemgr.domain.zones import OUTSIDE, Enforcement, Interlock, Zone  # noqa: PLC0415

    names = [f"z{number}" for number in range(_ZONES)]
    rules: dict[str, Any] = {"anti_passback": Enforcement.SOFT, "exit_check": Enforcement.SOFT, "max_people": _PEOPLE}
    zones = {
        name: Zone(name, None if number % 20 == 0 else names[number - number % 20], again_after_minutes=5, **rules)
        for number, name in enumerate(names)
    }
    portals = {
        f"d{number}": Portal(f"d{number}", f"g{number}", outside=zones[name].parent or OUTSIDE, inside=name)
        for number, name in enumerate(names)
    }
    if not with_zones:
        zones, portals = {}, {name: Portal(name, portal.gate) for name, portal in portals.items()}
    pairs = {f"i{n}": Interlock(f"i{n}", frozenset({f"d{n}", f"d{n + 1}"})) for n in range(0, _PORTALS, 2)}
    snapshot = Snapshot(
        1,
        people={f"p{n}": Person(f"p{n}", f"b{n}", "n", levels=frozenset({f"l{n % 50}"})) for n in range(_PEOPLE)},
        levels={f"l{n}": AccessLevel(f"l{n}", dict.fromkeys(portals)) for n in range(50)},
        portals=portals,
        zones=zones,
        interlocks=pairs if with_zones else {},
    )
    since = datetime.now(UTC)
    where = {f"p{n}": Place(names[n % _ZONES], since, n, How.PASSAGE) for n in range(_PEOPLE)}
    state = Whereabouts(_PEOPLE, where, inside=dict.fromkeys(names, _PEOPLE // _ZONES))
    held = tuple(
        Reservation(f"r{n}", f"p{n}", f"d{n}", Direction.ENTRY, frozenset({names[n]}), 99.0) for n in range(20)
    )
    return snapshot, Facts(state, held)
