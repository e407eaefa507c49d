"""Strange HTTP, certificates that prove nothing, addresses that lead nowhere or where nothing may go."""

import contextlib
import email.utils
import socket
import threading
import time

import pytest

from devicemgr.outgoing import connection
from devicemgr.outlets import outbox, webhook
from devicemgr.outlets.sender import Undelivered
from devicemgr.site.outlets.fields import checked_fields
from tests.support.outlets import SECRET
from tests.support.signed_certificates import Authority
from tests.support.webhook_receiver import Receiver, wait_until

EVENT = {"seq": 7, "id": "e7", "kind": "rex_pressed", "time": "2026-12-01T08:00:00.000Z"}


def hook(url, **fields):
    return webhook.Webhook(checked_fields({"kind": "webhook", "url": url, **fields}), [SECRET], "site")


@pytest.fixture
def peer():
    """peer(talk): a server that reads a request and then does `talk(line)`; its URL."""
    servers = []

    def serve(talk):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def run():
            with contextlib.suppress(OSError):
                while True:
                    line, _ = server.accept()
                    with line, contextlib.suppress(OSError):
                        line.recv(65536)
                        talk(line)

        threading.Thread(target=run, daemon=True).start()
        return f"http://localhost:{server.getsockname()[1]}/"

    yield serve
    for server in servers:
        server.close()


def says(*texts):
    return lambda line: [line.sendall(text.encode()) for text in texts]


def endless(begin, more):
    def talk(line):
        line.sendall(begin.encode())
        for _ in range(100_000):
            line.sendall(more.encode())

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        says("HTTP/1.0 200 OK\r\n\r\nfine"),
        says("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"),
        says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        says("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"),
        says("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n", "HTTP/1.1 202 Accepted\r\n\r\n"),
        endless("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "x" * 1000),
    ],
    ids=["http-1.0", "204-with-body", "chunked", "early-hints", "processing", "endless-body"],
)
def test_a_2xx_in_any_form_is_taken(peer, talk):
    hook(peer(talk)).send([EVENT])


@pytest.mark.parametrize(
    ("talk", "word"),
    [
        (says(""), "hung up"),
        (says("SSH-2.0-OpenSSH_9.2\r\n"), "HTTP"),
        (says("HTTP/1.1 101 Switching Protocols\r\n\r\n"), "101"),
        (says("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n"), "redirects"),
        (endless("HTTP/1.1 200 OK\r\n", "X-Bomb: 1\r\n"), "HTTP"),
        (endless("HTTP/1.1 200 OK\r\nX-Bomb: ", "x" * 1000), "too much"),
        (endless("", "HTTP/1.1 100 Continue\r\n\r\n"), "too much"),
        (endless("HTTP/1.1 ", "2"), "too much"),
    ],
    ids=["nothing", "ssh", "101", "redirect", "headers", "long-header", "endless-1xx", "long-status"],
)
def test_what_is_no_answer_is_not_taken_and_said_in_a_line(peer, talk, word):
    with pytest.raises(Undelivered) as caught:
        hook(peer(talk)).send([EVENT])
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not caught.value.is_refused


def test_an_answer_of_a_byte_a_second_ends_at_the_deadline(peer, monkeypatch):
    monkeypatch.setattr(webhook, "DEADLINE_S", 0.5)

    def drip(line):
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100:
            line.sendall(bytes([byte]))
            time.sleep(0.1)

    with pytest.raises(Undelivered, match="did not answer within"):
        hook(peer(drip)).send([EVENT])


@pytest.mark.parametrize(("ahead", "low", "high"), [(7200, 3600, 3600), (-7200, 0, 0), (1800, 1, 1800)])
def test_a_wait_by_date_is_at_most_an_hour(ahead, low, high):
    assert low <= webhook._wait_of(email.utils.formatdate(time.time() + ahead, usegmt=True)) <= high


def test_a_wait_by_a_huge_number_is_an_hour():
    assert webhook._wait_of("9" * 500) == 3600


@pytest.mark.parametrize("text", ["Fri, 31 Dec 99999999999 23:59:59 GMT", "-5", "", "soon", "1e9", "\x00"])
def test_a_wait_that_makes_no_sense_is_none(text):
    assert webhook._wait_of(text) is None


def test_each_try_is_signed_at_its_own_time(receiver, monkeypatch):
    """A receiver refuses what is over 5 minutes old, and a try may come hours after the event."""
    channel = hook(receiver.url)
    channel.send([EVENT])
    monkeypatch.setattr(webhook.time, "time", lambda real=time.time: real() - 299)
    channel.send([EVENT])
    first, second = (int(headers["webhook-timestamp"]) for headers, _ in receiver.sent)
    assert 290 < first - second < 310
    monkeypatch.setattr(webhook.time, "time", lambda real=time.time: real() - 600)
    with pytest.raises(Undelivered) as caught:
        channel.send([EVENT])
    assert caught.value.is_refused, "a clock that is wrong by more is for a person to see"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://hr.example:8443/", "hr.example:8443"),
        ("https://[2001:db8::7]/", "[2001:db8::7]"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("https://HR.example:443/", "hr.example"),
    ],
)
def test_the_host_header_names_what_is_called(url, host):
    assert f"\r\nHost: {host}\r\n".encode() in hook(url)._head("id", b"{}")


