"""A broker that is killed again and again under load: states are right soon after, and no event is missed."""

import itertools
import threading
import time
from dataclasses import replace

import pytest

from devicemgr.domain.model import Direction, PortalMode
from devicemgr.outlets.mqtt import link
from tests.support.mqtt import Watcher
from tests.support.webhook_receiver import wait_until

_WITHIN_S = 5.0


def _follow_kills(daemon, broker, add_outlet, base, figures, kills):
    add_outlet(broker, kinds=["admin.portal_open"], discovery=True)
    wait_until(lambda: figures().get("cursor"), "that it runs")
    seen, stopping = [], threading.Event()

    def open_often():
        while not stopping.is_set():
            daemon.open_portal("lobby", Direction.ENTRY, "uid:0")

    load = threading.Thread(target=open_often)
    load.start()
    worst = 0.0
    try:
        for turn, mode in zip(range(kills), itertools.cycle((PortalMode.FREE, PortalMode.NORMAL)), strict=False):
            broker.kill()
            daemon.set_portal_mode("lobby", mode, "uid:0")
            broker.start()
            began = time.monotonic()
            reader = Watcher(broker)
            reader.wait(lambda: reader.kept.get(base("available")) == b"online", f"its return {turn}", _WITHIN_S)  # noqa: B023
            state = reader.json(base("portal/lobby/state"))
            worst = max(worst, time.monotonic() - began)
            assert state["effective_mode"] == str(mode)
            assert any(topic.startswith("homeassistant/") for topic in reader.kept)
            count = len(reader.events())
            reader.wait(lambda: len(reader.events()) > count, "an event after it")  # noqa: B023
            seen.append([event["seq"] for event in reader.events()])
            reader.close()
    finally:
        stopping.set()
        load.join(20)
    assert worst < _WITHIN_S
    return seen


def _require_order(seen):
    for found in seen:
        # At least once and in order: what was under way comes again from where it was.
        firsts = sorted(set(found), key=found.index)
        assert firsts == sorted(firsts)


def test_a_broker_that_is_killed_twice_under_load(daemon, broker, add_outlet, base, figures):
    _require_order(_follow_kills(daemon, broker, add_outlet, base, figures, 2))


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_a_broker_that_is_killed_twenty_times_under_load(daemon, broker, add_outlet, base, figures, monkeypatch):
    monkeypatch.setattr(link, "MIN_RETRY_S", 0.5)
    _require_order(_follow_kills(daemon, broker, add_outlet, base, figures, 20))


def test_events_of_an_outage_come_when_the_broker_is_back(daemon, broker, watcher, add_outlet, base, figures, site):
    add_outlet(broker, kinds=["admin.portal_open"])
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    broker.kill()
    wait_until(lambda: figures()["state"].get("error"), "a failure")
    for _ in range(45):
        daemon.open_portal("lobby", Direction.ENTRY, "uid:0")
    connections = watcher.connections
    # The reader is there first: a broker keeps events for no one who is not connected.
    standing = daemon._outlets._running["hall"]._sender._link
    access = standing._access
    standing._access = replace(access, place=replace(access.place, port=9))
    broker.start()
    watcher.wait(lambda: watcher.connections > connections, "the reader")
    standing._access = access
    watcher.wait(lambda: len({event["seq"] for event in watcher.events()}) == 45, "all events of the outage")
    found = [event["seq"] for event in watcher.events()]
    assert sorted(set(found)) == sorted(set(found), key=found.index)
    wait_until(lambda: "error" not in figures()["state"], "that it is well again")
