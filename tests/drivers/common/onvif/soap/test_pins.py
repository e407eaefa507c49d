"""TLS of ONVIF devices: a device's own certificate given as tls_ca is a pin; TLS that is too old is named as such."""

import datetime as dates
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from devicemgr.errors import DeviceRefused
from drivers.sim.onvif.simulator import SimulatedOnvif


def make_certificate(file, name):
    """A factory certificate as DEVICE_FACTS section 8 tells of: it names a serial number, and begins in 1970."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(dates.datetime(1970, 1, 1, tzinfo=dates.UTC))
        .not_valid_after(dates.datetime(1990, 1, 1, tzinfo=dates.UTC))
        .sign(key, hashes.SHA256())
    )
    coded = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    shown = made.public_bytes(serialization.Encoding.PEM)
    file.write_bytes(key.private_bytes(*coded) + shown)
    public = file.with_suffix(".crt")
    public.write_bytes(shown)
    return file, public


@pytest.fixture
def own(tmp_path):
    return make_certificate(tmp_path / "own.pem", "SN-4711")


@pytest.fixture
def other(tmp_path):
    return make_certificate(tmp_path / "other.pem", "SN-4711")


@pytest.fixture
def secured(own):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(own[0])
    with SimulatedOnvif(tls=tls) as made:
        yield made


def test_a_factory_certificate_is_pinned_without_a_name_check(secured, own, connect, listening):
    camera = connect(secured, tls_ca=str(own[1]), rex_input="input-1")
    assert camera.open().model == "SIM-1"
    listening(camera)
    assert camera.snapshot().startswith(b"\xff\xd8")


def test_another_certificate_of_the_same_name_is_refused(secured, other, connect):
    with pytest.raises(DeviceRefused, match="tls_ca"):
        connect(secured, tls_ca=str(other[1])).open()
    assert not secured.events.all("request")


def test_a_device_without_a_pin_is_refused_with_the_option_that_helps(secured, connect):
    with pytest.raises(DeviceRefused, match="tls_ca=FILE"):
        connect(secured).open()
    assert not secured.events.all("request")


class Deaf:
    """A peer that answers each connection with fixed bytes."""

    def __init__(self, answer):
        self._answer, self._listener = answer, socket.create_server(("127.0.0.1", 0))
        self.address = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                held, _ = self._listener.accept()
            except OSError:
                return
            with held:
                self.connections += 1
                held.recv(4096)
                held.sendall(self._answer)

    def close(self):
        self._listener.close()


# RFC 5246 7.2: an alert of TLS 1.0, fatal, protocol_version; and the server's words of plain HTTP.
OLD = bytes.fromhex("15030100020246")
HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(("answer", "words"), [(OLD, "no longer speaks"), (HTTP, "http://")], ids=["old", "http"])
def test_tls_that_does_not_come_about_is_named_and_power_is_not_blamed(connect, answer, words):
    peer = Deaf(answer)
    try:
        with pytest.raises(DeviceRefused, match=words) as refused:
            connect(peer).open()
        assert "power" not in str(refused.value)
        assert peer.connections
    finally:
        peer.close()
