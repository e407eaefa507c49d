"""A Dahua console with lost answers, wrong passwords and bad options."""

import pytest

from devicemgr.errors import DeviceBusy, DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from tests.drivers.dahua_console.test_console import ENTRY


def test_a_lost_answer_leaves_the_outcome_unknown_and_nothing_is_repeated(sim, opened):
    device = opened()
    sim.faults.put("lost")
    with pytest.raises(OutcomeUnknown):
        device.release(1, ENTRY, 5)
    assert sim.events.wait_for("injected")["fault"] == "lost"
    assert len(sim.events.all("unlocked")) == 1


def test_a_wrong_password_is_tried_twice_and_no_more(sim, build):
    device = build(sim.address, password="wrong")
    for _ in range(5):
        with pytest.raises(DeviceRefused, match="user name or password"):
            device.open()
        device.close()
    assert sim.doorkeeper.wrong <= 2
    assert not sim.doorkeeper.locked


def test_too_many_connections_are_not_a_wrong_password(sim, opened):
    device = opened()
    sim.faults.put("busy", 3)
    assert device.check()["events"] == "received"
    assert len(sim.events.all("injected")) == 3
    sim.faults.put("busy", -1)
    with pytest.raises(DeviceBusy, match="too many connections"):
        device.check()
    assert sim.doorkeeper.wrong == 0


def test_a_storm_of_401_ends_the_tries_for_a_while(sim, opened):
    device = opened()
    sim.faults.put("storm", -1)
    for _ in range(6):
        with pytest.raises(DeviceBusy):
            device.check()
    assert len(sim.events.all("injected")) < 10
    assert sim.doorkeeper.wrong == 0


def test_a_lost_terminal_comes_back_and_its_stream_too(sim, opened, collect):
    device = opened()
    sim.server.drop_connections()
    sim.events.wait_for("attached", 2, 10)
    sim.stranger()
    assert collect(device, 1)[0].serial == 1
    sim.server.stop()
    with pytest.raises(DeviceUnreachable):
        device.check()


@pytest.mark.parametrize(
    "options",
    [
        {"doors": 0},
        {"decide": "host"},
        {"timezone": "Mars/X"},
        {"remote_user": "a&b"},
        {"unknown": 1},
        {"tls_ca": "/x"},
    ],
)
def test_bad_options_are_one_line(build, options):
    with pytest.raises(InvalidInput) as caught:
        build("http://127.0.0.1:9", **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("address", ["ftp://x", "http://u:p@h", "http://h/path", "127.0.0.1", "http://"])
def test_bad_addresses_are_one_line(build, address):
    with pytest.raises(InvalidInput) as caught:
        build(address)
    assert "\n" not in str(caught.value)
    assert ":p@" not in str(caught.value)
