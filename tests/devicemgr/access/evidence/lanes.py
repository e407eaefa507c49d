"""Two lanes side by side, and what people do there."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from devicemgr.domain.device_events import CardRead, Presented
from devicemgr.domain.model import Direction, Factor
from devicemgr.domain.sighting import Sighting
from devicemgr.store.site import (
    portals as portal_store,
    settings as site_settings,
)

ANNA = np.eye(4, dtype=np.float32)[0]
BERT = np.eye(4, dtype=np.float32)[1]
CARDS = {"A1": CardRead(1, ("11",)), "B2": CardRead(1, ("22",))}
ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


class Clock:
    """CLOCK_MONOTONIC, moved by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real, self._by = time.monotonic, 0.0
        monkeypatch.setattr(time, "monotonic", lambda: self._real() + self._by)

    def go(self, seconds: float) -> None:
        self._by += seconds


def group(hall: Any, name: str, seconds: float = 10.0) -> None:
    with hall.site.database.write() as session:
        for portal in ("lobby", "second"):
            portal_store.portal(session, portal).lane_group = name
        found = site_settings.load(session)
        site_settings.save(session, found.model_copy(update={"lanes_side_by_side": seconds}))
    hall.rules.refresh()


def card(hall: Any, badge: str, device: str = "cam") -> None:
    hall.pipeline.on_device_fact(device, CARDS[badge])


def face(hall: Any, device: str = "cam", track: str = "t1", face: Any = ANNA) -> None:
    for _ in range(2):
        now = time.monotonic()
        seen = Sighting(device, track, embedding=face, latest=face, captured=now, first_seen=now, frames=1)
        hall.pipeline.on_sighting(seen)


def finish(hall: Any) -> int:
    """Let the outcomes in that there are; how many."""
    hall.events()
    count = 0
    while not hall.outcomes.empty():
        hall.finish()
        count += 1
    return count


def releases(hall: Any) -> list[str]:
    """Which gates were released, each release once."""
    finish(hall)
    found = ["arm"] * hall.gate.done.qsize()
    return found + ["arm2"] * (hall.others["arm2"].done.qsize() if "arm2" in hall.others else 0)


def question(serial: int, badge: str = "A1") -> Presented:
    """A card's question, by the console's own clock of just now; each serial has a time of its own."""
    at = datetime(2026, 3, 2, 7, 30, tzinfo=UTC) + timedelta(seconds=serial)
    return Presented(
        1,
        serial,
        time.monotonic(),
        badge=badge,
        names=CARDS[badge].names,
        vendor="hikvision",
        at=at,
        age=0.1,
        factors=frozenset({Factor.CARD}),
        method="5/0x01",
    )


def console(hall: Any, name: str) -> list[tuple[int, bool]]:
    """Make a device answer as a console does; its answers."""
    answers: list[tuple[int, bool]] = []
    hall.command(name, lambda _: None, lambda *_: None)
    hall.others[name].answer = lambda serial, granted, words: answers.append((serial, granted))
    return answers
