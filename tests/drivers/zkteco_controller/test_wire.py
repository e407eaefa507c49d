"""Golden bytes: captures in public issues, named at each, and ZKTeco's PullSDK Interfaces User Guide 2.0 (2012)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from devicemgr.domain.device_events import DoorContact, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.errors import DeviceBusy, DeviceGarbled, DeviceRefused, DeviceUnreachable, InvalidInput
from drivers.common.zkteco.door_states import DoorStates
from drivers.common.zkteco.records import encode_time, read_parameters
from drivers.zkteco_controller import protocol
from drivers.zkteco_controller.log import Doors, is_text, read_log, read_text_log
from drivers.zkteco_controller.tables import Field, decode_rows, encode_row, encode_value, query, read_tables

# hass-zkaccess_c3, issue 3 (inBIO, 2023-12-07 by its own clock) and zkaccess-c3-py, issues 1, 2 and 5 (C3).
CONNECT_SESSION = "aa01760400fefefefe467755"
CONNECT_WITH_PASSWORD = "aa01760c00fefefefe41646d696e313233260955"  # Admin123
CONNECT = "aa01010000503c55"
CONNECTED = "aa01c80000800255"
NO_SUCH_COMMAND = "aa01c90100f313d955"
WRONG_PASSWORD = "aa01c90100f2d21955"
WRONG_PASSWORD_IN_SESSION = "aa01c905005a39fefef2602e55"
PARAMETERS = (
    "aa01c848007e53657269616c4e756d6265723d444447383133303031363039323230303430312c4c6f636b436f756e743d342c417578496e43"
    "6f756e743d342c4175784f7574436f756e743d34c6be55"
)
REAL_TIME_LOG = "aa010b0000703e55"
# The description of the tables of a C3-400 (issue 2), without its further tables.
TABLES = (
    b"user=1,CardNo=i1,Pin=i2,Password=s3,Group=i4,StartTime=i5,EndTime=i6,SuperAuthorize=i7\n"
    b"userauthorize=2,Pin=i1,AuthorizeTimezoneId=i2,AuthorizeDoorId=i3\nholiday=3,Holiday=i1,HolidayType=i2,Loop=i3\n"
)


def connection(address, timeout=1.0):
    return protocol.Connection(protocol.parse_endpoint(address), timeout)


@pytest.mark.parametrize(
    ("command", "data", "whole"),
    [
        (0x76, b"\xfe\xfe\xfe\xfe", CONNECT_SESSION),
        (0x76, b"\xfe\xfe\xfe\xfeAdmin123", CONNECT_WITH_PASSWORD),
        (0x01, b"", CONNECT),
        (0x01, b"Admin123", "aa0101080041646d696e313233d40955"),
        (0x02, b"", "aa01020000a03c55"),
        (0x0B, b"", REAL_TIME_LOG),
        (0x0B, bytes.fromhex("d2fed839"), "aa010b0400d2fed839b81255"),
    ],
)
def test_frames_are_those_of_the_captures(command, data, whole):
    assert protocol.frame(command, data).hex() == whole


def test_firmware_without_sessions_is_asked_without(script):
    peer = script(NO_SUCH_COMMAND, CONNECTED, PARAMETERS)
    wire = connection(peer.address)
    wire.open("")
    data = wire.ask(protocol.GET_PARAMETERS, b"~SerialNumber,LockCount,AuxInCount,AuxOutCount", "parameters")
    assert read_parameters(data)["SerialNumber"] == "DDG8130016092200401"
    assert peer.requests[:2] == [CONNECT_SESSION, CONNECT]
    # zkaccess-c3-py, issue 2.
    assert peer.requests[2] == (
        "aa01042e007e53657269616c4e756d6265722c4c6f636b436f756e742c417578496e436f756e742c4175784f7574436f756e742a9d55"
    )
    wire.close()


@pytest.mark.parametrize("answers", [[NO_SUCH_COMMAND, WRONG_PASSWORD], [WRONG_PASSWORD_IN_SESSION]])
def test_a_wrong_password_is_the_controllers_own_word(script, answers):
    wire = connection(script(*answers).address)
    with pytest.raises(DeviceRefused, match="communication password is not correct"):
        wire.open("")
    wire.close()


def test_no_answer_is_no_wrong_password(script):
    wire = connection(script().address, timeout=0.3)
    with pytest.raises(DeviceUnreachable, match="does not answer"):
        wire.open("secret")
    wire.close()


def test_a_late_answer_to_a_message_before_is_passed_over(script):
    # hass-zkaccess_c3, issue 3: 0x3916 was answered with the answer to 0x3915.
    opened = protocol.frame(0xC8, bytes.fromhex("d2fe0000")).hex()
    late = protocol.frame(0xC8, bytes.fromhex("d2fefefe") + b"old").hex()
    right = protocol.frame(0xC8, bytes.fromhex("d2fefffe") + b"new").hex()
    wire = connection(script(opened, late + right).address)
    wire.open("")
    assert wire.ask(protocol.REAL_TIME_LOG, b"", "log") == b"new"
    wire.close()


# Owners' captures in the tests of zkaccess-c3-py (test_core, test_rtlog): the second byte of an answer may be 0 or 2,
# and some firmware counts its answers itself, from 0.
CONNECTED_VERSION_0 = "aa00c80400d805fefea30955"
CONNECTED_COUNTING = "aa01c80400d18a0000915255"
COUNTED_PARAMETERS = (
    "aa01c84800d18a02007e5a4b465056657273696f6e3d31302c4c6f636b436f756e743d322c526561646572436f756e743d342c417578496e43"
    "6f756e743d322c4175784f7574436f756e743d32783f55"
)
NO_SUCH_COMMAND_VERSION_2, CONNECTED_WITHOUT_SESSION_VERSION_0 = "aa02c90100f357d955", "aa00c8000081fe55"
TEXT_EVENTS = (
    "aa01c8c40074696d653d323032332d31322d30362032323a33333a31350970696e3d3009636172646e6f3d30096576656e74616464723d3009"
    "6576656e743d32303609696e6f75747374617475733d3209766572696679747970653d32303009696e6465783d380d0a74696d653d32303233"
    "2d31322d30362032323a35373a35340970696e3d3009636172646e6f3d30096576656e74616464723d31096576656e743d3809696e6f757473"
    "74617475733d3209766572696679747970653d32303009696e6465783d39621455"
)
TEXT_STATE = (
    "aa01c83a0074696d653d323032332d31322d30392031353a30393a33330973656e736f723d32340972656c61793d303409616c61726d3d3030"
    "303030303030c2b655"
)


def test_answers_of_other_versions_are_read(script):
    wire = connection(script(CONNECTED_VERSION_0).address)
    wire.open("")
    assert wire.has_session
    wire.close()
    wire = connection(script(NO_SUCH_COMMAND_VERSION_2, CONNECTED_WITHOUT_SESSION_VERSION_0, TEXT_STATE).address)
    wire.open("")
    assert wire.ask(protocol.REAL_TIME_LOG, b"", "log").startswith(b"time=2023-12-09 15:09:33\tsensor=24")
    wire.close()


def test_firmware_that_counts_its_answers_itself_is_no_late_answer(script):
    first, older, second = (
        protocol.frame(0xC8, bytes.fromhex(f"d18a{number}00") + data).hex()
        for number, data in (("04", b"log 1"), ("03", b"old"), ("05", b"log 2"))
    )
    wire = connection(script(CONNECTED_COUNTING, COUNTED_PARAMETERS, first, older + second).address)
    wire.open("")
    assert read_parameters(wire.ask(protocol.GET_PARAMETERS, b"", "parameters"))["LockCount"] == "2"
    assert wire.ask(protocol.REAL_TIME_LOG, b"", "log") == b"log 1"
    assert wire.ask(protocol.REAL_TIME_LOG, b"", "log") == b"log 2"
    wire.close()


def test_a_log_of_newer_firmware_is_text():
    data = bytes.fromhex(TEXT_EVENTS)[5:-3]
    assert is_text(data)
    events, reports, unread = read_text_log(data, UTC)
    assert [(event.index, event.code, event.door, event.verify) for event in events] == [
        (0, 206, 1, "200"),
        (0, 8, 1, "200"),
    ]
    assert events[1].at == datetime(2023, 12, 6, 22, 57, 54, tzinfo=UTC)
    assert (reports, unread) == ([], 0)
    events, reports, unread = read_text_log(bytes.fromhex(TEXT_STATE)[5:-3], UTC)
    assert (events, unread) == ([], 0)
    # By the capture's owner: doors 1 and 4 have no contact, door 2 is shut, door 3 stands open; no alarms.
    states = DoorStates(4)
    facts = states.read(reports[0])
    assert [fact for fact in facts if isinstance(fact, DoorContact) and fact.is_open is not None] == [
        DoorContact(2, False),
        DoorContact(3, True),
    ]
    assert not any(fact.active for fact in facts if isinstance(fact, GateAlarm))


@pytest.mark.parametrize("size", [16, 360])
def test_a_log_of_noughts_says_nothing(size):
    """360 noughts were captured from firmware without sessions."""
    assert read_log(bytes(size), UTC) == ([], [], 0)


def test_an_answer_in_another_session_is_another_programs(script):
    opened = protocol.frame(0xC8, bytes.fromhex("d2fe0000")).hex()
    wire = connection(script(opened, protocol.frame(0xC8, bytes.fromhex("d3fefffe")).hex()).address)
    wire.open("")
    with pytest.raises(DeviceBusy, match="another program"):
        wire.ask(protocol.REAL_TIME_LOG, b"", "log")
    wire.close()


@pytest.mark.parametrize(
    "answer", ["aa01c80000800355", "aa01c80000800256", "ab01c80000800255", "485454502f312e3120343030"]
)
def test_a_damaged_answer_is_garbled(script, answer):
    wire = connection(script(answer).address)
    with pytest.raises(DeviceGarbled):
        wire.open("")
    wire.close()


def test_events_and_states_are_those_of_the_captures():
    # Two events of door 1 (9 remote closing, 0x66 forced) by the inBIO's clock, 2023-12-07 21:31:15 and :16.
    data = bytes.fromhex("0000000000000000c80109022389da2d0000000000000000c80166022489da2d")
    events, states, unread = read_log(data, ZoneInfo("Europe/Amsterdam"))
    assert [(event.code, event.door, event.pin, event.verify) for event in events] == [
        (9, 1, "", "200"),
        (102, 1, "", "200"),
    ]
    assert [event.at for event in events] == [
        datetime(2023, 12, 7, 20, 31, 15, tzinfo=UTC),
        datetime(2023, 12, 7, 20, 31, 16, tzinfo=UTC),
    ]
    assert (states, unread) == ([], 0)
    # A state: an alarm at door 1, which stands open (2); doors 3 and 4 open, door 2 has no contact.
    _, (state,), _ = read_log(bytes.fromhex("01000000020002020001ff002789da2d"), None)
    facts = Doors().read(state, 4)
    assert [(fact.channel, fact.is_open) for fact in facts if isinstance(fact, DoorContact)] == [
        (1, True),
        (2, None),
        (3, True),
        (4, True),
    ]
    assert [(fact.channel, fact.kind) for fact in facts if isinstance(fact, GateAlarm) and fact.active] == [
        (1, Kind.TAMPER)
    ]


def test_the_states_of_the_guide_are_read_byte_by_byte():
    """5.7, note 3: alarm 0x01020001 is door 1 alarm, door 2 none, door 3 opening timeout, door 4 alarm."""
    doors = Doors()
    data = bytes([1, 0, 2, 1]) + bytes([1, 0, 2, 1]) + bytes([200, 0, 255, 0]) + bytes(4)
    _, (state,), _ = read_log(data, UTC)
    facts = doors.read(state, 4)
    alarms = {(fact.channel, fact.kind) for fact in facts if isinstance(fact, GateAlarm) and fact.active}
    assert alarms == {(1, Kind.TAMPER), (3, Kind.PORTAL_HELD_OPEN), (4, Kind.TAMPER)}
    assert doors.read(state, 4) == []


def test_the_time_of_the_guide():
    """Attached table 2: 2010-10-26 20:54:55 is 347748895."""
    assert encode_time(datetime(2010, 10, 26, 20, 54, 55, tzinfo=UTC), UTC) == 347748895


def test_a_log_of_another_form_is_garbled():
    with pytest.raises(DeviceGarbled):
        read_log(b"\1" * 17, UTC)


def test_tables_are_read_by_their_own_numbers():
    tables = read_tables(TABLES)
    assert tables["userauthorize"].number == 2
    assert tables["user"].fields["endtime"] == Field("EndTime", 6, False)
    assert query(tables["user"], ["Pin", "CardNo"]) == bytes([1, 2, 1, 2, 0, 0])


def test_a_row_is_that_of_the_public_description():
    """Tried on a C3-200: card 16706331 from 2026-09-21 to 2026-10-21."""
    row = {
        "CardNo": 16706331,
        "Pin": 16706331,
        "Password": "",
        "Group": 0,
        "StartTime": 20260921,
        "EndTime": 20261021,
        "SuperAuthorize": 0,
    }
    wanted = "0107 01020304050607 031bebfe 031bebfe 00 0100 0439283501 049d283501 0100".replace(" ", "")
    assert encode_row(read_tables(TABLES)["user"], row).hex() == wanted
    assert encode_value(Field("Pin", 2, False), 0) == b"\x01\x00"


def test_rows_are_read_and_bounded():
    table = read_tables(TABLES)["userauthorize"]
    assert decode_rows(table, bytes.fromhex("0203010203 0107 0101 010f 02e803 0101 0103")) == [
        {"pin": 7, "authorizetimezoneid": 1, "authorizedoorid": 15},
        {"pin": 1000, "authorizetimezoneid": 1, "authorizedoorid": 3},
    ]
    assert decode_rows(table, bytes.fromhex("0203010203")) == []
    for broken in ("", "0103010203", "0203010203 0107 0101 05", "0203010203 01", "02ff01"):
        with pytest.raises(DeviceGarbled):
            decode_rows(table, bytes.fromhex(broken))


def test_descriptions_that_cannot_be_read_harm_nothing():
    assert read_tables(b"\xff\xfe=\n,,,\nuser\nuser=x\nuser=1,Pin=i999,=,CardNo=").get("user").fields == {}


@pytest.mark.parametrize("address", ["udp://192.0.2.1", "tcp://", "tcp://a:0", "tcp://a:70000", "a b"])
def test_an_address_that_is_none_says_so(address):
    with pytest.raises(InvalidInput, match="write tcp"):
        protocol.parse_endpoint(address)
