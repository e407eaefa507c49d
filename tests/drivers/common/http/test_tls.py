"""TLS of devices: old protocol versions and ciphers, factory certificates as pins, and the words for each failure.

What old firmware offers (TLS 1.0, RSA key exchange or CBC-SHA only) and what factory certificates name (a serial number
or MAC, dates long past) is in DEVICE_FACTS sections 7 and 8; the peers are OpenSSL servers set up so.
"""

import datetime
import ipaddress
import socket
import ssl
import struct
import threading
from contextlib import closing

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from devicemgr.errors import DeviceRefused, DeviceUnreachable
from drivers.common.http.client import Http, Request
from drivers.common.http.login import Login
from drivers.common.http.tls import tls_context
from tests.drivers.common.http.raw_http import RawServer, reply

PAGE = Request("GET", "/page")
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
PEM = serialization.Encoding.PEM


class Authority:
    """A private CA with its file, or a device that signs its own certificate."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key = rsa.generate_private_key(65537, 2048)
        self.file = folder / f"{name}.pem"
        self.certificate = self.sign(self.key.public_key(), name, is_ca=True)
        self.file.write_bytes(self.certificate.public_bytes(PEM))

    def sign(self, key, name, *, is_ca=False, begin=NOW - DAY, end=NOW + DAY):
        def named(common):
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

        made = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(self.name)).public_key(key)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
        made = made.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        if name == "127.0.0.1":
            alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))])
            made = made.add_extension(alternative, critical=False)
        return made.sign(self.key, hashes.SHA256())

    def device(self, name, *, bits=2048, **dates):
        """Return a certificate signed by this authority: its own file, and a file with its key."""
        key = rsa.generate_private_key(65537, bits)
        return self.write(name, key, self.sign(key.public_key(), name, **dates))

    def write(self, name, key, certificate):
        shown, both = self.folder / f"{name}-own.pem", self.folder / f"{name}-both.pem"
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        shown.write_bytes(certificate.public_bytes(PEM))
        both.write_bytes(private + shown.read_bytes())
        return shown, both


def server_context(both, *, versions=None, ciphers=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"{ciphers or 'ALL'}:@SECLEVEL=0")
    if versions:
        context.minimum_version = context.maximum_version = versions
    context.load_cert_chain(both)
    return context


@pytest.fixture(scope="module")
def private_ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"), "Facility CA")


@pytest.fixture
def device():
    """device(context, address=None, **options) is a raw server that answers 200, and a client of it."""
    made = []

    def make(context, **options):
        server = RawServer(lambda request, connection: connection.sendall(reply(200, b"ok")), context)
        link = Http(server.address, Login("admin", "s3cret"), "/challenge", **options)
        made.extend([link, server])
        return server, link

    yield make
    for one in made:
        one.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(
    ("versions", "ciphers", "reason"),
    [
        (ssl.TLSVersion.TLSv1, None, "TLSV1_ALERT_PROTOCOL_VERSION"),
        (ssl.TLSVersion.TLSv1_1, None, "TLSV1_ALERT_PROTOCOL_VERSION"),
        (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256", "SSLV3_ALERT_HANDSHAKE_FAILURE"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-SHA", "SSLV3_ALERT_HANDSHAKE_FAILURE"),
    ],
    ids=["TLS 1.0", "TLS 1.1", "RSA key exchange", "CBC-SHA"],
)
def test_old_tls_is_named_and_power_is_not(device, private_ca, versions, ciphers, reason):
    shown, both = private_ca.device("127.0.0.1")
    _, link = device(server_context(both, versions=versions, ciphers=ciphers), tls_ca=str(shown))
    with pytest.raises(DeviceRefused, match="only with TLS that this host no longer speaks") as caught:
        link.exchange(PAGE)
    assert reason in str(caught.value)
    assert "power" not in str(caught.value)


def serve(speak):
    """Serve two TCP connections, as a first one that is lost is made again; return the https:// address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run():
        for _ in range(2):
            with closing(listener.accept()[0]) as connection:
                connection.recv(65536)
                speak(connection)
        listener.close()

    threading.Thread(target=run, daemon=True).start()
    return f"https://127.0.0.1:{listener.getsockname()[1]}"


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("speak", "kind", "words"),
    [
        (lambda c: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), DeviceRefused, "not with TLS"),
        (lambda c: c.sendall(b"SSH-2.0-dropbear\r\n"), DeviceRefused, "not with TLS"),
        # A TLS alert record, version 1.0, level fatal, description 70 protocol_version (RFC 5246, section 7.2).
        (lambda c: c.sendall(bytes.fromhex("15 03 01 00 02 02 46")), DeviceRefused, "no longer speaks"),
        # The same, 71 insufficient_security.
        (lambda c: c.sendall(bytes.fromhex("15 03 03 00 02 02 47")), DeviceRefused, "no longer speaks"),
        # The same, 80 internal_error: no cause is guessed from it.
        (lambda c: c.sendall(bytes.fromhex("15 03 03 00 02 02 50")), DeviceRefused, "INTERNAL_ERROR"),
        (lambda c: None, DeviceUnreachable, "ends it when TLS begins"),
        (reset, DeviceUnreachable, "ends it when TLS begins"),
    ],
    ids=["http", "ssh", "version alert", "security alert", "internal error", "hangs up", "resets"],
)
def test_what_answers_is_not_said_to_be_without_power(speak, kind, words):
    with closing(Http(serve(speak), Login("admin", "s3cret"), "/challenge")) as link:
        with pytest.raises(kind, match=words) as caught:
            link.exchange(PAGE)
        assert "power" not in str(caught.value)


