"""Event messages of a Dahua terminal in literal bytes."""

import json
from datetime import UTC, datetime

import pytest

from devicemgr.domain.device_events import DeviceDecided, DeviceReported, DoorContact, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.errors import DeviceGarbled
from drivers.dahua_console.cgi import flat_rows, number, target
from drivers.dahua_console.events.push import inflated, read_body
from drivers.dahua_console.events.translate import alarm, happened, presented
from drivers.dahua_console.parsing import read_part, read_push, read_records
from drivers.dahua_console.users.names import CardNumbers, plain_name, shown_name
from tests.drivers.dahua_console.test_messages import FACE_EVENT


def test_a_face_event_of_the_stream():
    fact = happened(read_part(FACE_EVENT).data, 9)
    assert fact == DeviceDecided(
        2,
        True,
        9,
        datetime(2025, 11, 24, 21, 35, tzinfo=UTC),
        Direction.EXIT,
        (),
        "42",
        "",
        {"vendor": "dahua", "method": 15, "face": {"vendor": "dahua", "score": 97.0, "liveness": 1.0}, "reader": "1"},
    )


def test_the_same_event_on_the_stream_with_pictures():
    body = (
        b"Events[0].Code=AccessControl\r\nEvents[0].Action=Pulse\r\nEvents[0].Index=0\r\nEvents[0].UserID=42\r\n"
        b"Events[0].Door=0\r\nEvents[0].Method=15\r\nEvents[0].Status=1\r\nEvents[0].UTC=1764020100\r\n"
        b"Events[0].ImageInfo[0].Offset=0\r\nEvents[0].ImageInfo[0].Length=3000\r\n"
    )
    told = read_part(body)
    assert (told.code, told.door, told.who) == ("AccessControl", 0, (1764020100, "42", ""))


@pytest.mark.parametrize("body", [b"Heartbeat", b"", b"hello", b"Code=;action=;index=", b"Events[0].X"])
def test_what_is_no_event(body):
    assert read_part(body) is None


@pytest.mark.parametrize("body", [FACE_EVENT[:200], b"Code=X;action=Start;index=0;data={" + b'{"a":' * 5000])
def test_json_that_is_cut_off_or_nested_is_no_event_either(body):
    with pytest.raises(DeviceGarbled):
        read_part(body)


@pytest.mark.parametrize(
    ("code", "action", "kind", "active"),
    [
        ("DoorNotClosed", "Start", Kind.PORTAL_HELD_OPEN, None),
        ("BreakIn", "Start", Kind.PORTAL_FORCED, None),
        ("Duress", "Pulse", Kind.DURESS_SIGNALLED, None),
        ("ChassisIntruded", "Start", Kind.TAMPER, None),
        ("DoorNotClosed", "Stop", Kind.PORTAL_HELD_OPEN, False),
        ("ChassisIntruded", "Stop", Kind.TAMPER, False),
        ("AlarmLocal", "Stop", Kind.TAMPER, False),
    ],
)
def test_alarms_begin_and_end(code, action, kind, active):
    found = alarm(read_part(f"Code={code};action={action};index=1".encode()))
    assert isinstance(found, GateAlarm)
    assert (found.channel, found.kind, found.active) == (2, kind, active)


@pytest.mark.parametrize(("status", "is_open"), [("Open", True), ("Close", False), ("", None), ("Break", None)])
def test_a_doors_contact(status, is_open):
    found = alarm(read_part(f'Code=DoorStatus;action=Pulse;index=0;data={{"Status":"{status}"}}'.encode()))
    assert found == (None if is_open is None else DoorContact(1, is_open))


def test_what_is_no_alarm():
    assert alarm(read_part(b"Code=NewFile;action=Pulse;index=1")) is None


RECORDS = (
    b"totalCount=2\r\nfound=2\r\nrecords[0].CardNo=12EA3004\r\nrecords[0].CreateTime=1764020100\r\n"
    b"records[0].Method=1\r\nrecords[0].RecNo=7\r\nrecords[0].Status=0\r\nrecords[0].ErrorCode=16\r\n"
    b"records[0].Type=Entry\r\nrecords[0].UserID=\r\nrecords[1].RecNo=8\r\nrecords[1].Method=4\r\n"
    b"records[1].CreateTime=1764020101\r\nrecords[1].Status=1\r\n"
)


def test_records():
    first, second = read_records(RECORDS.decode())
    told = happened(first, number(first["RecNo"]))
    assert (told.granted, told.serial, told.why, told.badge) == (False, 7, "unknown_credential", None)
    assert told.names == ("317337604", "4842:12292", "raw:34:225D46008")
    assert isinstance(happened(second, 8), DeviceReported)
    assert happened(second, 8).kind is Kind.PORTAL_UNLOCKED


@pytest.mark.parametrize("text", ["found=3\r\n", "", "OK", RECORDS.decode()[:150], "found=x\r\n"])
def test_a_list_that_is_not_whole(text):
    with pytest.raises(DeviceGarbled):
        read_records(text)


