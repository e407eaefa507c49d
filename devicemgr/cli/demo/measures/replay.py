"""The bench's figures of a replay (`apply --plan --replay`): recorded requests judged by two sets of rights."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.cli.demo.measures.rules import bench_site

_REQUESTS, _PEOPLE, _PORTALS = 10_000, 10_000, 200


def measure_replay() -> dict[str, Any]:
    """CPU time, from the recorded text on, each request judged in both worlds; without zones, and with 200."""
    return {
        "replay_decisions_per_s": _measure(with_zones=False),
        "replay_with_zones_decisions_per_s": _measure(with_zones=True),
    }


def _measure(*, with_zones: bool) -> int:
    from devicemgr.domain.rules.past.replay import Replay  # noqa: PLC0415 - `--help` need not load the rules

    present, facts = bench_site(with_zones=with_zones)
    planned, _ = bench_site(with_zones=with_zones)
    texts = list(_recorded(with_passages=with_zones))
    run = Replay(present, planned, (facts.whereabouts, facts.whereabouts))
    began = time.thread_time()
    run.take_all(map(json.loads, texts))
    return round(2 * _REQUESTS / (time.thread_time() - began))


def _recorded(*, with_passages: bool) -> Iterator[str]:
    """Yield events of 30 days as they are stored; without zones a replay does not read passages."""
    begin = datetime.now(UTC) - timedelta(days=30)
    kinds = ("access_granted", "portal_unlocked", "passage_completed")[: 3 if with_passages else 1]
    for number in range(_REQUESTS):
        at = begin + number * timedelta(days=30) / _REQUESTS
        for place, kind in enumerate(kinds):
            event = {
                "seq": number * len(kinds) + place + 1,
                "time": at.isoformat().replace("+00:00", "Z"),
                "kind": kind,
                "portal": f"d{number % _PORTALS}",
                "direction": "entry" if number % 2 else "exit",
                "device": "reader",
                "person_id": f"p{number * 7919 % _PEOPLE}",
                "reason": None,
                "request": f"r{number}",
                "evidence": {"card": True} if place == 0 else None,
                "detail": {"revision": 1},
            }
            yield json.dumps(event)
