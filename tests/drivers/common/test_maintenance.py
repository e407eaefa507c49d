"""What a restart and a picture are on the wire, in literal bytes both ways."""

import pytest

from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import DeviceRefused, OutcomeUnknown
from drivers import Catalog
from drivers.hikvision_console.maintenance import HikvisionUpkeep
from tests.drivers.common.http.raw_http import RawServer, challenge, reply

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\xff\xd9"
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'
DONE = XML + (
    b'<ResponseStatus version="1.0" xmlns="http://www.hikvision.com/ver10/XMLSchema"><requestURL>/ISAPI/System/reboot'
    b"</requestURL><statusCode>1</statusCode><statusString>OK</statusString><subStatusCode>ok</subStatusCode>"
    b"</ResponseStatus>"
)
LACKING = (
    b'{"statusCode":4,"statusString":"Invalid Operation","subStatusCode":"notSupport","errorCode":1073741825,'
    b'"errorMsg":"notSupport"}'
)


@pytest.fixture
def wire():
    """wire(*answers) serves them in turn, each after a challenge; `None` hangs up."""
    made = []

    def serve(*answers):
        script = list(answers)

        def answer(request, connection):
            if b"\r\nAuthorization: Digest " not in request:
                connection.sendall(challenge().replace(b'realm="DS-1"', b'realm="Login to 0"'))
                return
            told = script.pop(0)
            if told is None:
                connection.shutdown(2)
            else:
                connection.sendall(told)

        made.append(RawServer(answer))
        return made[-1]

    yield serve
    for server in made:
        server.close()


def authorised(server):
    return [
        request.partition(b"\r\nAuthorization")[0].split(b"\r\n")[0]
        for request in server.requests
        if b"\r\nAuthorization: Digest " in request
    ]


@pytest.fixture
def hikvision():
    """hikvision(address) is a console whose connection is there, without its reading threads."""
    made = []

    class Console(HikvisionUpkeep):
        def __init__(self, address):
            config = DeviceConfig("1", "x", "hikvision_console", address, "admin", "pw", {"spacing": 0})
            self._isapi = Catalog().get("hikvision_console").build(config)._connect()
            made.append(self._isapi.http)

        def _open_isapi(self):
            return self._isapi

    yield Console
    for http in made:
        http.close()


@pytest.fixture
def dahua():
    """dahua(address) is a terminal whose connections are there, without its reading threads."""
    made = []

    def build(address):
        config = DeviceConfig("1", "x", "dahua_console", address, "admin", "pw", {})
        made.append(Catalog().get("dahua_console").build(config))
        return made[-1]

    yield build
    for console in made:
        console.close()


def test_hikvision_restarts_by_one_put_without_a_body(wire, hikvision):
    server = wire(reply(200, DONE, "Content-Type: application/xml"))
    hikvision(server.address).reboot()
    assert authorised(server) == [b"PUT /ISAPI/System/reboot HTTP/1.1"]
    assert server.requests[-1].endswith(b"\r\n\r\n")
    assert b"Content-Length: 0\r\n" in server.requests[-1]


def test_dahua_restarts_by_one_get(wire, dahua):
    server = wire(reply(200, b"OK\r\n"))
    dahua(server.address).reboot()
    assert authorised(server) == [b"GET /cgi-bin/magicBox.cgi?action=reboot HTTP/1.1"]


@pytest.mark.parametrize("kind", ["hikvision", "dahua"])
def test_a_restart_whose_answer_is_lost_is_unknown_and_not_repeated(wire, kind, request):
    server = wire(None, reply(200, b"OK\r\n"))
    with pytest.raises(OutcomeUnknown):
        request.getfixturevalue(kind)(server.address).reboot()
    assert len(authorised(server)) == 1


def test_pictures_by_their_pages(wire, hikvision, dahua):
    server = wire(reply(200, JPEG, "Content-Type: image/jpeg"))
    assert hikvision(server.address).snapshot() == JPEG
    assert authorised(server) == [b"GET /ISAPI/Streaming/channels/101/picture HTTP/1.1"]
    server = wire(reply(200, JPEG, "Content-Type: image/jpeg"))
    assert dahua(server.address).snapshot() == JPEG
    assert authorised(server) == [b"GET /cgi-bin/snapshot.cgi?channel=1 HTTP/1.1"]


def test_firmware_without_pictures_says_so(wire, hikvision, dahua):
    with pytest.raises(DeviceRefused, match="gives no pictures"):
        hikvision(wire(reply(403, LACKING)).address).snapshot()
    with pytest.raises(DeviceRefused, match="refuses"):
        dahua(wire(reply(400, b"Error\r\nBad Request!\r\n")).address).snapshot()
