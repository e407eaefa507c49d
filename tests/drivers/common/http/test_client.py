"""HTTP to devices that are hostile or out of order: literal bytes on a loopback socket."""

import itertools
import time

import pytest

from devicemgr.errors import DeviceGarbled, DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from drivers.common.http.client import Http, Pace, Request, base_url, read_json
from drivers.common.http.login import Login
from tests.drivers.common.http.raw_http import RawServer, challenge, reply

PASSWORD = "s3cret-пароль"
PAGE = Request("GET", "/page?a=1")


@pytest.fixture
def device():
    """device(answer) is a raw server and a link to it."""
    made = []

    def make(answer, context=None, login=None, **more):
        server = RawServer(answer, context)
        link = Http(server.address, login or Login("admin", PASSWORD), "/challenge", **more)
        made.extend([link, server])
        return server, link

    yield make
    for one in made:
        one.close()


def with_digest(then):
    """401 to what comes without Authorization, with a fresh nonce each time."""
    nonces = itertools.count(1)

    def answer(request, connection):
        if b"Authorization" in request:
            then(request, connection)
        else:
            connection.sendall(challenge(f"n{next(nonces)}"))

    return answer


def says(data):
    return lambda request, connection: connection.sendall(data)


def test_a_command_is_sent_once_with_a_fresh_nonce(device):
    server, link = device(with_digest(says(reply(200, b"done"))))
    for _ in range(2):
        order = Request("PUT", "/door", b"<open/>", "application/xml", once=True)
        assert link.exchange(order).body == b"done"
    lines = [request.split(b"\r\n")[0] for request in server.requests]
    assert lines == [b"GET /challenge HTTP/1.1", b"PUT /door HTTP/1.1"] * 2
    assert [b'nonce="n1"' in server.requests[1], b'nonce="n2"' in server.requests[3]] == [True, True]
    assert server.requests[1].endswith(b"\r\n\r\n<open/>")
    assert PASSWORD.encode() not in b"".join(server.requests)


def test_without_a_password_none_is_sent(device):
    server, link = device(says(reply(200, b"{}")))
    assert link.exchange(PAGE).body == b"{}"
    assert b"Authorization" not in b"".join(server.requests)


def test_two_refusals_and_no_more(device):
    login = Login("admin", PASSWORD)
    server, link = device(lambda request, connection: connection.sendall(challenge("n")), login=login)
    for _ in range(5):
        with pytest.raises(DeviceRefused, match="no more tries for half an hour") as caught:
            link.exchange(PAGE)
    assert sum(b"Authorization" in request for request in server.requests) == 2
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(vars(link))


def test_a_refusal_is_forgotten_after_half_an_hour_or_a_success():
    now = [0.0]
    login = Login("admin", "x", lambda: now[0])
    login.refused()
    login.accepted()
    login.refused()
    login.require_open()
    login.refused()
    with pytest.raises(DeviceRefused):
        login.require_open()
    now[0] = 1861.0
    login.require_open()
    login.refused()
    with pytest.raises(DeviceRefused):
        login.require_open()


def test_a_stale_nonce_is_no_wrong_password(device):
    told = []

    def then(request, connection):
        told.append(request)
        connection.sendall(challenge("n9", "true") if len(told) == 1 else reply(200, b"ok"))

    _, link = device(with_digest(then))
    assert link.exchange(PAGE).body == b"ok"
    assert b'nonce="n9"' in told[1]


def test_only_basic_is_refused(device):
    server, link = device(says(reply(401, b"", 'WWW-Authenticate: Basic realm="x"')))
    with pytest.raises(DeviceRefused, match="no Digest"):
        link.exchange(PAGE)
    assert b"Authorization" not in b"".join(server.requests)


def test_a_redirect_is_not_followed(device):
    elsewhere, _ = device(says(reply(200)))
    server, link = device(with_digest(says(reply(307, b"", f"Location: {elsewhere.address}/x"))))
    with pytest.raises(DeviceGarbled, match="redirects"):
        link.exchange(PAGE)
    assert elsewhere.requests == []
    assert len(server.requests) == 2


def garbage(request, connection):
    connection.sendall(b"\x00\x01\x02 not http\r\n\r\n")


def gigabyte_header(request, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(1000):
        connection.sendall(b"a" * 1_000_000)


def endless(request, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"a" * 65536)


def too_long(request, connection):
    connection.sendall(reply(200, b"a" * ((1 << 20) + 1)))


def compressed(request, connection):
    connection.sendall(reply(200, b"\x1f\x8b", "Content-Encoding: gzip"))


def hundreds(request, connection):
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (garbage, DeviceGarbled),
        (gigabyte_header, DeviceGarbled),
        (endless, DeviceGarbled),
        (too_long, DeviceGarbled),
        (compressed, DeviceGarbled),
        (hundreds, DeviceUnreachable),
    ],
)
@pytest.mark.parametrize("once", [False, True])
def test_faults_end_soon(device, fault, error, once):
    _, link = device(with_digest(fault))
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown if once else error) as caught:
        link.exchange(Request("PUT", "/door", b"x", once=once, seconds=1.0))
    assert time.monotonic() - began < 10
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("what", [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b"a" * 99, b"a" * 999])
def test_one_byte_at_a_time_is_cut(device, what):
    server, link = device(with_digest(lambda request, connection: server.trickle(connection, what)))
    with pytest.raises(DeviceUnreachable, match="in time"):
        link.exchange(Request("GET", "/page", seconds=0.5))
    link.close()
    assert server.gone.wait(10)


