"""Built-in readers of a LOT turnstile as access points: against its simulator, and against the vendor's emulator.

The emulator's bytes are those of lotltd/TurnstileModbusSDK, TurnstileDelphi/emul/uModbusProtocol.pas, and its cards
those of emul/Codes.txt; the layout is that of source/uController.pas (GetEnterCard, GetExitCard).
"""

import pytest

from devicemgr.domain.device_events import CardRead, GateAlarm
from devicemgr.domain.model import Direction
from devicemgr.domain.ports.device import Complaining, Delivery
from devicemgr.errors import InvalidInput
from drivers.modbus_gate.lot import readers as lot_readers
from drivers.modbus_gate.lot.readers import names_of
from drivers.sim.gates.turnstile import SimulatedTurnstile

CODES = ["0F00FBD642", "0F00FBD641", "FF00FBD642", "070092C78D"]


@pytest.fixture
def turnstile():
    with SimulatedTurnstile(passage_delay=0.0, passage_seconds=0.0) as simulated:
        yield simulated


@pytest.fixture
def opened(gate, turnstile):
    def build(**options):
        device = gate("modbus_gate", turnstile.path, profile="lot", timeout=0.15, **options)
        device.open()
        device.poll()
        return device

    return build


def cards(device, polls=5):
    return [fact for _ in range(polls) for fact in device.poll() if isinstance(fact, CardRead)]


def test_each_reader_is_an_access_point_of_its_own(opened, turnstile):
    device = opened()
    assert device.check()["readers"] == [1, 2, 3, 4]
    for reader, code in enumerate(CODES, 1):
        turnstile.show(reader, bytes.fromhex(code))
        (read,) = cards(device)
        value = int(code, 16)
        assert read == CardRead(reader, (str(value), f"raw:40:{code}"))
    assert cards(device) == [], "each once"


def test_the_same_card_shown_again_is_read_again(opened, turnstile):
    device = opened()
    for _ in range(2):
        turnstile.show(1, bytes.fromhex("50E420"))
        (read,) = cards(device)
        assert read.names[:2] == ("5301280", "80:58400")


def test_a_mark_of_newness_that_stays_is_one_card(opened, turnstile, monkeypatch):
    device = opened()
    turnstile.show(2, bytes.fromhex(CODES[0]))
    handlers = turnstile._modbus._handlers
    answer = handlers[0x03]

    def stays(pdu, now):
        head = turnstile.registers[0x200]
        value = answer(pdu, now)
        turnstile.registers[0x200] = head
        return value

    handlers[0x03] = stays
    assert len(cards(device, 6)) == 1
    handlers[0x03] = answer
    assert cards(device) == []
    turnstile.show(2, bytes.fromhex(CODES[0]))
    assert len(cards(device)) == 1


def test_a_card_from_before_the_connection_lets_no_one_in(opened, turnstile):
    turnstile.show(1, bytes.fromhex(CODES[0]))
    device = opened()
    assert cards(device) == []
    assert turnstile.registers[0x100] >> 8 == 0, "it was taken away"


def test_a_card_that_lay_unread_is_nobodys(opened, turnstile, monkeypatch):
    device = opened()
    monkeypatch.setattr(lot_readers, "CURRENT_S", -1.0)
    turnstile.show(1, bytes.fromhex(CODES[0]))
    assert cards(device) == []


def test_a_card_releases_nothing_by_itself(opened, turnstile):
    device = opened()
    turnstile.show(1, bytes.fromhex(CODES[0]))
    assert len(cards(device)) == 1
    assert turnstile.events.all("release") == []
    assert device.release(1, Direction.ENTRY, 5) is Delivery.CONFIRMED


def test_the_option_names_the_readers(opened, turnstile):
    device = opened(readers="2,3")
    for reader in (1, 2):
        turnstile.show(reader, bytes.fromhex(CODES[1]))
    assert [read.channel for read in cards(device)] == [2]
    assert device.complaint is None
    assert opened(readers="off").check()["readers"] == []


@pytest.mark.parametrize("wrong", ["5", "1;2", "entry", "1,", ""])
def test_readers_that_can_not_be(gate, wrong):
    with pytest.raises(InvalidInput, match="readers"):
        gate("modbus_gate", "/dev/nothing", profile="lot", readers=wrong)


def test_a_reader_that_is_configured_and_not_there_is_a_complaint(opened, turnstile):
    for register in range(0x300, 0x31F):
        del turnstile.registers[register]
    device = opened(readers="1,3")
    assert isinstance(device, Complaining)
    assert "reader 3 of the turnstile is not there" in device.complaint
    assert "illegal address" in device.complaint
    assert "readers that answer: 1" in device.complaint
    assert opened().complaint is None, "auto takes those that answer"


