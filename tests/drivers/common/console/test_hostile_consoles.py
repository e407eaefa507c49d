"""Consoles of both vendors gone wrong or hostile, with the bounds of the field: no grant, no crash, an end within 10 s.

All of them are tried at once, each against a server of its own that counts what it sent and what it was asked.
"""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from devicemgr.domain.device_events import DeviceDecided, Presented
from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import DeviceError
from drivers import Catalog
from tests.drivers.common.http.raw_http import RawServer, challenge, reply

MOST_SECONDS = 10.0
# Threads share a busy machine.
GRACE = 5.0
BLOCK = b"a" * 65536
PASSWORD = "secret-of-a-console"


class Counting:
    """A connection that counts what it sent."""

    def __init__(self, connection: Any) -> None:
        self._connection, self.sent = connection, 0

    def sendall(self, data: bytes) -> None:
        self._connection.sendall(data)
        self.sent += len(data)

    def recv(self, most: int) -> bytes:
        return self._connection.recv(most)

    def pour(self, head: bytes = b"", block: bytes = BLOCK) -> None:
        """Without an end, until the client goes away."""
        self.sendall(head)
        while True:
            self.sendall(block)

    def drip(self, data: bytes) -> None:
        """One byte a second."""
        for byte in data:
            self.sendall(bytes([byte]))
            time.sleep(1.0)


OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
PLAIN = {
    "a header of a gigabyte": lambda line: line.pour(b"HTTP/1.1 200 OK\r\nX-Long: "),
    "headers without an end": lambda line: line.pour(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
    "a body without an end": lambda line: line.pour(OK_HEAD + b"\r\n"),
    "chunks without an end": lambda line: line.pour(
        OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"4\r\naaaa\r\n" * 999
    ),
    "a byte a second": lambda line: line.drip(reply(200, b"x" * 99)),
    "a body at a byte a second": lambda line: (
        line.sendall(OK_HEAD + b"Content-Length: 99\r\n\r\n"),
        line.drip(b"x" * 99),
    ),
    "silence": lambda line: line.recv(1),
    "half an answer": lambda line: (line.sendall(reply(200, b'{"a": 1234567890}')[:-8]), line.recv(1)),
    "no http": lambda line: line.sendall(b"\x00\xff\x01" * 400 + b"\r\n\r\n"),
    "refusals of the password": lambda line: line.sendall(challenge("again")),
    "a redirect": lambda line: line.sendall(reply(302, b"", "Location: {elsewhere}/x")),
    "deep json": lambda line: line.sendall(reply(200, b'{"a":' * 100_000)),
    "an entity": lambda line: line.sendall(reply(200, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')),
    "a lie about the length": lambda line: (
        line.sendall(OK_HEAD + b"Content-Length: 999999999\r\n\r\nx"),
        line.recv(1),
    ),
}


def hik_event(serial=7, newline=b"\r\n", head=b"Content-Type: application/json\r\n"):
    told = {
        "dateTime": datetime.now(UTC).isoformat(timespec="seconds"),
        "eventType": "AccessControllerEvent",
        "AccessControllerEvent": {
            "majorEventType": 5,
            "subEventType": 75,
            "serialNo": serial,
            "employeeNoString": "42",
            "cardReaderNo": 1,
            "currentVerifyMode": "face",
            "remoteCheck": True,
            "currentEvent": True,
        },
    }
    body = json.dumps(told).encode()
    return newline.join([b"--MIME_boundary", head + b"Content-Length: %d" % len(body), b"", body, b""])


def dah_event(newline=b"\r\n", head=b"Content-Type: text/plain\r\n"):
    body = b"Code=BreakIn;action=Start;index=0"
    return newline.join([b"--myboundary", head + b"Content-Length:%d" % len(body), b"", body, b"", b""])


def stream_faults(boundary: bytes, event: bytes) -> dict[str, Any]:
    """What an event stream does wrong after its head."""
    part = boundary + b"\r\nContent-Type: text/plain\r\n\r\n"
    return {
        "a line without an end": lambda line: line.pour(),
        "a header of a gigabyte": lambda line: line.pour(boundary + b"\r\nX-Long: "),
        "headers without an end": lambda line: line.pour(boundary + b"\r\n", b"X: y\r\n" * 1000),
        "a part without an end": lambda line: line.pour(part),
        "a byte a second": lambda line: line.drip(event),
        "half a part": lambda line: (line.sendall(event[:-12]), line.recv(1)),
        "a lie about the length": lambda line: (
            line.sendall(boundary + b"\r\nContent-Length: 999999999\r\n\r\n{"),
            line.recv(1),
        ),
        "no multipart": lambda line: line.pour(block=b"\x00\xff\r\n" * 9999),
        "lines between parts": lambda line: line.pour(event + boundary[:-1] + b"\r\n", b"x\r\n" * 9999),
    }


# What a stream may do, and is heard through all the same.
HIK_GOOD = {
    "a bare boundary first": [b"--MIME_boundary", b"\r\n" + hik_event()],
    "a bare boundary in a line": [b"--MIME_boundary\r\n", hik_event()],
    "lf": [hik_event(newline=b"\n")],
    "mixed line ends": [hik_event(1, newline=b"\n"), hik_event()],
    "no content type": [hik_event(head=b"")],
}
DAH_GOOD = {
    "a bare boundary first": [b"--myboundary", b"\r\n" + dah_event()],
    "a bare boundary in a line": [b"--myboundary\r\n", dah_event()],
    "lf": [dah_event(newline=b"\n")],
    "mixed line ends": [b"--myboundary\nContent-Length:9\r\n\r\nHeartbeat\n\r\n", dah_event()],
    "no content type": [dah_event(head=b"")],
}
INFO = b"<DeviceInfo><model>DS-K1T</model><serialNumber>1</serialNumber><relayNum>1</relayNum></DeviceInfo>"
HIK = {
    b"deviceInfo": reply(200, INFO),
    b"AcsEvent": reply(200, b'{"AcsEvent":{"responseStatusStrg":"NO MATCH","totalMatches":0}}'),
    b"": reply(403, b'{"statusCode":4,"subStatusCode":"notSupport"}'),
}
DAH = {
    b"getSystemInfo": reply(200, b"deviceType=ASI\r\nserialNumber=1\r\n"),
    b"getSoftwareVersion": reply(200, b"version=1\r\n"),
    b"recordFinder": reply(200, b"totalCount=0\r\nfound=0\r\n"),
    b"": reply(400, b"Error\r\nBad Request!\r\n"),
}
STREAM_OF = {"hikvision_console": b"alertStream", "dahua_console": b"action=attach"}


@dataclass
class Outcome:
    """What came of one scenario."""

    seconds: float = 0.0
    error: Exception | None = None
    facts: list[Any] = field(default_factory=list)
    requests: int = 0
    with_password: int = 0
    sent: int = 0
    opened: int = 0
    elsewhere: int = 0
    leaked: bool = False


class Scenario:
    """One console behind one fault, at every answer (`plain`) or in its stream only."""

    def __init__(self, kind: str, fault: Any, *, plain: bool) -> None:
        self.kind, self.fault, self.plain = kind, fault, plain
        self.outcome = Outcome()
        self.cut = threading.Event()
        self.elsewhere = RawServer(lambda request, connection: connection.sendall(reply(200)))
        self.server = RawServer(self._answer)

    def _answer(self, request: bytes, connection: Any) -> None:
        line, out = Counting(connection), self.outcome
        if b"Authorization" not in request:
            connection.sendall(challenge())
            return
        out.with_password += 1
        out.leaked = out.leaked or PASSWORD.encode() in request
        if self.plain or STREAM_OF[self.kind] in request:
            out.opened += 1
            try:
                if not self.plain:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n")
                self._go_wrong(line)
            finally:
                out.sent += line.sent
                self.cut.set()
            return
        if b"getCurrentTime" in request:
            connection.sendall(reply(200, f"result={datetime.now(UTC):%Y-%m-%d %H:%M:%S}\r\n".encode()))
            return
        if b"System/time" in request:
            now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}+00:00"
            connection.sendall(
                reply(200, f"<Time><timeMode>NTP</timeMode><localTime>{now}</localTime></Time>".encode())
            )
            return
        answers = HIK if self.kind.startswith("hik") else DAH
        connection.sendall(next(answer for word, answer in answers.items() if word in request.split(b"\r\n")[0]))

    def _go_wrong(self, line: Counting) -> None:
        if isinstance(self.fault, list):
            for chunk in self.fault:
                line.sendall(chunk)
                time.sleep(0.05)
            line.recv(1)
        elif self.fault is PLAIN["a redirect"]:
            line.sendall(reply(302, b"", f"Location: {self.elsewhere.address}/x"))
        else:
            self.fault(line)

    def run(self) -> Outcome:
        options = {"spacing": 0} if self.kind.startswith("hik") else {}
        config = DeviceConfig("1", "c", self.kind, self.server.address, "admin", PASSWORD, options)
        device: Any = Catalog().get(self.kind).build(config)
        device.resume(None)
        if hasattr(device, "resume_logs"):
            device.resume_logs(dict.fromkeys(("", "1", "2", "3"), 0))  # known here: no record of its adoption
        began, out = time.monotonic(), self.outcome
        try:
            device.open()
            while not self._is_over(began):
                # A fire input that the console has said nothing of counts as at rest; that is not what it sent.
                out.facts += [fact for fact in device.poll() if not getattr(fact, "is_presumed", False)]
                time.sleep(0.01)
        except DeviceError as error:
            out.error = error
        out.seconds = time.monotonic() - began
        device.close()
        self.server.close()
        self.elsewhere.close()
        out.requests, out.elsewhere = len(self.server.requests), len(self.elsewhere.requests)
        return out

    def _is_over(self, began: float) -> bool:
        """A stream that went wrong is over when it was cut; a good one when it was heard."""
        done = bool(self.outcome.facts) if isinstance(self.fault, list) else self.cut.is_set()
        return done or time.monotonic() - began > MOST_SECONDS + GRACE


BAD_STREAMS = {
    "hikvision_console": stream_faults(b"--MIME_boundary", hik_event()),
    "dahua_console": stream_faults(b"--myboundary", dah_event()),
}
GOOD_STREAMS = {"hikvision_console": HIK_GOOD, "dahua_console": DAH_GOOD}
SCENARIOS = {
    **{(kind, "plain", name): (kind, fault, True) for kind in STREAM_OF for name, fault in PLAIN.items()},
    **{(kind, "stream", name): (kind, fault, False) for kind in STREAM_OF for name, fault in BAD_STREAMS[kind].items()},
    **{(kind, "good", name): (kind, fault, False) for kind in STREAM_OF for name, fault in GOOD_STREAMS[kind].items()},
}


@pytest.fixture(scope="module")
def outcomes():
    """All at once, for most of them do nothing but wait."""
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        running = {
            key: pool.submit(Scenario(kind, fault, plain=plain).run) for key, (kind, fault, plain) in SCENARIOS.items()
        }
        return {key: future.result() for key, future in running.items()}


def named(place):
    return [pytest.param(key, id=f"{key[0].split('_')[0]}, {key[2]}") for key in SCENARIOS if key[1] == place]


@pytest.mark.parametrize("key", named("plain"))
def test_an_answer_gone_wrong_is_an_error_of_ours_within_seconds(outcomes, key):
    out = outcomes[key]
    assert isinstance(out.error, DeviceError)
    assert "\n" not in str(out.error)
    assert out.facts == []
    assert out.seconds < MOST_SECONDS + GRACE
    # The fault happened, and was met but a few times: nothing is repeated for ever, no account is locked.
    assert out.sent > 0 or key[2] == "silence"
    assert 1 <= out.with_password <= (2 if key[2] == "refusals of the password" else 3)
    assert not out.leaked
    assert out.elsewhere == 0
    if "without an end" in key[2] or "gigabyte" in key[2]:
        assert 1000 < out.sent < 64 << 20


@pytest.mark.parametrize("key", named("stream"))
def test_a_stream_gone_wrong_grants_nothing_and_is_cut(outcomes, key):
    out = outcomes[key]
    assert out.error is None
    assert not any(isinstance(fact, DeviceDecided) for fact in out.facts)
    assert out.facts == [] or key[2] == "lines between parts"
    assert out.opened >= 1
    assert out.sent > 0
    assert out.seconds < MOST_SECONDS + GRACE
    assert not out.leaked


@pytest.mark.parametrize("key", named("good"))
def test_an_odd_stream_is_heard(outcomes, key):
    out = outcomes[key]
    assert out.error is None
    assert out.opened == 1
    assert out.facts
    assert not any(isinstance(fact, DeviceDecided) for fact in out.facts)
    questions = [fact.serial for fact in out.facts if isinstance(fact, Presented)]
    assert (7 in questions or 1 in questions) is key[0].startswith("hik")
