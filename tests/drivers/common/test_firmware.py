"""Firmware on the wire, in literal bytes both ways."""

import pytest

from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.maintenance import Image
from devicemgr.errors import DeviceRefused, OutcomeUnknown
from drivers import Catalog
from drivers.common.onvif.services import firmware
from drivers.common.onvif.soap.addresses import Place
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.login import OnvifLogin
from drivers.common.onvif.soap.namespaces import DEVICE
from drivers.hikvision_console import firmware as _hik_firmware
from tests.drivers.common.http.raw_http import RawServer, challenge, reply

FILE = b"firmware \x00\xff bytes"
STATUS = (
    '<?xml version="1.0" encoding="UTF-8"?><ResponseStatus version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
)
TAKEN = f"{STATUS}<statusCode>7</statusCode><statusString>Reboot Required</statusString></ResponseStatus>".encode()
DONE = f"{STATUS}<statusCode>1</statusCode><statusString>OK</statusString></ResponseStatus>".encode()
ANSWER = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl">'
    "<s:Body><tds:StartFirmwareUpgradeResponse><tds:UploadUri>http://192.0.2.9/fw/a?b=1</tds:UploadUri><tds:UploadDelay>"
    "PT0S</tds:UploadDelay><tds:ExpectedDownTime>PT2M</tds:ExpectedDownTime></tds:StartFirmwareUpgradeResponse></s:Body>"
    "</s:Envelope>"
)


def upgrading(percent):
    going = "true" if percent < 100 else "false"
    return (
        f'<upgradeStatus version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema"><upgrading>{going}</upgrading>'
        f"<percent>{percent}</percent></upgradeStatus>"
    ).encode()


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(FILE)
    return Image(path, len(FILE))


@pytest.fixture
def served():
    """served(answer) is a server; answer(request line, body) gives bytes, or None to hang up."""
    made = []

    def serve(answer):
        def tell(request, connection):
            line = request.split(b"\r\n")[0].decode()
            authorised = b"\r\nAuthorization: Digest " in request
            told = answer(line, authorised, request.partition(b"\r\n\r\n")[2])
            if told is None:
                connection.shutdown(2)
            else:
                connection.sendall(told)

        made.append(RawServer(tell))
        return made[-1]

    yield serve
    for server in made:
        server.close()


@pytest.fixture
def hikvision(monkeypatch):
    """hikvision(server) is its ISAPI."""
    monkeypatch.setattr(_hik_firmware, "LOOK_S", 0.0)
    made = []

    def connect(server):
        config = DeviceConfig("1", "x", "hikvision_console", server.address, "admin", "pw", {"spacing": 0})
        made.append(Catalog().get("hikvision_console").build(config)._connect())
        return made[-1]

    yield connect
    for isapi in made:
        isapi.http.close()


def test_hikvision_the_file_its_writing_and_a_restart(served, hikvision, image):
    percents, seen, told = [10, 60, 100], [], []

    def answer(line, authorised, body):
        if not authorised:
            return challenge()
        seen.append((line, body))
        if "updateFirmware" in line:
            return reply(200, TAKEN)
        return reply(200, upgrading(percents.pop(0)) if "upgradeStatus" in line else DONE)

    server = served(answer)
    _hik_firmware.upgrade(hikvision(server), image, lambda *how: told.append(how))
    assert seen == [
        ("PUT /ISAPI/System/updateFirmware HTTP/1.1", FILE),
        ("GET /ISAPI/System/upgradeStatus HTTP/1.1", b""),
        ("GET /ISAPI/System/upgradeStatus HTTP/1.1", b""),
        ("GET /ISAPI/System/upgradeStatus HTTP/1.1", b""),
        ("PUT /ISAPI/System/reboot HTTP/1.1", b""),
    ]
    sent = next(request for request in server.requests if request.endswith(FILE))
    assert b"\r\nContent-Type: application/octet-stream\r\n" in sent
    assert f"\r\nContent-Length: {len(FILE)}\r\n".encode() in sent
    assert ("sending", len(FILE), len(FILE)) in told
    assert [how for how in told if how[0] == "writing"] == [("writing", n, 100) for n in (10, 60, 100)]


