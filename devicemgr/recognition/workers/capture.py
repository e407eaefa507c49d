"""A few pictures of one camera for an enrollment, decoded in a process of their own: no video enters the daemon."""

import contextlib
import io
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Generator

from devicemgr.child_process import one_thread_environment
from devicemgr.domain.model import VideoSource
from devicemgr.domain.ports.video import Frame
from devicemgr.errors import DeviceUnreachable
from devicemgr.recognition.workers.messages import MAX_LINE, Configure, LaneConfig, decode, encode
from devicemgr.recognition.workers.stream import NewestFrames
from devicemgr.recognition.workers.worker import resolve
from devicemgr.text import safe

_MAX_PICTURE = 20_000_000
_LENGTH = struct.Struct(">I")
_NO_PICTURE_S = 15.0
_MAX_START_S = 60.0
_PAUSE_S = 0.3  # so that one picture is not much like the next


def taken(opener: str, source: VideoSource, seconds: float) -> Generator[bytes]:
    """JPEGs for `seconds` from the first, each the newest when it is requested; DeviceUnreachable when none comes.

    `opener` is the `module:function` of site.Parts. Close the generator to let go of the camera.
    """
    command = [sys.executable, "-P", "-m", "devicemgr.recognition.workers.capture", opener]
    process = subprocess.Popen(  # noqa: S603  our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=one_thread_environment()
    )
    # Whatever the child does, the caller does not wait for ever.
    end = threading.Timer(_MAX_START_S + seconds, process.kill)
    end.start()
    try:
        # Never as an argument: it holds the camera's password.
        _ask(process, encode(Configure((LaneConfig("camera", source),))))
        until = None
        while until is None or time.monotonic() < until:
            _ask(process, b"\n")
            picture = _picture(process)
            if picture is None:
                raise DeviceUnreachable(_said(process) or "the camera sends no picture; test the device")
            until = until or time.monotonic() + seconds
            yield picture
    finally:
        end.cancel()
        process.kill()
        with process:  # reads no more, waits for its end
            pass


def _ask(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # what it said tells more
        process.stdin.write(line)
        process.stdin.flush()


def _picture(process: subprocess.Popen[bytes]) -> bytes | None:
    assert process.stdout is not None
    head = process.stdout.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    picture = process.stdout.read(min(size, _MAX_PICTURE))
    return picture if len(picture) == size else None


def _said(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    return safe(process.stderr.read(2000).decode("utf-8", "replace").strip(), 300)


def main(arguments: list[str]) -> int:
    """Run the child: the source comes as one line; each further line requests length (4 bytes, big-endian) and JPEG."""
    message = decode(sys.stdin.buffer.readline(MAX_LINE))
    assert isinstance(message, Configure)
    came = threading.Event()
    causes: list[str] = []
    frames = NewestFrames(
        message.lanes[0].source, resolve(arguments[0]), lambda cause: causes.append(cause or ""), came.set
    )
    frames.start()
    for _ in sys.stdin.buffer:
        if (frame := _next(frames, came)) is None:
            print(next((cause for cause in reversed(causes) if cause), ""), file=sys.stderr, flush=True)
            return 1
        _send(frame)
        time.sleep(_PAUSE_S)
    return 0


def _next(frames: NewestFrames, came: threading.Event) -> Frame | None:
    until = time.monotonic() + _NO_PICTURE_S
    while (left := until - time.monotonic()) > 0 and came.wait(left):
        came.clear()
        if (frame := frames.take()) is not None:
            return frame
    return None


def _send(frame: Frame) -> None:
    from PIL import Image  # noqa: PLC0415 - the parent decodes no pictures

    packed = io.BytesIO()
    Image.fromarray(frame.pixels).save(packed, "JPEG", quality=95, subsampling=0)
    sys.stdout.buffer.write(_LENGTH.pack(packed.tell()) + packed.getbuffer())
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
