"""Passwords and clocks of simulated ONVIF devices, as they go wrong in the field."""

import threading
import time

import pytest

from devicemgr.domain.model import Direction
from devicemgr.errors import DeviceError, DeviceRefused


@pytest.mark.parametrize("auth", ["token", "digest", "both"])
@pytest.mark.parametrize("hours", [0, 1, -1])
def test_every_way_to_log_in_with_a_clock_that_is_off(device, connect, auth, hours, listening):
    device.auth, device.faults.clock_offset_s = auth, hours * 3600.0
    camera = connect(device, rex_input="input-1")
    camera.open()
    listening(camera)
    assert [e for e in device.events.all("refused") if e["why"] == "created outside the window"] == []
    if hours:
        assert "clock" in camera.complaint
    assert camera.snapshot().startswith(b"\xff\xd8")


def test_local_time_shown_as_utc(device, connect, listening):
    device.auth, device.faults.clock_shown_offset_s = "token", 5 * 3600.0
    camera = connect(device, rex_input="input-1")
    camera.open()
    listening(camera)
    camera._device.read_clock()
    assert camera.snapshot().startswith(b"\xff\xd8")
    assert {e["why"] for e in device.events.all("refused")} <= {"created outside the window", "no password"}


def test_a_clock_that_wants_a_password_is_read_with_it(device, connect):
    device.faults.clock_needs_password = True
    camera = connect(device)
    camera.open()
    assert [e["operation"] for e in device.events.all("refused")] == ["GetSystemDateAndTime"]


@pytest.mark.parametrize("auth", ["token", "digest"])
def test_a_wrong_password_is_tried_twice_and_waits_for_a_person(device, connect, auth):
    device.auth = auth
    camera = connect(device, password="wrong-one", rex_input="input-1")
    for _ in range(6):
        with pytest.raises(DeviceRefused, match=r"password; give the right one|then the password$") as caught:
            camera.open()
        assert caught.value.hint.code == "set_device_password"
    assert 1 <= len(device.events.all("refused")) <= 2
    assert "wrong-one" not in str(caught.value)
    asked = len(device.events.all("request"))
    with pytest.raises(DeviceRefused):
        camera.open()
    assert len(device.events.all("request")) == asked


def test_a_password_that_stops_to_work_is_no_storm(device, connect, wait_until, listening):
    camera = connect(device, rex_input="input-1")
    camera.open()
    listening(camera)
    device.state.users["admin"].password = "changed"
    device.reboot(0.05)
    device.events.wait_for("booted")
    for _ in range(20):
        with pytest.raises(DeviceError):
            camera.snapshot()
    wait_until(lambda: camera._session.pump.trouble is not None)
    before = len(device.events.all("refused"))
    time.sleep(1.5)
    assert len(device.events.all("refused")) <= before + 1
    assert before <= 8


def test_skew_and_a_bad_password_have_different_words(device, connect):
    device.auth = "token"
    device.faults.clock_needs_password = True
    device.faults.clock_offset_s = 3600.0
    with pytest.raises(DeviceRefused, match="hides its clock"):
        connect(device).open()
    assert {e["why"] for e in device.events.all("refused")} == {"no token", "created outside the window"}


def test_a_user_without_rights_is_no_wrong_password(device, connect):
    camera = connect(device, relay="relay-1")
    camera.open()
    device.faults.only, device.faults.locked_out = "SetRelayOutputState", True
    with pytest.raises(DeviceRefused, match="give the user more rights"):
        camera.release(1, Direction.ENTRY, 5)


def test_basic_is_for_those_who_allow_it(device, connect):
    device.snapshot_auth = "basic"
    camera = connect(device)
    camera.open()
    with pytest.raises(DeviceRefused, match="clear text"):
        camera.snapshot()
    allowed = connect(device, allow_basic=True)
    allowed.open()
    assert allowed.snapshot().startswith(b"\xff\xd8")


def test_a_picture_by_digest_leaves_the_way_of_calls_alone(device, connect):
    device.auth = "token"
    camera = connect(device, relay="relay-1")
    camera.open()
    camera.snapshot()
    camera.release(1, Direction.ENTRY, 0.1)
    assert [e["operation"] for e in device.events.all("refused")] == ["snapshot"]


def test_a_device_is_used_from_any_thread(device, connect):
    device.auth = "digest"
    camera = connect(device)
    camera.open()
    pictures = []
    thread = threading.Thread(target=lambda: pictures.append(camera.snapshot()))
    thread.start()
    thread.join()
    assert pictures[0].startswith(b"\xff\xd8")
    assert camera.snapshot().startswith(b"\xff\xd8")
