"""Each message to a Hikvision console as it stands on the wire, and each answer as consoles give it."""

import json
import re
from datetime import UTC, datetime

import pytest

from devicemgr.domain.model import DeviceConfig, Direction, PortalMode
from devicemgr.errors import DeviceGarbled, DeviceRefused, OutcomeUnknown
from drivers.common.http.client import Http
from drivers.common.http.login import Login
from drivers.hikvision_console.clock import Clock, read_zone, write_zone
from drivers.hikvision_console.console import HikvisionConsole
from drivers.hikvision_console.events.log import Memory
from drivers.hikvision_console.isapi import Isapi
from drivers.hikvision_console.options import Options
from drivers.hikvision_console.settings import Deciding, clock_of, identify, set_who_decides
from tests.drivers.common.http.raw_http import RawServer, challenge, reply

OK = b'{"statusCode":1,"statusString":"OK","subStatusCode":"ok"}'


XML_OK = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<ResponseStatus version="1.0" '
    b'xmlns="http://www.hikvision.com/ver10/XMLSchema"><requestURL></requestURL><statusCode>1</statusCode>'
    b"<statusString>OK</statusString><subStatusCode>ok</subStatusCode></ResponseStatus>"
)


INFO = (
    b'<?xml version="1.0" encoding="UTF-8"?><DeviceInfo version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
    b"<deviceName>Access Controller</deviceName><deviceID>255</deviceID><model>DS-K1T671M</model>"
    b"<serialNumber>DS-K1T671M20200101V010100ENE00000000</serialNumber><macAddress>00:00:5e:00:53:01</macAddress>"
    b"<firmwareVersion>V3.2.30</firmwareVersion><deviceType>ACS</deviceType><relayNum>2</relayNum>"
    b"<electroLockNum>1</electroLockNum><RS485Num>1</RS485Num></DeviceInfo>"
)


class Wire:
    """A console that answers each request with the next of `answers`; `sent` is what was asked, digest left out."""

    def __init__(self, answers):
        self.answers = list(answers)
        self.server = RawServer(self._answer)
        self.http = Http(self.server.address, Login("admin", "x"), "/ISAPI/System/deviceInfo")
        self.isapi = Isapi(self.http)

    def _answer(self, request, connection):
        if b"Authorization" not in request:
            connection.sendall(challenge())
            return
        answer = self.answers.pop(0)
        connection.sendall(answer if answer.startswith(b"HTTP") else reply(200, answer))

    @property
    def sent(self):
        found = []
        for request in self.server.requests:
            head, _, body = request.partition(b"\r\n\r\n")
            if b"Authorization" in head:
                kind = re.search(rb"Content-Type: ([^\r;]+)", head)
                found.append((head.split(b" HTTP")[0].decode(), kind and kind[1].decode(), body))
        return found


@pytest.fixture
def wire():
    made = []

    def make(*answers):
        made.append(Wire(answers))
        return made[-1]

    yield make
    for one in made:
        one.http.close()
        one.server.close()


@pytest.fixture
def console(wire):
    """A console whose connection is open, and its wire."""

    def make(*answers):
        line = wire(*answers)
        config = DeviceConfig("1", "hall", "hikvision_console", line.server.address, "admin")
        device = HikvisionConsole(config, Login("admin", "x"), Options())
        device._isapi = line.isapi
        return device, line

    return make


def test_who_it_is(wire):
    line = wire(INFO)
    info, doors = identify(line.isapi)
    assert (info.model, info.firmware, doors) == ("DS-K1T671M", "V3.2.30", 2)
    assert info.serial == "DS-K1T671M20200101V010100ENE00000000"
    assert line.sent == [("GET /ISAPI/System/deviceInfo", None, b"")]


@pytest.mark.parametrize(
    ("act", "door", "command"),
    [
        (lambda device: device.release(1, Direction.ENTRY, 3.0), 1, b"open"),
        (lambda device: device.set_mode(2, PortalMode.FREE), 2, b"alwaysOpen"),
        (lambda device: device.set_mode(1, PortalMode.LOCKED), 1, b"alwaysClose"),
        (lambda device: device.set_mode(1, PortalMode.NORMAL), 1, b"close"),
    ],
)
def test_the_door(console, act, door, command):
    device, line = console(XML_OK)
    act(device)
    body = (
        b'<?xml version="1.0" encoding="UTF-8"?><RemoteControlDoor version="2.0" '
        b'xmlns="http://www.isapi.org/ver20/XMLSchema"><cmd>' + command + b"</cmd></RemoteControlDoor>"
    )
    assert line.sent == [(f"PUT /ISAPI/AccessControl/RemoteControl/door/{door}", "application/xml", body)]


def test_an_answer_to_a_question(console):
    device, line = console(OK, OK)
    device.answer(587, True, "welcome")
    device.answer(588, False, "not permitted")
    assert line.sent == [
        (
            "PUT /ISAPI/AccessControl/remoteCheck?format=json",
            "application/json",
            b'{"RemoteCheck":{"serialNo":%d,"checkResult":"%s","info":"%s"}}' % said,
        )
        for said in ((587, b"success", b"welcome"), (588, b"failed", b"not permitted"))
    ]


