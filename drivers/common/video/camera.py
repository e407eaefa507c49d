"""The common part of camera drivers: options, a reachability check, and a look at the stream."""

import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from devicemgr.domain.model import JsonValue, VideoSource
from devicemgr.domain.ports.video import Frame
from devicemgr.errors import DeviceGarbled, DeviceUnreachable
from devicemgr.site.password_scope import VERIFIES, WIDENS
from drivers.common.video.urls import endpoint, resolve

if TYPE_CHECKING:
    from drivers.common.video.source import Video


def readable_file(path: str) -> str:
    """Return a path from an option unchanged; raise ValueError unless it is a file."""
    if path and not Path(path).is_file():
        raise ValueError("there is no such file")
    return path


class CameraOptions(BaseModel):
    """Options of every camera."""

    model_config = ConfigDict(extra="forbid")

    transport: Literal["tcp", "udp"] = Field("tcp", description="how RTSP carries the video")
    fps: float = Field(10.0, gt=0, le=60, description="pictures looked at per second, at most")
    max_width: int = Field(640, ge=160, le=3840, description="width in pixels at which faces are looked for")
    tls_ca: str = Field(
        "",
        max_length=500,
        json_schema_extra=VERIFIES,
        description="file with the camera's own certificate or CA, for rtsps:// and https://",
    )
    min_face_px: int = Field(80, ge=40, le=2000, description="smallest face that is recognized, in pixels of the video")
    allow_basic: bool = Field(
        False,
        json_schema_extra=WIDENS,
        description="send the password in clear text where the camera asks for that (HTTP Basic)",
    )
    roi: str = Field(
        "",
        max_length=60,
        description="part of the picture to look at: x,y,width,height as shares of it, as 0.25,0,0.5,1",
    )

    @field_validator("roi")
    @classmethod
    def _lies_in_the_picture(cls, roi: str) -> str:
        if roi:
            _shares(roi)
        return roi

    _is_there = field_validator("tls_ca")(readable_file)

    def for_stream(self) -> dict[str, JsonValue]:
        """Return the options that the recognizer reads (VideoSource.options)."""
        options = self.model_dump(include={"transport", "fps", "max_width", "min_face_px", "tls_ca"})
        if self.allow_basic:
            options["allow_basic"] = True
        return options | {"roi": _shares(self.roi)} if self.roi else options


def _shares(roi: str) -> list[JsonValue]:
    """x, y, width, height; ValueError unless they lie in the picture and are a tenth of it at least."""
    try:
        x, y, width, height = (float(part) for part in roi.split(","))
    except ValueError:
        raise ValueError("give four numbers: x,y,width,height, as 0.25,0,0.5,1") from None
    if not (x >= 0 and y >= 0 and width >= 0.1 and height >= 0.1 and x + width <= 1.001 and y + height <= 1.001):
        raise ValueError("the part must lie in the picture: shares from 0 to 1, at least 0.1 wide and high")
    return [x, y, width, height]


def require_reachable(source: VideoSource, timeout: float = 2.0) -> None:
    """DeviceUnreachable unless the host's port takes a connection, or the file or device is there."""
    place = endpoint(source.url)
    if place is None:
        resolve(source)
        return
    try:
        socket.create_connection(place, timeout=timeout).close()
    except OSError as error:
        raise DeviceUnreachable("no connection to the camera; check its address, power and network") from error


def probe(source: VideoSource) -> dict[str, JsonValue]:
    """Open the stream for one picture: width, height, fps (None if not known), codec."""
    with _first_frame(source) as (video, _):
        fps = None if video.fps is None else round(video.fps, 2)
        return {"width": video.width, "height": video.height, "fps": fps, "codec": video.codec}


def grab_jpeg(source: VideoSource) -> bytes:
    """Open the stream and return its first picture as a JPEG."""
    from PIL import Image  # noqa: PLC0415  listing the kinds must not import it

    with _first_frame(source) as (_, frame):
        buffer = io.BytesIO()
        Image.fromarray(frame.pixels).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()


@contextmanager
def _first_frame(source: VideoSource) -> Iterator[tuple["Video", Frame]]:
    from drivers.common.video.source import open_video  # noqa: PLC0415  listing the kinds must not import PyAV

    video = open_video(source)
    try:
        frames = iter(video)
        try:
            frame = next(frames, None)
        finally:
            frames.close()  # type: ignore[attr-defined]
        if frame is None:
            raise DeviceGarbled("the stream holds no picture; check the camera's video settings")
        yield video, frame
    finally:
        video.close()
