"""Video over real sockets and files: pace, bounds, deadlines, and passwords that stay inside."""

import io
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import islice, pairwise
from pathlib import Path
from urllib.parse import quote

import av
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from PIL import Image

from devicemgr.domain.model import VideoSource
from devicemgr.domain.ports.video import Frame
from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused, DeviceUnreachable, InvalidInput
from drivers.common.video.source import open_source, open_video
from drivers.common.video.urls import endpoint, file_path
from drivers.sim.camera.camera import Cycle, SimulatedCamera, write_video
from drivers.sim.camera.scene import Scene

Peer = Callable[[socket.socket], None]


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    path = tmp_path / "portrait.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def video(portrait: Path, tmp_path: Path) -> Path:
    path = tmp_path / "video 1.mp4"
    write_video(path, Scene(portrait, size=(320, 240)), seconds=0.5, fps=20, cycle=Cycle(0.3, 0.2))
    return path


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Starts a peer that speaks bytes; answers host:port."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(peer: Peer, hello: bool = True) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        if hello:
                            connection.recv(4096)
                        peer(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        threads.append(thread)
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(10)


def jpeg(color: tuple[int, int, int], size: tuple[int, int] = (160, 120)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def http(body: bytes, content_type: str = "multipart/x-mixed-replace; boundary=b", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nConnection: close\r\n\r\n".encode() + body


def part(picture: bytes) -> bytes:
    return b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(picture), picture)


def test_colors_arrive_as_rgb(serve: Callable[..., str]) -> None:
    place = serve(lambda peer: peer.sendall(http(part(jpeg((200, 30, 60))) * 20)))
    source = open_source(VideoSource(f"http://{place}/"))
    frame = next(iter(source))
    source.close()
    assert frame.pixels.shape == (120, 160, 3)
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags.c_contiguous
    assert np.abs(frame.pixels.reshape(-1, 3).mean(axis=0) - (200, 30, 60)).max() < 4
    assert frame.pixels is frame.pixels
    assert frame.size == (160, 120)
    assert frame.decode_ms > 0


def test_gray_is_the_luminance_at_any_size(serve: Callable[..., str], video: Path) -> None:
    place = serve(lambda peer: peer.sendall(http(part(jpeg((200, 30, 60))) * 20)))
    for url in (f"http://{place}/", f"file:{video}"):
        source = open_source(VideoSource(url))
        frame = next(iter(source))
        source.close()
        plain = Frame(frame.pixels, 0.0)
        assert plain.size == frame.size
        for width, height in (frame.size, (80, 60), (100, 75), (640, 480)):
            gray = frame.gray(width, height)
            assert gray.shape == (height, width)
            assert gray.dtype == np.uint8
            assert gray.flags.c_contiguous
            assert np.abs(gray.astype(int) - plain.gray(width, height)).mean() < 2.5


def test_pictures_that_no_other_refers_to_are_skipped_where_there_are_plenty(tmp_path: Path) -> None:
    path = tmp_path / "plenty.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=40, options={"bf": "1", "b_strategy": "0", "g": "20"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(20):
            picture = np.full((64, 64, 3), 10 * number, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    shown = {}
    for fps in (5, 20):
        source = open_source(VideoSource(f"file:{path}", options={"fps": fps}))
        light = [float(frame.pixels.mean()) for frame in islice(source, 25)]
        source.close()
        shown[fps] = next(number for number in range(1, 25) if light[number] < light[number - 1])
    assert shown[20] == 20
    assert 5 <= shown[5] <= 15


def test_http_mjpeg_goes_on_until_closed(portrait: Path) -> None:
    camera = SimulatedCamera(Scene(portrait, size=(320, 240)), fps=30).start()
    try:
        source = open_source(VideoSource(camera.url))
        assert (source.width, source.height) == (320, 240)
        frames = list(islice(source, 5))
        assert all(a.captured < b.captured for a, b in pairwise(frames))
        source.close()
        with pytest.raises(DeviceUnreachable, match="closed"):
            next(iter(source))
    finally:
        camera.stop()


def test_close_from_another_thread_ends_the_reader(portrait: Path) -> None:
    camera = SimulatedCamera(Scene(portrait, size=(320, 240)), fps=30).start()
    source = open_source(VideoSource(camera.url))
    reading, seen = threading.Event(), []

    def read() -> None:
        for frame in source:
            seen.append(frame)
            reading.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert reading.wait(5)
    source.close()
    thread.join(10)
    assert not thread.is_alive()
    camera.stop()


def test_a_camera_that_goes_away(portrait: Path) -> None:
    camera = SimulatedCamera(Scene(portrait, size=(320, 240)), fps=30).start()
    frames = iter(open_source(VideoSource(camera.url)))
    next(frames)
    camera.stop()
    with pytest.raises(DeviceUnreachable):
        list(islice(frames, 1000))


def test_wrong_password_is_told_without_showing_it(portrait: Path) -> None:
    secret = "-".join(["sesame", "/@"])
    camera = SimulatedCamera(Scene(portrait, size=(320, 240)), fps=30, credentials=("user", "right")).start()
    try:
        with pytest.raises(DeviceRefused, match="refuses the password; give the right one") as refused:
            open_source(VideoSource(camera.url, "user", secret))
        assert refused.value.hint is not None
        assert refused.value.hint.code == "set_device_password"
        shown = "".join(traceback.format_exception(refused.value))
        assert secret not in shown
        assert quote(secret, safe="") not in shown
        assert "HTTPUnauthorizedError" in shown
        open_source(VideoSource(camera.url, "user", "right")).close()
    finally:
        camera.stop()


def test_a_file_loops_without_a_gap_at_its_own_rate(video: Path) -> None:
    source = open_video(VideoSource(f"file:{video}"))
    assert source.codec == "h264"
    assert source.fps == pytest.approx(20)
    frames = list(islice(source, 25))
    source.close()
    steps = np.diff([frame.captured for frame in frames])
    assert len(frames) == 25
    assert sum(steps) == pytest.approx(24 / 20, rel=0.5)
    first, again = (frame.pixels.astype(int) for frame in (frames[0], frames[10]))
    assert np.abs(first - again).mean() < 1.0
    assert np.abs(first - frames[8].pixels).mean() > 2.0


def test_a_file_can_be_closed_while_it_waits(portrait: Path, tmp_path: Path) -> None:
    path = tmp_path / "slow.mp4"
    write_video(path, Scene(portrait, size=(64, 64)), seconds=40, fps=1)
    source = open_source(VideoSource(f"file:{path}"))
    frames = iter(source)
    next(frames)
    threading.Timer(0.1, source.close).start()
    assert list(islice(frames, 30)) == []


def test_silence_ends_at_the_deadline(serve: Callable[..., str]) -> None:
    done = threading.Event()
    place = serve(lambda peer: done.wait(20) and None)
    for url in (f"http://{place}/", f"rtsp://{place}/live"):
        with pytest.raises(DeviceUnreachable, match="sends nothing"):
            open_source(VideoSource(url), open_timeout=0.6)
    done.set()


def test_a_drip_ends_at_the_deadline_while_opening(serve: Callable[..., str]) -> None:
    gone = threading.Event()

    def drip(peer: socket.socket) -> None:
        try:
            for byte in http(part(jpeg((1, 2, 3)))):
                peer.sendall(bytes([byte]))
                time.sleep(0.02)
        except OSError:
            gone.set()

    with pytest.raises(DeviceUnreachable, match="sends nothing"):
        open_source(VideoSource(f"http://{serve(drip)}/"), open_timeout=0.8)
    assert gone.wait(10)


def test_a_drip_ends_at_the_deadline_while_reading(serve: Callable[..., str]) -> None:
    gone = threading.Event()

    def drip(peer: socket.socket) -> None:
        peer.sendall(
            http(part(jpeg((1, 2, 3))) * 20 + b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: 9000\r\n\r\n")
        )
        try:
            while True:
                peer.sendall(b"x")
                time.sleep(0.02)
        except OSError:
            gone.set()

    source = open_source(VideoSource(f"http://{serve(drip)}/"), read_timeout=0.5)
    with pytest.raises(DeviceUnreachable):
        list(source)
    source.close()
    assert gone.wait(10)


@pytest.mark.parametrize("kind", ["application/vnd.apple.mpegurl", "text/plain", "application/sdp"])
def test_a_hostile_playlist_opens_nothing(kind: str, serve: Callable[..., str], video: Path) -> None:
    asked = threading.Event()
    other = serve(lambda peer: asked.set())
    playlists = [
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{video}\n#EXTINF:9,\nhttp://{other}/x.ts\n",
        f"ffconcat version 1.0\nfile '{video}'\nfile 'http://{other}/x.ts'\n",
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\n",
    ]
    for text in playlists:
        place = serve(lambda peer, text=text: peer.sendall(http(text.encode(), kind)))
        with pytest.raises(DeviceGarbled):
            open_source(VideoSource(f"http://{place}/list.m3u8"))
    assert not asked.is_set()


def test_a_playlist_on_disk_opens_nothing(video: Path, tmp_path: Path) -> None:
    for name, text in (
        ("l.m3u8", f"#EXTM3U\n#EXTINF:9,\n{video}\n"),
        ("l.txt", f"ffconcat version 1.0\nfile '{video}'\n"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(DeviceGarbled):
            open_source(VideoSource(f"file:{tmp_path / name}"))


def test_redirects_are_not_followed(serve: Callable[..., str]) -> None:
    asked = threading.Event()
    other = serve(lambda peer: asked.set())
    answer = f"HTTP/1.1 302 Found\r\nLocation: http://{other}/\r\nContent-Length: 0\r\n\r\n".encode()
    place = serve(lambda peer: peer.sendall(answer))
    with pytest.raises(DeviceError):
        open_source(VideoSource(f"http://{place}/", "user", "password"))
    assert not asked.is_set()


def test_huge_pictures_are_refused(serve: Callable[..., str]) -> None:
    picture = bytearray(jpeg((9, 9, 9)))
    header = picture.index(b"\xff\xc0")
    picture[header + 5 : header + 9] = (12_000).to_bytes(2, "big") + (12_000).to_bytes(2, "big")
    place = serve(lambda peer: peer.sendall(http(part(bytes(picture)) * 3)))
    with pytest.raises(DeviceGarbled):
        open_source(VideoSource(f"http://{place}/"))


def test_garbage_is_not_a_video(serve: Callable[..., str]) -> None:
    place = serve(lambda peer: peer.sendall(http(b"<html>" * 1000, "text/html")))
    with pytest.raises(DeviceGarbled, match="not with a video"):
        open_source(VideoSource(f"http://{place}/"))


def test_nobody_there_and_no_such_path(serve: Callable[..., str]) -> None:
    with pytest.raises(DeviceUnreachable, match="no connection"):
        open_source(VideoSource("rtsp://127.0.0.1:9/"))
    place = serve(lambda peer: peer.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(DeviceRefused, match="path"):
        open_source(VideoSource(f"http://{place}/"))


@pytest.mark.parametrize("url", ["ftp://x/", "concat:a|b", "/etc/passwd", "", "http:", "data:,x"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises((InvalidInput, DeviceError)):
        open_source(VideoSource(url))


def test_files_and_devices_that_are_not_there() -> None:
    with pytest.raises(DeviceUnreachable, match="file"):
        open_source(VideoSource("file:/nowhere/x.mp4"))
    with pytest.raises(DeviceUnreachable, match="device"):
        open_source(VideoSource("/dev/video251"))


def test_addresses() -> None:
    assert file_path("file:rel/x.mp4") == Path("rel/x.mp4")
    assert file_path("file:///a%20b.mp4") == Path("/a b.mp4")
    assert endpoint("rtsp://h/") == ("h", 554)
    assert endpoint("http://[::1]:81/") == ("::1", 81)
    assert endpoint("file:x") is None
    with pytest.raises(InvalidInput):
        endpoint("rtsp://h:abc/")


def test_ffmpeg_stays_silent() -> None:
    assert av.logging.get_level() is None


def certificate(folder: Path) -> tuple[Path, Path]:
    """A camera's self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now, host = datetime.now(UTC), x509.IPAddress(ip_address("127.0.0.1"))
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([host]), False)
    signed = builder.add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "camera.pem").write_bytes(signed.public_bytes(Encoding.PEM))
    (folder / "camera.key").write_bytes(private)
    return folder / "camera.pem", folder / "camera.key"


def test_only_the_pinned_certificate_is_trusted(serve: Callable[..., str], tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pinned, key = certificate(tmp_path)
    context.load_cert_chain(pinned, key)
    asked: list[bytes] = []

    def talk(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as secure:
            asked.append(secure.recv(4096))
            secure.sendall(http(part(jpeg((9, 9, 9))) * 20))

    url = f"https://{serve(talk, hello=False)}/"
    with pytest.raises(DeviceRefused, match="tls_ca"):
        open_source(VideoSource(url, "user", "password"))
    assert b"".join(asked) == b""
    open_source(VideoSource(url, options={"tls_ca": str(pinned)})).close()
    assert asked[-1].startswith(b"GET / ")