def test_a_reader_that_falls_silent_costs_the_arm_nothing(opened, turnstile):
    device = opened(readers="1,2")
    handlers = turnstile._modbus._handlers
    answer = handlers[0x03]

    def silent(pdu, now):
        if pdu[1:3] == b"\x02\x00":
            turnstile.faults.drop_next_answer = 1
        return answer(pdu, now)

    handlers[0x03] = silent
    for _ in range(12):
        device.poll()
    assert turnstile.faults.injected["drop_next_answer"] == 3
    assert "reader 2 of the turnstile is not there (it keeps silent)" in device.complaint
    turnstile.show(1, bytes.fromhex(CODES[0]))
    assert len(cards(device)) == 1


def test_a_code_that_is_no_card_number_is_reported(opened, turnstile):
    device = opened()
    turnstile.show(1, b"https://example.org/visit/4711\r\n")
    alarms = [fact for _ in range(2) for fact in device.poll() if isinstance(fact, GateAlarm) and fact.active is None]
    assert ["32 bytes that are no card number" in alarm.detail for alarm in alarms] == [True]


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ("50e420", ("5301280", "80:58400", "raw:26:2A1C841", "raw:24:50E420")),
        ("0f00fbd642", ("64441013826", "raw:40:0F00FBD642")),
        (b"4600051000057\r\n".hex(), ("4600051000057",)),  # 15 bytes with CR LF, as the SDK expects of a scanner
        (b"0F00FBD642".hex(), ("64441013826", "raw:40:0F00FBD642")),  # as the emulator has it for its exit
        (b"0005301280".hex(), ("5301280", "80:58400", "raw:26:2A1C841")),
        ("31320d0a", ("825363722", "12594:3338", "raw:34:062641A14", "raw:32:31320D0A")),  # a UID, and no text
        ("00000000", ()),
        ("", ()),
        ("11" * 17, ()),
    ],
)
def test_what_a_reader_holds_as_a_card_number(data, names):
    assert names_of(bytes.fromhex(data)) == names


@pytest.fixture
def emulator(turnstile):
    """The vendor's emulator: one register whatever the count, but a card whole and in as many bytes as it has.

    It keeps silent about what it does not know, and the card is gone once read.
    """
    handlers = turnstile._modbus._handlers
    answer = handlers[0x03]
    turnstile.card = b""

    def one(pdu, now):
        register = int.from_bytes(pdu[1:3], "big")
        if register == 0x100:
            return bytes([3, 2, bool(turnstile.card), len(turnstile.card)])
        if register == 0x101:
            card, turnstile.card = turnstile.card, b""
            return bytes([3, len(card)]) + card
        if register in (0x42, 0x43, 0x48):
            return bytes([3, 1, 0])
        if register not in (0x40, 0x41, 0x44, 0x45, 0x46, 0x47):
            turnstile.faults.drop_next_answer = 1
        return answer(pdu[:3] + b"\0\1", now)

    handlers[0x03] = one
    return turnstile


@pytest.mark.parametrize("code", CODES)
def test_the_vendors_emulator_shows_its_cards(opened, emulator, code):
    device = opened()
    assert device.check()["readers"] == [1]
    emulator.card = bytes.fromhex(code)
    (read,) = cards(device)
    assert (read.channel, read.names[-1]) == (1, f"raw:40:{code}")
    assert cards(device) == []


def test_firmware_that_answers_one_register_a_request_shows_its_cards(opened, turnstile):
    handlers = turnstile._modbus._handlers
    answer = handlers[0x03]
    handlers[0x03] = lambda pdu, now: answer(pdu[:3] + b"\0\1", now)
    device = opened()
    turnstile.show(1, bytes.fromhex(CODES[0]))
    (read,) = cards(device)
    assert read.names[-1] == f"raw:40:{CODES[0]}"


def test_the_bytes_of_a_card_are_the_vendors(opened, turnstile):
    """TX and RX of unit 1 by uController.pas: the head at 0x100, then the data from 0x101, three registers of it."""
    device = opened(readers="1")
    turnstile.show(1, bytes.fromhex(CODES[3]))
    assert len(cards(device)) == 1
    frames = [data.hex() for _, _, data in device.trace()]
    assert any(frame.startswith("010301000001") for frame in frames)
    assert any(frame.startswith("0103020105") for frame in frames), "new, and five bytes"
    assert any(frame.startswith("010301010003") for frame in frames)
    assert any(frame.startswith("010306070092c78d00") for frame in frames)
