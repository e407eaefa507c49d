"""The driver for any stream, against a simulated MJPEG camera, a file, and a real RTSP server (GStreamer's)."""

import io
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from devicemgr.domain.model import DeviceConfig, VideoSource
from devicemgr.domain.ports.video import Camera
from devicemgr.errors import DeviceRefused, DeviceUnreachable, InvalidInput
from drivers.common.video.source import open_source
from drivers.rtsp_camera.driver import DRIVER
from drivers.sim.camera.camera import Cycle, SimulatedCamera, write_video
from drivers.sim.camera.scene import Scene

RTSP_SERVER = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service("0")
auth = GstRtspServer.RTSPAuth()
auth.set_supported_methods(GstRtspServer.RTSPAuthMethod.DIGEST if hasattr(GstRtspServer, "RTSPAuthMethod") else 2)
token = GstRtspServer.RTSPToken()
token.set_string("media.factory.role", "user")
auth.add_digest("user", "ri ght/", token)
factory = GstRtspServer.RTSPMediaFactory()
pipeline = "( filesrc location=%s ! qtdemux ! h264parse ! rtph264pay name=pay0 config-interval=-1 )"
factory.set_launch(pipeline % sys.argv[1])
factory.set_shared(True)
factory.add_role_from_structure(Gst.Structure.from_string(
    "user,media.factory.access=(boolean)true,media.factory.construct=(boolean)true")[0])
server.set_auth(auth)
server.get_mount_points().add_factory("/live", factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("video")
    portrait = folder / "portrait.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)).save(portrait)
    write_video(folder / "v.mp4", Scene(portrait, size=(320, 240)), seconds=20, fps=10, cycle=Cycle(4, 3))
    return folder / "v.mp4"


@pytest.fixture(scope="module")
def rtsp(video: Path) -> Iterator[str]:
    command = ["/usr/bin/python3", "-W", "ignore", "-c", RTSP_SERVER, str(video)]
    try:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError:
        pytest.skip("needs the system's /usr/bin/python3 for an RTSP server")
    assert server.stdout is not None
    port = server.stdout.readline().strip()
    if not port:
        _, complaint = server.communicate()
        pytest.skip(f"needs Debian's gir1.2-gst-rtsp-server-1.0 and python3-gi: {complaint.strip()[-200:]}")
    yield f"rtsp://127.0.0.1:{port}/live"
    server.kill()
    server.communicate()


def build(address: str, username: str | None = None, password: str | None = None, **options: str) -> Camera:
    device = DRIVER.build(DeviceConfig("1", "cam", "rtsp_camera", address, username, password, options))
    assert isinstance(device, Camera)
    return device


def test_rtsp_with_a_password(rtsp: str) -> None:
    camera = build(rtsp, "user", "ri ght/")
    camera.open()
    answer = camera.check()
    assert (answer["width"], answer["height"], answer["codec"]) == (320, 240, "h264")
    assert camera.poll() == ()
    source = open_source(camera.stream())
    frames = list(islice(source, 8))
    source.close()
    assert {frame.pixels.shape for frame in frames} == {(240, 320, 3)}


def test_rtsp_over_udp(rtsp: str) -> None:
    source = open_source(build(rtsp, "user", "ri ght/", transport="udp").stream())
    assert {frame.pixels.shape for frame in islice(source, 8)} == {(240, 320, 3)}
    source.close()


def test_rtsp_with_a_wrong_password(rtsp: str) -> None:
    camera = build(rtsp, "user", "wrong")
    camera.open()
    with pytest.raises(DeviceRefused, match="refuses the password"):
        camera.check()


def test_rtsp_without_such_a_path(rtsp: str) -> None:
    with pytest.raises(DeviceRefused, match="path"):
        open_source(VideoSource(rtsp + "x", "user", "ri ght/"))


def test_snapshot_of_a_file_and_of_mjpeg(video: Path) -> None:
    camera = SimulatedCamera(Scene(video.parent / "portrait.png", size=(320, 240)), fps=20).start()
    try:
        for address in (f"file:{video}", camera.url):
            device = build(address)
            device.open()
            assert Image.open(io.BytesIO(device.snapshot())).size == (320, 240)
            assert device.check()["width"] == 320
            device.close()
    finally:
        camera.stop()


def test_poll_notices_a_loss(video: Path) -> None:
    simulated = SimulatedCamera(Scene(video.parent / "portrait.png", size=(320, 240))).start()
    device = build(simulated.url)
    device.open()
    assert device.poll() == ()
    simulated.stop()
    with pytest.raises(DeviceUnreachable, match="no connection"):
        device.poll()


@pytest.mark.parametrize("address", ["file:/nowhere.mp4", "/dev/video251", "rtsp://127.0.0.1:9/x"])
def test_open_says_what_is_missing(address: str) -> None:
    with pytest.raises(DeviceUnreachable):
        build(address).open()


def test_options_reach_the_stream() -> None:
    source = build("rtsp://h/x", "u", "p", fps="5", transport="udp").stream()
    assert source.options == {"transport": "udp", "fps": 5.0, "max_width": 640, "min_face_px": 80, "tls_ca": ""}
    assert build("rtsp://h/x", allow_basic="true").stream().options["allow_basic"] is True
    assert build("rtsp://h/x", roi="0.25, 0,0.5,1").stream().options["roi"] == [0.25, 0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    "options",
    [
        {"fps": "0"},
        {"transport": "x"},
        {"other": "1"},
        {"tls_ca": "/nowhere"},
        {"roi": "0,0,1"},
        {"roi": "0.5,0,0.6,1"},
        {"roi": "nan,0,1,1"},
    ],
)
def test_bad_options(options: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        build("rtsp://h/x", **options)


def test_passwords_do_not_belong_in_addresses() -> None:
    with pytest.raises(InvalidInput, match="user name apart") as refused:
        build("rtsp://u:p@h/x")
    assert refused.value.hint is not None
    assert refused.value.hint.code == "pass_credentials"
    with pytest.raises(InvalidInput):
        build("ftp://h/x").open()


def test_listing_the_kinds_imports_no_library() -> None:
    code = (
        "import sys, drivers.rtsp_camera, drivers.onvif_camera;"
        "print([m for m in ('av', 'zeep', 'PIL', 'requests') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
