"""OSDP readers: libosdp's PD role as the peer on a pty, Secure Channel enforced."""

import threading

import pytest

from devicemgr.domain.device_events import CardRead, GateAlarm, KeysPressed, RexPressed
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, PortalMode, Signal
from devicemgr.domain.ports.device import Complaining, Gate, Indicator, Pairable, Traceable
from devicemgr.errors import DeviceBusy, DeviceRefused, InvalidInput

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
KEY = bytes.fromhex("8f3a10c7be5520d94417fa6e02b3c85d")
OTHER_KEY = bytes.fromhex("02b3c85d8f3a10c7be5520d94417fa6e")
# 26 bits whose parities hold: facility 80, number 58400.
GOOD_CARD = ((1 << 25 | 80 << 17 | 58400 << 1 | 1) << 6).to_bytes(4, "big")


def test_what_it_is(readers, reader):
    sim = readers({1: KEY})
    device = reader(sim)
    info = device.open()
    assert (info.manufacturer, info.model, info.firmware, info.serial) == ("OUI 112233", "2 v1", "1.2.3", "0A0B0C0D")
    found = device.check()
    assert (found["secure"], found["outputs"], found["inputs"], found["buzzer"]) == ("on", 2, 4, True)
    assert "warning" not in found
    for port in (Gate, Indicator, Pairable, Complaining, Traceable):
        assert isinstance(device, port)


def test_a_card_and_then_lamps_and_lock_on_the_same_reader(pair_up, poll_until):
    sim, device = pair_up()
    sim.do(lambda: sim.units[1].card(GOOD_CARD, 26))
    (fact,) = poll_until(device, bool)
    assert isinstance(fact, CardRead)
    assert fact.channel == 1
    assert fact.names[0] == "80:58400"
    device.release(1, ENTRY, 3.0)
    output = sim.events.all("output")[-1]
    assert (output["output_no"], output["control_code"], output["timer_count"]) == (0, 5, 30)
    device.indicate(1, ENTRY, Signal.GRANTED)
    poll_until(device, lambda _: sim.events.all("buzzer"))
    lamp = sim.events.all("led")[-1]
    assert (lamp["temporary"], lamp["on_color"], lamp["timer_count"]) == (True, 2, 20)
    assert len([event for event in sim.events.all("output") if event["control_code"] == 5]) == 1


def test_signals_differ(pair_up, poll_until):
    sim, device = pair_up()
    colours = []
    for count, signal in enumerate((Signal.GRANTED, Signal.DENIED, Signal.ASK), 1):
        device.indicate(1, ENTRY, signal)
        poll_until(device, lambda _, count=count: len(sim.events.all("buzzer")) == count)
        colours.append(sim.events.all("led")[-1]["on_color"])
    assert colours == [2, 1, 3]


@pytest.mark.parametrize(
    ("bits", "form", "names"),
    [
        (26, "auto", ("80:58400", "5301280", "raw:26:2A1C841")),
        (26, "raw", ("44156993", "raw:26:2A1C841")),
    ],
)
def test_formats(pair_up, bits, form, names, poll_until):
    sim, device = pair_up(card_format=form)
    sim.do(lambda: sim.units[1].card(GOOD_CARD, bits))
    (fact,) = poll_until(device, bool)
    assert fact.names == names


def test_a_card_of_another_format_has_no_number_and_says_why(pair_up, poll_until):
    sim, device = pair_up(card_format="wiegand34")
    sim.do(lambda: sim.units[1].card(GOOD_CARD, 26))
    assert poll_until(device, bool) == [CardRead(1, (), "a card of 26 bits is none of format wiegand34")]


def test_a_card_that_is_too_long_has_no_number_and_says_why(pair_up, poll_until):
    # OSDP 2.2, osdp_RAW: the count of bits has two bytes.
    sim, device = pair_up()
    sim.do(lambda: sim.units[1].card(bytes(range(1, 26)), 200))
    assert poll_until(device, bool) == [CardRead(1, (), "a card of 200 bits is longer than 128 bits")]


def test_keys(pair_up, poll_until):
    sim, device = pair_up()
    sim.do(lambda: sim.units[1].keys("12*9#"))
    (fact,) = poll_until(device, bool)
    assert fact.keys == "12*9#"
    assert "12" not in repr(fact)


def test_tamper_and_power_are_told_once_each(pair_up, poll_until):
    sim, device = pair_up()
    unit = sim.units[1]
    for change in ((True, False), (True, False), (True, True), (False, False), (True, False)):
        sim.do(lambda change=change: unit.tamper(*change))
    facts = poll_until(device, lambda facts: len(facts) == 3)
    assert [fact.kind for fact in facts] == [Kind.TAMPER, Kind.DEVICE_DEGRADED, Kind.TAMPER]


