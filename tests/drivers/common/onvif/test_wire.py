"""ONVIF devices that die, drip, answer nonsense, or attack; each fault is shown to happen."""

import ipaddress
import os
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused, DeviceUnreachable
from drivers.sim.onvif.simulator import SimulatedOnvif


def test_a_dead_device_is_noticed(device, connect, wait_until):
    camera = connect(device)
    camera.open()
    camera.poll()
    device.down.set()
    with pytest.raises(DeviceUnreachable):
        wait_until(lambda: camera.poll() is None)
    assert any(e["fault"] == "down" for e in device.events.all("injected"))


def test_a_healthy_device_is_polled_gently(device, connect):
    camera = connect(device)
    camera.open()
    before = len(device.events.all("request"))
    for _ in range(100):
        camera.poll()
    assert len([e for e in device.events.all("request")[before:] if e["operation"] == "GetSystemDateAndTime"]) <= 2


def test_one_byte_a_second_ends_at_the_deadline(device, connect, monkeypatch):
    device.faults.slow = True
    camera = connect(device)
    monkeypatch.setattr(camera._device.transport, "_deadline", 0.5)
    with pytest.raises(DeviceUnreachable, match="in time"):
        camera.open()
    assert device.events.all("injected")[0]["fault"] == "slow"


def test_a_device_that_is_always_just_in_time_is_given_up(device, connect):
    camera = connect(device)
    device.faults.slow = True
    with camera._device.transport.budget(0.0), pytest.raises(DeviceUnreachable, match="in time"):
        camera._device.read_clock()
    assert device.events.all("injected")[0]["fault"] == "slow"


@pytest.fixture
def certificate(tmp_path):
    """A key and a certificate of its own for 127.0.0.1, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "camera.pem"
    coded = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(*coded) + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_https_stays_https(certificate, connect, listening):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with SimulatedOnvif(tls=tls, snapshot_auth="basic") as device:
        with pytest.raises(DeviceRefused, match="tls_ca"):
            connect(device).open()
        assert not device.events.all("request")
        device.faults.announce = "http://192.0.2.9"
        camera = connect(device, tls_ca=str(certificate), rex_input="input-1")
        camera.open()
        listening(camera)
        assert camera.stream().url == f"{device.address}/stream"
        assert camera.snapshot().startswith(b"\xff\xd8")
        with pytest.raises(DeviceGarbled, match="http:// where https:// is configured"):
            connect(device, tls_ca=str(certificate), allow_hosts="192.0.2.9").open()


@pytest.mark.parametrize("kind", ["truncated", "text", "empty", "deep", "no_body", "garbage_bytes"])
def test_malformed_answers_are_that_calls(device, connect, kind):
    device.faults.malformed, device.faults.only = kind, "GetProfiles"
    device.faults.missing = ["tr2"]
    camera = connect(device)
    with pytest.raises(DeviceGarbled):
        camera.open()
    assert device.events.all("injected")
    device.faults.malformed = ""
    camera.open()


def test_a_time_that_is_none_is_no_reason_to_give_up(device, connect):
    device.faults.malformed, device.faults.only = "bad_time", "GetSystemDateAndTime"
    camera = connect(device)
    camera.open()
    assert camera.check()["notes"] == ["the device's clock cannot be read"]


class Lure:
    """Where attacks would make us connect to; `visits` counts."""

    def __init__(self):
        self.visits = 0
        self._sink = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._sink.getsockname()[1]}/x.dtd"
        self._thread = threading.Thread(target=self._accept)

    def _accept(self):
        while True:
            with self._sink.accept()[0] as visitor:
                if visitor.recv(1) == b"!":
                    return
                self.visits += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        with socket.create_connection(self._sink.getsockname()) as last:
            last.sendall(b"!")
        self._thread.join()
        self._sink.close()


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("kind", ["bomb", "xxe", "schema_location", "huge", "redirect", "gzip"])
@pytest.mark.parametrize("only", ["GetSystemDateAndTime", "GetServices", "GetDeviceInformation", "PullMessages"])
def test_attacks_are_refused_and_reach_nowhere(device, connect, kind, only, wait_until, listening):
    camera = connect(device, rex_input="input-1")
    camera.open()
    listening(camera)
    with Lure() as lure:
        device.faults.hostile_target, device.faults.only = lure.url, only
        device.faults.hostile = kind
        before = resident()
        if only == "PullMessages":
            device.events.wait_for("injected")
            if kind != "schema_location":
                wait_until(lambda: camera._session.pump.trouble is not None)
        elif kind == "schema_location" or only == "GetServices":
            camera.open()  # a location is text, of which nothing comes; and services are also told another way
        else:
            with pytest.raises(DeviceError):
                camera.open()
        assert resident() - before < 20 * 2**20
        assert device.events.all("injected")[0] | {"monotonic": 0} == {
            "event": "injected",
            "fault": f"hostile {kind}",
            "operation": only,
            "monotonic": 0,
        }
    assert lure.visits == 0
