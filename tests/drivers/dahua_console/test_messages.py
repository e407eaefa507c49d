"""Golden bytes of each message, both ways, against a terminal that is only a script."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from devicemgr.domain.model import Direction, PortalMode
from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceRefused, NotVerifiable, OutcomeUnknown
from drivers.common.http.client import Http
from drivers.dahua_console.cgi import Cgi, read_clock
from drivers.dahua_console.login import CrowdedLogin

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
    wire.script = [
        start,
        OK,
        BAD,
        OK,
        whole(json.dumps({"Users": [ROW]}).encode()),
        none,
        OK,
        OK,
        whole(json.dumps({"Cards": [CARD]}).encode()),
        OK,
        whole(b""),
        none,
        OK,
    ]
    assert device.put([PERSON], {}) == {}
    assert wire.script == []
    sent = [(line.split()[0], line.split()[1].removeprefix("/cgi-bin/"), body) for line, body, _ in wire.requests]
    assert [(method, where) for method, where, _ in sent[:5]] == [
        ("GET", "AccessUser.cgi?action=startFind"),
        ("GET", "AccessUser.cgi?action=stopFind&Token=7"),
        ("POST", "AccessUser.cgi?action=insertMulti"),
        ("POST", "AccessUser.cgi?action=updateMulti"),
        ("GET", "AccessUser.cgi?action=list&UserIDList[0]=42"),
    ]
    assert json.loads(sent[2][2]) == json.loads(sent[3][2]) == {"UserList": [ROW]}
    assert [where for _, where, _ in sent[5:9]] == [
        "AccessCard.cgi?action=startFind&Condition.UserID=42",
        "AccessCard.cgi?action=stopFind&Token=7",
        "AccessCard.cgi?action=insertMulti",
        "AccessCard.cgi?action=list&CardNoList[0]=12EA3004",
    ]
    assert json.loads(sent[7][2]) == {"CardList": [CARD]}


def test_people_are_removed_by_number_and_looked_for(wire, build):
    device = build(wire.address)
    many, gone = whole(b'{"Token":7,"Total":5000,"Caps":20}'), [whole(b'{"Token":7,"Total":0}'), OK]
    each = [many, OK, *gone, *gone]
    wire.script = [many, OK, whole(b""), OK, OK, *each, whole(b""), *each, *each]
    device.remove(["42", "Ж 1"])
    assert wire.script == []
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
    gone, face = [start, OK], [some, whole(b'{"Info":[{"UserID":"42"}]}'), OK]
    wire.script = [start, OK, BAD, OK, OK, *gone, BAD, BAD, *gone, *gone]
    device.remove(["42"])
    # What has answered is asked first from then on.
    for answers, error in ((face, "still holds 42"), ([BAD, BAD, BAD], "can't be queried about faces")):
        wire.script = [OK, OK, *gone, *answers, *gone]
        with pytest.raises(DeviceRefused, match=error) as caught:
            device.remove(["42"])
        assert isinstance(caught.value, NotVerifiable) == ("queried" in error)
        assert wire.script == []
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
