"""Calls, cards and events of IronLogic controllers, as their documents and captures have them.

Sources: IronLogic's web-json.pdf, as quoted by public servers for it (Z5RWEB), and the ZGuard SDK's flags.
"""

from datetime import UTC, datetime

import pytest

from devicemgr.domain.device_events import (
    DeviceDecided,
    DeviceReported,
    DoorContact,
    FireRelease,
    GateAlarm,
    PassageCompleted,
    RexPressed,
)
from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Direction
from devicemgr.errors import DeviceGarbled, DeviceRefused
from drivers.ironlogic_controller.events import facts_of, read_event
from drivers.ironlogic_controller.messages import add_cards, card_hex, card_names, read_call

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


def test_a_call_as_documented():
    found = read_call(
        b'{"type":"Z5RWEB","sn":50001,"messages":[{"id":123456789,"operation":"power_on","fw":"1.0.1",'
        b'"conn_fw":"2.0.2","active":0,"mode":0,"controller_ip":"192.168.0.222"},{"id":5,"success ":1}]}'
    )
    assert (found.kind, found.serial) == ("Z5RWEB", 50001)
    assert found.messages[0]["fw"] == "1.0.1"
    assert found.messages[1] == {"id": 5, "success": 1}


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b'{"sn":1}', b'{"sn":"x","messages":[]}', b'{"messages":[]}', b'{"sn":1,"messages":{}}',
    b'{"sn":1,"messages":[' + b"{}," * 70 + b"{}]}", b"[" * 5000,
])  # fmt: skip
def test_what_is_no_call(body):
    with pytest.raises(DeviceGarbled):
        read_call(body)


@pytest.mark.parametrize(("card", "names"), [
    ("0000008D5722", ("9262882", "141:22306")), ("00B5009EC1A8", ("777399484840",)), ("000000000000", ()),
    ("", ()), ("xyz", ()), ("1" * 40, ()),
])  # fmt: skip
def test_card_numbers(card, names):
    assert card_names(card)[: len(names)] == names
    assert bool(card_names(card)) == bool(names)


def test_cards_are_written_as_documented():
    assert card_hex("141:22306") == "0000008D5722"
    assert add_cards(["00007CF24B41"]) == {
        "operation": "add_cards", "cards": [{"card": "00007CF24B41", "flags": 0, "tz": 255}],
    }  # fmt: skip
    with pytest.raises(DeviceRefused, match="give it as one number"):
        card_hex("40000:50000")


@pytest.mark.parametrize(("code", "flag", "kind", "field"), [
    (0, 0, RexPressed, {}), (1, 0, RexPressed, {}),
    (2, 0, DeviceDecided, {"granted": False, "why": Reason.UNKNOWN_CREDENTIAL, "direction": ENTRY, "channel": 1}),
    (3, 0, DeviceDecided, {"granted": False, "direction": EXIT, "channel": 2}),
    (4, 0, DeviceDecided, {"granted": True, "direction": ENTRY}),
    (7, 0, DeviceDecided, {"granted": False, "why": "the controller does not allow it"}),
    (8, 0, DeviceReported, {"kind": Kind.PORTAL_UNLOCKED}), (10, 0, DeviceDecided, {"why": Reason.PORTAL_LOCKED}),
    (12, 0, GateAlarm, {"kind": Kind.PORTAL_FORCED}), (15, 0, GateAlarm, {"kind": Kind.PORTAL_HELD_OPEN}),
    (17, 0, PassageCompleted, {"direction": EXIT}), (20, 0, DeviceReported, {"kind": Kind.DEVICE_DEGRADED}),
    (21, 0, DeviceReported, {"why": "its power was lost"}), (32, 0, DoorContact, {"is_open": True}),
    (35, 0, DoorContact, {"is_open": False}), (38, 0x0403, FireRelease, {"active": True}),
    (38, 0x0300, FireRelease, {"active": False}), (39, 1291, DeviceReported, {"kind": Kind.TAMPER}),
    (39, 1025, DeviceReported, {"kind": Kind.DEVICE_DEGRADED}),
    (40, 0, DeviceReported, {"kind": Kind.PASSAGE_TIMED_OUT}), (50, 0, DeviceDecided, {"why": Reason.INTERLOCK}),
    (55, 0, DeviceDecided, {"why": Reason.ANTI_PASSBACK}), (52, 0, DeviceDecided, {"granted": True}),
    (48, 0, DeviceReported, {"kind": Kind.PASSAGE_STARTED}),
    (18, 0, DeviceReported, {"why": "its sensor 1 (guard) was triggered, flag 0"}),
    (19, 1, DeviceReported, {"why": "its sensor 2 (fire) was triggered, flag 1"}),
    (23, 0, DeviceReported, {"kind": Kind.REX_PRESSED, "why": "refused: the button is blocked"}),
    (27, 0, DeviceDecided, {"granted": False, "why": Reason.ANTI_PASSBACK, "direction": EXIT}),
    (28, 0, DeviceReported, {"why": "the lock was switched on (trigger mode)"}),
    (31, 0, DeviceReported, {"why": "the lock was switched off (trigger mode)"}),
    (36, 2, DeviceReported, {"why": "its power control switched, flag 2"}),
    (64, 3, DeviceReported, {"why": "its hotel mode was changed (flag 3)"}),
    (65, 3, DeviceDecided, {"granted": False, "why": "a card in hotel mode, flag 3", "channel": 1}),
    (99, 7, DeviceDecided, {"granted": False, "why": "event 99, flag 7, which its documents do not have",
                            "channel": 2, "names": ("9262882", "141:22306", "raw:26:11AAE44")}),
])  # fmt: skip
def test_event_codes_of_the_appendix(code, flag, kind, field):
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    event = read_event({"event": code, "card": "0000008D5722", "time": at, "flag": flag}, UTC)
    (fact,) = facts_of(event, 7, is_ours=False, has_fire_input=True)
    assert type(fact) is kind
    assert {name: getattr(fact, name) for name in field} == field


@pytest.mark.parametrize("code", [85, 86])
def test_the_number_of_a_key_before_its_event_is_no_event_of_its_own(code):
    event = read_event({"event": code, "card": "0000008D5722", "time": "2026-09-28 21:30:00", "flag": 0}, UTC)
    assert facts_of(event, 7, is_ours=False, has_fire_input=False) == []


def test_a_call_of_firmware_2_41():
    """Captured from a Z-5R Web BT, firmware 2.41 (test of the Z5R adapter of a public Go server)."""
    found = read_call(
        b'{"type":"Z5-R WEB BT","sn":45005541,"messages":[{"id":880268351,"operation":"power_on","fw":"2.41",'
        b'"conn_fw":"1.27","active":0,"mode":0,"controller_ip":"192.168.1.60",'
        b'"auth_hash":"1691782c7b79b0279be1ce1f336f8d00"}]}'
    )
    assert (found.kind, found.serial) == ("Z5-R WEB BT", 45005541)
    assert found.messages[0]["fw"] == "2.41"


def test_an_old_event_is_recorded_with_its_time_and_acts_on_nothing():
    event = read_event({"event": 16, "card": "0", "time": "2015-06-25 16:36:01", "flag": 0}, UTC)
    (fact,) = facts_of(event, 7, is_ours=False, has_fire_input=False)
    assert fact == DeviceReported(1, Kind.PASSAGE_COMPLETED, 7, datetime(2015, 6, 25, 16, 36, 1, tzinfo=UTC), "")


@pytest.mark.parametrize("found", [{}, {"event": "x"}, {"event": True}, {"event": None}])
def test_what_is_no_event(found):
    assert read_event(found, None) is None
