"""Dry-contact turnstiles: what their contacts mean, and that a power loss is never a passage."""

import pytest
from hypothesis import given, settings, strategies as st

from devicemgr.domain.device_events import GateAlarm, PassageCompleted, PassageStarted
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.errors import DeviceRefused, InvalidInput
from drivers.common.relays.dry_contacts import POWER_BACK, POWER_LOST, Contacts
from drivers.sim.gates.relay_boards import SimulatedRelayBoard

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
ALARM = GateAlarm(1, Kind.DEVICE_DEGRADED, POWER_LOST, active=True)
BACK = GateAlarm(1, Kind.DEVICE_DEGRADED, POWER_BACK, active=False)
PASSES = ("pass_entry", "pass_exit")
ALL = (*PASSES, "ready")


def told(readings, wired=ALL):
    """Facts of readings written as one letter a contact, such as `111 011`; the first is at rest."""
    contacts = Contacts(wired)
    contacts.step(dict.fromkeys(wired, True))
    contacts.reset()
    facts = []
    for reading in readings.split():
        facts += contacts.step(dict(zip(wired, (level == "1" for level in reading), strict=True)))[0]
    return facts


@pytest.mark.parametrize(
    ("readings", "facts"),
    [
        ("111 011 011 111", [PassageStarted(1, ENTRY), PassageCompleted(1, ENTRY)]),
        ("111 101 101 101 111", [PassageStarted(1, EXIT), PassageCompleted(1, EXIT)]),
        ("111 011 111", []),
        ("111 000 000 111", [ALARM]),
        ("111 001 111", [ALARM]),
        ("111 011 001 000 011 111 111", [ALARM]),
        ("111 110 111", [ALARM]),
        ("111 000 011 011 111", [ALARM]),
        ("111 011 011 000 111", [PassageStarted(1, ENTRY), ALARM]),
        ("011 011 111", []),
        ("000 000 111 011 011 111", [ALARM, PassageStarted(1, ENTRY), PassageCompleted(1, ENTRY)]),
    ],
)
def test_what_the_contacts_tell(readings, facts):
    assert [fact for fact in told(readings) if fact != BACK] == facts


def test_power_that_is_back_ends_the_alarm_and_so_does_the_first_rest_of_a_new_daemon():
    assert told("111 000 000 111 111") == [ALARM, BACK]
    contacts = Contacts(ALL)
    assert [contacts.step(dict.fromkeys(ALL, level))[0] for level in (True, True)] == [[BACK], []]


@settings(max_examples=500, deadline=None)
@given(
    order=st.lists(st.sampled_from(ALL), min_size=3, max_size=3, unique=True),
    back=st.lists(st.sampled_from(ALL), min_size=3, max_size=3, unique=True),
    gap=st.integers(0, 1),
)
def test_a_power_loss_in_any_order_completes_no_passage(order, back, gap):
    contacts = Contacts(ALL)
    level = dict.fromkeys(ALL, True)
    facts = []
    for name in (None, *order, *back):
        if name:
            level[name] = not level[name]
        for _ in range(1 + gap):
            facts += contacts.step(level)[0]
    assert [fact for fact in facts if isinstance(fact, PassageCompleted)] == []
    assert facts.count(ALARM) == 1


def test_after_a_lost_line_nothing_is_concluded_from_what_was_not_seen():
    contacts = Contacts(PASSES)
    contacts.step({"pass_entry": True, "pass_exit": True})
    contacts.step({"pass_entry": False, "pass_exit": True})
    contacts.reset()
    for on in (False, False, True):
        assert contacts.step({"pass_entry": on, "pass_exit": True}) == ([], set())


@pytest.fixture(params=["modbus", "numato"])
def board(request, tmp_path):
    with SimulatedRelayBoard(request.param, tmp_path / "relays") as simulated:
        simulated.relays.inputs.update({1: True, 2: True, 3: True})
        simulated.model = request.param
        yield simulated


@pytest.fixture
def opened(gate, board):
    def build(contacts, **more):
        own = {"profile": "relay"} if board.model == "modbus" else {"model": "numato"}
        kind = "modbus_gate" if board.model == "modbus" else "relay_gate"
        wired = {"pass_entry_input": 1, "pass_exit_input": 2, "ready_input": 3}
        device = gate(kind, board.path, contacts=contacts, **own, **wired, **more)
        device.open()
        assert device.poll() == []
        return device

    return build


def test_potential_mode_holds_until_somebody_steps_in(opened, board):
    device = opened("potential")
    device.release(1, ENTRY, 30)
    assert board.relays.on[1]
    assert device.poll() == []
    assert board.relays.on[1]
    board.relays.inputs[1] = False
    assert device.poll() == []
    assert device.poll() == [PassageStarted(1, ENTRY)]
    assert not board.relays.on[1]
    board.relays.inputs[1] = True
    assert device.poll() == [PassageCompleted(1, ENTRY)]
    assert device.senses_passage


def test_a_locked_turnstile_on_pulses_lets_people_out_once_it_was_to_be_free(opened, board):
    """It can't be kept free by pulses; in a fire, when that is sent, its lock must not refuse a release."""
    device = opened("pulse")
    device.set_mode(1, PortalMode.LOCKED)
    with pytest.raises(DeviceRefused, match="locked"):
        device.release(1, EXIT, 5)
    with pytest.raises(DeviceRefused, match="pulses"):
        device.set_mode(1, PortalMode.FREE)
    device.release(1, EXIT, 5)


def test_pulse_mode_gives_one_short_pulse(opened, board):
    device = opened("pulse")
    device.release(1, EXIT, 30)
    assert board.relays.on[2]
    device._bank._off_at.update(dict.fromkeys(device._bank._off_at, 0.0))  # host-timed boards end it at a poll
    device.poll()
    board.events.wait_for("off", count=3)
    assert [event["relay"] for event in board.events.all("on")] == [2]
    with pytest.raises(DeviceRefused, match="contacts=potential"):
        device.set_mode(1, PortalMode.FREE)


def test_power_lost_is_an_alarm_and_nothing_is_released_meanwhile(opened, board):
    device = opened("potential")
    board.relays.inputs.update({1: False, 2: False, 3: False})
    assert device.poll() == [ALARM]
    with pytest.raises(DeviceRefused, match="no power"):
        device.release(1, ENTRY, 5)
    board.relays.inputs.update({1: True, 2: True, 3: True})
    assert device.poll() == []
    device.release(1, ENTRY, 5)
    assert [event["relay"] for event in board.events.all("on")] == [1]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"pass_entry_input": 1, "pass_exit_input": 2}, "need contacts="),
        ({"contacts": "pulse", "pass_entry_input": 1}, "wire ready_input too"),
        ({"contacts": "pulse", "pulse_seconds": 0.05}, r"must be 0\.1 or more"),
        ({"contacts": "pulse", "pass_entry_input": 1, "pass_exit_input": 1}, "the same input"),
        ({"contacts": "pulse", "pass_entry_input": 1, "pass_exit_input": 2, "passage_input": 3}, "twice"),
        ({"green_relay_entry": 1}, "a lamp would release"),
    ],
)
def test_wirings_that_would_deceive_are_refused(gate, options, why):
    with pytest.raises(InvalidInput, match=why):
        gate("modbus_gate", "/dev/x", profile="relay", **options)
