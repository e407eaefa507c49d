"""Announced addresses: another port of the device's own host is believed, another host never.

Seen in the field: Tapo, service :2020, subscription http://192.168.0.249:1024/event-1024_1024 (openhab-addons issue
14738, Home Assistant issue 91661); Reolink, ONVIF :8000, snapshot :80; a forwarded port, where the announced one is
not there (agsh/onvif, pull request 219).
"""

import socket

import pytest

from devicemgr.domain.device_events import FireRelease
from devicemgr.errors import DeviceGarbled
from drivers.common.onvif.soap.addresses import Place
from tests.support.onvif_peer import JPEG, envelope, notification

FIRE = notification("tns1:Device/Trigger/DigitalInput", "InputToken=1", "LogicalState=true")


@pytest.fixture
def closed_port():
    """A port on which nothing answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_events_are_pulled_where_the_subscription_says(peer, connect, facts_until, listening):
    peer.subscription_port = peer.listen()
    camera = connect(peer, fire_input="1")
    camera.open()
    listening(camera)
    peer.notify(FIRE)
    assert facts_until(camera, 1) == [FireRelease(True)]
    assert "PullMessages" in peer.operations(peer.subscription_port)
    assert "PullMessages" not in peer.operations(peer.port)


def test_services_and_pictures_on_another_port_of_the_device(peer, connect):
    peer.announced_port = peer.listen()
    peer.answers["/snapshot.jpg"] = JPEG
    camera = connect(peer)
    camera.open()
    assert camera.snapshot() == JPEG
    assert set(peer.operations(peer.announced_port)) >= {"GetProfiles", "GetSnapshotUri", "/snapshot.jpg"}
    assert set(peer.operations(peer.port)) == {"GetSystemDateAndTime", "GetServices", "GetDeviceInformation"}


def test_a_port_that_is_not_there_falls_back_to_the_configured_one(peer, connect, closed_port, facts_until, listening):
    peer.announced_port = peer.subscription_port = closed_port
    peer.answers["/snapshot.jpg"] = JPEG
    camera = connect(peer, fire_input="1")
    camera.open()
    assert camera.snapshot() == JPEG
    listening(camera)
    peer.notify(FIRE)
    assert facts_until(camera, 1) == [FireRelease(True)]
    assert "PullMessages" in peer.operations(peer.port)


def test_a_port_where_something_else_answers_falls_back_too(peer, connect):
    other = type(peer)()
    try:
        for operation in ("GetProfiles", "GetStreamUri", "GetSnapshotUri"):
            other.answers[operation] = lambda handler, body: handler.reply(404, b"a router's own page")
        other.answers["/snapshot.jpg"] = lambda handler, body: handler.reply(
            401, b"", WWW_Authenticate='Basic realm="router"'
        )
        peer.announced_port = other.port
        peer.answers["/snapshot.jpg"] = JPEG
        camera = connect(peer)
        camera.open()
        assert camera.stream().url
        assert "GetProfiles" in other.operations()
        assert "GetProfiles" in peer.operations()
        peer.answers["GetSnapshotUri"] = envelope(
            "<trt:GetSnapshotUriResponse><trt:MediaUri>"
            f"<tt:Uri>{other.address}/snapshot.jpg</tt:Uri></trt:MediaUri></trt:GetSnapshotUriResponse>"
        )
        again = connect(peer)
        peer.announced_port = 0
        again.open()
        assert again.snapshot() == JPEG
        assert "/snapshot.jpg" in other.operations()
    finally:
        other.stop()


@pytest.mark.parametrize(
    ("own", "announced", "used"),
    [
        ("http://192.0.2.7:2020", "http://192.0.2.7:1024/event-1024_1024", "http://192.0.2.7:1024/event-1024_1024"),
        (
            "http://192.0.2.7:8000",
            "http://192.0.2.7/cgi-bin/api.cgi?cmd=Snap",
            "http://192.0.2.7/cgi-bin/api.cgi?cmd=Snap",
        ),
        ("http://192.0.2.7:8000", "http://192.0.2.7:80:80/snap", "http://192.0.2.7/snap"),
        ("http://192.0.2.7:8000", "http://198.51.100.1:1024/sub", "http://192.0.2.7:8000/sub"),
        ("http://192.0.2.7:8000", "https://192.0.2.7:1024/sub", "http://192.0.2.7:8000/sub"),
        ("https://192.0.2.7", "http://192.0.2.7:80/sub", "https://192.0.2.7/sub"),
        ("https://192.0.2.7", "https://192.0.2.7:8443/sub", "https://192.0.2.7:8443/sub"),
        ("http://192.0.2.7:8000", "http://evil@192.0.2.7:99999/sub", "http://192.0.2.7/sub"),
        ("http://[2001:db8::7]", "http://[2001:db8:0:0::7]:1024/sub", "http://[2001:db8::7]:1024/sub"),
        ("http://localhost:8000", "http://127.0.0.1:1024/sub", "http://localhost:1024/sub"),
        ("http://192.0.2.7:8000", "http://camera.example:1024/sub", "http://192.0.2.7:8000/sub"),
    ],
)
def test_which_address_is_used(own, announced, used):
    assert Place(own).http(announced) == used


def test_never_down_from_https_even_for_an_allowed_host():
    with pytest.raises(DeviceGarbled, match="http:// where https://"):
        Place("https://192.0.2.7", frozenset({"192.0.2.9"})).http("http://192.0.2.9/sub")
