"""A refusal that a device decided is recorded with our reason where ours says more, for each kind that reports them.

What the devices send is in bytes of their documents; only the code of the refusal, and whom it names, differ.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from uhppoted import decode

from devicemgr.access.evidence.device_decisions import DeviceLog
from devicemgr.domain.device_events import DeviceDecided
from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import AccessLevel, AccessPoint, Direction, Factor, Person, Portal, PortalMode, Schedule
from devicemgr.domain.rules.cards.formats import names_of_controller_number, names_of_number
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence, ConsoleEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import decide
from drivers.common.zkteco import facts as zkteco, records
from drivers.dahua_console.events.translate import happened
from drivers.dahua_console.parsing import read_part
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.translate import from_memory, recorded
from drivers.ironlogic_controller import events as ironlogic
from drivers.uhppote_controller.events import ControllerEvent, fact_of

THEN = datetime(2019, 2, 10, 7, 12, 1, tzinfo=UTC)

# uhppote-core, messages/get_event_test.go: card 6154413 at door 3, reason 6; the flag of a grant is taken away.
UHPPOTE = (
    "17b000002d5539190800000001000301ade85d0020190210071201{reason:02x}00000000"
    "0000000000000000000000000000000000000000000000004a26803908920000"
)
# The ISAPI guide's item of AcsEvent.InfoList.
HIKVISION = (
    '{{"major":5,"minor":{minor},"time":"2019-02-10T07:12:01+00:00","cardNo":"{card}","cardType":1,"cardReaderNo":1,'
    '"doorNo":1,"employeeNoString":"{badge}","serialNo":8,"currentVerifyMode":"cardOrFaceOrPw"}}'
)
# Intelbras' API document, the event AccessControl.
DAHUA = (
    'Code=AccessControl;action=Pulse;index=0;data={{\n   "CardNo" : "{card}",\n   "CreateTime" : 1549782721,\n'
    '   "Door" : 0,\n   "ErrorCode" : {code},\n   "Method" : 1,\n   "Status" : 0,\n   "Type" : "Entry",\n'
    '   "UTC" : 1549782721,\n   "UserID" : "{badge}"\n}}\n'
)
# Security PUSH Communication Protocol, 8.3 (real-time events).
ZKTECO = (
    "time=2019-02-10 07:12:01\tpin={badge}\tcardno={card}\teventaddr=1\tevent={code}\tinoutstatus=0\t"
    "verifytype=4\tindex=8"
)
# IronLogic Web-JSON, operation "events".
IRONLOGIC = '{{"flag": 0, "event": {code}, "time": "2019-02-10 07:12:01", "card": "0000005DE8AD"}}'


def uhppote(reason: int, *, is_known: bool) -> DeviceDecided:
    found = decode.get_event_response(bytes.fromhex(UHPPOTE.format(reason=reason)))
    at = found.timestamp.replace(tzinfo=UTC)
    event = ControllerEvent(
        found.index, found.event_type, found.access_granted, 1, found.direction, found.card, at, found.reason
    )
    return decided(fact_of(event))


def hikvision(minor: int, *, is_known: bool) -> DeviceDecided:
    text = HIKVISION.format(minor=minor, card="6154413", badge="A1" if is_known else "")
    event = from_memory(json.loads(text), Clock())
    assert event is not None
    return decided(recorded(event, Clock()))


def dahua(code: int, *, is_known: bool) -> DeviceDecided:
    text = DAHUA.format(code=code, card="5DE8AD", badge="A1" if is_known else "")
    part = read_part(text.encode())
    assert part is not None
    return decided(happened(part.data, 8))


def zkteco_terminal(code: int, *, is_known: bool) -> DeviceDecided:
    text = ZKTECO.format(code=code, card="6154413", badge="A1" if is_known else "0")
    (record,) = records.read_records(text.encode())
    event = records.read_event(record, UTC)
    assert event is not None
    (fact,) = zkteco.facts_of(event, zkteco.Reading())
    return decided(fact)


def ironlogic_controller(code: int, *, is_known: bool) -> DeviceDecided:
    event = ironlogic.read_event(json.loads(IRONLOGIC.format(code=code)), UTC)
    assert event is not None
    (fact,) = ironlogic.facts_of(event, 8, is_ours=False, has_fire_input=False)
    return decided(fact)


def decided(fact: object) -> DeviceDecided:
    assert isinstance(fact, DeviceDecided)
    assert not fact.granted
    assert abs(fact.at - THEN) < timedelta(hours=26)
    return replace(fact, at=THEN)


# Per kind: the code for a person without a right there, for a card that is not held, and for one that is too early.
KINDS: dict[str, tuple[Callable[..., DeviceDecided], int | None, int, int | None]] = {
    "uhppote_controller": (uhppote, 6, 18, 13),
    "hikvision_console": (hikvision, 0x06, 0x09, 0x07),
    "dahua_console": (dahua, 0x12, 0x10, 0x20),
    "zkteco_terminal": (zkteco_terminal, 23, 27, 22),
    "ironlogic_controller": (ironlogic_controller, 6, 2, None),
}


def rules(person: dict[str, Any] | None = None, *, schedule: str | None = None, covers: bool = True) -> Snapshot:
    anna = Person("anna", "A1", "Anna", levels=frozenset({"staff"}), **(person or {}))
    names = {*names_of_controller_number(6154413), *names_of_number(6154413)}
    point = AccessPoint("door", Direction.ENTRY, "console")
    return Snapshot(
        1,
        people={"anna": anna},
        levels={"staff": AccessLevel("staff", {"door": schedule} if covers else {})},
        schedules={"never": Schedule("never", "UTC", ())},
        portals={"door": Portal("door", "console", access_points=(point,))},
        cards=dict.fromkeys(names, "anna"),
        badges={"A1": "anna"},
    )


OURS = {
    "outside_schedule": rules(schedule="never"),
    "no_access_level": rules(covers=False),
    "expired": rules({"valid_to": THEN}),
    "not_yet_valid": rules({"valid_from": THEN + timedelta(days=1)}),
    "suspended": rules({"suspended": True}),
}


def reason_of(report: DeviceDecided, snapshot: Snapshot) -> Reason | str | None:
    fact, *_ = DeviceLog(lambda _: None).facts("console", report, snapshot)
    return fact.reason


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ours", OURS)
def test_our_reason_is_recorded_where_ours_says_more(kind: str, ours: str) -> None:
    read, no_right, not_held, too_early = KINDS[kind]
    assert reason_of(read(not_held, is_known=False), OURS[ours]) == ours
    for code in (no_right, too_early):
        if code is not None:
            assert reason_of(read(code, is_known=True), OURS[ours]) == ours


@pytest.mark.parametrize("kind", KINDS)
def test_the_devices_own_reason_stays_where_we_would_let_in(kind: str) -> None:
    read, no_right, not_held, too_early = KINDS[kind]
    assert reason_of(read(not_held, is_known=False), rules()) == "unknown_credential"
    if no_right is not None and kind != "ironlogic_controller":  # which has no code for it, only words
        assert reason_of(read(no_right, is_known=True), rules()) == "no_access_level"
    if too_early is not None:
        assert reason_of(read(too_early, is_known=True), rules()) == "outside_schedule"


@pytest.mark.parametrize(
    ("read", "code", "reason"),
    [
        (uhppote, 7, "wrong_pin"),
        (uhppote, 8, "anti_passback"),
        (uhppote, 9, "second_person_required"),
        (uhppote, 12, "interlock"),
        (hikvision, 0x0A, "anti_passback"),
        (hikvision, 0x24, "second_person_required"),
        (hikvision, 0x97, "wrong_pin"),
        (dahua, 0x15, "anti_passback"),
        (dahua, 0x40, "wrong_pin"),
        (dahua, 0x51, "second_person_required"),
        (zkteco_terminal, 26, "second_person_required"),
        (zkteco_terminal, 30, "wrong_pin"),
        (ironlogic_controller, 26, "anti_passback"),
    ],
)
def test_what_a_device_saw_itself_is_taken_at_its_word(read: Any, code: int, reason: str) -> None:
    assert reason_of(read(code, is_known=True), OURS["suspended"]) == reason


def test_a_lock_of_now_is_no_reason_of_then() -> None:
    locked = replace(rules(schedule="never"), modes={"door": PortalMode.LOCKED})
    late = uhppote(6, is_known=True)
    assert reason_of(late, locked) == "outside_schedule"
    assert reason_of(replace(late, live=True), locked) == "portal_locked"


def test_a_face_that_a_console_does_not_know_stays_unknown() -> None:
    """The card in a Hikvision event of a face may be the person's whom it took this one for."""
    assert reason_of(hikvision(0x4C, is_known=True), OURS["suspended"]) == "unknown_face"


@pytest.mark.parametrize(("badge", "expected"), [(None, "outside_schedule"), ("anna", "unknown_credential")])
def test_a_console_that_asks_and_does_not_hold_the_card_is_answered_with_our_reason(
    badge: str | None, expected: str
) -> None:
    """A badge says that the console knows the person, and refused for something else that it saw."""
    console = ConsoleEvidence(
        "dahua", person_id=badge, refused=True, reason=Reason.UNKNOWN_CREDENTIAL, factors=frozenset({Factor.CARD})
    )
    card = CardEvidence(("61:54413",), "anna")
    request = AccessRequest("r", "door", Direction.ENTRY, "console", THEN, 10.0, 10.1, card=card, console=console)
    assert decide(request, OURS["outside_schedule"]).reason == expected
