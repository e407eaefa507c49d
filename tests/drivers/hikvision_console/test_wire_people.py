# ruff: noqa: F811 - `wire` is a fixture
"""Messages about people, cards and faces as they stand on the wire."""

import json
from datetime import UTC, datetime

import pytest

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceRefused, HeldInPart, NotVerifiable
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.users.faces import face_form
from drivers.hikvision_console.users.users import People
from tests.drivers.common.http.raw_http import reply
from tests.drivers.hikvision_console.test_wire import OK, wire  # noqa: F401

AIGUL = Holding("42", "Әйгерім", (), frozenset({1}), datetime(2026, 1, 1, tzinfo=UTC), None)


STORED = {
    "employeeNo": "42",
    "name": "Әйгерім",
    "userType": "normal",
    "Valid": {
        "enable": True,
        "timeType": "local",
        "beginTime": "2026-01-01T00:00:00",
        "endTime": "2037-12-31T23:59:59",
    },
    "doorRight": "1",
    "RightPlan": [{"doorNo": 1, "planTemplateNo": "1"}],
    "userVerifyMode": "",
    "localUIRight": False,
}


def found(user, **counts):
    told = user | {"numOfCard": 0, "numOfFP": 0, "numOfFace": 0} | counts
    return json.dumps(
        {
            "UserInfoSearch": {
                "searchID": "1",
                "responseStatusStrg": "OK",
                "numOfMatches": 1,
                "totalMatches": 1,
                "UserInfo": [told],
            }
        }
    ).encode()


def refusal(status, code, sub):
    body = {"statusCode": code, "statusString": "x", "subStatusCode": sub, "errorCode": 1, "errorMsg": sub}
    return reply(status, json.dumps(body).encode())


def people(line):
    return People(line.isapi, Clock, 1, 128)


def test_a_person(wire):
    line = wire(OK, found(STORED))
    assert people(line).put([AIGUL], {}) == {}
    method, kind, body = line.sent[0]
    assert (method, kind) == ("PUT /ISAPI/AccessControl/UserInfo/SetUp?format=json", "application/json")
    assert json.loads(body) == {"UserInfo": STORED}
    assert "Әйгерім".encode() in body
    method, _, body = line.sent[1]
    assert method == "POST /ISAPI/AccessControl/UserInfo/Search?format=json"
    condition = json.loads(body)["UserInfoSearchCond"]
    assert condition.pop("searchID")
    assert condition == {"searchResultPosition": 0, "maxResults": 30, "EmployeeNoList": [{"employeeNo": "42"}]}


def test_without_setup_record_and_then_modify(wire):
    line = wire(
        refusal(403, 4, "notSupport"), refusal(400, 6, "employeeNoAlreadyExist"), OK, found(STORED), OK, found(STORED)
    )
    keeper = people(line)
    assert keeper.put([AIGUL], {}) == {}
    assert keeper.put([AIGUL], {}) == {}
    pages = [sent[0].split("/")[-1].split("?")[0] for sent in line.sent]
    assert pages == ["SetUp", "Record", "Modify", "Search", "Record", "Search"]


def test_cards_and_a_face(wire):
    import io

    from PIL import Image

    held = io.BytesIO()
    Image.new("RGB", (200, 240), (90, 80, 70)).save(held, "JPEG")
    cards = json.dumps(
        {
            "CardInfoSearch": {
                "searchID": "1",
                "responseStatusStrg": "OK",
                "numOfMatches": 1,
                "totalMatches": 1,
                "CardInfo": [{"employeeNo": "42", "cardNo": "786777", "cardType": "normalCard"}],
            }
        }
    ).encode()
    line = wire(OK, found(STORED), OK, OK, found(STORED, numOfCard=1, numOfFace=1), cards)
    want = Holding("42", "Әйгерім", ("12:345",), frozenset({1}), AIGUL.valid_from, None, "digest")
    assert people(line).put([want], {"42": held.getvalue()}) == {}
    assert line.sent[2][0] == "POST /ISAPI/AccessControl/CardInfo/Record?format=json"
    assert line.sent[2][2] == b'{"CardInfo":{"employeeNo":"42","cardNo":"786777","cardType":"normalCard"}}'
    method, kind, body = line.sent[3]
    assert (method, kind) == ("PUT /ISAPI/Intelligent/FDLib/FDSetUp?format=json", "multipart/form-data")
    parts = body.split(b"\r\n--")
    assert b'name="FaceDataRecord"\r\nContent-Type: application/json\r\n' in parts[0]
    assert parts[0].endswith(b'\r\n\r\n{"faceLibType":"blackFD","FDID":"1","FPID":"42"}')
    assert b'name="FaceImage"; filename="face.jpg"\r\nContent-Type: image/jpeg\r\n' in parts[1]
    assert b"\r\n\r\n\xff\xd8\xff" in parts[1]
    assert line.sent[5][0] == "POST /ISAPI/AccessControl/CardInfo/Search?format=json"


