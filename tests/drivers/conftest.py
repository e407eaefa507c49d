"""Gates built as the daemon builds them, from a DeviceConfig."""

import datetime
import hashlib
import ipaddress
import ssl
import threading
import time

import pytest

from devicemgr.domain.model import DeviceConfig
from drivers import Catalog
from tests.drivers.common.happenings import only_happenings


@pytest.fixture
def gate():
    """gate(kind, address, **options) builds, does not open, and closes at the end; states=True polls states too."""
    built = []

    def build(kind, address, states=False, **options):
        device = Catalog().get(kind).build(DeviceConfig("1", "gate-a", kind, str(address), options=options))
        built.append(device)
        return only_happenings(device, states=states)

    yield build
    for device in built:
        device.close()


@pytest.fixture
def poll_until():
    """poll_until(device, n) polls until `n` facts have come and gives them; fails after many polls without."""

    def poll(device, wanted=1, polls=400):
        facts = []
        for _ in range(polls):
            facts += device.poll()
            if len(facts) >= wanted:
                return facts
        raise AssertionError(f"{len(facts)} of {wanted} facts: {facts}")

    return poll


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate: the server's context, its file, and its fingerprint."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "console")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = made.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, file, hashlib.sha256(signed.public_bytes(serialization.Encoding.DER)).hexdigest()


@pytest.fixture
def collect():
    """collect(device, n, kind) polls until n facts of one kind, or of any, have come."""

    def poll(device, wanted=1, kind=object, seconds=15.0):
        facts, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            facts += [fact for fact in device.poll() if isinstance(fact, kind)]
            if len(facts) >= wanted:
                return facts
            threading.Event().wait(min(device.poll_interval, 0.02))
        raise AssertionError(f"{len(facts)} of {wanted} facts: {facts}")

    return poll
