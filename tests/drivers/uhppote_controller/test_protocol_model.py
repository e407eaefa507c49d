"""Driver and simulator against the protocol model of uhppoted-codegen: its test vectors, to the byte, both ways.

Source of all bytes and offsets: uhppoted/uhppoted-codegen, bindings/.models/test-data.json and models.json (the
"message" fields, base64 there, without their trailing zeros). The controller there is 405419896.
"""

import struct
from datetime import UTC, date, datetime

import pytest
from uhppoted import decode, encode

from devicemgr.domain.device_events import DeviceDecided
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.domain.ports.device import Delivery, Holding
from drivers.sim.uhppote.controller import SimulatedUhppote
from drivers.uhppote_controller.events import ControllerEvent, fact_of
from drivers.uhppote_controller.held.cards import read_card

SERIAL = 405419896
CARD = "a2987c00202201012022123100011d006b1d00"
STATUS_TAIL = "0001000000000001030949390000000000000000270709220823"
VECTORS = {
    "get_controller": (
        "1794000078372a18",
        "1794000078372a18c0a80164ffffff00c0a80101001223344556089220181105",
    ),
    "get_time": ("1732000078372a18", "1732000078372a1820220823094809"),
    "set_time": ("1730000078372a1820220823094903", "1730000078372a1820220823094903"),
    "get_status": (
        "1720000078372a18",
        "1720000078372a184e00000002010301a1987c00202208230947062c" + STATUS_TAIL,
    ),
    "get_status_no_event": ("1720000078372a18", "1720000078372a18" + "00" * 20 + STATUS_TAIL),
    "get_listener": ("1792000078372a18", "1792000078372a18c0a8016461ea0f"),
    "set_listener": ("1790000078372a18c0a8016461ea0f", "1790000078372a1801"),
    "get_door": ("1782000078372a1803", "1782000078372a1803020a"),
    "set_door": ("1780000078372a1803020a", "1780000078372a1803020a"),
    "open_door": ("1740000078372a1803", "1740000078372a1801"),
    "get_cards": ("1758000078372a18", "1758000078372a180b"),
    "get_card": ("175a000078372a18a2987c00", "175a000078372a18" + CARD),
    "get_card_at_index": ("175c000078372a1803", "175c000078372a18" + CARD),
    "put_card": ("1750000078372a18" + CARD, "1750000078372a1801"),
    "delete_card": ("1752000078372a18a2987c00", "1752000078372a1801"),
    "delete_cards": ("1754000078372a1855aaaa55", "1754000078372a1801"),
    "get_event": ("17b0000078372a1825", "17b0000078372a182500000002010401a0987c002019080420020706"),
    "record_special_events": ("178e000078372a1801", "178e000078372a1801"),
}


def whole(text):
    return bytes.fromhex(text).ljust(64, b"\0")


def event_record(kind, granted, door, direction, card, stamp, reason):
    return struct.pack("<BBBBI", kind, granted, door, direction, card) + bytes.fromhex(stamp) + bytes([reason])