def test_the_form_of_a_face():
    boundary, body = face_form("42", b"\xff\xd8JPEG")
    expected = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="FaceDataRecord"\r\nContent-Type: application/json\r\n'
        'Content-Length: 48\r\n\r\n{"faceLibType":"blackFD","FDID":"1","FPID":"42"}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="FaceImage"; filename="face.jpg"\r\n'
        "Content-Type: image/jpeg\r\nContent-Length: 6\r\n\r\n"
    ).encode()
    assert body == expected + b"\xff\xd8JPEG\r\n" + f"--{boundary}--\r\n".encode()


NOBODY = b'{"UserInfoSearch":{"searchID":"1","responseStatusStrg":"NO MATCH","numOfMatches":0,"totalMatches":0}}'


NO_FACE = b'{"statusCode":1,"responseStatusStrg":"NO MATCH","numOfMatches":0,"totalMatches":0}'


@pytest.mark.parametrize(
    "answer",
    [
        refusal(403, 4, "notSupport"),
        refusal(404, 4, "notSupport"),
        refusal(400, 6, "badParameters"),
        OK,
        b"{}",
        b'{"responseStatusStrg":"OK","numOfMatches":1,"MatchList":[{"name":"A"}]}',
    ],
)
def test_a_console_that_does_not_tell_of_a_face_is_not_verified(wire, answer):
    line = wire(OK, b'{"UserInfoDetailDeleteProcess":{"status":"success"}}', NOBODY, answer)
    with pytest.raises(NotVerifiable, match="can't be queried whether it holds a face of badge 42"):
        people(line).remove(["42"])
    assert line.answers == []


@pytest.mark.parametrize("answer", [b"{}", OK, b'{"UserInfoSearch":{"searchID":"1"}}'])
def test_a_search_that_is_answered_with_nothing_is_no_proof_of_a_removal(wire, answer):
    line = wire(OK, b'{"UserInfoDetailDeleteProcess":{"status":"success"}}', answer)
    with pytest.raises(DeviceRefused, match="does not say whom it holds"):
        people(line).remove(["42"])


def test_a_face_that_the_row_does_not_tell_is_asked_of_the_library(wire):
    row = json.loads(found(STORED, numOfCard=0))
    del row["UserInfoSearch"]["UserInfo"][0]["numOfFace"]
    untold = json.dumps(row).encode()
    face = b'{"responseStatusStrg":"OK","numOfMatches":1,"totalMatches":1,"MatchList":[{"FPID":"42"}]}'
    want = Holding("42", "Әйгерім", (), frozenset({1}), AIGUL.valid_from)
    line = wire(OK, untold, face, OK, untold, NO_FACE)
    assert people(line).put([want], {}) == {}
    assert line.sent[3][0] == "PUT /ISAPI/Intelligent/FDLib/FDSearch/Delete?format=json&FDID=1&faceLibType=blackFD"
    line = wire(OK, untold, refusal(403, 4, "notSupport"), OK, untold, refusal(403, 4, "notSupport"))
    assert isinstance(people(line).put([want], {})["42"], NotVerifiable)


