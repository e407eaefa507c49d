"""The daemon's own threads, in this process: what stopping, starting and changes of the site leave behind."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devicemgr.api.context import Context
from devicemgr.api.server import ApiServer
from devicemgr.api.stream.broadcast import Broadcast
from devicemgr.api.stream.follower import Follower
from devicemgr.daemon.service import Daemon
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import DeviceConfig, Direction
from devicemgr.domain.sighting import Sighting
from devicemgr.domain.zones import OUTSIDE
from devicemgr.people import face_enrollment, service as people_service
from devicemgr.site.areas import zones
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.ledger import events as ledger_rows
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.people import consents, people
from devicemgr.store.site import devices as device_store
from devicemgr.store.tables import PortalRow, ScheduleRow
from devicemgr.store.zone_tables import InterlockRow
from devicemgr.text import rfc3339

ANNA = np.eye(4, dtype=np.float32)[0]


class NoPool:
    """No recognizer processes."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.on_message: Callable[[Any], None] | None = None

    def start(self, on_message: Callable[[Any], None]) -> None:
        self.on_message = on_message

    def set_lanes(self, _: Any) -> None:
        pass

    def set_encoder(self, _: str) -> None:
        pass

    def settle(self, *_: str) -> None:
        pass

    def stop(self, _: float) -> None:
        pass


def events(site: Site) -> list[dict[str, Any]]:
    with site.database.read() as session:
        return ledger_rows.find(session, EventFilter(), 1000)


def until(condition: Callable[[], bool]) -> float:
    """Seconds until it held."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < 10
        time.sleep(0.01)
    return time.monotonic() - began


def furnish(site: Site) -> None:
    """A portal with a gate; Anna is enrolled."""
    with site.database.write() as session:
        gate = device_store.add_device(session, site.vault, DeviceConfig("", "arm", "fake_gate", "x"))
        session.add(
            PortalRow(name="lobby", gate_id=gate.id, channel=1, fail="secure", release_seconds=5.0, mode="normal")
        )
        person = people.add(session, "A1", "Anna", None, None)
        consent, _ = consents.give(session, person, "form 1")
        key, person.wrapped_key = site.vault.new_data_key(person.id)
        people.add_template(session, person, consent, "fake", key.seal_template(ANNA.tobytes(), "fake"), b"mac")


@pytest.fixture
def daemon(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setattr("devicemgr.daemon.service.RecognizerPool", NoPool)
    furnish(site)
    found = Daemon(site)
    found.start()
    yield found
    found.stop(time.monotonic() + 3)


def test_what_a_gate_did_while_the_daemon_ends_is_recorded(daemon: Daemon, site: Site, catalog: Any) -> None:
    entered, go = threading.Event(), threading.Event()

    def release(*_: Any) -> None:
        entered.set()
        assert go.wait(30)

    until(lambda: daemon.status()["devices"][0]["state"] == "online")
    catalog.gate.release = release
    opening = threading.Thread(target=daemon.open_portal, args=("lobby", Direction.ENTRY, "uid:1"))
    opening.start()
    assert entered.wait(10)
    daemon._stopping.set()  # as SIGTERM does
    until(lambda: not daemon._scheduler.is_running)
    go.set()
    daemon.stop(time.monotonic() + 3)
    opening.join(10)
    assert [event["kind"] for event in events(site)][-1] == "portal_unlocked"


def test_the_person_that_a_guard_lets_in_is_counted_once(daemon: Daemon, site: Site) -> None:
    """Also where the opening holds a place of its own, as at an interlocked portal."""
    with unit_of_work(site, "uid:1") as work:
        zones.add_zone(work, "hall", zones.ZoneFields(max=1))
        lobby = work.session.query(PortalRow).one()
        lobby.outside, lobby.inside = OUTSIDE, "hall"
        work.session.add(InterlockRow(name="trap", portals=["lobby", "back"], settle_seconds=0.0))
    until(lambda: daemon.status()["devices"][0]["state"] == "online")
    until(lambda: "trap" in daemon._rules.refresh().interlocks)
    assert "occupancy" not in daemon.open_portal("lobby", Direction.ENTRY, "uid:1")


def test_a_sighting_that_comes_while_the_daemon_ends_opens_nothing(daemon: Daemon, site: Site) -> None:
    daemon._stopping.set()
    now = time.monotonic()
    daemon._router.on_message(Sighting("arm", "t", now, now, 3, ANNA))
    daemon.stop(time.monotonic() + 3)
    assert not [event for event in events(site) if event["kind"].startswith("access_")]


def test_a_withdrawn_consent_is_in_force_within_a_second(
    daemon: Daemon, make_site: Callable[[], Site], site: Site
) -> None:
    """Withdrawn by another process on the same home."""
    assert site.gallery.current.match(ANNA).person_id is not None
    assert face_enrollment.withdraw(make_site(), "uid:1", "A1")["templates_erased"] == 1
    assert until(lambda: site.gallery.current.match(ANNA).person_id is None) < 1.0
    assert all(not person.face_consent for person in daemon._rules.refresh().people.values())


def test_an_answered_change_of_rights_is_in_force_though_no_job_has_run_since(daemon: Daemon, site: Site) -> None:
    """On a busy machine the next turn of the jobs may be a second away; the door decides by the answer."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        assert release.wait(30)

    daemon._scheduler._first = hold
    daemon._scheduler.wake()
    assert held.wait(10)
    with unit_of_work(site, "uid:1", daemon) as work:
        people_service.set_suspended(work, "A1", suspended=True)
    (anna,) = daemon._rules.current.people.values()
    assert anna.suspended
    people_service.withdraw_face(site, daemon, "uid:1", "A1")
    (anna,) = daemon._rules.current.people.values()
    assert not anna.face_consent
    people_service.erase_person(site, daemon, "uid:1", "A1")
    assert not daemon._rules.current.people
    release.set()


