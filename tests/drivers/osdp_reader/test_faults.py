"""OSDP readers that are swapped, silent, hostile or cut off: refused, told of, and back when they are well."""

import ctypes
import gc
import os
import threading
import time

import pytest

from devicemgr.domain.device_events import CardRead, GateAlarm, KeysPressed
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, DeviceUnready, OutcomeUnknown
from drivers.osdp_reader import line
from drivers.osdp_reader.frames import Scanner, check_of
from drivers.sim.base.ports import PtyPort
from drivers.sim.base.thread import Peer

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
KEY = bytes.fromhex("8f3a10c7be5520d94417fa6e02b3c85d")
OTHER_KEY = bytes.fromhex("02b3c85d8f3a10c7be5520d94417fa6e")
CARD = bytes.fromhex("a0e421c0")
# 26 bits whose parities hold: facility 80, number 58400.
GOOD_CARD = ((1 << 25 | 80 << 17 | 58400 << 1 | 1) << 6).to_bytes(4, "big")


def test_a_release_whose_answer_is_lost_is_repeated_and_done_once(pair_up):
    sim, device = pair_up()
    sim.units[1].faults.lose_answer_to = "output"
    assert device.release(1, ENTRY, 2.0) is Delivery.CONFIRMED
    assert sim.units[1].faults.injected == {"lost_answer": 1}
    assert [event["control_code"] for event in sim.events.all("output")] == [3, 5]


def test_a_release_that_is_never_answered_is_unknown_and_done_once(pair_up, bring_up):
    sim, device = pair_up()
    faults = sim.units[1].faults
    faults.silent_after = "output"
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        device.release(1, ENTRY, 2.0)
    assert faults.injected["silent"] > 1
    faults.silent = False
    bring_up(device)
    # Each session puts the output into its place, letting a release run out; the release itself came once.
    assert [event["control_code"] for event in sim.events.all("output")] == [3, 5, 3]


def test_busy_is_a_request_to_repeat(pair_up, poll_until):
    sim, device = pair_up()
    faults = sim.units[1].faults
    faults.busy = 3
    assert device.release(1, ENTRY, 2.0) is Delivery.CONFIRMED
    faults.busy = 3
    poll_until(device, lambda _: faults.injected["busy"] == 6)
    sim.do(lambda: sim.units[1].keys("7"))
    assert poll_until(device, bool) == [KeysPressed(1, "7")]
    # The session is the same: a new one would have set the output.
    assert [event["control_code"] for event in sim.events.all("output")] == [3, 5]


def test_a_session_that_breaks_off_is_set_up_again_at_once(pair_up, monkeypatch, poll_until, lose):
    sim, device = pair_up()
    monkeypatch.setattr("drivers.osdp_reader.reader.STABLE_S", 0.0)
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


def test_a_wrong_key_is_refused_and_told_and_the_right_one_is_back(readers, reader, poll_until, bring_up):
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


def test_a_reader_that_is_swapped_while_it_runs_is_refused(pair_up, monkeypatch, poll_until, bring_up, lose):
    sim, device = pair_up()
    monkeypatch.setattr("drivers.osdp_reader.reader.STABLE_S", 0.0)
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
    0x62: bytes.fromhex("46 01 01 04 08 01 00 09 00 00"),
    0x64: bytes.fromhex("48 00 00"),
}


class WithoutSecureChannel:
    """Answers ID, CAP, LSTAT by golden bytes, and polls with what it is given; libosdp's PD always is well-behaved."""

    def __init__(self, *polled):
        self._scanner = Scanner()
        self._answer = b""
        self.polled = list(polled)

    def receive(self, data, now):
        for frame in self._scanner.feed(data):
            said = ANSWERS.get(frame.code, b"\x41\x03")
            if frame.code == 0x60:
                said = self.polled.pop(0) if self.polled else b"\x40"
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
    with pytest.raises(DeviceUnready, match=r"^waits for pairing; put the reader into install mode") as refused:
        reader(str(tmp_path / "port"), password=None).open()
    assert refused.value.hint.as_json() == {"code": "pair_reader", "args": {"name": "reader-1"}}


def test_in_clear_only_when_told_to_and_never_unnoticed(readers, reader, poll_until):
    sim = readers({1: None})
    device = reader(sim, password=None, secure="off")
    device.open()
    assert "not encrypted" in device.complaint
    assert "not encrypted" in device.check()["warning"]
    sim.do(lambda: sim.units[1].card(GOOD_CARD, 26))
    (fact,) = poll_until(device, bool)
    assert fact.names[0] == "80:58400"


GOOD_CARD_IN_CLEAR = bytes.fromhex("50 00 01 1a 00") + GOOD_CARD