def test_silence_after_a_command_is_an_unknown_outcome(device):
    server, link = device(with_digest(lambda request, connection: connection.recv(1)))
    with pytest.raises(OutcomeUnknown, match="no answer"):
        link.exchange(Request("PUT", "/door", b"x", once=True, seconds=0.3))
    assert sum(b"PUT" in request for request in server.requests) == 1


def test_silence_after_a_command_by_get_without_a_password_is_an_unknown_outcome(device):
    """Dahua's openDoor is a GET; a device that asks for no password gets it without an Authorization header."""

    def answer(request, connection):
        if b"/door" in request:
            connection.recv(1)
        else:
            connection.sendall(reply(200, b"ok"))

    server, link = device(answer)
    with pytest.raises(OutcomeUnknown, match="no answer"):
        link.exchange(Request("GET", "/door", once=True, seconds=0.3))
    assert sum(b"/door" in request for request in server.requests) == 1


def test_silence_before_it_is_not(device):
    server, link = device(lambda request, connection: connection.recv(1))
    with pytest.raises(DeviceUnreachable):
        link.exchange(Request("PUT", "/door", b"x", once=True, seconds=0.3))
    assert sum(b"PUT" in request for request in server.requests) == 0


def test_a_connection_that_the_device_closed_meanwhile(device):
    def then(request, connection):
        connection.sendall(reply(200, b"ok"))
        connection.close()

    _, link = device(with_digest(then))
    assert [link.exchange(PAGE).body for _ in range(3)] == [b"ok"] * 3


def test_a_stream_ends_where_its_reader_says(device):
    def then(request, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        connection.recv(1)

    _, link = device(with_digest(then))
    heard = []
    with link.stream(PAGE) as stream, pytest.raises(DeviceUnreachable):
        heard.extend(stream.chunks(lambda: time.monotonic() + (0.1 if heard else 5.0)))
    assert b"".join(heard) in (b"", b"abc")


def test_busy_devices_are_given_time():
    pace = Pace(0.0)
    pace.busy()
    assert pace._now == 0.5
    for _ in range(5):
        pace.busy()
    assert pace._now == 2.0
    for _ in range(50):
        pace.well()
    assert pace._now < 0.02


def test_self_signed_is_refused_unless_pinned(device, certificate):
    context, file, fingerprint = certificate
    answer = with_digest(says(reply(200, b"ok")))
    server, link = device(answer, context)
    with pytest.raises(DeviceRefused, match="tls_fingerprint"):
        link.exchange(PAGE)
    assert server.requests == []
    _, pinned = device(answer, context, tls_fingerprint=f"sha256:{fingerprint.upper()}")
    assert pinned.exchange(PAGE).body == b"ok"
    _, by_ca = device(answer, context, tls_ca=str(file))
    assert by_ca.exchange(PAGE).body == b"ok"


def test_another_certificate_than_the_pinned_gets_no_byte(device, certificate):
    server, link = device(says(reply(200)), certificate[0], tls_fingerprint="sha256:" + "00" * 32)
    with pytest.raises(DeviceRefused, match="another certificate"):
        link.exchange(PAGE)
    assert server.requests == []


@pytest.mark.parametrize(
    "address",
    ["", "host", "ftp://h", "http://", "http://h/x", "http://h?a", "http://h:99999", "http://h h", "http://u:p@h"],
)
def test_addresses_that_can_not_be(address):
    with pytest.raises(InvalidInput) as caught:
        base_url(address)
    assert "p@" not in str(caught.value)


def test_addresses():
    assert base_url("http://192.0.2.7/") == "http://192.0.2.7"
    assert base_url("https://[2001:db8::1]:8443") == "https://[2001:db8::1]:8443"


@pytest.mark.parametrize("more", [{"tls_fingerprint": "sha256:" + "0" * 64}, {"tls_ca": "/x"}])
def test_a_pin_needs_https(more):
    with pytest.raises(InvalidInput, match="https"):
        Http("http://192.0.2.7", Login(None, None), "/", **more)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a":', b"<a/>", b"[" * 100_000, b'{"a":' * 33 + b"1" + b"}" * 33])
def test_what_is_no_object(body):
    with pytest.raises(DeviceGarbled):
        read_json(body)


def test_brackets_within_words_are_words():
    assert read_json(b'\xef\xbb\xbf{"name":"' + b"{[" * 50 + b'\\""}\x00\r\n')["name"] == "{[" * 50 + '"'
