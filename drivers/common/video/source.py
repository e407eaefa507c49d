"""Video over PyAV: RTSP, HTTP MJPEG, a looped file, a V4L2 device; bounded in size, time and what FFmpeg may open.

FFmpeg reaches a camera through a relay in this process, which logs in and knows the camera's statuses and certificate.

Tried with PyAV 18: `timeout=` is a wall-clock limit for opening, for stream analysis and for each packet, and holds
against a peer that is silent as well as against one that drips bytes.
"""

import errno
import threading
import time
from collections.abc import Iterator
from typing import cast

import av
import av.error
import numpy as np
from av.codec.context import Flags
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from devicemgr.domain.model import VideoSource
from devicemgr.domain.ports.video import Frame, FrameSource, Gray, Image
from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused, DeviceUnreachable
from drivers.common.video.rtsp_relay import RtspRelay
from drivers.common.video.stream_relay import HttpRelay, StreamBusy, StreamRelay
from drivers.common.video.urls import Access, resolve, wrong_password

MAX_PIXELS = 7680 * 4320
_BAD_PACKETS_IN_A_ROW = 100
_LATE_S = 1.0
_BUSY_PAUSE_S = 0.5
_SPARE = 4  # times more pictures than wanted: enough are left without those that no other picture refers to
_NO_VIDEO = "the address answers, but not with a video known here; check the path of the stream"


class PictureFrame(Frame):
    """A Frame that turns into RGB on the first look, so that a frame that is not used costs its decoding only."""

    __slots__ = ("_picture", "_rgb")

    def __init__(self, picture: VideoFrame, captured: float, decode_ms: float) -> None:
        object.__setattr__(self, "captured", captured)
        object.__setattr__(self, "decode_ms", decode_ms)
        object.__setattr__(self, "_picture", picture)
        object.__setattr__(self, "_rgb", None)

    @property
    def pixels(self) -> Image:
        """RGB uint8 H×W×3, contiguous."""
        rgb = cast(Image | None, self._rgb)  # type: ignore[attr-defined]
        if rgb is None:
            rgb = np.ascontiguousarray(self._picture.to_ndarray(format="rgb24"), dtype=np.uint8)  # type: ignore[attr-defined]
            object.__setattr__(self, "_rgb", rgb)
        return rgb

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._picture.width, self._picture.height  # type: ignore[attr-defined]

    def gray(self, width: int, height: int) -> Gray:
        """Luminance, scaled to this size: from the picture's own Y plane, 0.1 to 0.5 ms."""
        small = self._picture.reformat(width, height, "gray8", interpolation=Interpolation.AREA)  # type: ignore[attr-defined]
        return np.ascontiguousarray(small.to_ndarray(), dtype=np.uint8)


