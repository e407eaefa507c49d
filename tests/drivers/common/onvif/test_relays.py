"""Relay outputs of simulated ONVIF devices as a gate."""

import pytest

from devicemgr.domain.model import Direction, PortalMode
from devicemgr.errors import DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from drivers.sim.onvif.simulator import SimulatedOnvif


def test_a_release_is_timed_by_the_device(device, connect):
    camera = connect(device, relay="relay-1")
    camera.open()
    relay = device.state.relays[0]
    assert (relay.mode, relay.switched) == ("Monostable", 0)
    camera.release(1, Direction.ENTRY, 0.2)
    assert (relay.mode, relay.delay, relay.switched) == ("Monostable", 0.2, 1)
    device.events.wait_for("notified", 2)
    assert [e["data"]["LogicalState"] for e in device.events.all("notified")] == ["active", "inactive"]
    assert device.state.relays[1].switched == 0


def test_modes_of_a_relay(device, connect):
    camera = connect(device, relay="relay-1,relay-2")
    camera.open()
    first, second = device.state.relays
    camera.set_mode(2, PortalMode.FREE)
    assert (second.mode, second.active, first.active) == ("Bistable", True, False)
    camera.release(2, Direction.EXIT, 1)
    camera.set_mode(2, PortalMode.LOCKED)
    assert not second.active
    with pytest.raises(DeviceRefused, match="locked"):
        camera.release(2, Direction.ENTRY, 1)
    camera.set_mode(2, PortalMode.NORMAL)
    camera.release(2, Direction.ENTRY, 30)
    assert (second.mode, second.active) == ("Monostable", True)
    with pytest.raises(InvalidInput, match="channels 1 to 2"):
        camera.release(3, Direction.ENTRY, 1)


def test_a_device_that_only_says_so_has_its_pulses_ended_from_here(device, connect, wait_until):
    device.faults.ignore_sets = True
    camera = connect(device, relay="relay-1")
    camera.open()
    assert camera._gate.timed_here == ["relay-1"]
    assert any(e["operation"] == "SetRelayOutputSettings" for e in device.events.all("injected"))
    device.faults.ignore_sets = False
    camera.release(1, Direction.ENTRY, 0.1)
    assert device.state.relays[0].active
    wait_until(lambda: camera.poll() == [] and not device.state.relays[0].active)


@pytest.mark.parametrize(("fault", "done"), [("drop_answers", 1), ("drop", 0)])
def test_a_release_whose_answer_is_lost_is_unknown_and_not_repeated(device, connect, fault, done):
    camera = connect(device, relay="relay-1")
    camera.open()
    device.faults.only = "SetRelayOutputState"
    device.faults.put(fault, True)
    with pytest.raises(OutcomeUnknown, match="may have been carried out"):
        camera.release(1, Direction.ENTRY, 5)
    assert device.state.relays[0].switched == done
    assert len([e for e in device.events.all("request") if e["operation"] == "SetRelayOutputState"]) == 1


def test_a_release_to_nobody_has_not_happened(connect):
    with SimulatedOnvif() as device:
        camera = connect(device, relay="relay-1", pulse_seconds=1.0)
        camera.open()
    with pytest.raises(DeviceUnreachable):
        camera.release(1, Direction.ENTRY, 1.0)


def test_relays_are_touched_only_when_named(device, connect):
    camera = connect(device)
    camera.open()
    with pytest.raises(DeviceRefused, match="relay=TOKEN"):
        camera.release(1, Direction.ENTRY, 5)
    with pytest.raises(DeviceRefused, match="it has: relay-1, relay-2"):
        connect(device, relay="relay-9").open()
    assert [relay.switched for relay in device.state.relays] == [0, 0]
