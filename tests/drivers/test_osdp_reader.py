"""OSDP readers: libosdp's PD role as the peer on a pty, Secure Channel enforced."""

import ctypes
import gc
import os
import threading
import time

import pytest

from devicemgr.errors import DeviceBusy, DeviceError, DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from devicemgr.events import CardRead, GateAlarm, KeysPressed, Kind, RexPressed
from devicemgr.model import DeviceConfig, Direction, PortalMode, Signal
from devicemgr.ports import Complaining, Gate, Indicator, Pairable, Traceable
from drivers import _osdp_line
from drivers._osdp_frames import Scanner, check_of
from drivers._sim.osdp import SimulatedReaders
from drivers._sim.peer import Peer
from drivers._sim.ports import PtyPort
from drivers.osdp_reader import build

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
KEY = bytes.fromhex("8f3a10c7be5520d94417fa6e02b3c85d")
OTHER_KEY = bytes.fromhex("02b3c85d8f3a10c7be5520d94417fa6e")
CARD = bytes.fromhex("a0e421c0")
# 26 bits whose parities hold: facility 80, number 58400.
GOOD_CARD = ((1 << 25 | 80 << 17 | 58400 << 1 | 1) << 6).to_bytes(4, "big")


@pytest.fixture
def readers():
    """readers({unit: key}) plugs them in on one line."""
    started = []

    def start(keys, **more):
        sim = SimulatedReaders(keys, **more).start()
        started.append(sim)
        return sim

    yield start
    for sim in started:
        sim.stop()


@pytest.fixture
def reader():
    """reader(sim, unit) is the driver's device, closed in the end."""
    built = []

    def make(sim, unit=1, password=KEY.hex(), **options):
        address = sim if isinstance(sim, str) else sim.path
        config = DeviceConfig("1", f"reader-{unit}", "osdp_reader", address, None, password, {"unit": unit} | options)
        built.append(build(config))
        return built[-1]

    yield make
    for device in built:
        device.close()
    assert _osdp_line._lines == {}


@pytest.fixture
def pair_up(readers, reader):
    """A reader with a key and its open device."""

    def make(**options):
        sim = readers({1: KEY})
        device = reader(sim, **options)
        device.open()
        return sim, device

    return make


def poll_until(device, wanted, seconds=10.0):
    """Poll until `wanted` of the facts so far holds; all facts."""
    facts, until = [], time.monotonic() + seconds
    while not wanted(facts):
        assert time.monotonic() < until, facts
        facts += device.poll()
        time.sleep(0.005)
    return facts


def bring_up(device, seconds=10.0):
    """As the supervisor does: open until it opens; the refusals on the way."""
    refusals, until = [], time.monotonic() + seconds
    while True:
        try:
            device.open()
            return refusals
        except DeviceError as error:
            refusals.append(error)
            device.close()
            assert time.monotonic() < until, refusals


