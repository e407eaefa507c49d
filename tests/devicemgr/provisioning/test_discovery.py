"""Looking for devices: kinds side by side, one that fails hides no other, and every word made safe."""

import threading

import pytest
from pydantic import BaseModel

from devicemgr.cli.devices.discover import command_to_add
from devicemgr.devices.addresses import same_place
from devicemgr.domain.model import Capability
from devicemgr.domain.ports.driver import Driver, Found
from devicemgr.errors import InvalidInput, NotFound, SystemFault
from devicemgr.provisioning import discovery
from devicemgr.udev.rules import Port


class Kinds:
    """A catalog of kinds that find what their function gives; None can't be looked for."""

    def __init__(self, **asks):
        self._asks = asks

    def kinds(self):
        return sorted(self._asks)

    def get(self, kind):
        ask = self._asks[kind]
        if isinstance(ask, NotFound):
            raise ask
        return Driver(kind, kind, frozenset({Capability.CAMERA}), BaseModel, lambda _: None, ask)


@pytest.fixture(autouse=True)
def ports(monkeypatch):
    found = []
    monkeypatch.setattr(discovery, "usb_serial_ports", lambda: found)
    return found


def look(catalog, known=None, seconds=0.5, hosts=(), kind=None):
    return discovery.discover(catalog, known or {}, seconds, hosts, kind)


def test_kinds_are_asked_side_by_side_and_get_plain_addresses():
    both = threading.Barrier(2, timeout=10)

    def ask(kind):
        def found(seconds, hosts):
            both.wait()
            return [Found(kind, f"http://{hosts[-1]}", "M", "S", "N", f"{seconds}")]

        return found

    answer = look(Kinds(a=ask("a"), b=ask("b"), c=None), hosts=["192.0.2.8-192.0.2.9"])
    assert answer["notes"] == []
    assert answer["found"][1] == {
        "kind": "b",
        "address": "http://192.0.2.9",
        "model": "M",
        "serial": "S",
        "name": "N",
        "note": "0.5",
        "options": {},
        "known": None,
        "hint": None,
    }
    assert command_to_add(answer["found"][1]) == "devicemgr device add NAME --driver b --address http://192.0.2.9"


def test_one_that_fails_or_hangs_or_does_not_load_is_a_note(monkeypatch, ports):
    monkeypatch.setattr(discovery, "_GRACE_S", 0.1)
    release = threading.Event()

    def hangs(seconds, hosts):
        release.wait(30)
        return [Found("hangs", "http://192.0.2.2")]

    def fails(seconds, hosts):
        raise RuntimeError("no\x1b[31m socket")

    catalog = Kinds(
        broken=NotFound("driver kind 'broken' does not load"),
        fails=fails,
        hangs=hangs,
        good=lambda *_: [Found("good", "http://192.0.2.1")],
    )
    answer = look(catalog, seconds=0.2)
    assert [row["kind"] for row in answer["found"]] == ["good"]
    broken, failed, hung = answer["notes"]
    assert "does not load" in broken
    assert "looking failed (RuntimeError: no\\x1b[31m socket)" in failed
    assert "did not end in time" in hung
    (again,) = [note for note in look(catalog, seconds=0.2)["notes"] if note.startswith("hangs")]
    assert "still being looked for" in again
    release.set()

    def no_udev():
        raise SystemFault("libudev can't be used; apt-get install libudev1")

    monkeypatch.setattr(discovery, "usb_serial_ports", no_udev)
    assert look(Kinds())["notes"] == ["serial: libudev can't be used; apt-get install libudev1"]


def test_words_are_bounded_and_safe_and_an_address_is_quoted():
    long = Found("a", "http://192.0.2.1/$(reboot)", "x" * 5000, "\x1b[2J", "\u202eevil", "n" * 5000)
    row = look(Kinds(a=lambda *_: [long]))["found"][0]
    assert len(row["model"]) == 81
    assert len(row["note"]) == 301
    assert row["serial"] == "\\x1b[2J"
    assert row["name"] == "\\u202eevil"
    assert command_to_add(row).endswith("--address 'http://192.0.2.1/$(reboot)'")


@pytest.mark.parametrize("address", ["", "http://a\nb", "http://user:pw@192.0.2.1", "http://" + "1" * 400, "http://ы"])
def test_an_address_that_is_none_is_left_out_and_noted(address):
    answer = look(Kinds(a=lambda *_: [Found("a", address), Found("a", "http://192.0.2.1")]))
    assert [row["address"] for row in answer["found"]] == ["http://192.0.2.1"]
    assert "left out" in answer["notes"][0]


