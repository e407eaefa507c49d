"""How a mail server is spoken to: under TLS or not at all, to the one that is meant, within one deadline."""

import contextlib
import socket
import ssl
import threading
import time
from zoneinfo import ZoneInfo

import pytest

from devicemgr.outgoing import connection
from devicemgr.outgoing.connection import Place
from devicemgr.outlets import runner
from devicemgr.outlets.mail import channel
from devicemgr.outlets.mail.exchange import Account, Exchange, Refused, Server
from devicemgr.site.outlets.fields import checked_fields
from tests.support.certificates import self_signed
from tests.support.mail_server import MailServer

ACCOUNT = ("gate", "correct horse")
MAIL = b"Subject: test\r\n\r\ntext\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"), ["localhost"])


@pytest.fixture(scope="module", params=["smtps", "starttls"])
def secured(request, certificate):
    """A server that asks for an account, under TLS from the start or by STARTTLS."""
    found = MailServer(certificate, starts_with_tls=request.param == "smtps", account=ACCOUNT)
    yield found
    found.close()


@pytest.fixture(scope="module")
def starting(certificate):
    """A server with STARTTLS."""
    found = MailServer(certificate, account=ACCOUNT)
    yield found
    found.close()


def place_of(server, pem):
    return Place("localhost", server.port, server.url.startswith("smtps"), pem, allow_private=True)


def send(server, pem, *, account=ACCOUNT, needs_tls=True, never_tls=False):
    line = Exchange(Server(place_of(server, pem), True, needs_tls, never_tls, Account(*account)))
    return line.send("gate@example.com", ["guard@example.com"], MAIL, time.monotonic() + 20)


def test_a_mail_arrives_under_tls_and_signed_in(secured, certificate, add_mail, site):
    add_mail(secured.url, ACCOUNT[1], user=ACCOUNT[0], tls_ca=certificate[0].read_text())
    before = len(secured.taken)
    assert runner.try_out(site, "hr").answer == "localhost answered 250 2.0.0 queued as 4711"
    assert len(secured.taken) == before + 1
    assert secured.logins[-1] == ACCOUNT


@pytest.mark.parametrize("fault", ["self-signed", "expired", "another name"])
def test_a_certificate_that_proves_nothing_gets_nothing(secured, certificate, tmp_path, fault):
    names = ["mail.example"] if fault == "another name" else ["localhost"]
    wrong = self_signed(tmp_path, names, days=-1 if fault == "expired" else 1)
    server = MailServer(wrong, starts_with_tls=secured.url.startswith("smtps"), account=ACCOUNT)
    pem = certificate[0].read_text() if fault == "self-signed" else wrong[0].read_text()
    try:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            send(server, pem)
    finally:
        server.close()
    assert fault.split()[-1].replace("name", "mismatch") in str(caught.value).lower()
    assert (server.logins, server.taken) == ([], [])


def test_the_wrong_password_is_named_and_not_shown(starting, certificate, add_mail, site):
    add_mail(starting.url, "wrong secret", user="gate", tls_ca=certificate[0].read_text())
    cause, _ = runner.try_out(site, "hr")
    assert cause == "localhost refuses the sign-in of gate (535 5.7.8)"
    assert "wrong secret" not in repr(Server(place_of(starting, ""), True, True, False, Account("g", "wrong secret")))


def test_a_user_without_a_password_waits_for_one(starting, certificate, add_mail, site):
    add_mail(starting.url, user="gate", tls_ca=certificate[0].read_text())
    assert runner.try_out(site, "hr").cause == "it has no password yet; an admin sets one"


def test_a_password_that_smtp_cannot_carry(starting, certificate):
    with pytest.raises(Refused, match="use ASCII") as caught:
        send(starting, certificate[0].read_text(), account=("gate", "пароль"))
    assert "п" not in str(caught.value)


def test_a_server_without_starttls_gets_nothing():
    server = MailServer()
    try:
        with pytest.raises(Refused, match="offers no STARTTLS, so nothing was sent"):
            send(server, "")
        assert (server.taken, server.tries) == ([], 0)
        assert send(server, "", account=("", ""), needs_tls=False).answer.startswith("250")
    finally:
        server.close()


def test_who_needs_tls():
    """This computer itself may be spoken to in plain text, and others where that is stated."""

    def needs(url, **fields):
        stated = {"kind": "mail", "url": url, "to": ["a@example.com"], "sender": "b@example.com", **fields}
        envelope = channel.Envelope("b@example.com", ["a@example.com"], "hr", "1")
        made = channel.Mail(checked_fields(stated), [], envelope, ZoneInfo("UTC"))
        return made._exchange._server.needs_tls, made._exchange._server.never_tls

    assert needs("smtp://mail.example") == (True, False)
    assert needs("smtp://mail.example:25") == (True, False)
    assert needs("smtp://127.0.0.1:25") == (False, False)
    assert needs("smtp://mail.example", insecure=True) == (False, True)


class Odd:
    """A server that does what a test says with each connection."""

    def __init__(self, serve):
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"smtp://localhost:{self.port}"
        self.said = bytearray()
        self.arrived = threading.Event()
        self._over = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                with line, contextlib.suppress(OSError):
                    self._serve(self, line)
                    self.arrived.set()
                    self._over.wait(60)

    def listen(self, line):
        piece = line.recv(4096)
        self.said += piece
        return piece

    def close(self):
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def odd():
    """odd(serve): a server that does what it says."""
    found = []

    def make(serve):
        found.append(Odd(serve))
        return found[-1]

    yield make
    for one in found:
        one.close()


