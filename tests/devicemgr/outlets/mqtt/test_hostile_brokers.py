"""Brokers that hang, lie or are someone else: nothing is sent as if it had arrived, and the daemon ends in time."""

import contextlib
import datetime
import logging
import socket
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from devicemgr.daemon.service import _STOP_S
from devicemgr.domain.model import Direction
from devicemgr.outlets.mqtt import session
from devicemgr.outlets.runner import try_out
from devicemgr.outlets.sender import Undelivered
from devicemgr.site.outlets import changes
from devicemgr.site.outlets.fields import checked_fields
from devicemgr.site.unit_of_work import unit_of_work
from tests.support.mqtt import CONNACK, PASSWORD, Broker, SilentBroker
from tests.support.webhook_receiver import wait_until


@pytest.fixture(params=["nothing", "CONNACK alone", "no TLS"])
def silent(request):
    found = SilentBroker(CONNACK if request.param == "CONNACK alone" else b"")
    if request.param == "no TLS":
        found.url = found.url.replace("mqtt:", "mqtts:")
    yield found
    found.close()


def test_a_daemon_ends_in_time_while_a_broker_hangs(daemon, silent, add_outlet):
    add_outlet(silent)
    assert silent.connected.acquire(timeout=20)
    began = time.monotonic()
    daemon._outlets.stop(_STOP_S)
    assert all(not one._thread.is_alive() for one in daemon._outlets._running.values())
    assert time.monotonic() - began < _STOP_S


def test_a_silent_broker_has_taken_nothing(daemon, silent, add_outlet, figures, monkeypatch):
    monkeypatch.setattr(session, "DEADLINE_S", 0.3)
    add_outlet(silent, kinds=["admin.portal_open"])
    why = wait_until(lambda: figures()["state"].get("error"), "a failure")
    assert "localhost did not" in why
    cursor = figures()["cursor"]
    assert daemon.open_portal("lobby", Direction.ENTRY, "uid:0")["outcome"] == "confirmed"
    assert silent.connected.acquire(timeout=20)
    assert figures()["cursor"] == cursor


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes.fromhex("2003000087"),  # not authorized
        bytes.fromhex("20020000"),  # of MQTT 3.1.1, without properties
        bytes.fromhex("20ffffff7f"),  # 256 MB of it
        CONNACK + bytes.fromhex("30ffffff7f"),
        CONNACK + bytes.fromhex("9001ff"),
        CONNACK + b"\xff" * 200,
        CONNACK + bytes.fromhex("e0018e"),  # taken over
        bytes.fromhex("2006000003240025"),  # properties cut off
        bytes.fromhex("20050000022400"),  # no QoS 1
    ],
)
def test_what_is_no_mqtt_is_a_failure_in_one_line(silent_of, answer, caplog):
    caplog.set_level(logging.DEBUG)
    broker, place = silent_of(answer)
    began = time.monotonic()
    with pytest.raises(Undelivered) as caught:
        _send(place)
    assert "\n" not in str(caught.value)
    assert "localhost" in str(caught.value) or "connect" in str(caught.value)
    assert time.monotonic() - began < 5 * session.DEADLINE_S
    assert "Traceback" not in caplog.text
    assert PASSWORD not in caplog.text
    assert PASSWORD.encode() in b"".join(broker.received), "it was given to the broker alone"


def test_another_client_under_this_sites_id_is_said_and_not_fought(silent_of):
    """DISCONNECT with 0x8E, session taken over (MQTT 5.0, 3.14.2.1)."""
    _, access = silent_of(CONNACK + bytes.fromhex("e0018e"))
    with pytest.raises(Undelivered, match="another program has connected under this site's client id") as caught:
        _send(access)
    assert caught.value.wait_s == 60


@pytest.fixture
def silent_of(monkeypatch):
    monkeypatch.setattr(session, "DEADLINE_S", 1.0)
    made = []

    def make(answer):
        made.append(SilentBroker(answer))
        place = session.Place("localhost", made[-1].port, is_tls=False, allow_private=True)
        return made[-1], session.Access(place, True, "devicemgr-test", "user", PASSWORD)

    yield make
    for one in made:
        one.close()