def test_hikvision_an_answer_that_is_lost_is_unknown_and_the_file_not_sent_again(served, hikvision, image):
    server = served(lambda line, authorised, body: None if authorised else challenge())
    with pytest.raises(OutcomeUnknown):
        _hik_firmware.upgrade(hikvision(server), image, lambda *_: None)
    assert len([request for request in server.requests if request.startswith(b"PUT") and FILE in request]) == 1


def test_hikvision_without_it(served, hikvision, image):
    lacking = b'{"statusCode":4,"statusString":"Invalid Operation","subStatusCode":"notSupport"}'
    server = served(lambda line, authorised, body: reply(403, lacking) if authorised else challenge())
    with pytest.raises(DeviceRefused, match="takes no firmware from here"):
        _hik_firmware.upgrade(hikvision(server), image, lambda *_: None)


def onvif(served, answer):
    server = served(answer)
    device = OnvifDevice(Place(f"{server.address}/onvif/device_service"), OnvifLogin("admin", "pw"))
    device.addresses[DEVICE] = device.place.url
    return server, device


def test_onvif_asks_where_to_and_posts_the_file_there_on_the_device_itself(served, image):
    def answer(line, authorised, body):
        if "device_service" in line:
            return reply(200, ANSWER.encode(), "Content-Type: application/soap+xml")
        return reply(
            200 if authorised and line.startswith("POST") else 401,
            b"",
            *([] if authorised else ['WWW-Authenticate: Digest qop="auth", realm="r", nonce="n"']),
        )

    server, device = onvif(served, answer)
    firmware.upgrade(device, image, lambda *_: None)
    device.close()
    lines = [request.split(b"\r\n")[0] for request in server.requests]
    assert lines == [
        b"POST /onvif/device_service HTTP/1.1",
        b"GET /fw/a?b=1 HTTP/1.1",
        b"POST /fw/a?b=1 HTTP/1.1",
    ]
    asked, _, sent = server.requests
    assert b"<n:StartFirmwareUpgrade></n:StartFirmwareUpgrade>" in asked or b"<n:StartFirmwareUpgrade/>" in asked
    assert b'action="http://www.onvif.org/ver10/device/wsdl/StartFirmwareUpgrade"' in asked
    head, _, body = sent.partition(b"\r\n\r\n")
    assert body == FILE
    assert b"Content-Type: application/octet-stream" in head
    assert f"Content-Length: {len(FILE)}".encode() in head
    assert b"Transfer-Encoding" not in head


@pytest.mark.parametrize(
    ("status", "says"), [(415, "is no firmware for it"), (413, "too large"), (500, "answers 500 to the file")]
)
def test_onvif_refusals(served, image, status, says):
    _, device = onvif(
        served, lambda line, *_: reply(200, ANSWER.encode()) if "device_service" in line else reply(status)
    )
    with pytest.raises(DeviceRefused, match=says):
        firmware.upgrade(device, image, lambda *_: None)
    device.close()


def test_onvif_an_answer_that_is_lost_is_unknown_and_the_file_not_sent_again(served, image):
    def answer(line, *_):
        if "device_service" in line:
            return reply(200, ANSWER.encode())
        return reply(405) if line.startswith("GET") else None

    server, device = onvif(served, answer)
    with pytest.raises(OutcomeUnknown, match="do not cut its power"):
        firmware.upgrade(device, image, lambda *_: None)
    device.close()
    assert len([request for request in server.requests if request.endswith(FILE)]) == 1


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT5S", 5), ("PT1M0.5S", 60.5), ("P1DT1H", 90_000), ("", 0), ("soon", 0), ("-PT5S", 0)]
)
def test_durations(text, seconds):
    assert firmware.seconds_of(text) == seconds


def test_a_device_that_wants_to_wait_for_long_is_left_alone(served, image):
    late = ANSWER.replace("PT0S", "PT3H").encode()
    server, device = onvif(served, lambda line, *_: reply(200, late))
    with pytest.raises(DeviceRefused, match="only after 10800 s"):
        firmware.upgrade(device, image, lambda *_: None)
    device.close()
    assert len(server.requests) == 1