def greeting(server, line, answer):
    line.sendall(b"220 mail.example\r\n")
    server.listen(line)
    line.sendall(b"250-mail.example\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n")
    server.listen(line)
    line.sendall(answer)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"220 go\r\n250-mail.example\r\n250 AUTH PLAIN\r\n235 welcome\r\n", "answers more than STARTTLS"),
        (b"454 4.7.0 not now\r\n", "does not begin it: 454 4.7.0 not now"),
        (b"250 ok\r\n", "does not begin it: 250 ok"),
        (b"hello\r\n", "does not begin it"),
    ],
    ids=["injected", "refused", "another code", "no code"],
)
def test_a_server_that_answers_starttls_oddly_gets_nothing(odd, certificate, answer, why):
    def serve(server, line):
        greeting(server, line, answer)
        with contextlib.suppress(TimeoutError):
            line.settimeout(0.5)
            server.listen(line)

    server = odd(serve)
    with pytest.raises(Refused, match=why):
        send(server, certificate[0].read_text())
    assert server.arrived.wait(30)
    assert bytes(server.said).split()[2:] == [b"STARTTLS"], "no login, no mail"


def test_what_was_said_before_tls_does_not_count_behind_it(certificate, odd):
    """AUTH is offered in plain text only: behind TLS there is none, so that nothing is sent."""

    def serve(server, line):
        greeting(server, line, b"220 go\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        with context.wrap_socket(line, server_side=True) as wrapped:
            server.listen(wrapped)
            wrapped.sendall(b"250 mail.example\r\n")
            server.listen(wrapped)

    server = odd(serve)
    with pytest.raises(Refused, match="offers no sign-in"):
        send(server, certificate[0].read_text())
    assert b"AUTH PLAIN" not in server.said


def hangs(server, line):
    server.arrived.set()


def drips(server, line):
    server.arrived.set()
    while True:
        line.sendall(b"2")
        time.sleep(0.05)


def hangs_behind_data(server, line):
    line.sendall(b"220 mail.example\r\n")
    for answer in (b"250 mail.example\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        server.listen(line)
        line.sendall(answer)
    server.listen(line)
    server.arrived.set()


@pytest.mark.parametrize("serve", [hangs, drips, hangs_behind_data])
def test_one_deadline_holds_for_a_whole_mail(odd, serve, monkeypatch, add_mail, site):
    monkeypatch.setattr(channel, "DEADLINE_S", 0.5)
    server = odd(serve)
    add_mail(server.url)
    assert runner.try_out(site, "hr").cause == "localhost did not answer in time"
    assert server.arrived.is_set()


def hangs_in_handshake(server, line):
    server.listen(line)
    server.arrived.set()


def drips_in_handshake(server, line):
    server.listen(line)
    server.arrived.set()
    for byte in b"\x16\x03\x03\x40\x00" + bytes(16_000):
        line.sendall(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("scheme", "serve"),
    [
        ("smtp", hangs),
        ("smtp", drips),
        ("smtp", hangs_behind_data),
        ("smtps", hangs_in_handshake),
        ("smtps", drips_in_handshake),
    ],
)
def test_a_server_that_hangs_does_not_hold_up_the_end(odd, serve, scheme, add_mail, record, running):
    server = odd(serve)
    add_mail(server.url.replace("smtp", scheme))
    running.consider()
    record(1, "tamper")
    assert server.arrived.wait(30)
    box = running._running["hr"]
    box.ask_to_stop()
    box.join(5)
    assert not box._thread.is_alive()


def test_too_long_an_answer_is_not_read_to_its_end(odd, add_mail, site):
    def serve(server, line):
        server.arrived.set()
        while True:
            line.sendall(b"220-hello\r\n" * 1000)

    add_mail(odd(serve).url)
    assert "is not reached" in runner.try_out(site, "hr").cause


def test_the_name_is_resolved_once_and_judged(server, monkeypatch):
    asked = []
    real = socket.getaddrinfo

    def resolve(host, *rest, **more):
        asked.append(host)
        return real("127.0.0.1", *rest, **more)

    monkeypatch.setattr(connection.socket, "getaddrinfo", resolve)
    place = Place("mail.example", server.port, False, "", allow_private=True)
    line = Exchange(Server(place, True, False, False, Account("", "")))
    assert line.send("a@example.com", ["b@example.com"], MAIL, time.monotonic() + 20).answer
    assert asked == ["mail.example"]
    line = Exchange(Server(place, False, False, False, Account("", "")))
    with pytest.raises(Exception, match="its name leads to this computer itself"):
        line.send("a@example.com", ["b@example.com"], MAIL, time.monotonic() + 20)


def test_a_server_that_repeats_the_password_does_not_make_it_known(odd):
    def serve(server, line):
        line.sendall(b"220 mail.example\r\n")
        server.listen(line)
        line.sendall(b"250-mail.example\r\n250 AUTH PLAIN\r\n")
        server.listen(line)
        line.sendall(b"235 ok\r\n")
        server.listen(line)
        line.sendall(b"550 5.7.1 not with correct horse\r\n")
        server.listen(line)

    with pytest.raises(Refused, match=r"refuses the sender .*550 5.7.1 not with …") as caught:
        send(odd(serve), "", never_tls=True)
    assert "horse" not in str(caught.value)
