"""Readers found on a line at whatever address, and moved to another one (osdp_COMSET), against strict readers."""

import threading

import pytest

from devicemgr.domain.ports.device import Readdressable
from devicemgr.errors import DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from drivers.osdp_reader import line_setup
from drivers.osdp_reader.driver import DRIVER
from tests.drivers.osdp_reader.spec_reader import SpecLine, SpecReader

KEY = bytes.fromhex("8f3a10c7be5520d94417fa6e02b3c85d")
POLL, COMSET = 0x60, 0x6E


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """A reader that is nowhere is nowhere soon."""
    monkeypatch.setattr(line_setup, "PROOF_S", 1.0)
    monkeypatch.setattr(line_setup, "FIRST_ROUND_S", 0.02)


@pytest.fixture
def line():
    """line(reader, …) plugs strict readers in."""
    lines = []

    def make(*readers):
        lines.append(SpecLine(*readers))
        lines[-1].__enter__()
        return lines[-1]

    yield make
    for one in lines:
        one.__exit__(None, None, None)


def test_readers_are_found_at_their_addresses(line):
    quiet, keyed = SpecReader(unit=3), SpecReader(unit=100, key=KEY)
    quiet.wishes.needs_poll = True
    at = line(quiet, keyed)
    notes = []
    found = DRIVER.scan(f"serial:{at.path}?baudrate=9600", 30.0, notes.append)
    assert [(one.kind, one.address, one.options) for one in found] == [
        ("osdp_reader", at.path, {"unit": "3"}),
        ("osdp_reader", at.path, {"unit": "100"}),
    ]
    # The PDID recorded from a real reader, see spec_reader.
    assert (found[0].model, found[0].serial) == ("OUI 000EE3 16 v16", "97740000")
    assert notes == []


def test_what_there_was_no_time_for_is_said(line):
    at = line(SpecReader(unit=126))
    notes = []
    assert DRIVER.scan(at.path, 0.5, notes.append) == []
    assert "only addresses below" in notes[0]
    assert "no time for 115200 baud" in notes[1]


def test_an_address_in_use_is_left_alone(line, reader):
    peer, other = SpecReader(unit=1, key=KEY), SpecReader(unit=2)
    at = line(peer, other)
    device = reader(at, password=KEY.hex())
    device.open()
    notes = []
    found = DRIVER.scan(f"serial:{at.path}?baudrate=9600", 30.0, notes.append)
    assert [one.options for one in found] == [{"unit": "2"}]
    assert "address 1 is in use" in notes[0]
    device.check()
    assert peer.codes().count(0x76) == 1


def test_what_is_no_line_is_refused():
    with pytest.raises(InvalidInput, match="not an address of a line"):
        DRIVER.scan("http://192.0.2.1", 1.0, lambda _: None)
    with pytest.raises(DeviceUnreachable):
        DRIVER.scan("/dev/not-there", 1.0, lambda _: None)


@pytest.mark.parametrize("password", [KEY, None], ids=["secure", "clear"])
def test_a_reader_is_moved_and_proven(line, reader, password):
    peer = SpecReader(unit=0, key=password)
    at = line(peer)
    options = {} if password else {"secure": "off"}
    device = reader(at, 0, password=password and password.hex(), **options)
    assert isinstance(device, Readdressable)
    assert device.readdress(5, None) == (at.path, {"unit": 5})
    assert (peer.unit, peer.baudrate) == (5, 9600)
    # osdp_COMSET, OSDP 2.2, 6.13: address, speed with the lowest byte first.
    assert (COMSET, bytes.fromhex("05 80 25 00 00")) in peer.acted
    reader(at, 5, password=password and password.hex(), **options).open()


def test_another_speed_stands_in_the_address(line, reader):
    peer = SpecReader(unit=1, key=KEY)
    at = line(peer)
    found = reader(at, 1, password=KEY.hex()).readdress(1, 115200)
    assert found == (f"serial:{at.path}?baudrate=115200", {"unit": 1})
    assert peer.baudrate == 115200


def test_the_answer_to_the_move_may_be_lost(line, reader):
    peer = SpecReader(unit=0, key=KEY)
    at = line(peer)
    # The reader has moved when the command is repeated: it is proven at its new place.
    peer.wishes.lose_answer[COMSET] = 1
    assert reader(at, 0, password=KEY.hex()).readdress(7, None) == (at.path, {"unit": 7})
    assert peer.wishes.done["lose_answer"] == 1


def test_a_taken_address_is_refused(line, reader):
    peer, other = SpecReader(unit=0, key=KEY), SpecReader(unit=4)
    at = line(peer, other)
    with pytest.raises(DeviceRefused, match="another reader answers at address 4"):
        reader(at, 0, password=KEY.hex()).readdress(4, None)
    assert peer.unit == 0
    assert COMSET not in peer.codes()


def test_a_refusal_is_read(line, reader):
    peer = SpecReader(unit=0, key=KEY)
    at = line(peer)
    peer.wishes.nak[COMSET] = 9
    with pytest.raises(DeviceRefused, match=r"refuses another address or speed .*NAK 9"):
        reader(at, 0, password=KEY.hex()).readdress(4, None)


def test_a_reader_that_takes_something_else_is_named(line, reader):
    peer = SpecReader(unit=0, key=KEY)
    at = line(peer)
    act = peer._act
    peer._act = lambda code, data: act(code, b"\x09" + data[1:] if code == COMSET else data)
    with pytest.raises(OutcomeUnknown, match="takes address 9 at 9600 baud in place of 4 at 9600"):
        reader(at, 0, password=KEY.hex()).readdress(4, None)


def test_a_running_device_lets_go(line, reader):
    peer = SpecReader(unit=0, key=KEY)
    at = line(peer)
    running, moving = reader(at, 0, password=KEY.hex()), reader(at, 0, password=KEY.hex())
    running.open()
    done = threading.Event()

    def poll():
        while not done.is_set():
            try:
                running.poll()
            except DeviceUnreachable:
                running.close()
                return

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        assert moving.readdress(6, None) == (at.path, {"unit": 6})
    finally:
        done.set()
        thread.join(10)


def test_the_speed_of_a_serial_server_has_to_be_given(reader):
    with pytest.raises(InvalidInput, match="give the baudrate"):
        reader("tcp://127.0.0.1:9", 0, password=KEY.hex()).readdress(1, None)