@pytest.mark.parametrize(
    "said",
    [
        bytes.fromhex("50 00 02 00 02") + b"A" * 64,  # format 2: libosdp would hand out what lies behind
        bytes.fromhex("50 00 01 40 06") + b"A" * 200,
        bytes.fromhex("50 00 01 ff ff") + b"A" * 4,
        bytes.fromhex("50 00"),
        bytes.fromhex("53 00 c8") + b"1" * 200,
        bytes.fromhex("53 00 ff 31"),
        bytes.fromhex("49") + b"\1" * 240,
        bytes.fromhex("48 01"),
        bytes.fromhex("90 01 02 03") + b"A" * 230,
        bytes.fromhex("76") + bytes(32),
        bytes.fromhex("78") + bytes(16),
        bytes.fromhex("ff"),
    ],
    ids=lambda said: said[:5].hex(),
)
def test_answers_that_no_reader_gives_do_no_harm(reader, capfd, said, poll_until, bring_up):
    port = PtyPort(None)
    brain = WithoutSecureChannel(said)
    peer = Peer(port, brain)
    peer.start()
    try:
        device = reader(port.address, password=None, secure="off")
        for _ in range(3):
            bring_up(device)
            until = time.monotonic() + 0.2
            try:
                while time.monotonic() < until:
                    # What is not read is named, and is no card, no key and no alarm of a door.
                    assert {fact.kind for fact in device.poll()} <= {Kind.DEVICE_DEGRADED}
                    time.sleep(0.01)
            except DeviceError:
                device.close()
        bring_up(device)
        brain.polled.append(GOOD_CARD_IN_CLEAR)
        *_, fact = poll_until(device, lambda facts: any(isinstance(fact, CardRead) for fact in facts))
        assert fact.names[0] == "80:58400"
    finally:
        peer.stop()
    # libosdp's own words do not end up on the daemon's standard error.
    assert capfd.readouterr().err == ""


def test_of_two_keys_the_readers_own_is_taken(readers, reader):
    sim = readers({1: KEY})
    device = reader(sim, password=f"{OTHER_KEY.hex()},{KEY.hex()}")
    device.open()
    assert "two keys are kept" in device.complaint
    assert "two keys are kept" in device.check()["warning"]


def test_cards_that_waited_in_the_reader_open_nothing(pair_up, poll_until, monkeypatch):
    sim, device = pair_up()
    monkeypatch.setattr("drivers.osdp_reader.session.STALE_S", 0.4)
    device.close()
    sim.do(lambda: sim.units[1].card(CARD, 26))
    sim.do(lambda: sim.units[1].keys("1234#"))
    device.open()
    sim.do(lambda: sim.units[1].keys("9"))
    assert poll_until(device, bool) == [KeysPressed(1, "9")]


def test_silence_is_noticed_and_ends(pair_up, bring_up, lose):
    sim, device = pair_up()
    sim.units[1].faults.silent = True
    assert "no answer" in str(lose(device))
    assert sim.units[1].faults.injected["silent"] > 1
    with pytest.raises(DeviceUnreachable, match=r"no answer from unit 1 .*; check power, wiring"):
        device.open()
    sim.units[1].faults.silent = False
    bring_up(device)


def test_a_cable_that_is_pulled_and_comes_back_as_another_pty(readers, reader, tmp_path, poll_until, bring_up, lose):
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


def test_noise_before_each_answer_does_no_harm(pair_up, poll_until):
    sim, device = pair_up()
    faults = sim.units[1].faults
    faults.noise_before = bytes.fromhex("00 53 81 20 00 ff 53 53 01")
    sim.do(lambda: sim.units[1].card(GOOD_CARD, 26))
    assert [type(fact) for fact in poll_until(device, bool)] == [CardRead]
    device.release(1, ENTRY, 2)
    assert faults.injected["noise"] >= 2


def test_an_answer_played_back_gives_no_second_card(pair_up, bring_up):
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
    real = line.SharedLine.write
    monkeypatch.setattr(line.SharedLine, "write", lambda self, data: (asked.append(data), real(self, data))[1])
    for _ in range(3):
        # As in a process that has just started: rand() is where it always begins.
        ctypes.CDLL(None).srand(1)
        device.open()
        device.close()
    challenges = [data.hex() for data in asked if data[7:8] == b"\x11" and data[9:10] == b"\x76"]
    assert len(challenges) == 3
    assert len(set(challenges)) == 3


def test_nothing_is_left_behind_after_many_openings(readers, reader, bring_up):
    sim = readers({1: KEY})
    device = reader(sim)
    device.open()
    device.close()
    before = (len(os.listdir("/proc/self/fd")), threading.active_count())
    for _ in range(100):
        bring_up(device)
        device.close()
    gc.collect()
    from drivers.osdp_reader.session import Session

    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before
    assert not [thing for thing in gc.get_objects() if type(thing) is Session]
