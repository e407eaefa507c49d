"""The transport under consoles and ONVIF: sloppy answers are read by both, and what ends early is no answer."""

import io
import socket
import threading
import time
from contextlib import closing

import pytest

from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused, DeviceUnreachable, OutcomeUnknown
from drivers.common.http.client import Http, Request
from drivers.common.http.login import Login
from drivers.common.http.transport import AnswerLost, HttpTransport
from drivers.common.http.upload import PIECE, Upload
from drivers.common.onvif.soap.transport import OnvifTransport
from tests.drivers.common.http.raw_http import RawServer, reply

BODY = b"<Body><x/></Body>"
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(BODY) + BODY + b"\r\n"
SLOPPY = {
    "no length": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "bare line feeds": b"HTTP/1.1 200 OK\n" + LENGTH.replace(b"\r", b"") + b"\n" + BODY,
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + BODY,
    "two spaces in the status line": b"HTTP/1.1  200 OK\r\n" + LENGTH + b"\r\n" + BODY,
    "a space before the colon": OK + b"Server : x\r\n" + LENGTH + b"\r\n" + BODY,
    "a space in a name": OK + b"My Server: x\r\n" + LENGTH + b"\r\n" + BODY,
    "brackets in a name": OK + b"X(y): x\r\n" + LENGTH + b"\r\n" + BODY,
    "no name": OK + b": x\r\n" + LENGTH + b"\r\n" + BODY,
    "no colon": OK + b"Server\r\n" + LENGTH + b"\r\n" + BODY,
    "a space before a name": OK + b" Server: x\r\n" + LENGTH + b"\r\n" + BODY,
    "a folded field": OK + b"Content-Type: text/xml;\r\n charset=utf-8\r\n" + LENGTH + b"\r\n" + BODY,
    "NUL in a field": OK + b"Server: a\x00b\r\n" + LENGTH + b"\r\n" + BODY,
    "the length twice": OK + LENGTH + LENGTH + b"\r\n" + BODY,
    "a length that is no number": OK + b"Content-Length: abc\r\n\r\n" + BODY,
    "a negative length": OK + b"Content-Length: -1\r\n\r\n" + BODY,
    "an empty length": OK + b"Content-Length: \r\n\r\n" + BODY,
    "identity": OK + b"Transfer-Encoding: identity\r\n" + LENGTH + b"\r\n" + BODY,
    "chunks": CHUNKED + b"0\r\n\r\n",
    "chunks without the last line end": CHUNKED + b"0\r\n",
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + OK + LENGTH + b"\r\n" + BODY,
    "103 first": b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + OK + LENGTH + b"\r\n" + BODY,
    "fields of 110 kB": OK + (b"X: " + b"y" * 10_000 + b"\r\n") * 11 + LENGTH + b"\r\n" + BODY,
}
ENDS_EARLY = {
    "nothing": b"",
    "in the status line": b"HTTP/1.1 200",
    "in a field": OK + b"Content-Le",
    "after a field": OK + b"Content-Type: text/xml\r\n",
    "in the body": OK + b"Content-Length: 99\r\n\r\n" + BODY,
    "in a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + BODY,
    "after a chunk": CHUNKED,
}
UNREADABLE = {
    "RTSP": OK.replace(b"HTTP", b"RTSP") + LENGTH + b"\r\n" + BODY,
    "a line before": b"\r\n" + OK + LENGTH + b"\r\n" + BODY,
    "lengths that differ": OK + LENGTH + b"Content-Length: 99\r\n\r\n" + BODY,
    "150 fields": OK + b"X: y\r\n" * 150 + LENGTH + b"\r\n" + BODY,
    "a field of 70 kB": OK + b"X: " + b"y" * 70_000 + b"\r\n" + LENGTH + b"\r\n" + BODY,
    "a chunk of no size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY,
}


def by_http(address, *, once=False):
    with closing(Http(address, Login(None, None), "/challenge")) as http:
        return http.exchange(Request("POST", "/x", b"<q/>", once=once)).body


def by_onvif(address):
    with closing(OnvifTransport(None, None)) as transport:
        return transport.exchange("POST", f"{address}/x", b"<q/>", {}).body