def test_a_removal_is_polled_to_its_end_and_read_back(wire):
    process = b'{"UserInfoDetailDeleteProcess":{"status":"%s"}}'
    line = wire(OK, process % b"processing", process % b"success", NOBODY, NO_FACE)
    people(line).remove(["42"])
    assert [sent[0].partition("ISAPI")[2] for sent in line.sent] == [
        "/AccessControl/UserInfoDetail/Delete?format=json",
        "/AccessControl/UserInfoDetail/DeleteProcess?format=json",
        "/AccessControl/UserInfoDetail/DeleteProcess?format=json",
        "/AccessControl/UserInfo/Search?format=json",
        "/Intelligent/FDLib/FDSearch?format=json",
    ]
    assert line.sent[0][2] == b'{"UserInfoDetail":{"mode":"byEmployeeNo","EmployeeNoList":[{"employeeNo":"42"}]}}'


def test_a_removal_that_did_not_happen(wire):
    line = wire(OK, b'{"UserInfoDetailDeleteProcess":{"status":"failed"}}')
    with pytest.raises(DeviceRefused, match="failed to remove"):
        people(line).remove(["42"])
    line = wire(OK, b'{"UserInfoDetailDeleteProcess":{"status":"success"}}', found(STORED))
    with pytest.raises(DeviceRefused, match="still holds badge 42"):
        people(line).remove(["42"])


def test_without_cascade_the_pieces_go_one_by_one(wire):
    line = wire(refusal(403, 4, "notSupport"), OK, OK, OK, NOBODY, NO_FACE)
    people(line).remove(["42"])
    assert [(sent[0].partition("ISAPI/")[2], sent[2]) for sent in line.sent[1:4]] == [
        ("Intelligent/FDLib/FDSearch/Delete?format=json&FDID=1&faceLibType=blackFD", b'{"FPID":[{"value":"42"}]}'),
        ("AccessControl/CardInfo/Delete?format=json", b'{"CardInfoDelCond":{"EmployeeNoList":[{"employeeNo":"42"}]}}'),
        ("AccessControl/UserInfo/Delete?format=json", b'{"UserInfoDelCond":{"EmployeeNoList":[{"employeeNo":"42"}]}}'),
    ]


@pytest.mark.parametrize("keys", [[], ["ключ"], ["x" * 33], [""]])
def test_an_empty_list_is_never_sent(wire, keys):
    line = wire()
    people(line).remove(keys)
    assert line.server.requests == []


@pytest.mark.parametrize(
    ("want", "words"),
    [
        (Holding("x" * 33, "A"), "does not fit: the console holds 1 to 32"),
        (Holding("бейдж", "A"), "does not fit"),
    ],
)
def test_what_it_can_not_hold(wire, want, words):
    line = wire()
    assert words in str(people(line).put([want], {})[want.key])
    assert line.server.requests == []


@pytest.mark.parametrize("card", ["raw:26:1FE", "388:57549", "raw:39:1", "9" * 21])
def test_a_card_that_does_not_fit_is_named_and_the_rest_is_there(wire, card):
    line = wire(OK, found(STORED, numOfCard=1), CARD_5)
    failed = people(line).put([Holding("42", "Әйгерім", (card, "5"), frozenset({1}), AIGUL.valid_from)], {})
    assert isinstance(failed["42"], HeldInPart)
    assert f"card {card} does not fit" in str(failed["42"])
    assert line.sent[0][0] == "PUT /ISAPI/AccessControl/UserInfo/SetUp?format=json"
    assert line.answers == []


CARD_5 = json.dumps(
    {
        "CardInfoSearch": {
            "searchID": "1",
            "responseStatusStrg": "OK",
            "numOfMatches": 1,
            "totalMatches": 1,
            "CardInfo": [{"employeeNo": "42", "cardNo": "5", "cardType": "normalCard"}],
        }
    }
).encode()


def test_a_long_name_is_cut_between_characters(wire):
    want = Holding("42", "Қ" * 100, (), frozenset({1}), AIGUL.valid_from)
    line = wire(OK, found(STORED | {"name": "Қ" * 64}))
    assert people(line).put([want], {}) == {}
    assert json.loads(line.sent[0][2])["UserInfo"]["name"] == "Қ" * 64


def test_what_it_did_not_keep_is_said(wire):
    line = wire(OK, found(STORED | {"name": "???"}))
    assert "tells another name" in str(people(line).put([AIGUL], {})["42"])
    line = wire(OK, NOBODY)
    assert "does not hold it" in str(people(line).put([AIGUL], {})["42"])
