"""Downloads from a real TLS server on loopback: trust, deadlines, bounds, and nowhere else than to what was judged."""

import socket

import pytest

from devicemgr.errors import InvalidInput, SourceUnreachable
from devicemgr.outgoing import connection as module
from devicemgr.site.hours.download import Target, checked_target, download
from tests.support.calendar_server import CalendarServer, answer, ics

BODY = ics("2026-12-16")
LIMIT = 4096


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    found = CalendarServer(tmp_path_factory.mktemp("server"))
    yield found
    found.close()


@pytest.fixture(autouse=True)
def fresh(server):
    server.reply, server.then, server.drip = answer(BODY), None, None
    server.requests.clear()
    server.gone.clear()


@pytest.fixture
def target(server):
    return Target(server.url, server.ca.read_text(), allow_private=True)


def refused(target, *, deadline_s=5.0, validators=None):
    with pytest.raises(SourceUnreachable) as caught:
        download(target, LIMIT, validators, deadline_s)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_and_what_it_is_known_by(server, target):
    server.reply = answer(BODY, "200 OK", 'ETag: "one"', "Last-Modified: Mon, 30 Nov 2026 08:00:00 GMT")
    found = download(target, LIMIT)
    assert (found.status, found.body) == (200, BODY)
    server.reply = answer(b"", "304 Not Modified")
    assert download(target, LIMIT, found.validators).status == 304
    first, second = server.requests
    assert first.startswith("GET /days.ics HTTP/1.1\r\n")
    assert "If-None-Match" not in first
    assert 'If-None-Match: "one"\r\n' in second
    assert "If-Modified-Since: Mon, 30 Nov 2026 08:00:00 GMT\r\n" in second


def test_304_without_a_question_is_no_answer(server, target):
    server.reply = answer(b"", "304 Not Modified")
    assert "redirects" in refused(target)


def test_a_chunked_file(server, target):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.reply = head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    assert download(target, LIMIT).body == BODY


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed(server, target, status):
    server.reply, server.then = answer(b"", status, f"Location: {server.url}?again"), answer(BODY)
    assert "redirects to another address, which is not followed" in refused(target)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (answer(b"", "404 Not Found"), "answered 404"),
        (answer(b"", "500 Oh"), "answered 500"),
        (answer(BODY, "200 OK", "Content-Encoding: gzip"), "compressed"),
        (answer(b"x" * (LIMIT + 1)), "is over"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4096 + b"\r\n" * 9,
            "can't be read",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nBEGIN", "can't be read"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "can't be read"),
        (b"", "can't be read"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, "can't be read"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9000, "can't be read"),
    ],
)
def test_what_is_no_file_is_one_line(server, target, reply, words):
    server.reply = reply
    assert words in refused(target)


@pytest.mark.parametrize(
    ("begin", "drip"),
    [(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n", b"x"), (b"HTTP/1.1 200 OK\r\nX: ", b"y"), (b"", b"H")],
    ids=["body", "header", "status"],
)
def test_a_slow_drip_ends_at_the_deadline(server, target, begin, drip):
    server.reply, server.drip = begin, drip
    assert "did not answer in full within 0.3 s" in refused(target, deadline_s=0.3)
    assert server.gone.wait(5)


def test_a_server_that_says_nothing_ends_at_the_deadline(tmp_path, target):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://localhost:{silent.getsockname()[1]}/"
        assert "did not answer in full" in refused(Target(url, target.tls_ca, allow_private=True), deadline_s=0.3)


def test_a_name_server_that_says_nothing_ends_at_the_deadline(target, monkeypatch):
    import threading

    over = threading.Event()
    monkeypatch.setattr(module.socket, "getaddrinfo", lambda *_, **__: over.wait(10) and [])
    try:
        assert "did not answer in full" in refused(target, deadline_s=0.1)
    finally:
        over.set()


def test_a_certificate_is_checked_by_authority_and_name(server, target, monkeypatch):
    assert "is not trusted" in refused(Target(server.url, "", allow_private=True))
    names(monkeypatch, ["127.0.0.1"])
    other = server.url.replace("localhost", "other.example")
    assert "is not trusted" in refused(Target(other, target.tls_ca, allow_private=True))
    assert server.requests == []


def test_no_proxy_of_the_environment_is_used(target, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert download(target, LIMIT).body == BODY


def test_an_address_within_the_network_is_not_called_unless_allowed(server, target):
    assert "must be allowed" in refused(Target(server.url, target.tls_ca))
    assert server.requests == []


def names(monkeypatch, *addresses):
    """Let each name have these addresses, one list for each time it is resolved; return how often it was."""
    calls = []

    def resolve(host, port, **_):
        calls.append(host)
        found = addresses[min(len(calls), len(addresses)) - 1]
        family = lambda one: socket.AF_INET6 if ":" in one else socket.AF_INET  # noqa: E731
        return [(family(one), socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(module.socket, "getaddrinfo", resolve)
    return calls


def test_a_name_is_resolved_once_and_that_address_is_called(server, target, monkeypatch):
    """Rebinding: a second answer of the name server, by which the metadata service would be called, is never asked."""
    calls = names(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    assert download(target, LIMIT).body == BODY
    assert calls == ["localhost"]


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1"])
def test_the_metadata_service_is_never_called(server, target, monkeypatch, address):
    connected = []
    names(monkeypatch, ["127.0.0.1", address])
    monkeypatch.setattr(module.socket.socket, "connect", lambda _, to: connected.append(to))
    assert "is never called" in refused(target)
    assert connected == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.com/x.ics", "give an https address"),
        ("ftp://example.com/x.ics", "is no URL"),
        ("file:///etc/passwd", "is no URL"),
        ("https:///x.ics", "is no URL"),
        ("https://example.com:99999/", "is no URL"),
        ("https://user:secret@example.com/x.ics", "no password belongs"),
        ("https://example.com/x\r\nHost: other", "without spaces"),
        ("https://example.com\\@127.0.0.1/", "without spaces"),
        ("https://exa mple.com/", "without spaces"),
        ("https://[::1/", "is no URL"),
    ],
)
def test_an_address_that_is_never_called(url, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        checked_target(Target(url))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("webcal://example.com/a b.ics".replace(" ", "%20"), "https://example.com/a%20b.ics"),
        ("HTTPS://Example.COM:443?x=1#part", "https://example.com/?x=1"),
        ("https://қала.example/күн.ics", "https://xn--80aa6a83a.example/%D0%BA%D2%AF%D0%BD.ics"),
        ("https://[2606:2800::1]:8443/", "https://[2606:2800::1]:8443/"),
    ],
)
def test_an_address_in_normal_form(url, normal):
    assert checked_target(Target(url)).url == normal