@pytest.fixture
def device():
    """device(data) answers a POST with these bytes and hangs up, and a GET as HTTP wants it."""
    made = []

    def make(data):
        def answer(request, connection):
            if request.startswith(b"GET"):
                connection.sendall(reply(200))
                return
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        made.append(RawServer(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("way", [by_http, by_onvif])
@pytest.mark.parametrize("flaw", SLOPPY)
def test_a_harmless_flaw_is_read_over(device, flaw, way):
    assert way(device(SLOPPY[flaw]).address) == BODY


@pytest.mark.parametrize("where", ENDS_EARLY)
def test_an_answer_that_ends_early_is_lost_and_a_command_is_unknown(device, where):
    server = device(ENDS_EARLY[where])
    for way in (by_http, by_onvif):
        with pytest.raises(AnswerLost):
            way(server.address)
    with pytest.raises(OutcomeUnknown):
        by_http(server.address, once=True)
    assert sum(request.startswith(b"POST") for request in server.requests) == 3


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_is_no_http_is_named_and_a_command_is_unknown(device, what):
    server = device(UNREADABLE[what])
    for way in (by_http, by_onvif):
        with pytest.raises(DeviceGarbled, match="no HTTP"):
            way(server.address)
    with pytest.raises(OutcomeUnknown):
        by_http(server.address, once=True)


def opened(server, *headers, method="GET", body=b"", **more):
    transport = HttpTransport(**more)
    transport.deadline.until = time.monotonic() + 5
    return transport, transport.open(method, f"{server.address}/x", list(headers), body)


def test_what_came_too_much_is_never_the_next_answer():
    forged = reply(200, b"forged")
    served = []

    def answer(request, connection):
        served.append(request)
        connection.sendall(reply(200, b"%d" % len(served)) + forged)

    server = RawServer(answer)
    transport = HttpTransport(keeps_connection=True)
    try:
        for number in (b"1", b"2", b"3"):
            transport.deadline.until = time.monotonic() + 5
            with closing(transport.open("GET", f"{server.address}/x", [])) as got:
                assert got.read(100) == number
    finally:
        transport.close()
        server.close()


def test_a_connection_is_kept_after_a_whole_answer_only():
    places = []

    def answer(request, connection):
        places.append(connection.getpeername())
        connection.sendall(reply(200, b"ab"))

    server = RawServer(answer)
    transport = HttpTransport(keeps_connection=True)
    try:
        for size in (100, 100, 1, 100):
            transport.deadline.until = time.monotonic() + 5
            with closing(transport.open("GET", f"{server.address}/x", [])) as got:
                try:
                    got.read(size)
                except DeviceGarbled:
                    assert size == 1
        assert [place == places[0] for place in places] == [True, True, True, False]
    finally:
        transport.close()
        server.close()


def test_a_device_may_answer_and_hang_up_before_it_has_read_a_whole_file():
    size = 256 * PIECE

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(reply(413, b"too large"))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        upload = Upload(io.BytesIO(b"x" * size), size, lambda *_: None)
        transport = HttpTransport()
        transport.deadline.until = time.monotonic() + 10
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        with closing(transport.open("POST", url, [("Content-Length", str(size))], upload)) as got:
            assert (got.status, got.read(100)) == (413, b"too large")
        thread.join(10)


def test_a_peer_that_reads_nothing_ends_the_sending_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = HttpTransport()
        transport.deadline.until = time.monotonic() + 0.5
        with pytest.raises(AnswerLost, match="in time"):
            transport.open("POST", f"http://127.0.0.1:{listener.getsockname()[1]}/x", [], b"x" * 50_000_000)


def test_a_wait_is_cut_from_another_thread(device):
    server = RawServer(lambda request, connection: threading.Event().wait(1))
    transport = HttpTransport()
    transport.deadline.until = time.monotonic() + 60
    cutter = threading.Thread(target=lambda: (wait_for(server.requests), transport.cut()))
    cutter.start()
    with pytest.raises(AnswerLost):
        transport.open("GET", f"{server.address}/x", [])
    cutter.join()
    server.close()


def wait_for(found):
    until = time.monotonic() + 20
    while not found and time.monotonic() < until:
        time.sleep(0.005)


@pytest.mark.parametrize("path", ["/a b", "/a\r\nX: y", "/ü", "/\x00"])
def test_a_target_that_would_be_another_request_is_not_sent(device, path):
    server = device(b"")
    transport = HttpTransport()
    transport.deadline.until = time.monotonic() + 5
    with pytest.raises(DeviceError):
        transport.open("GET", server.address + path, [])
    assert server.requests == []


def test_no_field_begins_another_line(device):
    server = device(reply(200))
    with pytest.raises(DeviceRefused):
        opened(server, ("Authorization", 'Digest realm="a\r\nX: y"'))
    assert server.requests == []


def test_a_folded_challenge_is_one_line_of_utf8(device):
    field = 'WWW-Authenticate: Digest realm="Tür",\r\n\t nonce="n"'.encode()
    server = device(b"HTTP/1.1 401 x\r\n" + field + b"\r\nContent-Length: 0\r\n\r\n")
    transport, got = opened(server, method="POST")
    assert got.challenges == ('Digest realm="Tür", nonce="n"',)
    got.close()
    transport.close()


def test_a_host_that_is_none_is_not_reached():
    transport = HttpTransport()
    transport.deadline.until = time.monotonic() + 5
    for host in ("a" * 70 + ".example", "..", "127.0.0.1:1"):
        with pytest.raises(DeviceUnreachable, match="no connection"):
            transport.open("GET", f"http://{host}/x", [])
