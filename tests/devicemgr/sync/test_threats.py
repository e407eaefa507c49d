"""Devices that decide by themselves hold only those whom a threat in force allows, and status says until when not."""

from datetime import UTC, datetime

import pytest

from devicemgr.devices.supervisor import Health
from devicemgr.domain.rules.threats.threat import ThreatInForce
from devicemgr.site.areas.threats import ThreatFields, put_threat
from devicemgr.site.unit_of_work import unit_of_work
from tests.devicemgr.sync.holders import FakeHolder, House, ScheduledHolder
from tests.devicemgr.sync.test_reconciler import house, running, until  # noqa: F401

LOCKDOWN = {"lockdown": ThreatInForce("lockdown", frozenset({"site"}), datetime(2026, 3, 2, tzinfo=UTC))}


@pytest.fixture
def furnished(house: House):  # noqa: F811
    """A1 has the level staff, B2 the level all, which the threat allows."""
    house.person("A1", cards=["77"])
    house.person("B2", "all", cards=["78"])
    with unit_of_work(house.site, "uid:0") as work:
        put_threat(work, "lockdown", ThreatFields(allow=["all"]))
    return house


def set_threats(found, threats):
    found.rules.refresh()
    found.rules.set_threats(threats)
    found.reconciler.wake()


def test_it_is_recomputed_when_a_threat_begins_and_ends(furnished, running):  # noqa: F811
    box = FakeHolder()
    found = running(box=box)
    until(lambda: set(box.kept) == {"77", "78"})
    assert found.reconciler.threat_pending() == frozenset()
    set_threats(found, LOCKDOWN)
    until(lambda: set(box.kept) == {"78"})
    until(lambda: found.reconciler.threat_pending() == frozenset())
    set_threats(found, {})
    until(lambda: set(box.kept) == {"77", "78"})
    until(lambda: found.reconciler.threat_pending() == frozenset())


def test_it_is_pending_while_the_device_is_away(furnished, running):  # noqa: F811
    box = FakeHolder()
    found = running(box=box)
    until(lambda: set(box.kept) == {"77", "78"})
    box.away = True
    until(lambda: found.state("box") is Health.OFFLINE)
    set_threats(found, LOCKDOWN)
    assert found.reconciler.threat_pending() == {"box"}
    assert set(box.kept) == {"77", "78"}
    box.away = False
    until(lambda: found.reconciler.threat_pending() == frozenset())
    assert set(box.kept) == {"78"}


def test_a_device_that_refuses_to_remove_stays_pending(furnished, running):  # noqa: F811
    box = FakeHolder()
    found = running(box=box)
    until(lambda: set(box.kept) == {"77", "78"})
    box.refuses.add("77")
    set_threats(found, LOCKDOWN)
    until(lambda: ("remove", ("77",)) in box.told)
    assert found.reconciler.threat_pending() == {"box"}
    # Another run leaves out what was refused a moment ago, and so has nothing that fails.
    run = found.reconciler.sync("box", prune=False)
    assert run.ended.wait(10)
    assert "77" in box.kept
    assert found.reconciler.threat_pending() == {"box"}


def test_a_device_that_asks_here_keeps_everyone_and_is_never_pending(furnished, running):  # noqa: F811
    box = ScheduledHolder(decides_alone=False)
    found = running(box=box)
    until(lambda: set(box.kept) == {"A1", "B2"})
    box.told.clear()
    set_threats(found, LOCKDOWN)
    found.reconciler.sync("box", prune=False).ended.wait(10)
    assert found.reconciler.threat_pending() == frozenset()
    assert set(box.kept) == {"A1", "B2"}