def lose(device, seconds=10.0):
    """Poll until the device is lost; why."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            device.poll()
        except DeviceError as error:
            device.close()
            return error
        time.sleep(0.005)
    raise AssertionError("it is not lost")


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


def test_a_card_and_then_lamps_and_lock_on_the_same_reader(pair_up):
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


def test_signals_differ(pair_up):
    sim, device = pair_up()
    colours = []
    for count, signal in enumerate((Signal.GRANTED, Signal.DENIED, Signal.ASK), 1):
        device.indicate(1, ENTRY, signal)
        poll_until(device, lambda _, count=count: len(sim.events.all("buzzer")) == count)
        colours.append(sim.events.all("led")[-1]["on_color"])
    assert colours == [2, 1, 3]


@pytest.mark.parametrize(("bits", "form", "names"), [
    (26, "auto", ("80:58400", "5301280", "raw:26:2A1C841")),
    (26, "raw", ("44156993", "raw:26:2A1C841")),
])  # fmt: skip
def test_formats(pair_up, bits, form, names):
    sim, device = pair_up(card_format=form)
    sim.do(lambda: sim.units[1].card(GOOD_CARD, bits))
    (fact,) = poll_until(device, bool)
    assert fact.names == names


def test_a_card_of_another_format_is_none(pair_up):
    sim, device = pair_up(card_format="wiegand34")
    sim.do(lambda: sim.units[1].card(GOOD_CARD, 26))
    sim.do(lambda: sim.units[1].keys("1"))
    assert poll_until(device, bool) == [KeysPressed(1, "1")]


def test_keys(pair_up):
    sim, device = pair_up()
    sim.do(lambda: sim.units[1].keys("12*9#"))
    (fact,) = poll_until(device, bool)
    assert fact.keys == "12*9#"
    assert "12" not in repr(fact)


def test_tamper_and_power_are_told_once_each(pair_up):
    sim, device = pair_up()
    unit = sim.units[1]
    for change in ((True, False), (True, False), (True, True), (False, False), (True, False)):
        sim.do(lambda change=change: unit.tamper(*change))
    facts = poll_until(device, lambda facts: len(facts) == 3)
    assert [fact.kind for fact in facts] == [Kind.TAMPER, Kind.DEVICE_DEGRADED, Kind.TAMPER]


def test_the_door_contact_and_the_button(pair_up):
    sim, device = pair_up(door_input=2, rex_input=1, held_open_seconds=1)
    unit = sim.units[1]
    sim.do(lambda: unit.input(2, False))
    sim.do(lambda: unit.input(2, True))
    facts = poll_until(device, lambda facts: len(facts) == 2)
    assert [(type(fact), fact.kind) for fact in facts] == [
        (GateAlarm, Kind.PORTAL_FORCED), (GateAlarm, Kind.PORTAL_HELD_OPEN),
    ]  # fmt: skip
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


def test_a_release_whose_answer_is_lost_is_unknown_and_sent_once(pair_up):
    sim, device = pair_up()
    faults = sim.units[1].faults
    faults.lose_answer_to = "output"
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        device.release(1, ENTRY, 2.0)
    assert faults.injected == {"lost_answer": 1}
    poll_until(device, lambda _: len(sim.events.all("output")) == 3)
    # Each session puts the output into its place, letting a release run out; the release itself came once.
    assert [event["control_code"] for event in sim.events.all("output")] == [3, 5, 3]


def test_a_session_that_breaks_off_is_set_up_again_at_once(pair_up, monkeypatch):
    sim, device = pair_up()
    monkeypatch.setattr("drivers._osdp_device.STABLE_SECONDS", 0.0)
    sim.set_key(1, KEY)  # as after a power cut
    poll_until(device, lambda _: len(sim.events.all("output")) == 2)
    sim.do(lambda: sim.units[1].keys("7"))
    assert poll_until(device, bool) == [KeysPressed(1, "7")]
    monkeypatch.undo()
    sim.set_key(1, KEY)
    assert "broke off" in str(lose(device))


def test_a_release_on_a_silent_line_is_never_sent_later(pair_up):
    sim, device = pair_up()
    sim.units[1].faults.silent = True
    sim.unplug()
    with pytest.raises(DeviceError) as error:
        device.release(1, ENTRY, 2.0)
    assert not isinstance(error.value, DeviceRefused)
    sim.units[1].faults.silent = False
    assert [event["control_code"] for event in sim.events.all("output")] == [3]


def test_a_wrong_key_is_refused_and_told_and_the_right_one_is_back(readers, reader):
    sim = readers({1: OTHER_KEY})
    device = reader(sim)
    with pytest.raises(DeviceRefused, match="holds another key than ours and is refused"):
        device.open()
    sim.do(lambda: sim.units[1].card(GOOD_CARD, 26))
    with pytest.raises(DeviceRefused):
        device.open()
    with pytest.raises(DeviceUnreachable):
        device.release(1, ENTRY, 3)
    assert sim.events.all() == []
    sim.set_key(1, KEY)
    assert bring_up(device) == []
    (alarm,) = poll_until(device, bool)
    assert alarm == GateAlarm(1, Kind.TAMPER, "a reader with another key answered here and was refused 2 times")


def test_a_reader_that_is_swapped_while_it_runs_is_refused(pair_up, monkeypatch):
    sim, device = pair_up()
    monkeypatch.setattr("drivers._osdp_device.STABLE_SECONDS", 0.0)
    sim.set_key(1, OTHER_KEY)
    error = lose(device)
    assert isinstance(error, DeviceRefused)
    assert "another key" in str(error)
    with pytest.raises(DeviceRefused, match="another key"):
        device.open()
    sim.set_key(1, KEY)
    bring_up(device)
    sim.do(lambda: sim.units[1].card(GOOD_CARD, 26))
    assert CardRead in map(type, poll_until(device, lambda facts: len(facts) == 2))


def test_a_reader_in_install_mode_is_not_taken_for_ours(readers, reader):
    sim = readers({1: None})
    with pytest.raises(DeviceRefused, match="another key"):
        reader(sim).open()
    assert sim.events.all() == []


ANSWERS = {
    0x61: bytes.fromhex("45 33 22 11 02 01 05 00 00 00 01 02 03"),
    0x62: bytes.fromhex("46 01 01 04 02 01 02 08 01 00 09 00 00"),
}  # fmt: skip


class WithoutSecureChannel:
    """Answers ID and CAP by golden bytes; libosdp's own PD always offers Secure Channel."""

    def __init__(self):
        self._scanner = Scanner()
        self._answer = b""

    def receive(self, data, now):
        for frame in self._scanner.feed(data):
            said = ANSWERS.get(frame.code, b"\x41\x03")
            body = bytes([0x53, 0x80 | frame.address, len(said) + 7, 0, 0x04 | frame.sequence]) + said
            self._answer += body + check_of(body, crc=True)

    def advance(self, now):
        answer, self._answer = self._answer, b""
        return answer

    def next_due(self):
        return None


