"""Musters of a running daemon: by a frozen database, at a fire, and across a restart."""

import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from devicemgr.access import area_checkpoint
from devicemgr.api.app import create_app
from devicemgr.api.context import Context
from devicemgr.daemon.service import Daemon
from devicemgr.domain.device_events import FireRelease
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import DeviceConfig, Direction
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, How, Place, Whereabouts
from devicemgr.domain.rules.musters.roll import Found, Mark, Marking, MusterView
from devicemgr.errors import StorageFailed
from devicemgr.site.areas import zones
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.ledger import events as ledger_rows
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.people import people
from devicemgr.store.site import devices as device_store
from devicemgr.store.tables import PersonRow, PortalRow
from tests.devicemgr.api.conftest import BASE, InProcess

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


class NoPool:
    """No recognizer processes."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None


def events(site: Site) -> list[dict[str, Any]]:
    with site.database.read() as session:
        return ledger_rows.find(session, EventFilter(), 1000)


def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def furnish(site: Site, count: int) -> list[str]:
    """A building with `count` people in it, and a yard to assemble in; return the people's ids."""
    ids = [str(uuid.UUID(int=number)) for number in range(1, count + 1)]
    with unit_of_work(site, "uid:1") as work:
        zones.add_zone(work, "building", zones.ZoneFields())
        zones.add_zone(work, "yard", zones.ZoneFields(assembly=True))
        gate = device_store.add_device(work.session, site.vault, DeviceConfig("", "arm", "fake_gate", "x"))
        for channel, (name, inside) in enumerate({"main": "building", "post": "yard"}.items(), 1):
            more: dict[str, Any] = {"fail": "secure", "release_seconds": 5.0, "mode": "normal"}
            work.session.add(
                PortalRow(name=name, gate_id=gate.id, channel=channel, outside="outside", inside=inside, **more)
            )
        now = people.now_text()
        rows = [
            {"id": one, "badge": f"A{number}", "name": f"Name {number}", "suspended": False, "created": now}
            for number, one in enumerate(ids)
        ]
        work.session.execute(insert(PersonRow), rows)
        work.record("test.furnished", {})
    with site.database.write() as session:
        seq, at = ledger_rows.head(session)[0], datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        places = {one: Place("building", at, seq, How.PASSAGE) for one in ids}
        area_checkpoint.save(session, Whereabouts(seq, places, inside={"building": count}), NOWHERE)
    return ids


@contextmanager
def running(site: Site) -> Iterator[Daemon]:
    daemon = Daemon(site)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop(time.monotonic() + 3)


