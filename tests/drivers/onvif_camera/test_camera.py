"""The ONVIF camera driver before a device that is written by hand."""

import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import DeviceGarbled, DeviceRefused, DeviceUnreachable, InvalidInput
from drivers.onvif_camera.device import OnvifCamera
from drivers.onvif_camera.driver import DRIVER
from tests.drivers.onvif_camera.handmade_device import JPEG, OnvifServer


@pytest.fixture
def server() -> Iterator[OnvifServer]:
    device = OnvifServer()
    thread = threading.Thread(target=device.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield device
    device.http.shutdown()
    device.http.server_close()
    thread.join()


@pytest.fixture
def connect(server: OnvifServer) -> Iterator[Callable[..., OnvifCamera]]:
    made: list[OnvifCamera] = []

    def make(password: str | None = None, username: str | None = "admin", **options: str) -> OnvifCamera:
        password = server.password if password is None else password
        camera = DRIVER.build(DeviceConfig("1", "cam", "onvif_camera", server.address, username, password, options))
        assert isinstance(camera, OnvifCamera)
        made.append(camera)
        return camera

    yield make
    for camera in made:
        camera.close()


def test_identifies_and_bounds_what_the_device_says(server: OnvifServer, connect: Callable[..., OnvifCamera]) -> None:
    info = connect().open()
    assert (info.manufacturer, info.model, info.firmware, info.serial) == ("Acme Co", "M" * 64, "1.2", "42")
    assert server.authorised == 3
    assert server.refusals == 0


def test_announced_hosts_are_replaced_and_credentials_stay_apart(
    server: OnvifServer, connect: Callable[..., OnvifCamera]
) -> None:
    camera = connect()
    camera.open()
    source = camera.stream()
    assert source.url == "rtsp://127.0.0.1:8554/live/main?a=1"
    assert (source.username, source.password) == ("admin", server.password)
    assert server.password not in repr(source)


def test_doubled_ports_are_read(server: OnvifServer, connect: Callable[..., OnvifCamera]) -> None:
    server.stream_uri = "rtsp://192.0.2.1:554:554/Streaming"
    camera = connect()
    camera.open()
    assert camera.stream().url == "rtsp://127.0.0.1:554/Streaming"


def test_a_stream_that_is_not_rtsp_is_refused(server: OnvifServer, connect: Callable[..., OnvifCamera]) -> None:
    server.stream_uri = "file:///etc/passwd"
    camera = connect()
    camera.open()
    with pytest.raises(DeviceGarbled, match="RTSP"):
        camera.stream()


@pytest.mark.parametrize("hours", [1, -1])
def test_a_skewed_clock_is_followed_and_told(
    hours: int, server: OnvifServer, connect: Callable[..., OnvifCamera]
) -> None:
    server.skew = timedelta(hours=hours)
    server.stream_uri = "rtsp://192.0.2.1:1/none"
    camera = connect()
    camera.open()
    answer = camera.check()
    assert server.refusals == 0
    assert abs(answer["clock_skew_seconds"] - hours * 3600) < 5
    assert "3600" in answer["notes"][0] or "3599" in answer["notes"][0] or "3601" in answer["notes"][0]
    assert answer["profiles"][0] == {
        "token": "main",
        "name": "Main",
        "encoding": "H264",
        "width": 1920,
        "height": 1080,
    } | {"fps": None, "service": "media1"}
    assert answer["stream"] == "rtsp://127.0.0.1:1/none"
    assert answer["video"] == {"error": "no connection to the camera; check its address, power and network"}


def test_http_digest_device(server: OnvifServer, connect: Callable[..., OnvifCamera]) -> None:
    server.authentication = "digest"
    camera = connect()
    camera.open()
    assert camera.snapshot() == JPEG
    assert server.refusals == 2  # a challenge each for calls and for pictures


def test_profile_by_name(connect: Callable[..., OnvifCamera]) -> None:
    camera = connect(profile="Sub")
    camera.open()
    assert camera._profile().token == "sub"
    absent = connect(profile="none")
    absent.open()
    with pytest.raises(InvalidInput, match="profile"):
        absent.stream()


def test_older_devices_by_capabilities(server: OnvifServer, connect: Callable[..., OnvifCamera]) -> None:
    server.services = False
    camera = connect()
    camera.open()
    assert "GetCapabilities" in server.operations
    assert camera.stream().url.startswith("rtsp://127.0.0.1:8554/")


@pytest.mark.parametrize("authentication", ["token", "digest"])
def test_wrong_password_stops_after_two_tries(
    authentication: str, server: OnvifServer, connect: Callable[..., OnvifCamera]
) -> None:
    server.authentication = authentication
    camera = connect(password="wrong")
    for _ in range(5):
        with pytest.raises(DeviceRefused, match=r"password; give the right one|then the password$") as refused:
            camera.open()
        assert refused.value.hint is not None
        assert refused.value.hint.code == "set_device_password"
        camera.close()
    assert 1 <= server.refusals <= 2
    assert "wrong" not in str(refused.value)


def test_no_password_given(server: OnvifServer, connect: Callable[..., OnvifCamera]) -> None:
    with pytest.raises(DeviceRefused, match="wants a user name and a password") as refused:
        connect(username=None).open()
    assert refused.value.hint is not None
    assert refused.value.hint.code == "set_device_login"


def test_a_plain_password_is_never_sent(server: OnvifServer, connect: Callable[..., OnvifCamera]) -> None:
    server.authentication = "basic"
    with pytest.raises(DeviceRefused, match="clear text"):
        connect().open()
    assert server.refusals >= 1
    assert not server.plain_password_seen


def test_a_huge_answer_is_cut(server: OnvifServer, connect: Callable[..., OnvifCamera]) -> None:
    sent = 0

    def pour(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(300):
                sent += handler.wfile.write(b" " * 1_000_000)
        except OSError:
            handler.close_connection = True

    server.canned = pour
    with pytest.raises(DeviceGarbled, match="5 MB"):
        connect().open()
    assert 5_000_000 <= sent < 60_000_000


def test_a_drip_ends_at_the_deadline(server: OnvifServer, connect: Callable[..., OnvifCamera]) -> None:
    stop, cut = threading.Event(), threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not stop.wait(0.05):
                handler.wfile.write(b"a")
        except OSError:
            cut.set()
        handler.close_connection = True

    server.canned = drip
    camera = connect()
    camera._device.transport._deadline = 0.5
    with pytest.raises(DeviceUnreachable, match="in time"):
        camera.open()
    assert cut.wait(5)
    stop.set()


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><l>&b;&b;</l>',
        b'<!DOCTYPE l SYSTEM "file:///etc/passwd"><l/>',
        b"<a>" * 100_000,
        b"not xml at all",
        b"",
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body/></s:Envelope>',
    ],
    ids=["entities", "dtd", "deep", "text", "empty", "no-answer"],
)
def test_hostile_xml(body: bytes, server: OnvifServer, connect: Callable[..., OnvifCamera]) -> None:
    server.canned = lambda handler: handler.reply(200, body, Content_Type="application/soap+xml")
    with pytest.raises(DeviceGarbled, match=r"not ONVIF|no video"):
        connect().open()
    assert server.operations


def test_nobody_there(server: OnvifServer) -> None:
    camera = DRIVER.build(DeviceConfig("1", "cam", "onvif_camera", "http://127.0.0.1:9", "u", "p"))
    with pytest.raises(DeviceUnreachable, match="no connection"):
        camera.open()
    camera.close()


@pytest.mark.parametrize("address", ["rtsp://cam", "http://", "cam", "http://h:99999", "http://u:p@cam"])
def test_bad_addresses(address: str) -> None:
    with pytest.raises(InvalidInput):
        DRIVER.build(DeviceConfig("1", "cam", "onvif_camera", address))


def test_cameras_share_the_schemas_and_nothing_else(connect: Callable[..., OnvifCamera]) -> None:
    one, other = connect(), connect()
    one.open(), other.open()
    clients = [camera._device._clients["http://www.onvif.org/ver10/device/wsdl"] for camera in (one, other)]
    assert clients[0].wsdl is clients[1].wsdl
    assert one._device.transport._http is not other._device.transport._http
    assert "onvif" not in sys.modules
