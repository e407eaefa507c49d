"""Video of simulated ONVIF cameras: profiles, addresses, presets."""

import pytest

from devicemgr.errors import DeviceGarbled, InvalidInput
from drivers.sim.onvif.simulator import SimulatedOnvif


def test_the_stream_is_read_whatever_its_codec(device, connect):
    device.state.encoders[0].encoding = "H265"
    camera = connect(device)
    camera.open()
    told = camera.check()
    assert told["profiles"][0]["encoding"] == "H265"
    assert told["profiles"][0]["service"] == "media2"
    assert told["video"]["codec"] == "mjpeg"
    assert (told["video"]["width"], told["video"]["height"]) == (1280, 720)
    assert told["presets"] == {"preset-1": "gate", "preset-2": "yard"}
    assert told["imaging"]["Brightness"] == 50.0
    assert told["inputs"] == ["input-1", "input-2"]
    assert told["relays"][0]["token"] == "relay-1"
    assert camera.complaint is None


def test_a_codec_that_nobody_reads_is_told(device, connect):
    device.state.encoders[0].encoding = "H266"
    camera = connect(device)
    camera.open()
    assert "H266" in camera.complaint


@pytest.mark.parametrize("missing", [["tr2"], ["trt"], ["tptz", "timg", "tmd", "tev"]])
def test_services_that_are_not_there(device, connect, missing):
    device.faults.missing = missing
    camera = connect(device)
    camera.open()
    assert camera.stream().url == f"{device.address}/stream"
    assert camera.snapshot().startswith(b"\xff\xd8")
    camera.check()


def test_only_get_capabilities(device, connect, listening):
    device.faults.no_get_services = True
    camera = connect(device, rex_input="input-1")
    camera.open()
    assert camera.check()["profiles"][0]["service"] == "media1"
    listening(camera)


def test_no_camera_at_all(connect):
    with SimulatedOnvif(("tds", "tev")) as device, pytest.raises(DeviceGarbled, match="no video"):
        connect(device).open()


def test_a_preset_is_turned_to(device, connect):
    connect(device, preset="yard").open()
    assert device.state.at_preset == "preset-2"
    with pytest.raises(InvalidInput, match="preset"):
        connect(device, preset="moon").open()


@pytest.mark.parametrize("announced", ["http://192.0.2.9:81", "https://192.0.2.9", "ftp://x", "http://[bad"])
def test_wrong_announced_addresses_are_not_used(device, connect, announced, listening):
    device.faults.announce = announced
    device.faults.announce_stream = "rtsp://192.0.2.9:8554/live?a=1"
    if "[" in announced:
        with pytest.raises(DeviceGarbled, match="address that is none"):
            connect(device).open()
        return
    camera = connect(device, rex_input="input-1", rtsp_port=10554)
    camera.open()
    assert camera.stream().url == "rtsp://127.0.0.1:10554/live?a=1"
    assert camera.snapshot().startswith(b"\xff\xd8")
    listening(camera)


def test_allowed_hosts_are_taken_as_they_are(device, connect):
    device.faults.announce_stream = "rtsp://u:p@media.example:8554/live"
    camera = connect(device, allow_hosts="media.example")
    camera.open()
    assert camera.stream().url == "rtsp://media.example:8554/live"