@contextmanager
def frozen(site: Site) -> Iterator[None]:
    """Another process keeps the database's write lock."""
    with closing(sqlite3.connect(site.home.database, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(StorageFailed), site.database.write(patience_s=0.05):
            pass
        yield
        other.execute("rollback")


def api(site: Site, daemon: Daemon) -> httpx.Client:
    app = create_app(Context(site, daemon, os.getuid()))
    return httpx.Client(transport=InProcess(app, f"uid:{os.getuid()}"), base_url=BASE)


def passes(person: str, portal: str, direction: Direction) -> Fact:
    return Fact(Kind.PASSAGE_COMPLETED, datetime.now(UTC), portal=portal, direction=direction, person_id=person)


def only(daemon: Daemon) -> MusterView:
    (view,) = daemon.musters.running()
    return view


@pytest.fixture(autouse=True)
def no_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devicemgr.daemon.service.RecognizerPool", NoPool)


@pytest.mark.scaled
def test_a_frozen_database_keeps_no_muster_from_its_list(site: Site) -> None:
    """Of 10,000 people within 2 s in `make faults`; started, marked and shown from memory, and recorded afterwards."""
    count = 10_000 if "DEVICEMGR_KILLS" in os.environ else 500
    furnish(site, count)
    with running(site) as daemon, api(site, daemon) as http:
        with frozen(site):
            began = time.monotonic()
            started = http.post("/musters", json={"zone": "building"})
            shown = http.get(f"/musters/{started.json()['id']}").json()
            took = time.monotonic() - began
            assert started.status_code == 201
            assert len(shown["missing"]) == count
            assert (shown["missing"][0]["badge"], shown["missing"][0]["name"]) == ("A0", "Name 0")
            assert count < 10_000 or took <= 2.0
            http.post("/musters/marks", json={"badge": "A1", "mark": "safe"})
            found = http.get(f"/musters/{shown['id']}").json()
            assert [one["badge"] for one in found["safe"]] == ["A1"]
        until(lambda: {"muster_started", "muster_marked"} <= {event["kind"] for event in events(site)})
        assert http.get(f"/musters/{shown['id']}").json()["totals"]["safe"] == 1


def test_no_database_is_read_for_a_muster(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(site, 3)
    with running(site) as daemon, api(site, daemon) as http:
        with monkeypatch.context() as patch:
            patch.setattr(site.database, "read", lambda: (_ for _ in ()).throw(StorageFailed("the disk is gone")))
            started = http.post("/musters", json={"zone": "building"}).json()
            http.post("/musters/marks", json={"badge": "A0", "mark": "safe"})
            found = http.get(f"/musters/{started['id']}").json()
            assert [len(found[state]) for state in ("missing", "safe")] == [2, 1]
            assert [one["id"] for one in http.get("/musters").json()] == [started["id"]]
            ended = http.post(f"/musters/{started['id']}/end").json()
            assert ended["state"] == "ended"
        until(lambda: [event["kind"] for event in events(site)][-1] == "muster_ended")


def test_a_muster_runs_on_after_a_restart_in_the_middle(site: Site) -> None:
    anna, bert, cora, dana = furnish(site, 4)
    with running(site) as daemon:
        daemon.musters.start("building", "uid:1")
        daemon.musters.mark(None, anna, Marking(Mark.NOT_HERE, "uid:1", datetime.now(UTC), "at home"))
        site.ledger.submit(passes(bert, "main", EXIT))
        site.ledger.submit(Fact(Kind.ACCESS_GRANTED, datetime.now(UTC), portal="post", person_id=cora))
        until(lambda: list(only(daemon).found.values()).count(Found.MISSING) == 1)
        before = only(daemon)
    with running(site) as daemon:
        after = only(daemon)
        assert (after.muster.people, after.found) == (before.muster.people, before.found)
        assert after.found == {anna: Found.NOT_HERE, bert: Found.OUT, cora: Found.SAFE, dana: Found.MISSING}
        daemon.musters.end(after.muster.id, "uid:1")
        until(lambda: events(site)[-1]["kind"] == "muster_ended")
    with running(site) as daemon:
        assert daemon.musters.running() == []


def test_what_a_list_holds_is_not_counted_again_when_the_storage_is_back(site: Site) -> None:
    """Who went out and came back before the muster, of which only the spill file knew, is missing."""
    anna, _ = furnish(site, 2)
    with running(site) as daemon:
        with frozen(site):
            for fact in (passes(anna, "main", EXIT), passes(anna, "main", ENTRY)):
                site.ledger.submit(fact)
            site.ledger.submit(Fact(Kind.PASSAGE_COMPLETED, datetime.now(UTC), portal="main", direction=EXIT))
            until(lambda: daemon.whereabouts().counts["building"].unnamed == -1)
            daemon.musters.start("building", "uid:1")
            assert only(daemon).muster.unnamed == -1
        until(lambda: "muster_started" in {event["kind"] for event in events(site)})
        until(lambda: not daemon._musters._spilled)
        view = only(daemon)
        assert (set(view.found.values()), view.muster.unnamed_out) == ({Found.MISSING}, 0)


def test_a_fire_input_begins_a_muster_where_that_is_armed_also_after_a_restart(site: Site) -> None:
    furnish(site, 2)
    with running(site) as daemon, api(site, daemon) as http:
        assert http.put("/musters/armed", json={"zone": "building"}).status_code == 200
        assert daemon.musters.running() == []
    with running(site) as daemon, api(site, daemon) as http:
        daemon._router.on_fact("arm", FireRelease(True, "panel"))
        view = only(daemon)
        assert (view.muster.zone, view.muster.because, len(view.found)) == ("building", "fire", 2)
        daemon._router.on_fact("arm", FireRelease(True, "second"))
        assert only(daemon) == view
        assert [one["kind"] for one in http.get("/status").json()["alarms"] if one["kind"] == "muster"] == ["muster"]
        until(lambda: events(site)[-1]["kind"] in ("muster_started", "fire_release"))
        (event,) = [event for event in events(site) if event["kind"] == "muster_started"]
        assert (event["detail"]["because"], event["actor"]) == ("fire", None)
        http.post(f"/musters/{view.muster.id}/end")
        http.delete("/musters/armed", params={"zone": "building"})
        daemon._router.on_fact("arm", FireRelease(False, "panel"))
        daemon._router.on_fact("arm", FireRelease(True, "panel"))
        assert daemon.musters.running() == []


def test_an_end_of_a_fire_begins_nothing_and_ends_nothing(site: Site) -> None:
    furnish(site, 1)
    with running(site) as daemon:
        daemon.musters.set_armed(frozenset({None}))
        daemon._router.on_fact("arm", FireRelease(False, "panel"))
        assert daemon.musters.running() == []
        daemon._router.on_fact("arm", FireRelease(True, "panel"))
        daemon._router.on_fact("arm", FireRelease(False, "panel"))
        assert only(daemon).muster.because == "fire"