@pytest.mark.parametrize(
    "dates",
    [{}, {"begin": NOW - 400 * DAY, "end": NOW - 30 * DAY}, {"begin": NOW + 30 * DAY, "end": NOW + 60 * DAY}],
    ids=["valid", "expired", "not yet valid"],
)
@pytest.mark.parametrize("is_ca", [True, False], ids=["marked as a CA", "not a CA"])
def test_a_devices_own_certificate_is_a_pin(device, tmp_path, is_ca, dates):
    """It names a serial number, as factory certificates do, and its dates may be long past."""
    own = Authority(tmp_path, "DS-K1T341AMF20230101V030305ENJ12345678")
    shown, both = own.write("own", own.key, own.sign(own.key.public_key(), own.name, is_ca=is_ca, **dates))
    server, link = device(server_context(both), tls_ca=str(shown))
    assert link.exchange(PAGE).body == b"ok"
    assert link.exchange(PAGE).body == b"ok"
    # A bare request for the challenge, then the page; each once, though the first connection did not verify.
    assert [request.split()[1] for request in server.requests] == [b"/challenge", b"/page"] * 2


def test_a_certificate_from_a_makers_ca_is_a_pin_too(device, private_ca):
    shown, both = private_ca.device("a4:d5:c2:00:00:01", bits=1024)
    _, link = device(server_context(both), tls_ca=str(shown))
    assert link.exchange(PAGE).body == b"ok"


def test_a_pin_holds_for_no_other_certificate(device, private_ca):
    shown, _ = private_ca.device("serial-1")
    _, other = private_ca.device("127.0.0.1")
    server, link = device(server_context(other), tls_ca=str(shown))
    with pytest.raises(DeviceRefused, match="certificate"):
        link.exchange(PAGE)
    assert server.requests == []


def test_a_ca_still_checks_the_name(device, private_ca):
    _, both = private_ca.device("another-console")
    server, link = device(server_context(both), tls_ca=str(private_ca.file))
    with pytest.raises(DeviceRefused, match="another name"):
        link.exchange(PAGE)
    assert server.requests == []


def test_a_ca_still_checks_the_dates(device, private_ca):
    _, both = private_ca.device("127.0.0.1", begin=NOW - 60 * DAY, end=NOW - 30 * DAY)
    server, link = device(server_context(both), tls_ca=str(private_ca.file))
    with pytest.raises(DeviceRefused, match="out of its dates"):
        link.exchange(PAGE)
    assert server.requests == []


def test_a_renewed_certificate_under_the_ca_follows_a_pin(private_ca, tmp_path):
    """One file holds both; after a pin was shown, another certificate is verified as any other."""
    pinned, pinned_both = private_ca.device("serial-2")
    _, renewed_both = private_ca.device("127.0.0.1")
    (tmp_path / "both.pem").write_bytes(pinned.read_bytes() + private_ca.file.read_bytes())
    context = tls_context(None, str(tmp_path / "both.pem"))
    for both in (pinned_both, renewed_both, pinned_both):
        server = RawServer(lambda request, connection: connection.sendall(reply(200)), server_context(both))
        try:
            host, _, port = server.address.removeprefix("https://").partition(":")
            with socket.create_connection((host, int(port)), 5) as plain:
                secured = context.wrap_socket(plain, server_hostname=host)
                secured.close()
        finally:
            server.close()


def test_the_context_serves_urllib3(private_ca, device):
    """requests and urllib3 take the context as it is (a pool's `ssl_context`)."""
    shown, both = private_ca.device("serial-3")
    server, _ = device(server_context(both))
    with urllib3.PoolManager(ssl_context=tls_context(None, str(shown)), retries=False) as pool:
        assert pool.request("GET", server.address + "/x", timeout=5).data == b"ok"


def test_urllib3_refuses_another_than_the_pin(private_ca, device):
    shown, _ = private_ca.device("serial-3")
    _, other = private_ca.device("serial-4")
    server, _ = device(server_context(other))
    pool = urllib3.PoolManager(ssl_context=tls_context(None, str(shown)), retries=False)
    with pool, pytest.raises(urllib3.exceptions.SSLError):
        pool.request("GET", server.address + "/x", timeout=5)
    assert server.requests == []
