"""Events of simulated ONVIF devices: what they mean, and how they come back."""

import time

import pytest

from devicemgr.domain.device_events import FireRelease, GateAlarm, RexPressed
from devicemgr.domain.ledger_events import Kind
from devicemgr.errors import InvalidInput
from drivers.common.onvif.services.pull_point import SILENT, EventPump, Timing
from drivers.sim.onvif.services.io import INPUT_TOPIC


def test_inputs_become_facts(device, connect, facts_until, listening):
    camera = connect(device, rex_input="input-1", fire_input="input-2")
    camera.open()
    listening(camera)
    device.set_input("input-1", True)
    device.set_input("input-1", False)
    device.set_input("input-2", True)
    device.set_input("input-2", False)
    facts = facts_until(camera, 4)
    assert facts == [FireRelease(False), RexPressed(1), FireRelease(True), FireRelease(False)], "the first: as it was"


def test_a_fire_that_began_before_is_heard_and_a_pressed_button_is_not(device, connect, facts_until):
    device.state.inputs.update({"input-1": True, "input-2": True})
    camera = connect(device, rex_input="input-1", fire_input="input-2")
    camera.open()
    assert facts_until(camera, 1) == [FireRelease(True)]
    device.set_input("input-1", False)
    device.set_input("input-1", True)
    assert facts_until(camera, 1) == [RexPressed(1)]


def test_a_fire_input_is_not_known_while_events_do_not_flow(device, connect, facts_until, listening, wait_until):
    camera = connect(device, fire_input="input-2")
    camera.open()
    assert facts_until(camera, 1) == [FireRelease(False)]
    listening(camera)
    device.faults.events_silent = True
    wait_until(lambda: camera._session.pump.trouble == SILENT)
    assert facts_until(camera, 1) == [FireRelease(None)]
    device.state.inputs["input-2"] = True
    device.faults.events_silent = False
    assert facts_until(camera, 1) == [FireRelease(True)]
    camera.close()
    camera.open()
    assert facts_until(camera, 1) == [FireRelease(True)], "told again after each opening"


@pytest.mark.parametrize("value", ["", "unknown", "2"])
def test_a_notification_without_a_state_ends_no_fire(device, connect, facts_until, listening, wait_until, value):
    device.state.inputs["input-2"] = True
    camera = connect(device, fire_input="input-2")
    camera.open()
    assert facts_until(camera, 1) == [FireRelease(True)]
    listening(camera)
    answered = camera._session.pump.last_answer
    device.notify(INPUT_TOPIC, {"InputToken": "input-2"}, {"LogicalState": value} if value else {})
    wait_until(lambda: camera._session.pump.last_answer > answered)
    device.set_input("input-2", False)
    assert facts_until(camera, 1) == [FireRelease(False)]


def test_alarm_inputs(device, connect, facts_until, listening):
    camera = connect(device, tamper_input="input-1", held_open_input="input-2")
    camera.open()
    listening(camera)
    device.set_input("input-1", True)
    device.set_input("input-2", True)
    assert facts_until(camera, 2) == [
        GateAlarm(1, Kind.TAMPER, "input input-1", active=True),
        GateAlarm(1, Kind.PORTAL_HELD_OPEN, "input input-2", active=True),
    ]
    with pytest.raises(InvalidInput, match="stands for two"):
        connect(device, tamper_input="input-1", rex_input="input-1")


def test_an_alarm_input_tells_its_state_at_the_start_and_its_end(device, connect, facts_until):
    camera = connect(device, states=True, tamper_input="input-1")
    camera.open()
    told = [facts_until(camera, 1)]
    for active in (True, False):
        device.set_input("input-1", active)
        told.append(facts_until(camera, 1))
    assert told == [[GateAlarm(1, Kind.TAMPER, "input input-1", active=active)] for active in (False, True, False)]


def test_events_that_silently_stop_are_noticed_and_come_back(device, connect, wait_until, listening):
    camera = connect(device, rex_input="input-1")
    camera.open()
    listening(camera)
    device.faults.events_silent = True
    wait_until(lambda: camera._session.pump.trouble == SILENT)
    camera._session._opened -= 60
    assert "events have stopped" in camera.complaint
    assert device.events.all("injected")
    device.faults.events_silent = False
    wait_until(lambda: camera._session.pump.trouble is None)
    assert camera.complaint is None


@pytest.mark.parametrize("rounds", [10, pytest.param(50, marks=pytest.mark.faults)])
def test_reboots_with_a_new_subscription_address_and_a_clock_off_by_an_hour(
    device, connect, rounds, wait_until, facts_until, listening
):
    device.auth = "token"
    camera = connect(device, rex_input="input-1")
    camera.open()
    listening(camera)
    for number in range(rounds):
        boot, made = device.hub.boot, camera._session.pump.subscriptions
        device.faults.clock_offset_s = 3600.0 * (number % 2)
        device.reboot(0.05)
        device.events.wait_for("booted", number + 1)
        wait_until(lambda: camera._session.pump.subscriptions > made and camera._session.pump.trouble is None, 15)  # noqa: B023
        device.set_input("input-1", True)
        device.set_input("input-1", False)
        assert RexPressed(1) in facts_until(camera, 1, 15)
        assert device.hub.boot == boot + 1
    old = [e for e in device.events.all("request") if e["path"].startswith(f"/onvif/sub/{device.hub.boot - 1}-")]
    assert old, "the addresses before were used before"


def test_subscriptions_are_given_back(device, connect, wait_until, listening):
    camera = connect(device, rex_input="input-1")
    for _ in range(12):
        camera.open()
        listening(camera)
    camera.close()
    wait_until(lambda: device.hub.count == 0)


def test_a_subscription_that_the_device_forgot_is_made_anew(device, connect, wait_until, listening):
    camera = connect(device, rex_input="input-1")
    camera.open()
    listening(camera)
    pump = camera._session.pump
    assert pump.subscriptions == 1
    for subscription in device.hub._held.values():
        subscription.until = time.monotonic() - 1
    wait_until(lambda: pump.subscriptions > 1 and pump.trouble is None)


@pytest.mark.parametrize("renews", [True, False])
def test_a_subscription_outlives_its_time(device, connect, monkeypatch, facts_until, listening, renews):
    short = Timing(lifetime=3.0, pull=1.0, probe=60.0, answer=1.0)
    monkeypatch.setattr(EventPump.__init__, "__defaults__", (short,))
    device.faults.no_renew = not renews
    camera = connect(device, rex_input="input-1")
    camera.open()
    listening(camera)
    name = "Renew" if renews else "CreatePullPointSubscription"
    until = time.monotonic() + 15
    while [e["operation"] for e in device.events.all("request")].count(name) < 3:
        assert camera._session.pump.trouble is None
        assert time.monotonic() < until
        time.sleep(0.02)
    assert (camera._session.pump.subscriptions == 1) is renews
    listening(camera)
    device.set_input("input-1", True)
    assert facts_until(camera, 1) == [RexPressed(1)]


def test_no_pull_point_is_told_where_it_matters(device, connect, wait_until):
    device.faults.no_pull_point = True
    camera = connect(device, rex_input="input-1")
    camera.open()
    wait_until(lambda: not camera._session.pump.supported)
    camera._session._opened -= 60
    assert "no events" in camera.complaint