class Video:
    """An open stream (ports.FrameSource): `fps` None where the stream does not say, `codec` as FFmpeg names it."""

    def __init__(
        self,
        container: InputContainer,
        wanted_fps: float | None = None,
        *,
        looped: bool = False,
        relay: StreamRelay | None = None,
    ) -> None:
        self._container, self._relay = container, relay
        self._looped = looped
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._reading = False
        self._stream = _video_stream(container)
        self.width, self.height = self._stream.codec_context.width, self._stream.codec_context.height
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps = float(rate) if rate and 0 < rate <= 240 else None
        self.codec = self._stream.codec_context.name
        if self.fps and wanted_fps and self.fps >= _SPARE * wanted_fps:
            self._stream.codec_context.skip_frame = "NONREF"  # what no other picture needs costs nothing

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames (ports.FrameSource) on one thread at a time; end quietly after close()."""
        with self._lock:
            if self._closing.is_set() or self._reading:
                raise DeviceUnreachable("the stream is closed; open it again")
            self._reading = True
        try:
            yield from self._paced() if self._looped else self._live()
        except av.error.FFmpegError as error:
            raise _translated(error) from _scrubbed(error)
        finally:
            with self._lock:
                self._reading = False
                if self._closing.is_set():
                    self._let_go()

    def close(self) -> None:
        """Stop; while another thread reads, that thread ends at its next packet or read deadline and lets go."""
        with self._lock:
            self._closing.set()
            if not self._reading:
                self._let_go()

    def _let_go(self) -> None:
        self._container.close()
        if self._relay is not None:
            self._relay.close()

    def _live(self) -> Iterator[Frame]:
        for picture, captured, decode_ms in self._decoded():
            yield PictureFrame(picture, captured, decode_ms)
        if not self._closing.is_set():
            raise DeviceUnreachable("the stream ended; is the camera restarting?")

    def _paced(self) -> Iterator[Frame]:
        """Play a file in an endless loop, each frame when it is due, the first of a round one frame after the last."""
        step = 1.0 / (self.fps or 25.0)
        origin = time.monotonic()
        while not self._closing.is_set():
            start: float | None = None
            due = origin
            for picture, _, decode_ms in self._decoded():
                start = picture.time if start is None else start
                due = origin + ((picture.time or 0.0) - (start or 0.0))
                if time.monotonic() - due > _LATE_S:  # a slow reader does not make the file race afterwards
                    origin += time.monotonic() - due
                    due = time.monotonic()
                if self._closing.wait(max(0.0, due - time.monotonic())):
                    return
                yield PictureFrame(picture, time.monotonic(), decode_ms)
            if start is None:
                raise DeviceGarbled("the video file holds no picture; give another file")
            origin = due + step
            self._container.seek(0)

    def _decoded(self) -> Iterator[tuple[VideoFrame, float, float]]:
        """Decode pictures with their arrival time and decoding milliseconds; skip damaged packets, up to a limit."""
        bad = 0
        for packet in self._container.demux(self._stream):
            if self._closing.is_set():
                return
            arrived, began = time.monotonic(), time.perf_counter()
            try:
                pictures = packet.decode()
            except av.error.InvalidDataError as error:
                bad += 1
                if bad > _BAD_PACKETS_IN_A_ROW:
                    raise DeviceGarbled("the video is damaged; check the network and the camera") from _scrubbed(error)
                continue
            decode_ms = (time.perf_counter() - began) * 1000
            for picture in pictures:
                if picture.is_corrupt:
                    continue
                bad = 0
                _require_size(picture.width, picture.height)
                yield picture, arrived, decode_ms


def open_source(source: VideoSource, open_timeout: float = 5.0, read_timeout: float = 5.0) -> FrameSource:
    """Open a stream, connecting and analyzing each within `open_timeout` seconds.

    Raises DeviceRefused for a wrong password or path, DeviceUnreachable if nothing answers, DeviceGarbled for something
    that is not a video, and InvalidInput for a malformed address.
    """
    return open_video(source, open_timeout, read_timeout)


def open_video(source: VideoSource, open_timeout: float = 5.0, read_timeout: float = 5.0) -> Video:
    """Open a stream as `open_source` does, for callers that also read `fps` and `codec`."""
    access, until = resolve(source), time.monotonic() + open_timeout
    while True:
        relay = _relay(access, source, open_timeout)
        try:
            return _opened(access, source, relay, (open_timeout, read_timeout))
        except BaseException as error:
            if relay is not None:
                relay.close()
            if not isinstance(error, StreamBusy) or time.monotonic() + _BUSY_PAUSE_S > until:
                raise
        time.sleep(_BUSY_PAUSE_S)


def _relay(access: Access, source: VideoSource, timeout_s: float) -> StreamRelay | None:
    if not access.scheme:
        return None
    return (RtspRelay if access.scheme.startswith("rtsp") else HttpRelay)(source, timeout_s)


def _opened(access: Access, source: VideoSource, relay: StreamRelay | None, limits: tuple[float, float]) -> Video:
    began, url = time.monotonic(), access.url if relay is None else relay.url
    try:
        container = av.open(url, format=access.format, options=_options(access, source), timeout=limits)
    except av.error.FFmpegError as error:
        if relay is not None and relay.refusal is not None:
            raise relay.refusal from _scrubbed(error)
        if error.errno == errno.EIO:  # FFmpeg's word for an answer it can make nothing of
            raise DeviceGarbled(_NO_VIDEO) from _scrubbed(error)
        late = time.monotonic() - began >= limits[0] * 0.95
        raise _translated(error, late) from _scrubbed(error)
    try:
        wanted = source.options.get("fps")
        fps = float(wanted) if isinstance(wanted, int | float) else None
        return Video(container, fps, looped=access.looped, relay=relay)
    except DeviceError:
        container.close()
        raise


def _options(access: Access, source: VideoSource) -> dict[str, str]:
    options = {
        "protocol_whitelist": access.protocols,
        "format_whitelist": access.formats,
        "max_pixels": str(MAX_PIXELS),
        "fpsprobesize": "0",
        # `nobuffer` is left out: it drops the key frame read during analysis, and H.264 then waits for the next one.
        "analyzeduration": "1000000",
    }
    if access.scheme.startswith("rtsp"):
        transport = source.options.get("transport", "tcp")
        options |= {"rtsp_transport": "udp" if transport == "udp" else "tcp", "allowed_media_types": "video"}
    elif access.scheme:
        # The relay serves one request, and the environment's proxy must not come between.
        options |= {"max_redirects": "0", "seekable": "0", "http_proxy": ""}
    return options


def _video_stream(container: InputContainer) -> VideoStream:
    """Select the first video stream, set to decode on one thread; raise DeviceGarbled without one."""
    if not container.streams.video:
        raise DeviceGarbled(_NO_VIDEO)
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        raise DeviceGarbled("the video's codec is not known here; set the camera to H.264, H.265 or MJPEG")
    _require_size(context.width, context.height)
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_PIXELS)}
    if not container.name.startswith("file:"):
        context.flags |= Flags.low_delay
    return stream


def _require_size(width: int, height: int) -> None:
    if width <= 0 or height <= 0:
        raise DeviceGarbled(_NO_VIDEO)
    if width * height > MAX_PIXELS:
        raise DeviceGarbled(f"the picture of {width}×{height} is too large; set the camera to 4K or less")


def _translated(error: av.error.FFmpegError, late: bool = False) -> DeviceError:
    """Describe an error in one line without the URL, which holds the password."""
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return wrong_password()
    if isinstance(error, av.error.HTTPClientError):
        return DeviceRefused("the camera has no stream at this path; check the address")
    # FFmpeg's RTSP client reports a passed deadline as invalid data.
    if late or isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return DeviceUnreachable("the camera sends nothing; check its power and network")
    if isinstance(error, av.error.HTTPServerError):
        return DeviceUnreachable("the camera reports an error of its own; restart it")
    if isinstance(error, OSError):
        return DeviceUnreachable("no connection to the camera; check its address, power and network")
    return DeviceGarbled(_NO_VIDEO)


def _scrubbed(error: av.error.FFmpegError) -> Exception:
    """Return the error for a traceback: FFmpeg's message without its URL."""
    return RuntimeError(f"{type(error).__name__}: {error.strerror}")