def test_a_reader_without_secure_channel_is_refused_and_never_negotiated_down(reader):
    port = PtyPort(None)
    peer = Peer(port, WithoutSecureChannel())
    peer.start()
    try:
        with pytest.raises(DeviceRefused, match="offers no Secure Channel"):
            reader(port.address).open()
    finally:
        peer.stop()


def test_without_a_key_it_says_how_to_get_one(reader, tmp_path):
    with pytest.raises(DeviceRefused, match=r"has no key yet; .*device provision reader-1 --pair"):
        reader(str(tmp_path / "port"), password=None).open()


def test_in_clear_only_when_told_to_and_never_unnoticed(readers, reader):
    sim = readers({1: None})
    device = reader(sim, password=None, secure="off")
    device.open()
    assert "not encrypted" in device.complaint
    assert "not encrypted" in device.check()["warning"]
    sim.do(lambda: sim.units[1].card(GOOD_CARD, 26))
    (fact,) = poll_until(device, bool)
    assert fact.names[0] == "80:58400"


@pytest.mark.parametrize("options", [{"unit": 127}, {"secure": "maybe"}, {"output": 0}, {"pulse_seconds": 26}])
def test_options_that_cannot_be(reader, options):
    with pytest.raises(InvalidInput, match=next(iter(options))):
        reader("/dev/ttyS0", **options)


def test_of_two_keys_the_readers_own_is_taken(readers, reader):
    sim = readers({1: KEY})
    device = reader(sim, password=f"{OTHER_KEY.hex()},{KEY.hex()}")
    device.open()
    assert "two keys are kept" in device.complaint
    assert "two keys are kept" in device.check()["warning"]