def test_an_address_that_drops_everything_leaves_time_for_the_next(receiver, monkeypatch):
    hole = socket.socket()
    hole.bind(("127.0.0.1", 0))
    hole.listen(0)
    held = [socket.socket() for _ in range(4)]
    for one in held:  # its queue is full: what comes now is dropped
        one.setblocking(False)
        one.connect_ex(hole.getsockname())
    try:
        with pytest.raises(TimeoutError):
            socket.create_connection(hole.getsockname(), 0.3)
        monkeypatch.setattr(webhook, "DEADLINE_S", 2.0)
        addresses = [hole.getsockname(), ("127.0.0.1", receiver.port)]
        monkeypatch.setattr(connection, "_resolve", lambda *_: addresses)
        hook(receiver.url).send([EVENT])
    finally:
        for one in (hole, *held):
            one.close()
    assert len(receiver.taken) == 1


def test_one_address_that_is_never_called_keeps_all_from_being_called(receiver, monkeypatch):
    addresses = [("127.0.0.1", receiver.port), ("169.254.169.254", receiver.port)]
    monkeypatch.setattr(connection, "_resolve", lambda *_: addresses)
    with pytest.raises(Undelivered, match="never called"):
        hook(receiver.url).send([EVENT])
    assert receiver.sent == []


def test_a_name_is_resolved_once_a_try_and_the_connection_goes_there(receiver, monkeypatch):
    """A name server that gives another address to the second question leads nowhere else."""
    asked = []

    def resolve(host, port, **_):
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(connection.socket, "getaddrinfo", resolve)
    hook(receiver.url).send([EVENT])
    assert (len(asked), len(receiver.taken)) == (1, 1)


@pytest.mark.parametrize(
    ("names", "begins", "ends", "word"),
    [
        (["other.example"], -1, 1, "another name"),
        (["localhost"], -2, -1, "expired"),
        (["localhost"], 1, 2, "not valid yet"),
        (["localhost"], -1, 1, "give the file of its CA"),
    ],
    ids=["wrong-name", "expired", "not-yet", "wrong-ca"],
)
def test_a_certificate_that_proves_nothing_is_refused_with_its_cause(tmp_path, names, begins, ends, word):
    authority = Authority(tmp_path)
    trusted = Authority(tmp_path, "another").pem if word.startswith("give") else authority.pem
    served = Receiver(SECRET, certificate=authority.issue(names, begins, ends))
    try:
        with pytest.raises(Undelivered, match=word) as caught:
            hook(served.url, tls_ca=trusted).send([EVENT])
        assert "is not trusted" in str(caught.value)
        assert served.sent == []
    finally:
        served.close()


def test_a_server_without_tls_is_said_to_be_one(peer):
    url = peer(says("HTTP/1.1 400 Bad Request\r\n\r\n")).replace("http:", "https:")
    with pytest.raises(Undelivered, match="does not speak TLS"):
        hook(url).send([EVENT])


def test_a_wrong_certificate_is_an_alarm_and_heals_once_it_is_renewed(
    tmp_path, add_outlet, record, running, kinds_of, monkeypatch
):
    monkeypatch.setattr(outbox, "MIN_WAIT_S", 0.01)
    monkeypatch.setattr(outbox, "MAX_WAIT_S", 0.05)
    monkeypatch.setattr(outbox, "REPORT_AFTER_S", 0.1)
    authority = Authority(tmp_path)
    old = Receiver(SECRET, certificate=authority.issue(begins=-2, ends=-1))
    add_outlet(old.url, tls_ca=authority.pem, kinds=["rex_pressed"])
    running.consider()
    wanted = record(3)
    wait_until(lambda: kinds_of("outlet_failing"), "the alarm")
    assert "expired" in kinds_of("outlet_failing")[0]["detail"]["cause"]
    old.close()
    renewed = Receiver(SECRET, old.port, authority.issue())
    try:
        renewed.wait(lambda: [message["seq"] for message in renewed.taken] == wanted, "the events")
        wait_until(lambda: kinds_of("outlet_restored"), "the alarm's end")
    finally:
        renewed.close()


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "[::]",
        "2852039166",
        "0xa9.0xfe.0xa9.0xfe",
        "0251.0376.0251.0376",
        "127.1",
        "224.0.0.1",
    ],
)
def test_numeric_addresses_that_are_never_called_are_refused_where_they_are_stated(host):
    with pytest.raises(Exception, match=r"never called|unusual spelling"):
        checked_fields({"kind": "webhook", "url": f"https://{host}/"})


@pytest.mark.parametrize("host", ["localhost.", "127.0.0.2", "[::ffff:127.0.0.1]"])
def test_this_computer_by_another_name_is_not_called(receiver, host):
    with pytest.raises(Exception, match="insecure"):
        checked_fields({"kind": "webhook", "url": f"http://{host}:{receiver.port}/"})
    with pytest.raises(Undelivered, match=r"this computer itself|no address"):
        hook(f"http://{host}:{receiver.port}/", insecure=True).send([EVENT])
    assert receiver.sent == []
