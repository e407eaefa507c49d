"""What goes wrong with ONVIF devices in the field, each against the simulated one; the fault is shown to happen."""

import os
import socket
import threading
import time

import pytest

from devicemgr.errors import (
    DeviceError,
    DeviceGarbled,
    DeviceRefused,
    DeviceUnreachable,
    InvalidInput,
    OutcomeUnknown,
)
from devicemgr.events import FireRelease, GateAlarm, Kind, RexPressed
from devicemgr.model import DeviceConfig, Direction, PortalMode
from drivers._onvif_events import SILENT, EventPump, Timing
from drivers._sim.onvif.simulator import SimulatedOnvif
from drivers.onvif_camera import DRIVER

QUICK = Timing(lifetime=20.0, pull=1.0, probe=1.0, answer=1.0, pauses=(0.05, 0.1))


@pytest.fixture
def device():
    with SimulatedOnvif() as made:
        yield made


@pytest.fixture
def connect():
    made = []

    def build(device, password="admin", username="admin", **options):
        camera = DRIVER.build(
            DeviceConfig("1", "cam", "onvif_camera", device.address, username, password, options)
        )  # fmt: skip
        made.append(camera)
        return camera

    yield build
    for camera in made:
        camera.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Pull points that are asked often."""
    monkeypatch.setattr(EventPump.__init__, "__defaults__", (QUICK,))


def wait_until(true, seconds=12.0):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "did not happen"
        time.sleep(0.02)


def facts_until(camera, wanted, seconds=12.0):
    found, until = [], time.monotonic() + seconds
    while len(found) < wanted:
        assert time.monotonic() < until, f"{found}"
        found += camera.poll()
        time.sleep(0.02)
    return found


def listening(camera):
    wait_until(lambda: camera._session.pump.trouble is None)


# Video.


def test_the_stream_is_read_whatever_its_codec(device, connect):
    device.state.encoders[0].encoding = "H265"
    camera = connect(device)
    camera.open()
    told = camera.check()
    assert told["profiles"][0]["encoding"] == "H265"
    assert told["profiles"][0]["service"] == "media2"
    assert told["video"]["codec"] == "mjpeg"
    assert (told["video"]["width"], told["video"]["height"]) == (1280, 720)
    assert told["presets"] == {"preset-1": "gate", "preset-2": "yard"}
    assert told["imaging"]["Brightness"] == 50.0
    assert told["inputs"] == ["input-1", "input-2"]
    assert told["relays"][0]["token"] == "relay-1"
    assert camera.complaint is None


def test_a_codec_that_nobody_reads_is_told(device, connect):
    device.state.encoders[0].encoding = "H266"
    camera = connect(device)
    camera.open()
    assert "H266" in camera.complaint


@pytest.mark.parametrize("missing", [["tr2"], ["trt"], ["tptz", "timg", "tmd", "tev"]])
def test_services_that_are_not_there(device, connect, missing):
    device.faults.missing = missing
    camera = connect(device)
    camera.open()
    assert camera.stream().url == f"{device.address}/stream"
    assert camera.snapshot().startswith(b"\xff\xd8")
    camera.check()


def test_only_get_capabilities(device, connect):
    device.faults.no_get_services = True
    camera = connect(device, rex_input="input-1")
    camera.open()
    assert camera.check()["profiles"][0]["service"] == "media1"
    listening(camera)


def test_no_camera_at_all(connect):
    with SimulatedOnvif(("tds", "tev")) as device, pytest.raises(DeviceGarbled, match="no video"):
        connect(device).open()


def test_a_preset_is_turned_to(device, connect):
    connect(device, preset="yard").open()
    assert device.state.at_preset == "preset-2"
    with pytest.raises(InvalidInput, match="preset"):
        connect(device, preset="moon").open()


@pytest.mark.parametrize("announced", ["http://192.0.2.9:81", "https://192.0.2.9", "ftp://x", "http://[bad"])
def test_wrong_announced_addresses_are_not_used(device, connect, announced):
    device.faults.announce = announced
    device.faults.announce_stream = "rtsp://192.0.2.9:8554/live?a=1"
    if "[" in announced:
        with pytest.raises(DeviceGarbled, match="address that is none"):
            connect(device).open()
        return
    camera = connect(device, rex_input="input-1", rtsp_port=10554)
    camera.open()
    assert camera.stream().url == "rtsp://127.0.0.1:10554/live?a=1"
    assert camera.snapshot().startswith(b"\xff\xd8")
    listening(camera)


def test_allowed_hosts_are_taken_as_they_are(device, connect):
    device.faults.announce_stream = "rtsp://u:p@media.example:8554/live"
    camera = connect(device, allow_hosts="media.example")
    camera.open()
    assert camera.stream().url == "rtsp://media.example:8554/live"


# Passwords and clocks.


@pytest.mark.parametrize("auth", ["token", "digest", "both"])
@pytest.mark.parametrize("hours", [0, 1, -1])
def test_every_way_to_log_in_with_a_clock_that_is_off(device, connect, auth, hours):
    device.auth, device.faults.clock_offset_s = auth, hours * 3600.0
    camera = connect(device, rex_input="input-1")
    camera.open()
    listening(camera)
    assert [e for e in device.events.all("refused") if e["why"] == "created outside the window"] == []
    if hours:
        assert "clock" in camera.complaint
    assert camera.snapshot().startswith(b"\xff\xd8")


def test_local_time_shown_as_utc(device, connect):
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
        with pytest.raises(DeviceRefused, match="device edit") as caught:
            camera.open()
    assert 1 <= len(device.events.all("refused")) <= 2
    assert "wrong-one" not in str(caught.value)
    asked = len(device.events.all("request"))
    with pytest.raises(DeviceRefused):
        camera.open()
    assert len(device.events.all("request")) == asked


def test_a_password_that_stops_to_work_is_no_storm(device, connect):
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


# Events.


def test_inputs_become_facts(device, connect):
    camera = connect(device, rex_input="input-1", fire_input="input-2")
    camera.open()
    listening(camera)
    device.set_input("input-1", True)
    device.set_input("input-1", False)
    device.set_input("input-2", True)
    device.set_input("input-2", False)
    assert facts_until(camera, 3) == [RexPressed(1), FireRelease(True), FireRelease(False)]


def test_a_fire_that_began_before_is_heard_and_a_pressed_button_is_not(device, connect):
    device.state.inputs.update({"input-1": True, "input-2": True})
    camera = connect(device, rex_input="input-1", fire_input="input-2")
    camera.open()
    assert facts_until(camera, 1) == [FireRelease(True)]
    device.set_input("input-1", False)
    device.set_input("input-1", True)
    assert facts_until(camera, 1) == [RexPressed(1)]


def test_alarm_inputs(device, connect):
    camera = connect(device, tamper_input="input-1", held_open_input="input-2")
    camera.open()
    listening(camera)
    device.set_input("input-1", True)
    device.set_input("input-2", True)
    assert facts_until(camera, 2) == [
        GateAlarm(1, Kind.TAMPER, "input input-1"), GateAlarm(1, Kind.PORTAL_HELD_OPEN, "input input-2")
    ]  # fmt: skip
    with pytest.raises(InvalidInput, match="stands for two"):
        connect(device, tamper_input="input-1", rex_input="input-1")


def test_events_that_silently_stop_are_noticed_and_come_back(device, connect):
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
def test_reboots_with_a_new_subscription_address_and_a_clock_off_by_an_hour(device, connect, rounds):
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


def test_subscriptions_are_given_back(device, connect):
    camera = connect(device, rex_input="input-1")
    for _ in range(12):
        camera.open()
        listening(camera)
    camera.close()
    wait_until(lambda: device.hub.count == 0)


def test_renewals_keep_a_short_subscription(device, connect):
    camera = connect(device, rex_input="input-1")
    camera._session.device  # noqa: B018
    camera.open()
    listening(camera)
    device.faults.no_renew = True
    pump = camera._session.pump
    assert pump.subscriptions == 1
    for subscription in device.hub._held.values():
        subscription.until = time.monotonic() - 1
    wait_until(lambda: pump.subscriptions > 1 and pump.trouble is None)


def test_no_pull_point_is_told_where_it_matters(device, connect):
    device.faults.no_pull_point = True
    camera = connect(device, rex_input="input-1")
    camera.open()
    wait_until(lambda: not camera._session.pump.supported)
    camera._session._opened -= 60
    assert "no events" in camera.complaint


# Life and death.


def test_a_dead_device_is_noticed(device, connect):
    camera = connect(device)
    camera.open()
    camera.poll()
    device.down.set()
    with pytest.raises(DeviceUnreachable):
        wait_until(lambda: camera.poll() is None)
    assert any(e["fault"] == "down" for e in device.events.all("injected"))


def test_a_healthy_device_is_polled_gently(device, connect):
    camera = connect(device)
    camera.open()
    before = len(device.events.all("request"))
    for _ in range(100):
        camera.poll()
    assert len([e for e in device.events.all("request")[before:] if e["operation"] == "GetSystemDateAndTime"]) <= 2


def test_one_byte_a_second_ends_at_the_deadline(device, connect, monkeypatch):
    device.faults.slow = True
    camera = connect(device)
    monkeypatch.setattr(camera._device.transport, "_deadline", 0.5)
    with pytest.raises(DeviceUnreachable, match="in time"):
        camera.open()
    assert device.events.all("injected")[0]["fault"] == "slow"


@pytest.mark.parametrize("kind", ["truncated", "text", "empty", "deep", "no_body", "garbage_bytes"])
def test_malformed_answers_are_that_calls(device, connect, kind):
    device.faults.malformed, device.faults.only = kind, "GetProfiles"
    device.faults.missing = ["tr2"]
    camera = connect(device)
    with pytest.raises(DeviceGarbled):
        camera.open()
    assert device.events.all("injected")
    device.faults.malformed = ""
    camera.open()


def test_a_time_that_is_none_is_no_reason_to_give_up(device, connect):
    device.faults.malformed, device.faults.only = "bad_time", "GetSystemDateAndTime"
    camera = connect(device)
    camera.open()
    assert camera.check()["notes"] == ["the device's clock cannot be read"]


class Lure:
    """Where attacks would make us connect to; `visits` counts."""

    def __init__(self):
        self.visits = 0
        self._sink = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._sink.getsockname()[1]}/x.dtd"
        self._thread = threading.Thread(target=self._accept)

    def _accept(self):
        while True:
            with self._sink.accept()[0] as visitor:
                if visitor.recv(1) == b"!":
                    return
                self.visits += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        with socket.create_connection(self._sink.getsockname()) as last:
            last.sendall(b"!")
        self._thread.join()
        self._sink.close()


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("kind", ["bomb", "xxe", "schema_location", "huge", "redirect", "gzip"])
@pytest.mark.parametrize("only", ["GetSystemDateAndTime", "GetServices", "GetDeviceInformation", "PullMessages"])
def test_attacks_are_refused_and_reach_nowhere(device, connect, kind, only):
    camera = connect(device, rex_input="input-1")
    camera.open()
    listening(camera)
    with Lure() as lure:
        device.faults.hostile_target, device.faults.only = lure.url, only
        device.faults.hostile = kind
        before = resident()
        if only == "PullMessages":
            device.events.wait_for("injected")
            if kind != "schema_location":
                wait_until(lambda: camera._session.pump.trouble is not None)
        elif kind == "schema_location" or only == "GetServices":
            camera.open()  # a location is text, of which nothing comes; and services are also told another way
        else:
            with pytest.raises(DeviceError):
                camera.open()
        assert resident() - before < 20 * 2**20
        assert device.events.all("injected")[0] | {"monotonic": 0} == {
            "event": "injected", "fault": f"hostile {kind}", "operation": only, "monotonic": 0
        }  # fmt: skip
    assert lure.visits == 0


# Relays.


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


def test_a_device_that_only_says_so_has_its_pulses_ended_from_here(device, connect):
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
