"""Consoles of both vendors under TLS: the pinned certificate and no other, before any byte; no password anywhere."""

import contextlib
import logging
from datetime import UTC, datetime

import pytest

from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import DeviceError, DeviceRefused
from drivers import Catalog
from tests.drivers.common.http.raw_http import RawServer, challenge, reply

PASSWORD = "secret-of-a-console"
KINDS = ("hikvision_console", "dahua_console")


def answers(request, connection):
    """A console that refuses all but what it is asked first."""
    if b"Authorization" not in request:
        connection.sendall(challenge())
    elif b"getSystemInfo" in request:
        connection.sendall(reply(200, b"deviceType=ASI\r\nserialNumber=1\r\n"))
    elif b"getCurrentTime" in request:
        connection.sendall(reply(200, f"result={datetime.now(UTC):%Y-%m-%d %H:%M:%S}".encode()))
    elif b"deviceInfo" in request:
        connection.sendall(reply(200, b"<DeviceInfo><model>DS-K1T</model></DeviceInfo>"))
    elif b"ISAPI" in request:
        connection.sendall(reply(403, b'{"statusCode":4,"subStatusCode":"notSupport"}'))
    else:
        connection.sendall(reply(400, b"Error\r\nBad Request!\r\n"))


@pytest.fixture
def console(certificate):
    made = []

    def build(kind, scheme="https", **options):
        server = RawServer(answers, certificate[0])
        address = server.address.replace("https", scheme)
        config = DeviceConfig("1", "hall-face", kind, address, "admin", PASSWORD, options)
        device = Catalog().get(kind).build(config)
        device.resume(None)
        made.append((device, server))
        return device, server

    yield build
    for device, server in made:
        device.close()
        server.close()


@pytest.mark.parametrize("kind", KINDS)
def test_the_pinned_certificate_is_spoken_to(console, certificate, kind):
    device, server = console(kind, tls_fingerprint=f"sha256:{certificate[2]}")
    with contextlib.suppress(DeviceError):
        device.open()
    assert any(b"Authorization" in request for request in server.requests)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pin", [{}, {"tls_fingerprint": "sha256:" + "00" * 32}])
def test_any_other_gets_no_byte(console, kind, pin):
    device, server = console(kind, **pin)
    with pytest.raises(DeviceRefused, match="certificate"):
        device.open()
    assert server.requests == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_pinned_scheme_is_never_stepped_down(console, kind):
    """The console speaks TLS and the address says http: nothing tries the other by itself, and nothing is sent."""
    device, server = console(kind, scheme="http")
    with pytest.raises(DeviceError):
        device.open()
    assert server.requests == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_password_stands_in_no_log_and_no_error(console, certificate, kind, caplog):
    caplog.set_level(logging.DEBUG)
    device, server = console(kind, tls_fingerprint=f"sha256:{certificate[2]}")
    told = ""
    try:
        device.open()
        device.check()
    except DeviceError as error:
        told = f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert server.requests
    assert PASSWORD not in told + caplog.text + repr(vars(device))
    assert PASSWORD.encode() not in b"".join(server.requests)
