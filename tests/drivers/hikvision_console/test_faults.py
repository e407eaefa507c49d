"""What a broken or hostile console sends: no question comes of it, nothing crashes, and it is cut off in time."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.device_events import DeviceDecided, Presented
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import DeviceError
from drivers import Catalog
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events import feed, push
from drivers.hikvision_console.events.translate import from_memory, from_stream, question, recorded
from tests.drivers.common.http.raw_http import RawServer, challenge, reply

INFO = b"<DeviceInfo><model>DS-K1T</model><serialNumber>1</serialNumber><relayNum>1</relayNum></DeviceInfo>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=MIME_boundary\r\n\r\n"


def alert(serial=7, at=None, newline=b"\r\n", head=b"Content-Type: application/json\r\n", **inner):
    at = at or datetime.now(UTC)
    told = {
        "ipAddress": "192.0.2.64",
        "dateTime": at.isoformat(timespec="seconds"),
        "eventType": "AccessControllerEvent",
        "AccessControllerEvent": {
            "majorEventType": 5,
            "subEventType": 75,
            "serialNo": serial,
            "employeeNoString": "42",
            "cardReaderNo": 1,
            "doorNo": 1,
            "currentVerifyMode": "face",
            "remoteCheck": True,
            "currentEvent": True,
        }
        | inner,
    }
    body = json.dumps({key: value for key, value in told.items()}).encode()
    return newline.join([b"--MIME_boundary", head + b"Content-Length: %d" % len(body), b"", body, b""])


class Hostile:
    """A console that answers all but its stream well; `stream(connection)` sends what follows the stream's head."""

    def __init__(self, stream):
        self.stream, self.opened = stream, 0
        self.server = RawServer(self._answer)

    def _answer(self, request, connection):
        if b"Authorization" not in request:
            connection.sendall(challenge())
        elif b"alertStream" in request:
            self.opened += 1
            connection.sendall(HEAD)
            self.stream(self, connection)
            connection.recv(1)
        elif b"deviceInfo" in request:
            connection.sendall(reply(200, INFO))
        elif b"AcsEvent" in request:
            connection.sendall(reply(200, b'{"AcsEvent":{"responseStatusStrg":"NO MATCH","totalMatches":0}}'))
        else:
            connection.sendall(reply(403, b'{"statusCode":4,"subStatusCode":"notSupport"}'))


@pytest.fixture
def hear(monkeypatch):
    """hear(stream, wanted, seconds): the facts of a console whose stream is sent by `stream`."""
    made = []

    def run(stream, wanted=lambda facts, hostile: facts, seconds=10.0):
        hostile = Hostile(stream)
        config = DeviceConfig(
            "1", "c", "hikvision_console", hostile.server.address, "a", "p", {"spacing": 0, "fire_input": False}
        )
        device = Catalog().get("hikvision_console").build(config)
        made.append((device, hostile))
        monkeypatch.setattr("drivers.hikvision_console.settings.read_clock", lambda says, now: Clock())
        monkeypatch.setattr("drivers.hikvision_console.console.HikvisionConsole._look", lambda self: [])
        monkeypatch.setattr("drivers.hikvision_console.settings.TIME", "/ISAPI/System/deviceInfo")
        device.resume_logs(dict.fromkeys(("", "1", "2", "3"), 0))
        device.open()
        facts, end = [], time.monotonic() + seconds
        while not wanted(facts, hostile):
            assert time.monotonic() < end, f"in vain: {facts}, {device._feed.stream_state}"
            facts += device.poll()
            time.sleep(0.005)
        return facts

    yield run
    for device, hostile in made:
        device.close()
        hostile.server.close()


def sends(*chunks, pause=0.0):
    def stream(hostile, connection):
        for chunk in chunks:
            connection.sendall(chunk)
            time.sleep(pause)

    return stream


@pytest.mark.parametrize(
    "chunks",
    [
        [alert()],
        [b"--MIME_boundary", b"\r\n" + alert()],
        [b"--MIME_boundary\r\n", alert(newline=b"\n")],
        [alert(head=b"")],
        [alert(1, currentEvent=False), b'--MIME_boundary\r\nContent-Length: 9\r\n\r\n{"cut": "', alert()],
        [b"\r\n\r\n" + alert(1, remoteCheck=False), alert(), alert(), alert()],
        [alert().replace(b"Content-Length: ", b"Content-Length:")],
        [alert()[:40], alert()[40:90], alert()[90:]],
    ],
)
def test_a_question_is_heard_through_it_once(hear, chunks):
    facts = hear(sends(*chunks, pause=0.01))
    questions = [fact for fact in facts if isinstance(fact, Presented)]
    assert [(fact.serial, fact.badge) for fact in questions] == [(7, "42")]


LONG_AGO = datetime.now(UTC) - timedelta(minutes=5)
NO_QUESTIONS = {
    "a replay": [alert(currentEvent=False)],
    "a replay in words": [alert(currentEvent="false")],
    "nothing said, and old": [alert(at=LONG_AGO, currentEvent=None)],
    "not asked": [alert(remoteCheck=False)],
    "asked in no way that is known": [alert(remoteCheck="yes")],
    "cut off": [alert()[:-40]],
    "no JSON": [b"--MIME_boundary\r\nContent-Length: 5\r\n\r\nhello"],
    "no object": [b"--MIME_boundary\r\nContent-Length: 4\r\n\r\n[1,]"],
    "an odd serial": [alert(serial="seven"), alert(serial=-1), alert(serial=True), alert(serial=10**30)],
    "no time": [alert().replace(b'"dateTime"', b'"x"')],
    "an entity": [b'--MIME_boundary\r\n\r\n<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>\r\n'],
    "a question within a name": [alert(remoteCheck=False, name=alert().decode())],
    "deep": [b"--MIME_boundary\r\n\r\n" + b'{"a":' * 5000 + b"\r\n"],
    "a picture": [b"--MIME_boundary\r\nContent-Type: application/json\r\n\r\n\xff\xd8\xff" + alert()[17:] + b"\r\n"],
}
AFTER = alert(1000, currentEvent=True, employeeNoString="last")


