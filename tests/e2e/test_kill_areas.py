"""kill -9 between grant, unlock and passage: who is where is what the record says, and nothing else."""

import json
import os
import random
import sqlite3
import time
from typing import Any

import pytest

from devicemgr.domain.model import Portal
from devicemgr.domain.rules.areas.fold import fold_all
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, count
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.zones import OUTSIDE, Zone
from tests.e2e.conftest import wait_for

KILLS = int(os.environ.get("DEVICEMGR_KILLS", "3"))
CARDS = {f"P{number}": f"1A2B3C{number:02X}" for number in range(1, 6)}

pytestmark = [pytest.mark.e2e, pytest.mark.faults, pytest.mark.timeout(120 + 30 * KILLS)]

ZONES = ZoneMap({"hall": Zone("hall")}, {"lobby": Portal("lobby", "arm", outside=OUTSIDE, inside="hall")})


def _furnish(box: Any, turnstile: Any) -> None:
    box.cli("device", "add", "arm", "--driver", "modbus_gate", "--address", turnstile.path, "--option", "profile=lot")
    box.cli("zone", "add", "hall", "--anti-passback", "soft", "--warn-at", "2")
    places = ("--entry", "arm:1", "--exit", "arm:2", "--outside", "outside", "--inside", "hall")
    box.cli("portal", "add", "lobby", "--gate", "arm", *places)
    box.cli("level", "add", "staff", "--portal", "lobby")
    for badge, card in CARDS.items():
        box.cli("person", "add", badge, "--badge", badge)
        box.cli("level", "grant", badge, "staff")
        box.cli("card", "assign", badge, card)


def test_who_is_where_survives_every_kill(box: Any, turnstile: Any) -> None:
    _furnish(box, turnstile)
    chance = random.Random(16)
    box.start()
    for number in range(KILLS):
        wait_for(lambda: box.api().get("/status")["devices"][0]["state"] == "online", "the gate")
        if number % 2:
            box.cli("zone", "add", f"room-{number}")  # another map of zones is kept at once: a checkpoint
        for _ in range(chance.randrange(2, 5)):
            turnstile.show(chance.choice((1, 2)), bytes.fromhex(chance.choice(sorted(CARDS.values()))))
            time.sleep(chance.uniform(0.0, 1.2))  # anywhere between grant, unlock and passage
        box.kill()
        box.start()  # marks what the last run left open
        wait_for(lambda: _shown(box) == _recorded(box), "the daemon to know what is recorded")
    kinds = [event["kind"] for event in _bodies(box)]
    granted, moved = kinds.count("access_granted"), kinds.count("passage_completed")
    assert granted
    assert moved
    print(f"\n{KILLS} kills, {granted} grants, {moved} passages")


def _bodies(box: Any) -> list[dict[str, Any]]:
    """The whole record, read from the file and from nowhere else."""
    with sqlite3.connect(f"file:{box.home.database}?mode=ro", uri=True) as database:
        return [json.loads(body) for (body,) in database.execute("SELECT body FROM events ORDER BY seq")]


def _recorded(box: Any) -> tuple[set[tuple[str, str]], int]:
    """Who is in the hall and how many, as the fold of the whole record says."""
    state = fold_all(NOWHERE, _bodies(box), ZONES)
    with sqlite3.connect(f"file:{box.home.database}?mode=ro", uri=True) as database:
        badges = dict(database.execute("SELECT id, badge FROM people").fetchall())
    inside = {(badges[person], str(place.how)) for person, place in state.where.items() if place.zone == "hall"}
    return inside, count(state, "hall", ZONES)


def _shown(box: Any) -> tuple[set[tuple[str, str]], int]:
    found = box.api().get("/zones/hall/people")
    return {(one["badge"], one["how"]) for one in found["people"]}, found["count"]