def test_cards_that_waited_in_the_reader_open_nothing(pair_up):
    sim, device = pair_up()
    device.close()
    sim.do(lambda: sim.units[1].card(CARD, 26))
    sim.do(lambda: sim.units[1].keys("1234#"))
    device.open()
    sim.do(lambda: sim.units[1].keys("9"))
    assert poll_until(device, bool) == [KeysPressed(1, "9")]


def test_silence_is_noticed_and_ends(pair_up):
    sim, device = pair_up()
    sim.units[1].faults.silent = True
    assert "no answer" in str(lose(device))
    assert sim.units[1].faults.injected["silent"] > 1
    with pytest.raises(DeviceUnreachable, match=r"no answer from unit 1 .*; check power, wiring"):
        device.open()
    sim.units[1].faults.silent = False
    bring_up(device)


def test_a_cable_that_is_pulled_and_comes_back_as_another_pty(readers, reader, tmp_path):
    sim = readers({1: KEY}, link=tmp_path / "line")
    device = reader(sim)
    device.open()
    sim.unplug()
    assert "lost serial port" in str(lose(device))
    with pytest.raises(DeviceUnreachable, match="no serial port"):
        device.open()
    sim.replug()
    bring_up(device)
    sim.do(lambda: sim.units[1].card(GOOD_CARD, 26))
    assert poll_until(device, bool)


def test_noise_before_each_answer_does_no_harm(pair_up):
    sim, device = pair_up()
    faults = sim.units[1].faults
    faults.noise_before = bytes.fromhex("00 53 81 20 00 ff 53 53 01")
    sim.do(lambda: sim.units[1].card(GOOD_CARD, 26))
    assert [type(fact) for fact in poll_until(device, bool)] == [CardRead]
    device.release(1, ENTRY, 2)
    assert faults.injected["noise"] >= 2


def test_an_answer_played_back_gives_no_second_card(pair_up):
    sim, device = pair_up()
    unit = sim.units[1]
    sim.do(lambda: unit.card(GOOD_CARD, 26))
    unit.faults.replay = True
    cards = []
    for _ in range(200):
        time.sleep(0.005)
        try:
            cards += [fact for fact in device.poll() if isinstance(fact, CardRead)]
        except DeviceError:
            unit.faults.replay = False
            bring_up(device)
    assert unit.faults.injected["replay"] >= 1
    assert len(cards) <= 1


def test_each_session_begins_with_another_random_number(readers, reader, monkeypatch):
    sim = readers({1: KEY})
    device = reader(sim)
    asked = []
    real = _osdp_line.SharedLine.write
    monkeypatch.setattr(_osdp_line.SharedLine, "write", lambda self, data: (asked.append(data), real(self, data))[1])
    for _ in range(3):
        # As in a process that has just started: rand() is where it always begins.
        ctypes.CDLL(None).srand(1)
        device.open()
        device.close()
    challenges = [data.hex() for data in asked if b"\x76" in data[8:10]]
    assert len(challenges) == 3
    assert len(set(challenges)) == 3


def test_several_readers_on_one_line(readers, reader):
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


def test_a_trace_shows_what_went_over_the_line_but_no_pin(readers, reader):
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


def test_over_a_serial_server(readers, reader):
    sim = readers({5: KEY}, listen="127.0.0.1:0")
    device = reader(sim, 5)
    device.open()
    sim.do(lambda: sim.units[5].card(GOOD_CARD, 26))
    assert poll_until(device, bool)


def test_nothing_is_left_behind_after_many_openings(readers, reader, monkeypatch):
    monkeypatch.setattr("drivers._osdp_session.STALE_SECONDS", 0.0)
    sim = readers({1: KEY})
    device = reader(sim)
    device.open()
    device.close()
    before = (len(os.listdir("/proc/self/fd")), threading.active_count())
    for _ in range(100):
        bring_up(device)
        device.close()
    gc.collect()
    from drivers._osdp_session import Session

    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before
    assert not [thing for thing in gc.get_objects() if type(thing) is Session]
