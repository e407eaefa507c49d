"""Stepping down: media 2 to media 1, GetCapabilities for what GetServices hides, a picture from the stream."""

import socket

import pytest

from devicemgr.errors import DeviceError, DeviceRefused
from drivers.common.onvif.soap.namespaces import EVENTS, MEDIA
from tests.support.onvif_peer import JPEG, UNSUPPORTED, envelope, fault

# Media 2 Service Specification 5.2 and 5.3: GetProfiles and GetStreamUri of tr2.
PROFILES2 = envelope(
    '<tr2:GetProfilesResponse><tr2:Profiles token="p1" fixed="true"><tr2:Name>Main</tr2:Name><tr2:Configurations>'
    '<tr2:VideoEncoder token="v1"><tt:Name>v</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>H265</tt:Encoding>'
    "<tt:Resolution><tt:Width>1920</tt:Width><tt:Height>1080</tt:Height></tt:Resolution><tt:Quality>5</tt:Quality>"
    "</tr2:VideoEncoder></tr2:Configurations></tr2:Profiles></tr2:GetProfilesResponse>"
)
BODY = "http://www.onvif.org/ver20/media/wsdl"


def hang_up(handler, body):
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


WRONG = {
    "fault": lambda handler, body: handler.reply(400, UNSUPPORTED),
    "error": lambda handler, body: handler.reply(500, b""),
    "hang-up": hang_up,
    "garbled": lambda handler, body: handler.reply(200, b"It works!"),
    "no-address": lambda handler, body: handler.reply(200, envelope("<tr2:GetStreamUriResponse/>")),
}


@pytest.fixture
def two(peer):
    """A peer with both media services; media 2 answers right unless `wrong(operation, way)` says otherwise."""
    peer.services = ("trt", "tr2")
    media1 = {name: peer.usual(name) for name in ("GetProfiles", "GetStreamUri", "GetSnapshotUri")}
    uri = f"<tr2:Uri>{peer.address}/stream2</tr2:Uri>"
    media2 = {
        "GetProfiles": PROFILES2,
        "GetStreamUri": envelope(f"<tr2:GetStreamUriResponse>{uri}</tr2:GetStreamUriResponse>"),
        "GetSnapshotUri": envelope(
            f"<tr2:GetSnapshotUriResponse>{uri.replace('stream2', 'snapshot2.jpg')}</tr2:GetSnapshotUriResponse>"
        ),
    }
    ways = {}

    def answering(operation):
        def answer(handler, body):
            if BODY not in body:
                handler.reply(200, media1[operation])
            elif operation in ways:
                WRONG[ways[operation]](handler, body)
            else:
                handler.reply(200, media2[operation])

        return answer

    for operation in media1:
        peer.answers[operation] = answering(operation)
    peer.wrong = ways.__setitem__
    return peer


def test_media_2_is_taken_where_it_answers(two, connect):
    camera = connect(two)
    camera.open()
    assert camera.stream().url.endswith("/stream2")
    assert camera._profiles[0].encoding == "H265"


@pytest.mark.parametrize("way", WRONG)
@pytest.mark.parametrize("profile", ["", "Main", "p1"])
def test_a_stream_that_media_2_does_not_give_comes_from_media_1(two, connect, way, profile):
    two.wrong("GetStreamUri", way)
    camera = connect(two, profile=profile)
    camera.open()
    assert camera.stream().url == f"{two.address}/stream"


@pytest.mark.parametrize("way", WRONG)
def test_profiles_that_media_2_does_not_give_come_from_media_1(two, connect, way):
    two.wrong("GetProfiles", way)
    camera = connect(two)
    camera.open()
    assert camera._profiles[0].service == MEDIA
    assert camera.stream().url == f"{two.address}/stream"


@pytest.mark.parametrize("way", WRONG)
def test_a_snapshot_address_that_media_2_does_not_give_comes_from_media_1(two, connect, way):
    two.wrong("GetSnapshotUri", way)
    two.answers["/snapshot.jpg"] = JPEG
    camera = connect(two)
    camera.open()
    assert camera.snapshot() == JPEG


def test_media_1_that_get_services_hides_is_named_by_get_capabilities(two, connect):
    two.services, two.capabilities = ("tr2",), ("trt",)
    two.wrong("GetStreamUri", "fault")
    camera = connect(two)
    camera.open()
    assert "GetCapabilities" not in two.operations(), "it is asked when it is needed"
    assert camera.stream().url == f"{two.address}/stream"


@pytest.mark.parametrize("way", ["fault", "error", "hang-up", "garbled"])
def test_get_services_that_is_refused_or_hangs_up(peer, connect, way):
    peer.answers["GetServices"] = WRONG[way]
    peer.capabilities = ("trt", "tev")
    camera = connect(peer)
    camera.open()
    assert set(camera._device.addresses) >= {MEDIA, EVENTS}
    assert camera.stream().url == f"{peer.address}/stream"


def test_events_that_get_services_hides_are_found_where_they_matter(peer, connect, listening):
    peer.services, peer.capabilities = ("trt",), ("tev",)
    camera = connect(peer, fire_input="1")
    camera.open()
    listening(camera)
    assert "CreatePullPointSubscription" in peer.operations()