def _send(access):
    found = session.Session(access, lambda _: None, lambda: None)
    try:
        found.send([session.Message("a/b", b"x")])
    finally:
        found.end()


@pytest.mark.parametrize(("reason", "is_done"), [(0x00, True), (0x10, True), (0x97, False), (0x87, False)])
def test_a_message_is_done_by_a_reason_code_that_is_no_failure(silent_of, reason, is_done):
    """No one reads it (0x10), quota exceeded (0x97), not authorized (0x87); MQTT 5.0, 3.4.2.1."""
    _, access = silent_of(CONNACK)
    found = session.Session(access, lambda _: None, lambda: None)
    try:
        # The peer says nothing more, so the acknowledgment is given by hand.
        number = found._client.publish("a/b", b"x", qos=1).mid
        found._on_publish(None, None, number, session.ReasonCode(4, identifier=reason), None)
        with contextlib.nullcontext() if is_done else pytest.raises(Undelivered) as caught:
            found._await_acknowledgment(session.Message("a/b", b"x"), number, time.monotonic() + 1)
        assert is_done or caught.value.is_refused == (reason == 0x87)
    finally:
        found.end()


def test_the_password_is_in_no_text_about_the_connection(silent_of):
    _, access = silent_of(CONNACK)
    assert PASSWORD not in repr(access)
    assert PASSWORD not in repr(session._Client(access).__dict__.get("_access"))


def test_a_name_that_leads_to_this_computer_is_not_called(daemon, broker, add_outlet, figures, monkeypatch):
    real = socket.getaddrinfo

    def resolve(host, port, *given, **more):
        return real("127.0.0.1" if host == "broker.example" else host, port, *given, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    before = broker.log.count("New connection")
    broker_of = type("Named", (), {"url": f"mqtts://broker.example:{broker.port}", "ca": broker.ca})
    add_outlet(broker_of)
    why = wait_until(lambda: figures()["state"].get("error"), "a failure")
    assert "leads to this computer itself" in why
    assert broker.log.count("New connection") == before


def test_another_name_a_foreign_and_an_expired_certificate_are_refused(daemon, tmp_path, add_outlet, figures, site):
    other = Broker(tmp_path / "other", names=["broker.example"])
    foreign = Broker(tmp_path / "foreign")
    try:
        add_outlet(other)
        why = wait_until(lambda: figures()["state"].get("error"), "a failure")
        assert "the certificate of localhost is not trusted" in why
        assert "mismatch" in why
        _state(site, url=foreign.url, tls_ca=other.ca)
        wait_until(lambda: "self-signed" in str(figures()["state"].get("error")), "a failure by the issuer")
        _state(site, url=foreign.url)
        wait_until(lambda: "self-signed" in str(try_out(site, "hall").cause), "a failure by the system's certificates")
        expired = _expired(tmp_path)
        expired_broker = Broker(tmp_path / "expired", more="")
        try:
            certificate, key = expired
            lines = expired_broker._config.read_text().replace(str(expired_broker.certificate), str(certificate))
            expired_broker._config.write_text(lines.replace(str(tmp_path / "expired" / "key.pem"), str(key)))
            expired_broker.kill()
            expired_broker.start()
            _state(site, url=expired_broker.url, tls_ca=certificate.read_text())
            wait_until(lambda: "expired" in str(try_out(site, "hall").cause), "a failure by the time")
        finally:
            expired_broker.close()
        assert PASSWORD not in other.log + foreign.log
    finally:
        other.close()
        foreign.close()


def _state(site, **fields):
    with unit_of_work(site, "uid:0") as work:
        changes.put_outlet(work, "hall", checked_fields({"kind": "mqtt", "user": "devicemgr", **fields}))
        changes.set_secret(work, "hall", PASSWORD, keeps_last=False)


def _expired(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(2)
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now - datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "old.pem", folder / "old.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files[1].write_bytes(key.private_bytes(*form))
    return files
