"""Golden bytes of each message, both ways, against a terminal that is only a script."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from devicemgr.domain.device_events import DeviceDecided, DeviceReported, DoorContact, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceGarbled, DeviceRefused, NotVerifiable, OutcomeUnknown
from drivers.common.http.client import Http
from drivers.dahua_console.cgi import Cgi, CrowdedLogin, flat_rows, number, read_clock, target
from drivers.dahua_console.events.push import inflated, read_body
from drivers.dahua_console.events.translate import alarm, happened, presented
from drivers.dahua_console.parsing import read_part, read_push, read_records
from drivers.dahua_console.users.names import card_hex, card_names, plain_name, shown_name

OK = [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 4\r\n\r\nOK\r\n"]
BAD = [
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 20\r\n\r\n"
    b"Error\r\nBad Request!\r\n"
]

FACE_EVENT = b"""Code=AccessControl;action=Pulse;index=0;data={
   "Alive" : 100,
   "CardName" : "\xd0\x90\xd0\xb9\xd0\xb3\xd2\xaf\xd0\xbb",
   "CardNo" : "",
   "CreateTime" : 1764020100,
   "Door" : 1,
   "ErrorCode" : 0,
   "Method" : 15,
   "ReaderID" : "1",
   "Similarity" : 97,
   "Status" : 1,
   "Type" : "Exit",
   "UTC" : 1764020100,
   "UserID" : "42",
   "UserType" : 0
}
"""


def whole(body, kind=b"text/plain"):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nConnection: close\r\n"
    return [head + b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body]


@pytest.fixture
def cgi(wire):
    http = Http(wire.address, CrowdedLogin("admin", "admin123"), "/cgi-bin/magicBox.cgi?action=getDeviceType")
    yield Cgi(http)
    http.close()


def test_digest_as_the_terminal_wants_it(wire, cgi):
    wire.script = [whole(b"version=1.2,build:2024-01-01\r\n")]
    assert cgi.text("magicBox", "getSoftwareVersion") == "version=1.2,build:2024-01-01\r\n"
    line, _, head = wire.requests[0]
    assert line == "GET /cgi-bin/magicBox.cgi?action=getSoftwareVersion HTTP/1.1"
    told = dict(re.findall(r'(\w+)="?([^",]*)"?', head.partition("Authorization: Digest ")[2].split("\r\n")[0]))
    one = hashlib.md5(f"admin:{told['realm']}:admin123".encode()).hexdigest()
    two = hashlib.md5(b"GET:/cgi-bin/magicBox.cgi?action=getSoftwareVersion").hexdigest()
    want = hashlib.md5(f"{one}:1862903457:{told['nc']}:{told['cnonce']}:auth:{two}".encode()).hexdigest()
    assert told["realm"].startswith("Login to ")
    assert told["response"] == want
    assert "admin123" not in head


def test_the_door_is_opened_once_and_counted_from_one(wire, build):
    device = build(wire.address, doors=2, remote_user="101")
    wire.script = [OK]
    device.release(2, Direction.ENTRY, 5)
    assert [line for line, _, _ in wire.requests] == [
        "GET /cgi-bin/accessControl.cgi?action=openDoor&channel=2&UserID=101&Type=Remote HTTP/1.1"
    ]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (BAD, DeviceRefused),
        ([b""], OutcomeUnknown),
        (whole(b"<html>hello"), OutcomeUnknown),
        ([b"\x00\x01\x02" * 9], OutcomeUnknown),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nO"], OutcomeUnknown),
    ],
)
def test_a_release_without_a_yes_is_never_sent_twice(wire, build, script, error):
    device = build(wire.address)
    wire.script = [script]
    with pytest.raises(error):
        device.release(1, Direction.ENTRY, 5)
    assert len(wire.requests) == 1


def test_modes_are_set_by_the_door_counted_from_nought_and_read_back(wire, build):
    device = build(wire.address, doors=2)
    wire.script = [OK, whole(b"table.AccessControl[0].State=Normal\r\ntable.AccessControl[1].State=OpenAlways\r\n")]
    device.set_mode(2, PortalMode.FREE)
    assert [line.split()[1] for line, _, _ in wire.requests] == [
        "/cgi-bin/configManager.cgi?action=setConfig&AccessControl[1].State=OpenAlways",
        "/cgi-bin/configManager.cgi?action=getConfig&name=AccessControl",
    ]
    device.release(2, Direction.ENTRY, 1)
    assert len(wire.requests) == 2


def test_a_mode_that_does_not_hold_is_a_refusal(wire, build):
    device = build(wire.address)
    wire.script = [OK, whole(b"table.AccessControl[0].State=Normal\r\n"), BAD]
    with pytest.raises(DeviceRefused, match="not locked"):
        device.set_mode(1, PortalMode.LOCKED)
    with pytest.raises(DeviceRefused, match="set it at the terminal"):
        device.set_mode(1, PortalMode.FREE)


PERSON = Holding(
    "42",
    "Ann Lee",
    ("317337604",),
    frozenset({1}),
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 12, 31, 18, tzinfo=UTC),
)
ROW = {
    "UserID": "42",
    "UserName": "Ann Lee",
    "UserType": 0,
    "Authority": 2,
    "Password": "",
    "Doors": [0],
    "TimeSections": [255],
    "SpecialDaysSchedule": [255],
    "UserStatus": 0,
    "ValidFrom": "2026-01-01 00:00:00",
    "ValidTo": "2026-12-31 18:00:00",
}
CARD = {"UserID": "42", "CardNo": "12EA3004", "CardType": 0, "CardStatus": 0}


def test_a_person_is_inserted_updated_given_a_card_and_read_back(wire, build):
    device = build(wire.address)
    start = whole(b'{"Token":7,"Total":1,"Caps":20}', b"application/json")
    none = whole(b'{"Token":7,"Total":0,"Caps":20}')
    card = whole(json.dumps({"Info": [CARD]}).encode())
    wire.script = [
        start,
        OK,
        BAD,
        OK,
        whole(json.dumps({"Users": [ROW]}).encode()),
        none,
        whole(b'{"Info":[]}'),
        OK,
        OK,
        start,
        OK,
        start,
        card,
        OK,
        OK,
        whole(b""),
        none,
        whole(b'{"Info":[]}'),
        OK,
    ]
    assert device.put([PERSON], {}) == {}
    sent = [(line.split()[0], line.split()[1].removeprefix("/cgi-bin/"), body) for line, body, _ in wire.requests]
    assert [(method, where) for method, where, _ in sent[:5]] == [
        ("GET", "AccessUser.cgi?action=startFind"),
        ("GET", "AccessUser.cgi?action=stopFind&Token=7"),
        ("POST", "AccessUser.cgi?action=insertMulti"),
        ("POST", "AccessUser.cgi?action=updateMulti"),
        ("GET", "AccessUser.cgi?action=list&UserIDList[0]=42"),
    ]
    assert json.loads(sent[2][2]) == json.loads(sent[3][2]) == {"UserList": [ROW]}
    assert [where for _, where, _ in sent[5:8]] == [
        "AccessCard.cgi?action=startFind&Condition.UserID=42",
        "AccessCard.cgi?action=doFind&Token=7&Offset=0&Count=20",
        "AccessCard.cgi?action=stopFind&Token=7",
    ]
    assert sent[8][1] == "AccessCard.cgi?action=insertMulti"
    assert json.loads(sent[8][2]) == {"CardList": [CARD]}


def test_people_are_removed_by_number_and_looked_for(wire, build):
    device = build(wire.address)
    start = whole(b'{"Token":7,"Total":0,"Caps":20}')
    gone = [start, whole(b'{"Info":[]}'), OK]
    faces = [whole(b""), *gone, *gone]
    wire.script = [start, OK, whole(b""), OK, OK, *gone, *gone, *faces, *gone, *gone]
    device.remove(["42", "Ж 1"])
    sent = [line.split()[1].removeprefix("/cgi-bin/") for line, _, _ in wire.requests]
    assert sent[3:5] == [
        "AccessFace.cgi?action=removeMulti&UserIDList[0]=42&UserIDList[1]=%D0%96%201",
        "AccessUser.cgi?action=removeMulti&UserIDList[0]=42&UserIDList[1]=%D0%96%201",
    ]
    assert "AccessUser.cgi?action=startFind&Condition.UserID=%D0%96%201" in sent
    assert "AccessFace.cgi?action=startFind&Condition.UserID=%D0%96%201" in sent


def test_faces_are_asked_of_the_face_manager_where_there_is_no_list_of_them(wire, build):
    device = build(wire.address)
    start, some = whole(b'{"Token":7,"Total":0}'), whole(b'{"Token":7,"Total":1}')
    gone, face = [start, whole(b'{"Info":[]}'), OK], [some, whole(b'{"Info":[{"UserID":"42"}]}'), OK]
    before = [start, OK, BAD, OK, OK, *gone]
    for answers, error in ((gone, None), (face, "still holds 42"), ([BAD], "can't be queried about faces")):
        wire.script = [*before, BAD, BAD, *answers, *gone]
        if error is None:
            device.remove(["42"])
        else:
            with pytest.raises(DeviceRefused, match=error) as caught:
                device.remove(["42"])
            assert isinstance(caught.value, NotVerifiable) == ("queried" in error)
        assert wire.script == []
        before = [BAD, OK, OK, *gone]
    sent = [line.split()[1].removeprefix("/cgi-bin/") for line, _, _ in wire.requests]
    assert sent.count("FaceInfoManager.cgi?action=startFind&Condition.UserID=42") == 3


@pytest.mark.parametrize("answer", [b"{}", b'{"Info":null}', b'{"found":0}'])
def test_a_search_that_is_answered_with_nothing_is_no_proof(wire, build, answer):
    device = build(wire.address)
    some = whole(b'{"Token":7,"Total":1}')
    wire.script = [some, OK, BAD, OK, OK, some, whole(answer)]
    with pytest.raises(DeviceRefused, match="without saying what it found"):
        device.remove(["42"])


def test_an_older_terminal_gets_a_row_a_card_with_spaces_as_percent_twenty(wire, build):
    device = build(wire.address)
    wire.script = [
        BAD,
        whole(b"found=0\r\n"),
        whole(b"RecNo=12\r\n"),
        whole(
            b"totalCount=1\r\nfound=1\r\nrecords[0].RecNo=12\r\nrecords[0].UserID=42\r\nrecords[0].CardNo=12EA3004\r\n"
        ),
    ]
    assert device.put([PERSON], {}) == {}
    sent = [line.split()[1].removeprefix("/cgi-bin/") for line, _, _ in wire.requests]
    assert sent[1] == "recordFinder.cgi?action=find&name=AccessControlCard&condition.UserID=42&count=1024"
    assert sent[2] == (
        "recordUpdater.cgi?action=insert&name=AccessControlCard&CardNo=12EA3004&UserID=42&CardName=Ann%20Lee"
        "&CardStatus=0&CardType=0&Doors[0]=0&TimeSections[0]=255"
        "&ValidDateStart=20260101%20000000&ValidDateEnd=20261231%20180000"
    )


def test_the_clock_tells_zone_and_skew(wire, cgi):
    shown = datetime.now(UTC) + timedelta(hours=5, seconds=92)
    wire.script = [whole(f"result={shown:%Y-%m-%d %H:%M:%S}\r\n".encode())]
    clock = read_clock(cgi, None)
    assert clock.zone == timezone(timedelta(hours=5))
    assert 90 < clock.skew < 94
    assert wire.requests[0][0] == "GET /cgi-bin/global.cgi?action=getCurrentTime HTTP/1.1"


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
        ("Duress", "Pulse", Kind.TAMPER, None),
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
    assert card_hex(stored) == held


@pytest.mark.parametrize("told", ["", "0", "xyz", "1" * 33, "12 34", "+5"])
def test_what_is_no_card_number(told):
    assert card_names(told) == ()


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
