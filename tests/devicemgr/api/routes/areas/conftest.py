"""A building with a portal, people with and without rights, and what the ledger says of them."""

from datetime import UTC, datetime

import pytest

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction
from devicemgr.store.people import people


def _add_portal(http, name, **fields):
    gate = {"name": "gate-1", "driver": "fake_gate", "address": "/dev/gate"}
    if not http.get("/devices").json():
        assert http.post("/devices", json=gate).status_code == 201
    answer = http.post("/portals", json={"name": name, "gate": "gate-1", **fields})
    assert answer.status_code == 201, answer.text


@pytest.fixture
def add_portal(http):
    """add_portal(NAME, **fields) on one gate."""
    return lambda name, **fields: _add_portal(http, name, **fields)


@pytest.fixture
def staffed(http):
    """Anna and Berik hold a level that covers `main`, Dana holds none; the building takes two people."""
    zone = {"name": "building", "anti_passback": "hard", "max": 2}
    assert http.post("/zones", json=zone).status_code == 201
    _add_portal(http, "main", inside="building", outside="outside")
    assert http.post("/levels", json={"name": "staff", "portals": ["main"]}).status_code == 201
    for badge, name, levels in (("1", "Anna", ["staff"]), ("2", "Berik", ["staff"]), ("3", "Dana", [])):
        body = {"badge": badge, "name": name, "levels": levels}
        assert http.post("/people", json=body).status_code == 201


@pytest.fixture
def record(site):
    """Record facts, as the daemon does."""

    def append(*facts: Fact) -> list[int]:
        with site.database.write() as session:
            return [entry.seq for entry in site.ledger.append(session, facts)]

    return append


@pytest.fixture
def person_id(site):
    def find(badge: str) -> str:
        with site.database.read() as session:
            return people.get(session, badge).id

    return find


@pytest.fixture
def passes(record, person_id):
    """A person passes `main`, by badge."""

    def move(badge: str, direction: Direction = Direction.ENTRY) -> list[int]:
        where = {"portal": "main", "direction": direction, "request": f"request-of-{badge}-{direction}"}
        kinds = (Kind.ACCESS_GRANTED, Kind.PORTAL_UNLOCKED, Kind.PASSAGE_COMPLETED)
        return record(*(Fact(kind, datetime.now(UTC), person_id=person_id(badge), **where) for kind in kinds))

    return move
