"""The analyser process's own side: `python -m enrollment.workers.worker FD FACTORY SECONDS`, ends with its parent.

It reads photos from the socket FD and answers one face object each. FACTORY is `module:function` of a PhotoAnalyser, or
`module:function=ARGUMENT`.
"""

import contextlib
import importlib
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

from devicemgr.domain.ports.recognition import FaceCrop, PhotoAnalyser
from enrollment.workers import messages

# 50 MP of WebP decode in 0.8 GB beside 0.3 GB of models; a file that wants more is refused, not swapped for.
MEMORY_BYTES = 3 * 1024**3


def main(arguments: list[str]) -> int:
    """Serve until the parent's end of the socket closes; return 1 if no analyzer can be built (the parent logs it)."""
    descriptor, factory, seconds = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with contextlib.suppress(OSError):
        os.nice(5)
    with socket.socket(fileno=int(descriptor)) as line, contextlib.suppress(messages.Broken):
        try:
            analyser = _load(factory)()
        except Exception as error:  # whatever keeps it from starting is the parent's to report
            messages.send_frame(line, {"fault": str(error) or type(error).__name__, "trace": _trace()})
            return 1
        messages.send_frame(line, {"model": analyser.model})
        _serve(line, analyser, int(seconds))
    return 0


def _serve(line: socket.socket, analyser: PhotoAnalyser, seconds: int) -> None:
    while True:
        request, photo = messages.receive_frame(line)
        # Python can't interrupt native code that hangs: the alarm ends the process, even when the parent is gone.
        signal.alarm(seconds)
        try:
            header, body = _answer(analyser, request, photo)
        except Exception:  # a defect of ours: the parent logs it, the photo is refused
            header, body = {"fault": "the analyser failed", "trace": _trace()}, b""
        signal.alarm(0)
        messages.send_frame(line, header, body)


def _answer(analyser: PhotoAnalyser, request: dict[str, Any], photo: bytes) -> tuple[dict[str, Any], bytes]:
    """A kept face is embedded, any other photo judged."""
    if box := messages.unpack_box(request.get("face")):
        return {}, messages.pack_vector(analyser.embed(FaceCrop(photo, box)))
    found = analyser.analyse(photo, keep=True) if request.get("keep") else analyser.analyse(photo)
    return messages.pack_analysis(found)


def _trace() -> str:
    return traceback.format_exc()[-8000:]


def _load(factory: str) -> Callable[[], PhotoAnalyser]:
    named, given, argument = factory.partition("=")
    module, _, name = named.partition(":")
    found: Callable[..., PhotoAnalyser] = getattr(importlib.import_module(module), name)
    return (lambda: found(argument)) if given else found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
