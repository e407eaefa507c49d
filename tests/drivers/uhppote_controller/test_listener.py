"""What a UHPPOTE controller pushes is a hint to read its memory now; what counts is read by index."""

import socket
import struct

import pytest

from devicemgr.domain.device_events import DeviceDecided
from drivers.sim.uhppote.controller import SimulatedUhppote

SERIAL = 423187757
HERE = "127.0.0.1"


@pytest.fixture
def slow(monkeypatch):
    """By itself it would be read once an hour: whatever is read sooner came of a hint."""
    monkeypatch.setattr("drivers.uhppote_controller.controller._QUIET", 3600.0)


@pytest.fixture
def heard(sim, controller, slow):
    """A device that has read what there was, and waits for hints."""
    device = controller(listener="on")
    assert device.poll() == []
    return device


def push(sim, serial=SERIAL, source=HERE, start=0x17, function=0x20, size=64, index=1):
    """A datagram to whom the controller was told, as it would come from `source`."""
    packet = struct.pack("<BBHII", start, function, 0, serial, index).ljust(size, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((source, 0))
        line.sendto(packet, (HERE, sim.memory.listener[1]))


def test_an_event_that_is_pushed_is_read_at_once(sim, heard):
    assert heard.poll_interval < 0.1
    assert heard.poll() == []
    sim.swipe(99, 1)
    assert [event["index"] for event in sim.events.all("pushed")] == [1]
    (fact,) = heard.poll()
    assert isinstance(fact, DeviceDecided)
    assert fact.serial == 1
    assert heard.poll() == []
    assert heard.check()["pushes"].endswith("here")


def test_an_event_whose_push_is_lost_is_read_all_the_same(sim, controller):
    device = controller(listener="on")
    device.poll()
    sim.faults.mute = True
    sim.swipe(99, 1)
    assert [event["fault"] for event in sim.events.all("fault")] == ["mute"]
    facts = []
    while not facts:  # the quarter of a second goes by
        facts += device.poll()
    assert [fact.serial for fact in facts] == [1]
    assert sim.events.all("pushed") == []


@pytest.mark.parametrize(
    "wrong",
    [{"serial": SERIAL + 1}, {"source": "127.0.0.2"}, {"start": 0x18}, {"function": 0x40}, {"size": 63}, {"size": 0}],
    ids=str,
)
def test_what_others_push_wakes_nobody(sim, heard, asked, wrong):
    before = len(asked(0x20))
    push(sim, **wrong)
    assert heard.poll() == []
    assert len(asked(0x20)) == before
    assert heard.check()["dropped"] == 1


@pytest.mark.parametrize("start", [0x17, 0x19], ids=hex)
def test_what_is_pushed_is_not_believed(sim, heard, asked, start):
    before = len(asked(0x20))
    push(sim, index=4711, start=start)
    assert heard.poll() == [], "there is no event 4711, nor any other"
    assert len(asked(0x20)) == before + 1, "its memory was read"
    sim.swipe(99, 1)
    assert [fact.serial for fact in heard.poll()] == [1]


def test_a_flood_costs_one_look_a_poll(sim, heard, asked):
    before = len(asked(0x20))
    for index in range(300):
        push(sim, index=index)
    for _ in range(3):
        assert heard.poll() == []
    assert len(asked(0x20)) - before <= 3


def test_the_port_stays_over_a_restart_and_is_told_once(sim, controller, asked):
    device = controller(listener="on")
    told = sim.memory.listener
    assert told[0] == socket.inet_aton(HERE)
    device.close()
    controller(listener="on")
    assert sim.memory.listener == told
    assert len(asked(0x90)) == 1
    assert asked(0x90)[0].startswith("17900000" + "2d553919" + "7f000001")


def test_another_programs_listener_is_left_alone_unless_told(sim, controller, asked):
    theirs = sim.memory.listener = (socket.inet_aton("192.0.2.9"), 60001)
    device = controller(listener="on")
    assert device.check()["pushes"].startswith("to 192.0.2.9:60001, which another program has set")
    assert device.poll_interval == 0.25
    assert sim.memory.listener == theirs
    device = controller(listener="take")
    assert sim.memory.listener[0] == socket.inet_aton(HERE)
    assert device.check()["pushes"].startswith("to 127.0.0.1:")


def test_another_program_on_this_box_is_left_alone_too(sim, controller, asked):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 0))
        theirs = sim.memory.listener = (socket.inet_aton(HERE), other.getsockname()[1])
        device = controller(listener="on")
        assert "is taken" in device.check()["pushes"]
        assert sim.memory.listener == theirs
        assert asked(0x90) == []
        assert controller(listener="take").check()["pushes"].endswith("here")
        assert "is taken" in controller(listener="on", listener_port=theirs[1]).check()["pushes"]


def test_a_controller_that_knows_no_listener_is_read_as_before(gate, monkeypatch):
    with SimulatedUhppote(SERIAL) as sim:
        del sim._handlers[0x92]
        device = gate("uhppote_controller", sim.address, controller=SERIAL, timeout=0.1, fire_input=False)
        device.open()
        assert device.check()["pushes"].startswith("to none")
        sim.swipe(99, 1)
        assert [fact.serial for fact in device.poll()] == [1]