@pytest.mark.parametrize("lost", [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b"HTTP/1.1 200 OK\r\n\r\n<half"])
def test_a_release_with_half_an_answer_is_unknown_and_not_repeated(console, lost, monkeypatch):
    monkeypatch.setattr("drivers.hikvision_console.console._PROOF_S", 0.1)  # no answer to a search either
    device, line = console(lost)
    line.server._answer = lambda request, connection: (
        (connection.sendall(lost), connection.close())
        if b"Authorization" in request
        else connection.sendall(challenge())
    )
    with pytest.raises((OutcomeUnknown, DeviceGarbled)):
        device.release(1, Direction.ENTRY, 3.0)
    assert len([request for request, _, _ in line.sent if "RemoteControl" in request]) == 1


def test_the_inverted_zone():
    assert read_zone("CST+3:00:00").utcoffset(None).total_seconds() == -3 * 3600
    assert read_zone("CST-5:30:00").utcoffset(None).total_seconds() == 5.5 * 3600
    assert read_zone("GMT0").utcoffset(None).total_seconds() == 0
    assert [read_zone(text) for text in ("", "moon", "CST+99:00")] == [None] * 3
    for text in ("CST+3:00:00", "CST-5:30:00", "CST-0:00:00"):
        assert write_zone(read_zone(text).utcoffset(None)) == text


def test_the_clock_is_set_only_where_wanted(wire, monkeypatch):
    time = (
        b"<Time><timeMode>manual</timeMode><localTime>2026-04-17T19:23:42-03:00</localTime>"
        b"<timeZone>CST+3:00:00</timeZone></Time>"
    )
    line = wire(time)
    clock = clock_of(line.isapi, "check")
    now = datetime.now(UTC)
    assert abs((datetime(2026, 4, 17, 22, 23, 42, tzinfo=UTC) - now).total_seconds() - clock.skew) < 5
    assert clock.note.startswith("the console's clock is ")
    line = wire(time, XML_OK, time)
    clock_of(line.isapi, "set")
    method, kind, body = line.sent[1]
    assert (method, kind) == ("PUT /ISAPI/System/time", "application/xml")
    assert re.search(
        rb"<timeMode>manual</timeMode><localTime>20..-..-..T..:..:..-03:00</localTime><timeZone>CST\+3:00:00</timeZone>",
        body,
    )
    line = wire(time.replace(b"manual", b"NTP"))
    clock_of(line.isapi, "set")
    assert len(line.sent) == 1


def test_who_decides_is_merged_not_replaced(wire):
    held = {"uploadCapPic": True, "remoteCheckDoorEnabled": False, "remoteCheckTimeout": 3}
    wanted = held | {
        "remoteCheckDoorEnabled": True,
        "checkChannelType": "ISAPI",
        "remoteCheckTimeout": 5,
        "offlineDevCheckOpenDoorEnabled": False,
    }
    line = wire(json.dumps({"AcsCfg": held}).encode(), OK, json.dumps({"AcsCfg": wanted}).encode())
    assert set_who_decides(line.isapi, True, 5, False) == Deciding("the console asks this box")
    assert line.sent[1][0] == "PUT /ISAPI/AccessControl/AcsCfg?format=json"
    assert json.loads(line.sent[1][2]) == {"AcsCfg": wanted}
    line = wire(json.dumps({"AcsCfg": wanted}).encode())
    set_who_decides(line.isapi, True, 5, False)
    assert len(line.sent) == 1
    line = wire(json.dumps({"AcsCfg": held}).encode(), OK, json.dumps({"AcsCfg": held}).encode())
    with pytest.raises(DeviceRefused, match="does not keep who decides"):
        set_who_decides(line.isapi, True, 5, False)


def test_missed_events(wire):
    page = (
        b'{"AcsEvent":{"searchID":"1","totalMatches":2,"responseStatusStrg":"OK","numOfMatches":2,"InfoList":['
        b'{"major":5,"minor":75,"time":"2026-10-08T09:30:00-03:00","serialNo":102,"cardNo":"","cardReaderNo":1,'
        b'"doorNo":1,"employeeNoString":"42","name":"A","currentVerifyMode":"face","pictureURL":"http://x"},'
        b'{"major":5,"minor":9,"time":"2026-10-08T09:29:00-03:00","serialNo":101,"cardNo":"5301280","cardReaderNo":1,'
        b'"doorNo":1}]}}'
    )
    line = wire(page)
    memory = Memory(line.isapi, Clock(read_zone("CST+3:00:00")), 100, lambda: False, 5)
    events = list(memory.fresh())
    assert [(event.serial, event.badge, event.card) for event in events] == [(101, None, "5301280"), (102, "42", "")]
    assert events[1].at == datetime(2026, 10, 8, 12, 30, tzinfo=UTC)
    method, _, body = line.sent[0]
    assert method == "POST /ISAPI/AccessControl/AcsEvent?format=json"
    condition = json.loads(body)["AcsEventCond"]
    assert re.fullmatch("[0-9a-f]{32}", condition.pop("searchID"))
    assert condition == {
        "searchResultPosition": 0,
        "maxResults": 30,
        "major": 5,
        "minor": 0,
        "beginSerialNo": 101,
        "startTime": "2000-01-01T09:00:00-03:00",
        "endTime": "2037-12-30T21:00:00-03:00",
        "picEnable": False,
    }
