"""A terminal gone wrong or hostile: no grant, no crash, an end within seconds, and events that still come."""

import threading
import time

import pytest

from devicemgr.domain.device_events import DeviceDecided
from devicemgr.domain.model import Direction
from devicemgr.errors import DeviceError, OutcomeUnknown
from drivers.common.http.client import Http
from drivers.dahua_console.cgi import CHALLENGE_TARGET
from drivers.dahua_console.events.stream import EventStream
from drivers.dahua_console.login import CrowdedLogin
from drivers.sim.dahua.console import SimulatedDahua
from drivers.sim.dahua.faults import KNOWN

HOSTILE = ("silent", "hang_up", "partial", "garbage", "endless", "drip", "header", "redirect", "deep")
STREAM = ("stream_cut", "stream_partial", "stream_endless")
# The bound for giving up; the machine may be busy with other things.
MOST_SECONDS = 10


def wait_until(look):
    """What `look` gives, as soon as it gives anything."""
    until = time.monotonic() + MOST_SECONDS
    while not (found := look()):
        assert time.monotonic() < until
        threading.Event().wait(0.01)
    return found


def test_every_fault_of_the_wire_is_tried_here():
    assert set(KNOWN) == {*HOSTILE, *STREAM, "stream_mixed", "storm", "busy", "lost", "refuse"}


@pytest.mark.parametrize("fault", HOSTILE)
def test_a_hostile_answer_ends_in_an_error_of_ours(sim, opened, fault):
    device = opened()
    device.poll()
    sim.faults.put(fault, -1)
    began = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        device.check()
    assert time.monotonic() - began < MOST_SECONDS
    assert "\n" not in str(caught.value)
    assert any(event["fault"] == fault for event in sim.events.all("injected"))
    sim.faults.put(fault, 0)
    assert device.check()["model"]


@pytest.mark.parametrize("fault", [name for name in HOSTILE if name not in ("silent", "drip")])
def test_a_release_meets_it_at_most_once(sim, opened, fault):
    device = opened()
    device.poll()
    sim.faults.put(fault, -1)
    with pytest.raises(DeviceError):
        device.release(1, Direction.ENTRY, 1)
    sim.faults.put(fault, 0)
    sent = [event for event in sim.events.all("request") if "openDoor" in event["target"]]
    assert len(sent) <= 1
    assert len(sim.events.all("unlocked")) <= len(sent)


def test_a_release_dripped_at_is_unknown(sim, opened):
    device = opened()
    sim.faults.put("drip", -1)
    sim.cgis._door = lambda query, body: sim.unlock(1, "") or "OK" + " " * 60
    with pytest.raises(OutcomeUnknown):
        device.release(1, Direction.ENTRY, 1)
    assert len(sim.events.all("unlocked")) == 1


@pytest.mark.parametrize("fault", STREAM)
def test_a_stream_gone_wrong_grants_nothing_and_loses_nothing(sim, opened, collect, fault):
    device = opened()
    device.poll()
    sim.faults.put(fault)
    sim.stranger()
    sim.events.wait_for("injected")
    sim.events.wait_for("attached", 2, MOST_SECONDS)
    sim.stranger()
    facts = collect(device, 2)
    assert [(type(fact), fact.granted, fact.serial) for fact in facts] == [
        (DeviceDecided, False, 1),
        (DeviceDecided, False, 2),
    ]


def test_line_ends_that_change_are_no_fault(sim, opened, collect):
    device = opened()
    device.poll()
    sim.faults.put("stream_mixed", -1)
    sim.stranger()
    sim.alarm("BreakIn", "Start")
    assert len(collect(device, 2)) == 2
    assert len(sim.events.all("attached")) == 1


@pytest.mark.parametrize(
    "stream",
    [
        [
            b"\r\n--myboundary\r\n",
            b"Content-Type: text/plain\r\nContent-Length:9\r\n\r\nHeartbeat\r\n\r\n--myboundary\r\n",
            b"\n\r\nCode=BreakIn;action=Start;index=0\r\n--myboundary\n",
        ],
        [b"--myboundary\n\nCode=BreakIn;action=Start;index=0\n--myboundary\n"],
        [bytes([byte]) for byte in b"--myboundary\r\nContent-Length:33\r\n\r\nCode=BreakIn;action=Start;index=0\n\r\n"],
        [
            b"--myboundary\r\nContent-Type: image/jpeg\r\nContent-Length:6\r\n\r\n\xff\xd8\xff\r\n-\r\n\r\n"
            b"--myboundary\r\nContent-Type: text/plain\r\n\r\nCode=BreakIn;action=Start;index=0\r\n\r\n--myboundary\r\n"
        ],
    ],
    ids=["bare boundary first", "no headers, LF", "byte by byte", "picture before it"],
)
def test_literal_streams(wire, stream):
    login = CrowdedLogin("admin", "admin123")
    heard = EventStream(Http(wire.address, login, CHALLENGE_TARGET), "x", snapshots=False)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=myboundary\r\n\r\n"
    wire.script = [[head, *stream]]
    heard.start()
    (told, _), *rest = wait_until(heard.take)
    heard.stop()
    assert (told.code, told.action, rest) == ("BreakIn", "Start", [])
    assert wire.requests[0][0] == (
        "GET /cgi-bin/eventManager.cgi?action=attach&codes=[AccessControl,DoorNotClosed,BreakIn,Duress,ChassisIntruded,"
        "AlarmLocal,ButtonExit,_DoorFace_]&heartbeat=5 HTTP/1.1"
    )


def test_a_stream_that_trickles_is_left(sim, opened, monkeypatch):
    monkeypatch.setattr("drivers.dahua_console.events.stream._PART_S", 1.0)
    monkeypatch.setattr("drivers.sim.dahua.http.HEARTBEAT", b"--myboundary\r\nContent-Len")
    monkeypatch.setattr("drivers.dahua_console.events.stream.HEARTBEAT", 1)
    opened()
    sim.events.wait_for("attached", 2, MOST_SECONDS)


def test_a_memory_that_can_t_be_read_is_tried_again_and_the_stream_goes_on(sim, opened, collect, monkeypatch):
    monkeypatch.setattr("drivers.dahua_console.events.feed._PATIENCE", 0.2)
    device = opened()
    sim.cgis._finder = lambda query, body: sim.cgis._photos([]) + "Error"
    sim.faults.put("refuse", -1)
    sim.stranger()
    assert [fact.granted for fact in collect(device, 1)] == [False]
    assert sim.events.all("injected")


@pytest.mark.faults
def test_a_hundred_thousand_events_are_told_once(build):
    with SimulatedDahua() as sim:
        sim.remember(100_000, 1_700_000_000)
        device = build(sim.address)
        device.open()
        serials, began = [], time.monotonic()
        while len(serials) < 100_000 and time.monotonic() - began < 1800:
            serials += [fact.serial for fact in device.poll()]
        print(f"\n100,000 events read in {time.monotonic() - began:.0f} s")
        assert serials == list(range(1, 100_001))
        assert [fact for _ in range(20) for fact in device.poll()] == []