def test_the_door_contact_and_the_button(pair_up, poll_until):
    sim, device = pair_up(door_input=2, rex_input=1, held_open_seconds=1)
    unit = sim.units[1]
    sim.do(lambda: unit.input(2, False))
    sim.do(lambda: unit.input(2, True))
    facts = poll_until(device, lambda facts: len(facts) == 2)
    assert [(type(fact), fact.kind) for fact in facts] == [
        (GateAlarm, Kind.PORTAL_FORCED),
        (GateAlarm, Kind.PORTAL_HELD_OPEN),
    ]
    sim.do(lambda: unit.input(2, False))
    sim.do(lambda: unit.input(1, True))
    assert poll_until(device, bool) == [RexPressed(1)]
    # After the button, and after a release, opening is no force.
    sim.do(lambda: unit.input(2, True))
    sim.do(lambda: unit.input(2, False))
    sim.do(lambda: unit.keys("5"))
    assert poll_until(device, bool) == [KeysPressed(1, "5")]


def test_modes(pair_up):
    sim, device = pair_up(output_exit=2)
    device.set_mode(1, PortalMode.LOCKED)
    before = len(sim.events.all("output"))
    with pytest.raises(DeviceRefused, match="locked"):
        device.release(1, ENTRY, 3)
    assert len(sim.events.all("output")) == before
    device.set_mode(1, PortalMode.FREE)
    device.release(1, ENTRY, 3)
    device.set_mode(1, PortalMode.NORMAL)
    device.release(1, EXIT, 3)
    moves = [(event["output_no"], event["control_code"]) for event in sim.events.all("output")]
    assert moves == [(0, 3), (1, 3), (0, 1), (1, 1), (0, 2), (1, 2), (0, 1), (1, 1), (1, 5)]


def test_a_long_release_is_cut_to_what_readers_can_time(pair_up, caplog):
    sim, device = pair_up()
    device.release(1, ENTRY, 60)
    assert sim.events.all("output")[-1]["timer_count"] == 255
    assert "time at most 25.5 s" in caplog.text


def test_an_output_that_is_not_there_is_refused_before_it_is_asked(readers, reader):
    sim = readers({1: KEY})
    device = reader(sim, output=7)
    with pytest.raises(DeviceRefused, match="has no output 7"):
        device.open()
    assert sim.events.all("output") == []


@pytest.mark.parametrize("options", [{"unit": 127}, {"secure": "maybe"}, {"output": 0}, {"pulse_seconds": 26}])
def test_options_that_cannot_be(reader, options):
    with pytest.raises(InvalidInput, match=next(iter(options))):
        reader("/dev/ttyS0", **options)


def test_several_readers_on_one_line(readers, reader, poll_until, lose):
    sim = readers({1: KEY, 2: OTHER_KEY})
    one, two = reader(sim, 1), reader(sim, 2, password=OTHER_KEY.hex())
    one.open()
    two.open()
    sim.do(lambda: sim.units[1].card(GOOD_CARD, 26))
    sim.do(lambda: sim.units[2].keys("7"))
    assert [type(fact) for fact in poll_until(one, bool)] == [CardRead]
    assert poll_until(two, bool) == [KeysPressed(1, "7")]
    two.release(1, ENTRY, 1)
    assert sim.events.all("output")[-1]["unit"] == 2
    # One falls silent; the other's session goes on, and the line stays open for it.
    sim.units[2].faults.silent = True
    threads = threading.Thread(target=lose, args=(two,))
    threads.start()
    sim.do(lambda: sim.units[1].card(GOOD_CARD, 26))
    assert [type(fact) for fact in poll_until(one, bool)] == [CardRead]
    while threads.is_alive():
        one.poll()
    assert sim.units[2].faults.injected["silent"] > 1
    one.release(1, ENTRY, 1)
    assert sim.events.all("output")[-1]["unit"] == 1


def test_one_unit_is_one_device(readers, reader):
    sim = readers({1: KEY})
    reader(sim).open()
    with pytest.raises(DeviceBusy, match=r"unit 1 .* is in use"):
        reader(sim).open()
    with pytest.raises(DeviceBusy, match="another speed"):
        reader(f"serial:{sim.path}?baudrate=115200", 2).open()


def test_a_trace_shows_what_went_over_the_line_but_no_pin(readers, reader, poll_until):
    sim = readers({1: None})
    device = reader(sim, password=None, secure="off")
    device.open()
    sim.do(lambda: sim.units[1].keys("9876"))
    poll_until(device, bool)
    trace = device.trace()
    assert {way for _, way, _ in trace} == {"rx", "tx"}
    assert any(data.startswith(b"\x53\x01") and data[5] == 0x60 for _, way, data in trace if way == "tx")
    pin = next(data for _, way, data in trace if way == "rx" and data[5] == 0x53)
    assert pin[6:-2] == bytes(6)
    assert not any(b"9876" in data for _, _, data in trace)


def test_over_a_serial_server(readers, reader, poll_until):
    sim = readers({5: KEY}, listen="127.0.0.1:0")
    device = reader(sim, 5)
    device.open()
    sim.do(lambda: sim.units[5].card(GOOD_CARD, 26))
    assert poll_until(device, bool)
