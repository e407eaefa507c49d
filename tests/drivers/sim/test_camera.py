"""The simulated camera: real HTTP, real pictures, events when the face is whole."""

import base64
import http.client
import io
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from devicemgr.errors import DeviceBusy, InvalidInput
from drivers.sim.camera import scene as scene_module
from drivers.sim.camera.camera import Cycle, SimulatedCamera, write_video
from drivers.sim.camera.scene import Scene, default_photo

SIZE = (320, 240)


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    path = tmp_path / "portrait.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def camera(portrait: Path) -> Iterator[SimulatedCamera]:
    running = SimulatedCamera(Scene(portrait, size=SIZE), fps=30, credentials=("user", "right")).start()
    yield running
    running.stop()


def get(url: str, path: str, password: str | None = "right") -> http.client.HTTPResponse:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=5)
    headers = {}
    if password is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"user:{password}".encode()).decode()
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def read_part(response: http.client.HTTPResponse) -> Image.Image:
    assert response.readline().startswith(b"--picture")
    assert response.readline() == b"Content-Type: image/jpeg\r\n"
    length = int(response.readline().split(b":")[1])
    assert response.readline() == b"\r\n"
    picture = Image.open(io.BytesIO(response.read(length)))
    assert response.readline() == b"\r\n"
    return picture


def test_two_clients_see_the_stream(camera: SimulatedCamera) -> None:
    responses = [get(camera.url, "/stream") for _ in range(2)]
    for response in responses:
        assert response.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=picture"
        assert [read_part(response).size for _ in range(3)] == [SIZE] * 3
        response.close()


def test_snapshot_and_wrong_ways(camera: SimulatedCamera) -> None:
    snapshot = get(camera.url, "/snapshot.jpg")
    assert Image.open(io.BytesIO(snapshot.read())).size == SIZE
    assert get(camera.url, "/stream", "wrong").status == 401
    assert get(camera.url, "/snapshot.jpg", None).status == 401
    assert get(camera.url, "/../etc/passwd").status == 404


def test_a_taken_port_is_one_line(camera: SimulatedCamera, portrait: Path) -> None:
    with pytest.raises(DeviceBusy, match="port"):
        SimulatedCamera(Scene(portrait, size=SIZE), port=urlsplit(camera.url).port or 0)


def test_show_and_hide_change_the_picture_and_tell(portrait: Path) -> None:
    events: list[str] = []
    changed = threading.Condition()

    def listen(event: dict[str, object]) -> None:
        with changed:
            events.append(str(event["event"]))
            changed.notify_all()

    camera = SimulatedCamera(Scene(portrait, size=SIZE), fps=30, listener=listen).start()
    try:
        camera.show()
        with changed:
            assert changed.wait_for(lambda: events == ["listening", "face_appeared"], 5)
        camera.hide()
        with changed:
            assert changed.wait_for(lambda: events[2:] == ["face_left"], 5)
    finally:
        camera.stop()


def test_the_cycle_brings_the_face_in_and_out(portrait: Path) -> None:
    scene, cycle = Scene(portrait, size=SIZE), Cycle(present=4, absent=3)
    empty = scene.empty().pixels.astype(int)
    seen = [cycle.render(scene, seconds) for seconds in (0.0, 2.9, 3.05, 5.0, 6.98, 7.1)]
    assert [rendering.face for rendering in seen] == ["absent", "absent", "partial", "full", "partial", "absent"]
    changes = [int((abs(rendering.pixels - empty).max(axis=2) > 30).sum()) for rendering in seen]
    assert changes[0] == changes[1] == changes[5] == 0
    assert changes[3] > 2000


def test_same_seed_same_pictures(portrait: Path) -> None:
    one, other = (Scene(portrait, size=SIZE, seed=7).with_face(3, 1.5).pixels for _ in range(2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, Scene(portrait, size=SIZE, seed=8).with_face(3, 1.5).pixels)


def test_the_default_photo_is_bundled() -> None:
    pytest.importorskip("skimage", reason="scikit-image is not installed")
    assert default_photo().is_file()


def test_without_scikit_image_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match="--photo"):
        Scene()


def test_bad_photos_are_one_line(tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("not a picture")
    with pytest.raises(InvalidInput, match="cannot be read"):
        Scene(text)
    with pytest.raises(InvalidInput, match="cannot be read"):
        Scene(tmp_path / "absent.jpg")


def test_run_prints_events_and_ends_on_sigterm(portrait: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from drivers.sim.camera.camera import Cycle, run;"
        "run(Path(sys.argv[1]), fps=20, size=(320, 240), cycle=Cycle(0.6, 0.2))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(portrait)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        events = [json.loads(process.stdout.readline()) for _ in range(3)]
        assert [event["event"] for event in events] == ["listening", "face_appeared", "face_left"]
        assert get(events[0]["url"], "/snapshot.jpg", None).status == 200
        assert events[1]["monotonic"] < events[2]["monotonic"] < time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_video_file_shows_the_same(portrait: Path, tmp_path: Path) -> None:
    import av

    path = tmp_path / "video.mp4"
    write_video(path, Scene(portrait, size=SIZE), seconds=1.0, fps=10, cycle=Cycle(0.6, 0.4))
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(pictures) == 10
    assert pictures[0].shape == (240, 320, 3)
    assert (abs(pictures[8].astype(int) - pictures[0]).max(axis=2) > 30).sum() > 2000