PUSH = {
    "Channel": 0,
    "FilePath": "/var/tmp/a.jpg",
    "Time": "24-11-2025 21:35:00",
    "Events": [
        {
            "Action": "Pulse",
            "Code": "AccessControl",
            "Index": 0,
            "Data": {
                "UserID": "42",
                "Method": 15,
                "Similarity": 91,
                "Alive": 0.8,
                "Door": 0,
                "UTC": 1764020100,
                "Status": 1,
                "ErrorCode": 0,
            },
        }
    ],
}


def test_a_push_and_its_question():
    (told,) = read_push(json.dumps(PUSH).encode())
    asked = presented(told, 5, 1.0)
    assert (asked.channel, asked.serial, asked.badge, asked.score, asked.liveness, asked.vendor) == (
        1,
        5,
        "42",
        91.0,
        0.8,
        "dahua",
    )


def test_a_card_in_a_question_is_no_face():
    data = PUSH["Events"][0]["Data"] | {"Method": 1, "CardNo": "0050e420"}
    (told,) = read_push(json.dumps(PUSH | {"Events": [PUSH["Events"][0] | {"Data": data}]}).encode())
    asked = presented(told, 5, 1.0)
    assert (asked.badge, asked.names) == (None, ("5301280", "80:58400", "raw:26:2A1C841"))


def test_info_repeated_before_each_picture_is_one_event_deflated_or_not():
    import zlib

    info = json.dumps(PUSH).encode()
    jpeg = b"\xff\xd8\xff\xe0" + b"\x00" * 500
    part = b'--b\r\nContent-Disposition: form-data; name="info"\r\n\r\n' + info + b"\r\n"
    image = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length:504\r\n\r\n" + jpeg + b"\r\n"
    body = part + image + part + image + b"--b--\r\n"
    raw = zlib.compressobj(wbits=-15)
    for encoding, sent in [
        ("", body),
        ("deflate", zlib.compress(body)),
        ("", zlib.compress(body)),
        ("deflate", raw.compress(body) + raw.flush()),
        ("", info),
        ("", body.replace(b"\r\n--b", b"\n--b")),
    ]:
        assert [told.who for told in read_body(sent, encoding)] == [(1764020100, "42", "")]


@pytest.mark.parametrize(
    "body", [b"", b"x" * 100, b"--b\r\n\r\nhello\r\n--b--\r\n", b'{"Events":7}', b'{"Events":[{"a":']
)
def test_what_is_no_push(body):
    with pytest.raises(DeviceGarbled):
        read_body(body, "")


def test_a_deflated_bomb_is_not_unpacked():
    import zlib

    with pytest.raises(DeviceGarbled, match="too much"):
        inflated(zlib.compress(b"\x00" * 50_000_000), "deflate")


@pytest.mark.parametrize(
    ("stored", "held"),
    [
        ("317337604", "12EA3004"),
        ("5301280", "0050E420"),
        ("80:58400", "0050E420"),
        ("raw:26:0A1C841", "00A1C841"),
        ("raw:26:2A1C841", "0050E420"),
        ("1", "00000001"),
        ("65535:65535", "FFFFFFFF"),
        ("300000000000", "45D964B800"),
    ],
)
def test_card_numbers_are_upper_case_hex(stored, held):
    assert CardNumbers().text(stored) == held


@pytest.mark.parametrize("told", ["", "0", "xyz", "1" * 33, "12 34", "+5"])
def test_what_is_no_card_number(told):
    assert CardNumbers().names(told) == ()


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Айгүл Нұрланқызы", "Aigul Nurlanqyzy"),
        ("Щукина Юлия", "Shchukina Iuliia"),
        ("José Ñandú", "Jose Nandu"),
        ("محمد", "77"),
        ("王芳", "77"),
        ("O'Neil-Smith", "O'Neil-Smith"),
        ("Ғалымжан Әбдіқадыров Қайратұлы", "Galymzhan Abdiqadyrov Qairatuly"),
    ],
)
def test_names_in_ascii_only_where_there_is_no_other_way(name, plain):
    assert plain_name(name, "77") == plain


def test_names_are_cut_between_characters():
    assert shown_name("Айгүл Нұрланқызы Серікова") == "Айгүл Нұрланқызы"
    assert len(shown_name("ж" * 50).encode()) <= 31


def test_queries_and_rows():
    assert target("x", "y", [("a[0]", "1 +&=é")]) == "/cgi-bin/x.cgi?action=y&a[0]=1%20%2B%26%3D%C3%A9"
    assert flat_rows("a[1].b=2\na[0].b=1\nc=3\na[0].d.e=f=g", "a") == [{"b": "1", "d.e": "f=g"}, {"b": "2"}]
    assert [number(text, -7) for text in ("5", " 5 ", "5x", "", "9" * 30, None, "٥")] == [5, 5, -7, -7, -7, -7, -7]
