"""Golden messages and tables from ZKTeco, Security PUSH Communication Protocol, protocol 3.1.2, September 2021."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from devicemgr.domain.device_events import DeviceDecided, DeviceReported, DoorContact, GateAlarm
from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Direction, Factor
from drivers.common.zkteco import codes
from drivers.common.zkteco.door_states import DoorStates
from drivers.common.zkteco.facts import Reading, facts_of
from drivers.common.zkteco.records import (
    Event,
    card_number,
    decode_time,
    encode_time,
    read_event,
    read_parameters,
    read_records,
)
from tests.drivers.zkteco_terminal.conftest import request, send

SHANGHAI = ZoneInfo("Asia/Shanghai")
# 7.2, its example: an unregistered user at door 1 at 11:49:32 of Beijing, record 21.
RTLOG = b"time=2017-01-10 11:49:32\tpin=0\tcardno=0\teventaddr=1\tevent=27\tinoutstatus=1\tverifytype=0\tindex=21"
# 9.1.4, its example of an access record.
TRANSACTION = (
    b"transaction cardno=0\tpin=0\tverified=200\tdoorid=1\teventtype=100\tinoutstate=2\ttime_second=548003688\t"
    b"index=92\tsitecode=0\tdevid=1\tsn=3383154200002"
)
# Appendix 2 and 19: every code that the document describes.
DOCUMENTED = [
    *range(46), *range(47, 81), *range(100, 122), 132, 133, 134, *range(150, 156), *range(200, 238), *range(239, 253),
    254, 255, 4000, 4001, *range(5000, 5017), 6000,
]  # fmt: skip


def event(code, *, pin="", card="0", verify="200", door=1, index=5, inout="0"):
    return Event(index, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), code, door, pin, card, verify, inout)


def test_the_documented_event_is_a_refusal_at_its_own_time():
    (record,) = read_records(RTLOG)
    found = read_event(record, SHANGHAI)
    assert found == Event(21, datetime(2017, 1, 10, 3, 49, 32, tzinfo=UTC), 27, 1, "", "0", "0", "1")
    (fact,) = facts_of(found, Reading())
    assert isinstance(fact, DeviceDecided)
    assert (fact.granted, fact.why, fact.serial, fact.direction) == (
        False,
        Reason.UNKNOWN_CREDENTIAL,
        21,
        Direction.EXIT,
    )
    assert (fact.badge, fact.names) == (None, ())


def test_the_documented_access_record_is_a_tamper_alarm():
    (record,) = read_records(TRANSACTION)
    found = read_event(record, SHANGHAI)
    assert (found.index, found.code, found.door) == (92, 100, 1)
    # 548003688 s are 17 years, no month, 18 days and 15:14:48 by the algorithm of appendix 6.
    assert found.at == datetime(2017, 1, 19, 15, 14, 48, tzinfo=SHANGHAI)
    (fact,) = facts_of(found, Reading())
    assert isinstance(fact, DeviceReported)
    assert fact.kind is Kind.TAMPER


def test_seconds_count_months_of_31_days():
    """Appendix 5: ((year-2000)*12*31 + (month-1)*31 + day-1) days."""
    assert encode_time(datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC), UTC) == (372 + 31 + 2) * 86400 + 4 * 3600 + 5 * 60 + 6
    moment = datetime(2026, 11, 30, 0, 46, tzinfo=UTC)
    assert decode_time(encode_time(moment, SHANGHAI), SHANGHAI) == moment
    # The 31st of a month of 30 days is no day.
    assert decode_time(30 * 86400 + 3 * 31 * 86400, UTC) is None


def test_the_documented_card_has_its_bytes_lowest_first():
    assert card_number("[15CD5B07]") == 123456789
    assert card_number("123456789") == 123456789
    assert card_number("0") is None


def test_a_card_that_may_be_hex_or_decimal_is_nobodys():
    assert card_number("12345678", hexadecimal=True) is None
    assert card_number("CC9932DD", hexadecimal=True) == 0xCC9932DD


def test_the_documented_registration_is_read():
    body = b"DeviceType=acc,~DeviceName=F20/M,FirmVer=Ver 8.0.1.3-20151229,LockCount=1,~MaxUserCount=50,DateFmtFunOn=0"
    found = read_parameters(body)
    assert (found["DeviceName"], found["FirmVer"], found["LockCount"]) == ("F20/M", "Ver 8.0.1.3-20151229", "1")


@pytest.mark.parametrize("code", DOCUMENTED)
def test_every_documented_code_means_one_thing(code):
    tables = [codes.GRANTED, codes.REFUSED, codes.REPORTS, codes.STATES]
    assert sum(code in table for table in tables) == 1


def test_nothing_about_a_person_is_dropped():
    for code in range(7001):
        facts = facts_of(event(code, pin="1001"), Reading())
        if code not in codes.STATES:
            assert facts, code


def test_a_code_without_a_document_grants_nothing():
    (fact,) = facts_of(event(46, pin="1001"), Reading())
    assert isinstance(fact, DeviceDecided)
    assert not fact.granted
    assert "46" in fact.why


# Appendix 3.
@pytest.mark.parametrize(
    ("verify", "factors"),
    [
        ("0", set()), ("1", {Factor.FINGER}), ("2", set()), ("3", {Factor.PIN}), ("4", {Factor.CARD}), ("5", set()),
        ("6", set()), ("7", set()), ("9", {Factor.FINGER, Factor.PIN}), ("11", {Factor.CARD, Factor.PIN}),
        ("15", {Factor.FACE}), ("16", {Factor.FACE, Factor.FINGER}), ("18", {Factor.FACE, Factor.CARD}),
        ("20", {Factor.FACE, Factor.FINGER, Factor.PIN}), ("21", set()), ("200", set()), ("25", set()), ("", set()),
        ("-1", set()),
        # 7.2: the newer rule, its examples: face; palm; fingerprint; password; user ID; card; card + password + face
        ("0000000000000010", {Factor.FACE}), ("0000000000000100", set()), ("0000000000010000", {Factor.FINGER}),
        ("0000001000000000", {Factor.PIN}), ("0000010000000000", set()), ("0000100000000000", {Factor.CARD}),
        ("0000101000000011", {Factor.FACE, Factor.PIN, Factor.CARD}),
        # card or password or face: one of them, and not which
        ("0000101000000010", set()),
    ],
)  # fmt: skip
def test_a_verification_proves_what_the_document_says(verify, factors):
    (fact,) = facts_of(event(0, pin="1001", verify=verify), Reading())
    assert {factor for factor in Factor if factor in fact.evidence} == factors


def test_a_refusal_proves_nothing():
    (fact,) = facts_of(event(23, pin="1001", verify="15"), Reading())
    assert not {factor for factor in Factor if factor in fact.evidence}


@pytest.mark.parametrize("code", [101, 103])
def test_duress_is_an_opening_and_an_alarm(code):
    decided, alarm = facts_of(event(code, pin="1001", verify="1"), Reading())
    assert (decided.granted, decided.badge, decided.why) == (True, "1001", "")
    assert isinstance(alarm, GateAlarm)
    assert alarm.kind is Kind.DURESS_SIGNALLED


def test_the_documented_state_is_a_tamper_alarm_with_an_end():
    """7.3, its example: sensor 00 (no contact), alarm 02 at door 1."""
    states = DoorStates(1)
    (record,) = read_records(b"time=2017-01-10 15:42:40\tsensor=00\trelay=00\talarm=0200000000000000")
    alarms = [fact for fact in states.read(record) if isinstance(fact, GateAlarm) and fact.active]
    assert [(alarm.channel, alarm.kind, alarm.input) for alarm in alarms] == [(1, Kind.TAMPER, "")]
    (record,) = read_records(b"time=2017-01-10 15:43:40\tsensor=00\trelay=00\talarm=0000000000000000")
    assert [(fact.kind, fact.active) for fact in states.read(record)] == [(Kind.TAMPER, False)]
    assert states.read(record) == []


def test_contacts_take_two_bits_a_door():
    """7.3: 01 closed, 10 open, door 1 in the lowest bits."""
    states = DoorStates(2)
    contacts = states.read({"sensor": "0900", "alarm": ""})
    assert contacts == [DoorContact(1, False), DoorContact(2, True)]


def test_the_documented_first_calls_are_answered(build):
    device = build()
    device._listener.start()
    port = device._listener.port
    answer = send(port, request("GET", "/iclock/cdata?SN=3383154200002&pushver=3.0.1&options=all"))
    assert answer.startswith(b"HTTP/1.0 200")
    assert answer.endswith(b"\r\n\r\nOK")
    body = b"DeviceType=acc,~DeviceName=F20/M,FirmVer=Ver 8.0.1.3-20151229,LockCount=1"
    answer = send(port, request("POST", "/iclock/registry?SN=3383154200002", body))
    assert b"\r\n\r\nRegistryCode=" in answer
    answer = send(port, request("POST", "/iclock/push?SN=3383154200002"))
    lines = dict(line.split("=", 1) for line in answer.partition(b"\r\n\r\n")[2].decode().split("\n"))
    # Appendix 13: from 3.1.1 both would have to encrypt, with a library of the vendor's.
    assert (lines["PushProtVer"], lines["Realtime"], lines["TransTables"]) == ("3.0.1", "1", "User Transaction")
    assert send(port, request("GET", "/iclock/ping?SN=3383154200002")).endswith(b"\r\n\r\nOK")
    assert b"\r\n\r\nDateTime=" in send(port, request("GET", "/iclock/rtdata?SN=3383154200002&type=time"))


# From a SenseFace 3A in the field (a public integration guide for it, protocol 3.1.2).
FIELD_EVENT = (
    b"time=2026-02-23 14:13:48\tpin=2\tcardno=0\teventaddr=1\tevent=3\tinoutstatus=0\tverifytype=15\tindex=140\t"
    b"sitecode=0\tlinkid=0\tmaskflag=0\ttemperature=0\tconvtemperature=0"
)


def test_an_event_of_a_terminal_in_the_field_is_read():
    (record,) = read_records(FIELD_EVENT)
    (fact,) = facts_of(read_event(record, UTC), Reading())
    assert (fact.granted, fact.badge, fact.serial, fact.channel) == (True, "2", 140, 1)
    assert Factor.FACE in fact.evidence


@pytest.mark.parametrize("target", ["/iclock/iclock/ping", "/iclock/exchange"])
def test_what_terminals_in_the_field_do_besides_is_answered(build, target):
    """The folder twice, where it was entered with the address; a key exchange that is not followed up."""
    device = build()
    device._listener.start()
    answer = send(device._listener.port, request("POST", f"{target}?SN=3383154200002&type=publickey"))
    assert answer.startswith(b"HTTP/1.0 200")
    assert answer.endswith(b"\r\n\r\nOK")


def test_a_command_and_its_result_are_those_of_the_document(build):
    """8.1 and 9.3, `C:221:CONTROL DEVICE 01010105` opens door 1 for 5 s; 7.4 has the result."""
    device = build()
    device._listener.start()
    port = device._listener.port
    (command,) = device._commands.put(["CONTROL DEVICE 01010105"])
    answer = send(port, request("GET", "/iclock/getrequest?SN=3383154200002"))
    assert answer.endswith(f"\r\n\r\nC:{command.number}:CONTROL DEVICE 01010105".encode())
    assert send(port, request("GET", "/iclock/getrequest?SN=3383154200002")).endswith(b"\r\n\r\nOK")
    body = f"ID={command.number}&Return=0&CMD=CONTROL DEVICE".encode()
    assert send(port, request("POST", "/iclock/devicecmd?SN=3383154200002", body)).endswith(b"\r\n\r\nOK")
    assert command.result == 0


@pytest.mark.parametrize(
    ("result", "words"), [(-13, "does not have this command"), (-18, "full"), (-999, "error -999")]
)
def test_a_result_is_said_in_words(result, words):
    assert words in codes.result_words(result)