@pytest.fixture
def model(monkeypatch):
    """A simulated controller in the state that the vectors describe, at their time."""

    class At(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime(2022, 8, 23, 9, 49, 39)

    with SimulatedUhppote(SERIAL, most_events=100) as sim:
        sim.identity = whole(VECTORS["get_controller"][1])[8:32]
        sim.inputs, sim.system_error, sim.special_info = 9, 3, 39
        sim._contacts[2] = sim._buttons[4] = True
        sim.memory.doors[3].mode, sim.memory.doors[3].delay = 2, 10
        sim.memory.listener, sim.memory.listener_interval = (bytes([192, 168, 1, 100]), 60001), 15
        record = bytes.fromhex(CARD).ljust(20, b"\0")
        others = [(number, struct.pack("<I", number) + record[4:]) for number in range(1, 11)]
        sim.memory.cards = [*others[:2], (8165538, record), *others[2:]]
        sim.memory.first = 37
        sim.memory.events = [event_record(2, True, 4, 1, 8165536, "20190804200207", 6)]
        sim.memory.events += [event_record(2, True, 3, 1, 8165537, "20220823094706", 44)] * 41
        monkeypatch.setattr("drivers.sim.uhppote.controller.datetime", At)
        yield sim


# The relays in the status vector (7) are not those that its doors have, and its time vector is of another second.
@pytest.mark.parametrize("name", sorted(set(VECTORS) - {"get_status", "get_status_no_event", "get_time"}))
def test_the_simulator_answers_as_the_model_says(model, name):
    request, response = VECTORS[name]
    assert model._obey(whole(request)).hex() == whole(response).hex()


@pytest.mark.parametrize("name", ["get_status", "get_status_no_event"])
def test_the_simulator_has_the_models_status(model, name):
    if name == "get_status_no_event":
        model.memory.events = []
    for door in (1, 2, 3):
        model.memory.doors[door].mode = 1  # normally open: their relays are on, as 7 says
    request, response = VECTORS[name]
    assert model._obey(whole(request)).hex() == whole(response).hex()


def test_the_simulator_tells_the_models_time(model):
    request, response = VECTORS["get_time"]
    assert model._obey(whole(request)).hex() == whole(response.replace("094809", "094939")).hex()


REQUESTS = {
    "set_time": (datetime(2022, 8, 23, 9, 49, 3),),
    "get_status_no_event": (),
    "get_door": (3,),
    "set_door": (3, 2, 10),
    "open_door": (3,),
    "get_card": (8165538,),
    "get_card_at_index": (3,),
    "put_card": (8165538, date(2022, 1, 1), date(2022, 12, 31), 0, 1, 29, 0, 7531),
    "delete_card": (8165538,),
    "get_event": (37,),
    "record_special_events": (True,),
}
NAMES = {
    "get_status_no_event": "get_status",
    "get_door": "get_door_control",
    "set_door": "set_door_control",
    "get_card_at_index": "get_card_by_index",
}


@pytest.mark.parametrize("name", sorted(set(VECTORS) - {"set_listener"}))
def test_the_drivers_codec_sends_what_the_model_says(name):
    made = getattr(encode, f"{NAMES.get(name, name)}_request")(SERIAL, *REQUESTS.get(name, ()))
    assert bytes(made).hex() == whole(VECTORS[name][0]).hex()


def test_the_models_card_has_a_time_profile_and_a_pin():
    card = read_card(decode.get_card_response(whole(VECTORS["get_card"][1])))
    assert (card.number, card.first, card.last) == (8165538, date(2022, 1, 1), date(2022, 12, 31))
    assert card.doors == {2, 3}
    assert card.extras == ("time profile 29 at door 3", "a PIN")


def test_the_models_events_are_judged_by_reason():
    """Its get-event is of type 2 with the reason "no access rights"; its status has a remote opening with a card."""
    found = decode.get_event_response(whole(VECTORS["get_event"][1]))
    at = found.timestamp.replace(tzinfo=UTC)
    event = ControllerEvent(
        found.index, found.event_type, found.access_granted, found.door, found.direction, found.card, at, found.reason
    )
    fact = fact_of(event)
    assert isinstance(fact, DeviceDecided)
    assert (fact.granted, fact.why, fact.channel, fact.direction) == (False, "no_access_level", 4, Direction.ENTRY)
    status = decode.get_status_response(whole(VECTORS["get_status"][1]))
    remote = ControllerEvent(
        status.event_index, status.event_type, True, status.event_door, 1, status.event_card, at, status.event_reason
    )
    assert fact_of(remote).kind is Kind.PORTAL_UNLOCKED


def test_the_driver_runs_against_the_models_answers(script, gate):
    """A peer that says nothing but the vectors: opened, polled, a door set and opened, cards read and removed."""
    answers = {code: VECTORS[name][1] for code, name in CODES.items()}
    with script(answers) as peer:
        device = gate("uhppote_controller", peer.address, controller=SERIAL, listener="off", timezone="UTC")
        device.resume(78)
        info = device.open()
        assert (info.serial, info.firmware) == (str(SERIAL), "v8.92")
        device.poll()
        assert peer.asked[0] == whole(VECTORS["get_controller"][0]).hex()
        device.set_mode(3, PortalMode.LOCKED)
        assert whole(VECTORS["set_door"][0]).hex() in peer.asked
        peer.answers[0x82] = VECTORS["get_door"][1].replace("03020a", "03030a")
        assert device.release(3, Direction.ENTRY, 10.0) is Delivery.CONFIRMED
        assert whole(VECTORS["open_door"][0]).hex() in peer.asked
        peer.answers[0x5C] = lambda: whole(
            VECTORS["get_card_at_index"][1] if peer.asked[-1][16:18] == "03" else "175c000078372a18ffffffff"
        )
        held, _ = device.held(None)
        assert [(card.key, card.name) for card in held] == [("8165538", "time profile 29 at door 3; a PIN")]
        peer.answers[0x5A] = "175a000078372a18"
        device.remove(["8165538"])
        assert whole(VECTORS["delete_card"][0]).hex() in peer.asked
        peer.answers[0x82] = lambda: whole("1782000078372a18" + peer.asked[-1][16:18] + "030a")
        found = device.check()
        assert (found["cards"], found["error"], found["fire"]) == (11, 3, True)


CODES = {
    0x94: "get_controller",
    0x20: "get_status",
    0x30: "set_time",
    0x8E: "record_special_events",
    0x82: "get_door",
    0x80: "set_door",
    0x40: "open_door",
    0x58: "get_cards",
    0x5A: "get_card",
    0x5C: "get_card_at_index",
    0x52: "delete_card",
    0xB0: "get_event",
}


def test_a_card_is_written_in_the_models_layout(model, gate):
    device = gate("uhppote_controller", model.address, controller=SERIAL, listener="off", timezone="UTC")
    start, end = datetime(2022, 1, 1, tzinfo=UTC), datetime(2023, 1, 1, tzinfo=UTC)
    assert device.put([Holding("8165538", doors=frozenset({2, 3}), valid_from=start, valid_to=end)], {}) == {}
    sent = [event["bytes"] for event in model.events.all("request") if event["function"] == 0x50]
    plain = VECTORS["put_card"][0].replace("00011d006b1d00", "00010100000000")
    assert sent == [whole(plain).hex()], "always where the model has a time profile, and no PIN"