def test_a_consent_whose_end_comes_is_noted_and_in_force_at_once(daemon: Daemon, site: Site) -> None:
    """Nobody changes anything: time alone does it. The person and whatever else opens for them stay."""
    assert site.gallery.current.match(ANNA).person_id is not None
    with site.database.write(changes_site=False) as session:
        (consent,) = people.get(session, "A1").consents
        consent.until = rfc3339(datetime.now(UTC) + timedelta(seconds=1))
    assert until(lambda: site.gallery.current.match(ANNA).person_id is None) < 10.0
    until(lambda: "admin.consent_expired" in [event["kind"] for event in events(site)])
    (anna,) = [person for person in daemon._rules.refresh().people.values() if person.badge == "A1"]
    assert not anna.face_consent


def test_rights_that_cannot_be_read_do_not_keep_a_withdrawn_face(
    daemon: Daemon, make_site: Callable[[], Site], site: Site
) -> None:
    with site.database.write() as session:
        session.add(ScheduleRow(name="bad", timezone="UTC", windows=["nonsense"], holidays=[]))
    face_enrollment.withdraw(make_site(), "uid:1", "A1")
    until(lambda: site.gallery.current.match(ANNA).person_id is None)
    until(lambda: bool(daemon.status()["alarms"]))
    assert [alarm["kind"] for alarm in daemon.status()["alarms"]] == ["site_not_read"]
    with site.database.write() as session:
        session.delete(session.get_one(ScheduleRow, "bad"))
    until(lambda: not daemon.status()["alarms"])


def test_openings_without_an_end_are_marked_once_and_old_ones_not_read_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devicemgr.daemon.service.RecognizerPool", NoPool)
    now = datetime.now(UTC)
    with site.database.write() as session:
        facts = [Fact("access_granted", now, request="a"), Fact("portal_unlocked", now, request="a")]
        site.ledger.append(session, [*facts, Fact("admin.portal_open", now, portal="lobby", request="b")])
    asked_after: list[int] = []
    real = ledger_rows.unconfirmed

    def unconfirmed(*given: Any) -> Any:
        asked_after.append(given[-1])
        return real(*given)

    monkeypatch.setattr(ledger_rows, "unconfirmed", unconfirmed)
    for _ in range(2):
        found = Daemon(site)
        found.start()
        found.stop(time.monotonic() + 3)
    marked = [event["request"] for event in events(site) if event["kind"] == "portal_unlock_unconfirmed"]
    assert marked == ["b"]
    assert asked_after == [0, 4]


def test_a_start_that_fails_is_not_masked_by_its_own_clean_up(tmp_path: Path) -> None:
    from fastapi import FastAPI

    api = ApiServer(FastAPI(), tmp_path / "s.sock")
    api.stop()
    assert not (tmp_path / "s.sock").exists()


def test_a_stream_of_events_ends_with_the_daemon(daemon: Daemon, site: Site) -> None:
    """Else each client at the stop costs the log a traceback, and the stop a second."""

    async def read() -> None:
        context = Context(site, daemon, 0)
        follower = Follower(Broadcast(context), context, EventFilter(), lambda: True, frozenset({"portals"}))
        async for _ in follower.messages(0):
            daemon._stopping.set()

    asyncio.run(asyncio.wait_for(read(), 10))
    assert daemon.stopping


def test_a_quarantined_device_is_an_event_and_an_alarm(
    daemon: Daemon, site: Site, catalog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devicemgr.devices.backoff.LAST_S", 0.01)
    catalog.gate.open_error = catalog.gate.poll_error = RuntimeError("boom")
    until(lambda: daemon.status()["devices"][0]["state"] == "quarantined")
    (alarm,) = [alarm for alarm in daemon.status()["alarms"] if alarm["kind"] == "device_quarantined"]
    assert alarm["device"] == "arm"
    assert "failed 5 times within 60 s" in alarm["cause"]
    until(lambda: any(event["detail"].get("state") == "quarantined" for event in events(site)))
    last = next(event for event in reversed(events(site)) if event["detail"].get("state") == "quarantined")
    assert (last["kind"], last["device"]) == ("device_offline", "arm")
    assert "boom" in last["detail"]["cause"]
