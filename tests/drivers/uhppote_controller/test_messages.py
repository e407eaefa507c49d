"""Golden bytes of a UHPPOTE controller's messages, both ways: the library's codec, the driver and the simulator."""

import ipaddress
import struct
from datetime import date, datetime

import pytest
from uhppoted import decode, encode

from devicemgr.domain.device_events import DeviceDecided, DoorContact, FireRelease
from devicemgr.domain.model import DeviceConfig, Direction, PortalMode
from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceRefused
from drivers.uhppote_controller import driver

SERIAL = 423187757
LABEL = "2d553919"  # the serial number on the wire, lowest byte first
ENTRY = Direction.ENTRY
IDENTITY = f"17940000{LABEL}c0a80164ffffff00c0a801010066193955 2d0892 20180816".replace(" ", "")
SWIPE = "01010202" + "20f67a00" + "20261124101530" + "01"
STATUS = SWIPE + "0100000000000001" + "00" + "101531" + "00" * 8 + "0000" + "01" + "261124"
CARD = "20f67a00" + "20260301" + "20311231" + "01000100"

# name, arguments, code, body of the request, body of the answer, and what the answer says
MESSAGES = [
    ("get_controller", (), "94", "", IDENTITY[16:], {"version": "v8.92", "date": date(2018, 8, 16)}),
    ("get_time", (), "32", "", "20261124101530", {"datetime": datetime(2026, 11, 24, 10, 15, 30)}),
    (
        "set_time",
        (datetime(2026, 11, 24, 10, 15, 30),),
        "30",
        "20261124101530",
        "20261124101530",
        {"datetime": datetime(2026, 11, 24, 10, 15, 30)},
    ),
    (
        "get_status",
        (),
        "20",
        "",
        "07000000" + STATUS,
        {
            "event_index": 7,
            "event_type": 1,
            "event_access_granted": True,
            "event_door": 2,
            "event_direction": 2,
            "event_card": 8058400,
            "event_reason": 1,
            "door_1_open": True,
            "door_2_open": False,
            "inputs": 1,
            "system_date": date(2026, 11, 24),
        },
    ),
    (
        "get_listener",
        (),
        "92",
        "",
        "c0a8010a" + "61ea" + "0f",
        {"address": ipaddress.IPv4Address("192.168.1.10"), "port": 60001, "interval": 15},
    ),
    ("set_listener", (ipaddress.IPv4Address("192.168.1.10"), 60001), "90", "c0a8010a" + "61ea", "01", {"ok": True}),
    ("record_special_events", (True,), "8e", "01", "01", {"updated": True}),
    ("get_door_control", (3,), "82", "03", "030307", {"door": 3, "mode": 3, "delay": 7}),
    ("set_door_control", (3, 2, 9), "80", "030209", "030209", {"door": 3, "mode": 2, "delay": 9}),
    ("open_door", (4,), "40", "04", "01", {"opened": True}),
    ("get_cards", (), "58", "", "39300000", {"cards": 12345}),
    (
        "get_card",
        (8058400,),
        "5a",
        "20f67a",
        CARD,
        {
            "card_number": 8058400,
            "start_date": date(2026, 3, 1),
            "end_date": date(2031, 12, 31),
            "door_1": 1,
            "door_2": 0,
            "door_3": 1,
        },
    ),
    ("get_card_by_index", (258,), "5c", "0201", CARD, {"card_number": 8058400, "door_3": 1}),
    ("put_card", (8058400, date(2026, 3, 1), date(2031, 12, 31), 1, 0, 1, 0, 0), "50", CARD, "01", {"stored": True}),
    ("delete_card", (8058400,), "52", "20f67a", "01", {"deleted": True}),
    ("delete_cards", (), "54", "55aaaa55", "01", {"deleted": True}),
    (
        "get_event",
        (7,),
        "b0",
        "07",
        "07000000" + SWIPE,
        {
            "index": 7,
            "event_type": 1,
            "access_granted": True,
            "door": 2,
            "direction": 2,
            "card": 8058400,
            "reason": 1,
            "timestamp": datetime(2026, 11, 24, 10, 15, 30),
        },
    ),
]
# Where the library's name of the answer is another.
ANSWERS = {"delete_cards": "delete_all_cards"}


@pytest.mark.parametrize(
    ("name", "arguments", "code", "asked", "told", "says"), MESSAGES, ids=lambda value: str(value)[:20]
)
def test_each_message_by_its_bytes(sim, name, arguments, code, asked, told, says):
    request = bytes(getattr(encode, f"{name}_request")(SERIAL, *arguments))
    assert request.hex() == f"17{code}0000{LABEL}{asked}".ljust(128, "0")
    read = getattr(decode, f"{ANSWERS.get(name, name)}_response")
    answer = read(bytes.fromhex(f"17{code}0000{LABEL}{told}".ljust(128, "0")))
    assert answer.controller == SERIAL
    assert {field: getattr(answer, field) for field in says} == says
    # The simulator, which has its layouts from elsewhere, understands the one and speaks the other.
    spoken = sim._obey(request)
    assert spoken[:8].hex() == f"17{code}0000{LABEL}"
    assert read(spoken).controller == SERIAL