def test_a_flood_is_cut_and_the_same_device_twice_is_one():
    many = [Found("a", f"http://192.0.2.1:{port}") for port in range(1, 2000)]
    assert len(look(Kinds(a=lambda *_: many))["found"]) == 500
    twice = [Found("a", "http://192.0.2.1", "M"), Found("a", "http://192.0.2.1/", "", "S")]
    (row,) = look(Kinds(a=lambda *_: twice))["found"]
    assert (row["model"], row["serial"]) == ("M", "S")


def test_a_kind_is_chosen_and_one_that_cannot_be_found_is_refused(ports):
    ports.append(Port("/dev/ttyUSB0", "1a86", "7523", "A1", "USB Serial", "1-2", "1-2:1.0", links=("/dev/gate/arm",)))
    ports.append(Port("/dev/ttyUSB1", "1a86", "7523", None, "USB Serial", "1-3", "1-3:1.0"))
    catalog = Kinds(a=lambda *_: [Found("a", "http://192.0.2.1")], b=None)
    assert [row["kind"] for row in look(catalog, kind="a")["found"]] == ["a"]
    named, bare = look(catalog, {"gate-1": "serial:/dev/gate/arm?baudrate=9600"}, kind="serial")["found"]
    assert (named["address"], named["known"], named["hint"]) == ("/dev/gate/arm", "gate-1", None)
    assert command_to_add(bare) == "devicemgr device add NAME --driver KIND --address /dev/ttyUSB1"
    assert bare["hint"] == {"code": "suggest_names", "args": {}}
    with pytest.raises(InvalidInput, match="these can: a, serial"):
        look(catalog, kind="b")


@pytest.mark.parametrize(
    ("found", "stored", "same"),
    [
        ("http://192.0.2.1", "http://192.0.2.1:80/", True),
        ("http://192.0.2.1", "rtsp://192.0.2.1/live", True),
        ("http://192.0.2.1", "https://192.0.2.1", True),
        ("http://192.0.2.1", "http://192.0.2.1:8080", False),
        ("http://192.0.2.1", "http://192.0.2.11", False),
        ("http://[2001:db8::1]", "http://[2001:DB8:0::1]", True),
        ("udp://192.0.2.1:60000", "192.0.2.1", True),
        ("/dev/gate/a", "/dev/gate/b", False),
        ("http://192.0.2.1", "http://[half", False),
        ("http://192.0.2.1", "/dev/video0", False),
    ],
)
def test_what_is_one_place(found, stored, same):
    assert same_place(found, stored) is same


def test_a_link_is_the_port_it_points_to(tmp_path):
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "arm").symlink_to("ttyUSB0")
    assert same_place(str(tmp_path / "ttyUSB0"), f"serial:{tmp_path}/arm?baudrate=9600")


def test_a_range_that_needs_more_time_is_told():
    assert look(Kinds(), hosts=["192.0.2.1-192.0.2.40"], seconds=1)["notes"] == []
    (note,) = look(Kinds(), hosts=["192.0.2.0/24"], seconds=1)["notes"]
    assert "254 addresses may take longer than 1 s; give more seconds" in note


def test_ranges():
    assert discovery.expand(["192.0.2.9-192.0.2.11", "192.0.2.10", "192.0.2.0/30"]) == [
        "192.0.2.9",
        "192.0.2.10",
        "192.0.2.11",
        "192.0.2.1",
        "192.0.2.2",
    ]
    assert discovery.expand(["2001:db8::/127", "fe80::1%eth0"]) == ["2001:db8::", "2001:db8::1", "fe80::1%eth0"]
    assert len(discovery.expand(["10.0.0.0/22"])) == 1022
    assert len(discovery.expand(["10.0.0.0-10.0.3.255"])) == 1024


@pytest.mark.parametrize(
    "hosts",
    [
        ["10.0.0.0/8"],
        ["::/0"],
        ["10.0.0.0-10.0.4.0"],
        ["10.0.0.0/22", "10.1.0.0/22"],
        ["cam.example"],
        [""],
        ["192.0.2.9-192.0.2.1"],
        ["192.0.2.1-2001:db8::1"],
        ["192.0.2.1-9"],
        ["\x1b[2J"],
    ],
)
def test_ranges_that_are_refused(hosts):
    with pytest.raises(InvalidInput) as refused:
        discovery.expand(hosts)
    assert "\x1b" not in str(refused.value)


def test_what_can_not_be_added_without_options_is_told_with_them():
    found = Found("a", "udp://192.0.2.1:60000", options={"controller": "423187757", "x": "a b\x1b[31m"})
    (row,) = look(Kinds(a=lambda *_: [found, Found("a", "udp://192.0.2.1:60000")]))["found"]
    add = command_to_add(row)
    assert add.startswith(
        "devicemgr device add NAME --driver a --address udp://192.0.2.1:60000 --option controller=423187757"
    )
    assert "'x=a b" in add
    assert "\x1b" not in add