NO_PICTURE = {
    "404": lambda handler, body: handler.reply(404, b""),
    "500": lambda handler, body: handler.reply(500, b""),
    "hang-up": hang_up,
    "html": lambda handler, body: handler.reply(200, b"<html>log in</html>"),
    "empty": lambda handler, body: handler.reply(200, b""),
    "redirect": lambda handler, body: handler.reply(302, b"", Location="http://192.0.2.1/"),
}


@pytest.mark.parametrize("way", NO_PICTURE)
def test_a_snapshot_that_fails_is_a_picture_from_the_stream(device, connect, way, peer):
    camera = with_snapshot_of(connect, device, peer, f"{peer.address}/snap")
    peer.answers["/snap"] = NO_PICTURE[way]
    assert camera.snapshot().startswith(b"\xff\xd8")
    assert "/snap" in peer.operations()


@pytest.mark.parametrize("uri", ["rtsp://127.0.0.1:9/live", "RTSP://admin:pw@127.0.0.1:9/live", ""])
def test_a_snapshot_address_that_is_a_stream_is_none(device, connect, peer, uri):
    """XM boards announce rtsp:// (DEVICE_FACTS section 8)."""
    camera = with_snapshot_of(connect, device, peer, uri)
    assert camera.snapshot().startswith(b"\xff\xd8")


def with_snapshot_of(connect, device, peer, uri):
    """A camera whose stream is the simulated device's, and whose snapshots are announced at `uri`."""
    stream = f"<trt:MediaUri><tt:Uri>{device.address}/stream</tt:Uri></trt:MediaUri>"
    peer.answers["GetStreamUri"] = envelope(f"<trt:GetStreamUriResponse>{stream}</trt:GetStreamUriResponse>")
    announced = f"<trt:MediaUri><tt:Uri>{uri}</tt:Uri></trt:MediaUri>"
    peer.answers["GetSnapshotUri"] = envelope(f"<trt:GetSnapshotUriResponse>{announced}</trt:GetSnapshotUriResponse>")
    camera = connect(peer)
    camera.open()
    return camera


def test_no_picture_at_all_names_both_causes(peer, connect):
    peer.answers["/snapshot.jpg"] = NO_PICTURE["404"]
    peer.answers["GetStreamUri"] = UNSUPPORTED
    camera = connect(peer)
    camera.open()
    with pytest.raises(DeviceRefused, match=r"404.*and of the stream:.*GetStreamUri"):
        camera.snapshot()


PARTS = {
    "GetStreamUri": "stream",
    "GetRelayOutputs": "relays",
    "GetDigitalInputs": "inputs",
    "GetSystemDateAndTime": "notes",
}


@pytest.mark.parametrize("operation", PARTS)
@pytest.mark.parametrize("way", ["fault", "error", "hang-up", "garbled"])
def test_a_test_of_a_device_does_not_fail_as_a_whole_for_one_part(peer, connect, operation, way):
    camera = connect(peer)
    camera.open()
    peer.answers[operation] = WRONG[way]
    found = camera.check()
    assert found["model"] == "M1"
    assert set(found) >= {"stream", "relays", "inputs", "profiles", "services", "presets", "imaging"}
    wrong = {name for name, value in found.items() if isinstance(value, dict) and "error" in value}
    assert wrong <= {PARTS[operation], "video"}
    if operation == "GetStreamUri":
        assert "error" in found["stream"]
    if operation == "GetSystemDateAndTime":
        assert "clock" in found["notes"][0]


def test_a_gone_device_is_told_part_by_part(peer, connect):
    camera = connect(peer)
    camera.open()
    peer.stop()
    found = camera.check()
    assert "error" in found["stream"]
    assert "error" in found["relays"]
    with pytest.raises(DeviceError):
        camera.open()


def test_a_refused_list_of_relays_is_no_absence_of_relays(peer, connect):
    peer.answers["GetRelayOutputs"] = fault("ter:Action", "Too many requests of this kind")
    with pytest.raises(DeviceRefused, match="refuses GetRelayOutputs: Too many requests"):
        connect(peer, relay="r1").open()


def test_a_camera_that_refuses_its_profiles_is_opened_with_the_rest(peer, connect, listening):
    peer.answers["GetProfiles"] = fault("ter:Action", "Encoder is restarting")
    camera = connect(peer, fire_input="1")
    assert camera.open().model == "M1"
    listening(camera)
    found = camera.check()
    assert "Encoder is restarting" in found["profiles"]["error"]
    assert "Encoder is restarting" in found["stream"]["error"]
    assert found["relays"] == []
    assert "Encoder is restarting" in camera.complaint
    with pytest.raises(DeviceRefused, match="Encoder is restarting"):
        camera.stream()


def test_a_preset_that_the_camera_refuses_is_a_complaint(device, connect):
    device.faults.lacking = ["GotoPreset"]
    camera = connect(device, preset="yard")
    camera.open()
    assert "preset" in camera.complaint
