"""The simulated terminal: what a person who trains on it relies on."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from devicemgr.errors import DeviceBusy
from drivers.common.http.digest import authorization, read_challenges
from drivers.sim.hikvision.pages import Pages
from drivers.sim.hikvision.run import obey
from drivers.sim.hikvision.server import SimulatedHikvision


def ask(sim, method, target, password="sim-pass-1", body=None):
    """One request with Digest: status and body."""
    request = urllib.request.Request(sim.address + target, data=body, method=method)
    try:
        urllib.request.urlopen(request, timeout=5)
    except urllib.error.HTTPError as error:
        challenge = read_challenges(error.headers.get_all("WWW-Authenticate"))
        error.close()
    request.add_header("Authorization", authorization(challenge, "admin", password, method, target))
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.fixture
def sim():
    with SimulatedHikvision() as device:
        yield device


def test_five_wrong_passwords_lock_it(sim):
    assert ask(sim, "GET", "/ISAPI/System/deviceInfo")[0] == 200
    for _ in range(5):
        status, body = ask(sim, "GET", "/ISAPI/System/deviceInfo", "wrong")
        assert status == 401
        assert b"<userCheck" in body
    assert sim.events.all("locked_out")
    assert ask(sim, "GET", "/ISAPI/System/deviceInfo")[0] == 401


def test_a_nonce_is_good_for_one_request(sim):
    challenge = read_challenges([sim.challenge()])
    header = authorization(challenge, "admin", "sim-pass-1", "GET", "/x")
    assert [sim.authorizes("GET", header), sim.authorizes("GET", header)] == [True, False]


ACCESS, FACES = "/ISAPI/AccessControl", "/ISAPI/Intelligent/FDLib"
USER = {"UserInfo": {"employeeNo": "42", "name": "A"}}
CARD = {"CardInfo": {"employeeNo": "42", "cardNo": "5", "cardType": "normalCard"}}
JPEG, NO_JPEG = b"\xff\xd8\xff\xe0", b"GIF"


def form(photo):
    parts = (b'name="FaceDataRecord"\r\n\r\n{"FPID":"42"}', b'name="img"; filename="a"\r\n\r\n' + photo)
    return b"".join(b"--b\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + b"--b--\r\n"


@pytest.mark.parametrize(
    ("steps", "status", "sub", "error"),
    [
        ([("POST", f"{ACCESS}/UserInfo/Record", USER)] * 2, 400, "employeeNoAlreadyExist", 0x60006020),
        ([("PUT", f"{ACCESS}/UserInfo/Modify", USER)], 400, "employeeNoNotExist", 0x6000601F),
        ([("PUT", f"{ACCESS}/CardInfo/SetUp", CARD)], 400, "employeeNoNotExist", 0x6000601F),
        (
            [("PUT", f"{ACCESS}/UserInfo/SetUp", USER)] + [("POST", f"{ACCESS}/CardInfo/Record", CARD)] * 2,
            400,
            "cardNoAlreadyExist",
            0x60006033,
        ),
        (
            [("PUT", f"{ACCESS}/UserInfo/SetUp", USER)] + [("POST", f"{FACES}/FaceDataRecord", form(JPEG))] * 2,
            400,
            "deviceUserAlreadyExistFace",
            0x60007004,
        ),
        (
            [("PUT", f"{ACCESS}/UserInfo/SetUp", USER), ("PUT", f"{FACES}/FDSetUp", form(NO_JPEG))],
            400,
            "pictureFaceDetectZero",
            0x6000604C,
        ),
        ([("GET", f"{ACCESS}/NoSuchPage", None)], 403, "notSupport", 0x40000001),
        ([("PUT", f"{ACCESS}/UserInfo/SetUp", b"{")], 400, "badJsonFormat", 0x50000002),
        (
            [("PUT", f"{ACCESS}/remoteCheck", {"RemoteCheck": {"serialNo": 1, "checkResult": "success"}})],
            400,
            "invalidOperation",
            0x40000006,
        ),
    ],
)
def test_refusals(sim, steps, status, sub, error):
    pages = Pages(sim.terminal)
    for method, target, body in steps:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = pages.answer(method, f"{target}?format=json", data)
    said = json.loads(reply.body)
    assert (reply.status, said["subStatusCode"], said["errorCode"]) == (status, sub, error)


@pytest.mark.parametrize(
    ("sub", "status", "body"),
    [
        (
            "deviceUserAlreadyExist",
            400,
            b'{"statusCode": 6, "statusString": "Invalid Content", "subStatusCode": "deviceUserAlreadyExist", '
            b'"errorCode": 1610641410, "errorMsg": "deviceUserAlreadyExist"}',
        ),
        (
            "alreadyExistThisFace",
            400,
            b'{"statusCode": 4, "statusString": "Invalid Operation", "subStatusCode": "alreadyExistThisFace"}',
        ),
        (
            "notSupport",
            403,
            b'{"statusCode": 4, "statusString": "Invalid Operation", "subStatusCode": "notSupport", '
            b'"errorCode": 1073741825, "errorMsg": "notSupport"}',
        ),
        (
            "deviceBusy",
            503,
            b'{"statusCode": 2, "statusString": "Device Busy", "subStatusCode": "deviceBusy", '
            b'"errorCode": 536870916, "errorMsg": "deviceBusy"}',
        ),
    ],
)
def test_a_no_in_bytes(sim, sub, status, body):
    obey(sim, ["refuse", "UserInfo/Count", sub])
    assert ask(sim, "GET", f"{ACCESS}/UserInfo/Count?format=json") == (status, body)
    assert ask(sim, "GET", f"{ACCESS}/UserInfo/Count?format=json")[0] == 200


def test_a_401_says_how_many_tries_are_left_and_for_how_long_it_is_locked(sim):
    for left in (4, 3, 2, 1):
        _, body = ask(sim, "GET", "/ISAPI/System/deviceInfo", "wrong")
        assert b"<lockStatus>unlock</lockStatus><unlockTime>0</unlockTime><retryTimes>%d</retryTimes>" % left in body
    _, body = ask(sim, "GET", "/ISAPI/System/deviceInfo", "wrong")
    assert b"<lockStatus>lock</lockStatus><unlockTime>1800</unlockTime><retryTimes>0</retryTimes>" in body
    obey(sim, ["lock", "0"])
    assert ask(sim, "GET", "/ISAPI/System/deviceInfo")[0] == 200


def test_busy_and_a_third_listener(sim):
    sim.terminal.faults.busy = 1
    status, body = ask(sim, "GET", "/ISAPI/System/deviceInfo")
    assert (status, json.loads(body)["subStatusCode"]) == (503, "deviceBusy")
    sim.listen()
    sim.listen()
    status, body = ask(sim, "GET", "/ISAPI/Event/notification/alertStream")
    assert (status, json.loads(body)["subStatusCode"]) == (403, "deployExceedMax")


def test_an_empty_list_means_everybody(sim):
    sim.terminal.users["42"] = {"employeeNo": "42"}
    body = b'{"UserInfoDetail":{"mode":"byEmployeeNo","EmployeeNoList":[]}}'
    assert ask(sim, "PUT", f"{ACCESS}/UserInfoDetail/Delete?format=json", body=body)[0] == 200
    assert sim.terminal.users == {}
    assert sim.events.all("everybody_removed")


def test_a_hundred_thousand_events_are_paged_by_serial(sim):
    for _ in range(100_000):
        sim.terminal.add_event(0x4C)
    condition = {
        "searchID": "1",
        "searchResultPosition": 0,
        "maxResults": 30,
        "major": 5,
        "minor": 0,
        "beginSerialNo": 99_990,
        "startTime": "2026-01-01T00:00:00+00:00",
        "endTime": "2037-01-01T00:00:00+00:00",
    }
    body = json.dumps({"AcsEventCond": condition}).encode()
    found = json.loads(Pages(sim.terminal).answer("POST", f"{ACCESS}/AcsEvent", body).body)["AcsEvent"]
    assert [item["serialNo"] for item in found["InfoList"]] == list(range(99_990, 100_001))
    assert (found["responseStatusStrg"], found["totalMatches"]) == ("OK", 11)


def test_words_that_are_no_command(sim):
    for words in (["someone"], ["alarm", "odd"], ["fire"], ["dance"], ["stored", "many"]):
        with pytest.raises((KeyError, ValueError, IndexError)):
            obey(sim, words)


def test_a_port_that_is_taken(sim):
    with pytest.raises(DeviceBusy, match="give another"):
        SimulatedHikvision(port=int(sim.address.rsplit(":", 1)[1])).start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process(number):
    command = [sys.executable, "-m", "cli", "sim", "hikvision", "--stored", "3", "--capacity", "10", "--skew", "5"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    told = []

    def line():
        told.append(json.loads(child.stdout.readline()))
        return told[-1]

    assert {"event": "ready", "kind": "hikvision"}.items() <= line().items()
    for words in ("stranger", "card 77", "someone 42", "dance", "drop", "forget", "fire on"):
        child.stdin.write(words + "\n")
    child.stdin.flush()
    for _ in range(7):
        line()
    assert [event["event"] for event in told[1:]] == [
        "happened",
        "happened",
        "happened",
        "not_understood",
        "dropped",
        "forgot_events",
        "happened",
    ]
    assert [event["minor"] for event in told if event["event"] == "happened"] == [0x4C, 0x09, 0x4C, 0x34]
    assert told[1]["serial"] == 4
    child.send_signal(number)
    assert child.wait(10) == 0
    child.stdin.close()
    child.stdout.close()
