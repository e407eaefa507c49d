"""A browser whose camera plays a face, and people of these tests alone."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import skimage.data
from PIL import Image

from tests.support.browser import browser_of

JPEG = b"\xff\xd8\xff"
# Every stream that the page has been given, so that a test can see whether its camera is off.
STREAMS = """
window.deskTracks = [];
const given = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (given) navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await given(wanted);
  window.deskTracks.push(...stream.getTracks());
  return stream;
};
"""


def portrait(scale: float = 1.2, shift: int = 0) -> Image.Image:
    """The one face that every machine has, as a webcam shows it."""
    side = int(512 * scale)
    picture = Image.new("RGB", (640, 480), (120, 130, 140))
    face = Image.fromarray(skimage.data.astronaut()).resize((side, side), Image.Resampling.LANCZOS)
    picture.paste(face, ((640 - side) // 2 + shift, -20))
    return picture


def jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera plays: a face that moves a little, as motion JPEG."""
    path = tmp_path_factory.mktemp("film") / "face.mjpeg"
    # No two are the same, and their number divides by no step: a short film would show the same one at each look.
    path.write_bytes(b"".join(jpeg(portrait(1.2 + step / 300, shift=step % 11)) for step in range(37)))
    return path


@pytest.fixture(scope="session")
def camera_flags(film: Path) -> list[str]:
    return [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]


@pytest.fixture(scope="module")
def browser(chromium: None, camera_flags: list[str]) -> Iterator[Any]:
    with browser_of(*camera_flags) as found:
        yield found


@pytest.fixture
def newcomer(site: Any) -> Iterator[Callable[[str], str]]:
    """Return a function that adds a person, who is erased at the end."""
    added: list[str] = []

    def add(badge: str, name: str = "Ғалия Әбдіқадырова") -> str:
        site.api.post("/people", {"badge": badge, "name": name})
        added.append(badge)
        return badge

    yield add
    for badge in added:
        site.api.call("DELETE", f"/people/{badge}")