def test_a_pushed_event_by_its_bytes(sim):
    pushed = bytes.fromhex(f"17200000{LABEL}07000000{STATUS}".ljust(128, "0"))
    event = decode.event(pushed)
    assert (event.controller, event.event_index, event.event_card, event.event_reason) == (SERIAL, 7, 8058400, 1)
    with pytest.raises(ValueError, match="function code"):
        decode.event(bytes.fromhex(IDENTITY.ljust(128, "0")))


def test_golden_requests(sim, controller, asked):
    device = controller()
    device.release(3, ENTRY, 7.0)
    device.set_mode(2, PortalMode.LOCKED)
    start, end = datetime(2026, 3, 1, 12).astimezone(), datetime(2031, 12, 31, 12).astimezone()
    assert device.put([Holding("8058400", doors=frozenset({1, 4}), valid_from=start, valid_to=end)], {}) == {}
    device.held(None)
    device.remove(["8058400"])
    assert asked(0x94)[0] == f"17940000{LABEL}"
    assert asked(0x20)[0] == f"17200000{LABEL}"
    assert asked(0x8E) == [f"178e0000{LABEL}01"]
    assert asked(0x82)[:2] == [f"17820000{LABEL}03", f"17820000{LABEL}03"]
    assert asked(0x80) == [f"17800000{LABEL}030307", f"17800000{LABEL}020205"]
    assert asked(0x40) == [f"17400000{LABEL}03"]
    assert asked(0x50) == [f"17500000{LABEL}20f67a002026030120311231010" + "00001"]
    assert asked(0x5A)[0] == f"175a0000{LABEL}20f67a"
    assert asked(0x58)[0] == f"17580000{LABEL}"
    assert asked(0x5C)[0] == f"175c0000{LABEL}01"
    assert asked(0x52) == [f"17520000{LABEL}20f67a"]
    assert all(len(event["bytes"]) == 128 for event in sim.events.all("request"))


def status_hex(newest=0, event="00" * 16, inputs="00", when=None):
    when = when or datetime.now()
    return (
        f"17200000{LABEL}"
        + struct.pack("<I", newest).hex()
        + event
        + "00" * 8
        + "00"
        + f"{when:%H%M%S}"
        + "00" * 8
        + "0000"
        + inputs
        + f"{when:%y%m%d}"
    )


def test_golden_answers(script):
    answers = {
        0x94: IDENTITY,
        0x8E: f"178e0000{LABEL}01",
        0x20: status_hex(7, SWIPE),
        0x58: f"17580000{LABEL}05",
        0xB0: f"17b00000{LABEL}07000000{SWIPE}",
        0x82: f"17820000{LABEL}020305",
        0x40: f"17400000{LABEL}01",
        0x5C: f"175c0000{LABEL}20f67a00202603012031123101000100",
        0x50: f"17500000{LABEL}01",
        0x5A: f"175a0000{LABEL}20f67a00200001012099123100010000",
        0x52: f"17520000{LABEL}01",
    }
    with script(answers) as peer:
        device = driver.DRIVER.build(
            DeviceConfig("1", "ctl", "uhppote_controller", peer.address, options={"controller": SERIAL})
        )
        device.resume(6)
        info = device.open()
        assert (info.serial, info.firmware, info.model) == (str(SERIAL), "v8.92", "4-door controller")
        (fire, fact, *contacts) = device.poll()
        assert [type(contact) for contact in contacts] == [DoorContact] * 4
        assert fire == FireRelease(False)
        assert fact == DeviceDecided(
            2,
            True,
            7,
            datetime(2026, 11, 24, 10, 15, 30).astimezone(),
            Direction.EXIT,
            ("80:58400", "5301280", "raw:26:2A1C841"),
        )
        device.release(2, ENTRY, 5.0)
        pages = []
        peer.answers[0x5C] = lambda: (
            pages.append(1),
            bytes.fromhex(f"175c0000{LABEL}" + ("20f67a00202603012031123101000100" if len(pages) == 1 else "")).ljust(
                64, b"\0"
            ),
        )[1]
        (held,), after = device.held(None)
        assert (held.key, held.doors, after) == ("8058400", {1, 3}, None)
        assert held.valid_from == datetime(2026, 3, 1).astimezone()
        assert held.valid_to == datetime(2032, 1, 1).astimezone()
        assert device.put([Holding("8058400", doors=frozenset({2}))], {}) == {}
        with pytest.raises(DeviceRefused, match="still holds"):
            device.remove(["8058400"])
        peer.answers[0x40] = f"17400000{LABEL}00"
        with pytest.raises(DeviceRefused, match="refused to open"):
            device.release(2, ENTRY, 5.0)