@pytest.mark.parametrize("chunks", NO_QUESTIONS.values(), ids=NO_QUESTIONS.keys())
def test_no_question_comes_of(hear, chunks):
    facts = hear(
        sends(*chunks, b"\r\n", AFTER),
        lambda facts, _: any(isinstance(fact, Presented) and fact.serial == 1000 for fact in facts),
    )
    assert [fact.serial for fact in facts if isinstance(fact, Presented)] == [1000]


def one_byte_a_moment(hostile, connection):
    hostile.server.trickle(connection, alert() * 5, 0.02)


def endless_line(hostile, connection):
    while True:
        connection.sendall(b"x" * 65536)


def endless_part(hostile, connection):
    connection.sendall(b"--MIME_boundary\r\nContent-Type: application/json\r\n\r\n{")
    endless_line(hostile, connection)


def gigabyte_head(hostile, connection):
    connection.sendall(b"--MIME_boundary\r\nX-Long: ")
    endless_line(hostile, connection)


def huge_length(hostile, connection):
    connection.sendall(b"--MIME_boundary\r\nContent-Length: 999999999\r\n\r\n{")


def half_a_part(hostile, connection):
    connection.sendall(alert()[:-10])


@pytest.mark.parametrize(
    "stream", [one_byte_a_moment, endless_line, endless_part, gigabyte_head, huge_length, half_a_part]
)
def test_what_has_no_end_is_cut_and_the_stream_opened_again(hear, monkeypatch, stream):
    # 5 s in the field; the bound is the same code.
    monkeypatch.setattr(push, "_AMID_S", 0.3)
    monkeypatch.setattr(feed, "_STREAM_PAUSES", (0.05,))
    facts = hear(stream, lambda _, hostile: hostile.opened >= 3)
    assert not [fact for fact in facts if isinstance(fact, Presented)]


def test_the_bounds_in_the_field_are_within_ten_seconds():
    from drivers.common.http.client import DEADLINE

    assert push._AMID_S < 10
    assert DEADLINE < 10


def test_silence_is_cut_too(hear, monkeypatch):
    monkeypatch.setattr(push, "SILENT_S", 0.2)
    monkeypatch.setattr(feed, "_STREAM_PAUSES", (0.05,))
    hear(sends(b"--MIME_boundary\r\n"), lambda _, hostile: hostile.opened >= 3)


def test_a_storm_of_refusals_ends_after_two_tries():
    server = RawServer(lambda request, connection: connection.sendall(challenge()))
    config = DeviceConfig("1", "c", "hikvision_console", server.address, "a", "p", {"spacing": 0})
    device = Catalog().get("hikvision_console").build(config)
    for _ in range(10):
        with pytest.raises(DeviceError):
            device.open()
    device.close()
    server.close()
    assert sum(b"Authorization" in request for request in server.requests) == 2


def read(**inner):
    told = json.loads(alert(**inner).split(b"\r\n\r\n", 1)[1])
    return from_stream(told, Clock())


def test_what_the_numbers_mean():
    fact = recorded(read(), Clock(skew=92.0))
    assert isinstance(fact, DeviceDecided)
    assert (fact.granted, fact.badge, fact.names, fact.live) == (True, "42", (), True)
    assert fact.evidence == {"vendor": "hikvision", "clock_skew_s": 92.0, "face": {"score": None}, "mode": "face"}
    denied = recorded(read(subEventType=7, cardNo="1200345", currentEvent=False), Clock())
    assert (denied.granted, denied.why, denied.names) == (
        False,
        "outside_schedule",
        ("1200345", "18:20697", "raw:26:024A1B2"),
    )
    assert recorded(read(subEventType=0x15), Clock()) is None
    opened = recorded(read(majorEventType=3, subEventType=0x400), Clock())
    assert (opened.kind, opened.log) == (Kind.PORTAL_UNLOCKED, "3")


@pytest.mark.parametrize(
    ("inner", "badge", "names"),
    [
        ({"cardNo": "77"}, "42", ()),
        ({"cardNo": "77", "currentVerifyMode": "cardAndFace"}, "42", ()),
        ({"cardNo": "77", "subEventType": 0x3C}, "42", ("77",)),
        ({"cardNo": "77", "subEventType": 1}, None, ("77",)),
        ({"subEventType": 76, "cardNo": "77"}, "42", ()),
        ({"subEventType": 999, "currentVerifyMode": "face", "cardNo": "77"}, "42", ()),
        ({"cardNo": "not a number", "subEventType": 1}, None, ()),
    ],
)
def test_what_counts_as_shown(inner, badge, names):
    asked = question(read(**inner), 1.0)
    assert (asked.badge, asked.names[:1]) == (badge, names)


def test_an_item_of_the_memory_without_an_offset_is_in_the_consoles_zone():
    from drivers.hikvision_console.clock import read_zone

    event = from_memory(
        {"major": 5, "minor": 75, "serialNo": "9", "time": "2026-10-08T09:30:00", "employeeNo": 42},
        Clock(read_zone("CST+3:00:00")),
    )
    assert (event.serial, event.badge, event.at) == (9, "42", datetime(2026, 10, 8, 12, 30, tzinfo=UTC))
