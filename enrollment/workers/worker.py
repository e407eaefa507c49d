"""The analyzer process's own side, which ends with its parent.

`python -m enrollment.workers.worker FD FACTORY PROCESSOR_SECONDS SECONDS` reads photos from the socket FD and answers
one face object each. FACTORY is `module:function` of a PhotoAnalyzer, or `module:function=ARGUMENT`. A photo that takes
more than PROCESSOR_SECONDS of the processor, or SECONDS in all, ends the process.
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

from devicemgr.domain.ports.recognition import FaceCrop, PhotoAnalyzer
from enrollment.workers import messages

# 50 MP of WebP decode in 0.8 GB beside 0.3 GB of models; a file that wants more is refused, not swapped for.
MEMORY_BYTES = 3 * 1024**3


def main(arguments: list[str]) -> int:
    """Serve until the parent's end of the socket closes; return 1 if no analyzer can be built (the parent logs it)."""
    descriptor, factory, processor_seconds, seconds = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with contextlib.suppress(OSError):
        os.nice(5)
    with socket.socket(fileno=int(descriptor)) as line, contextlib.suppress(messages.Broken):
        try:
            analyzer = _load(factory)()
        except Exception as error:  # whatever keeps it from starting is the parent's to report
            messages.send_frame(line, {"fault": str(error) or type(error).__name__, "trace": _trace()})
            return 1
        messages.send_frame(line, {"model": analyzer.model})
        _serve(line, analyzer, float(processor_seconds), int(seconds))
    return 0


def _serve(line: socket.socket, analyzer: PhotoAnalyzer, processor_seconds: float, seconds: int) -> None:
    while True:
        request, photo = messages.receive_frame(line)
        # Python can't interrupt native code that hangs: an alarm ends the process, even when the parent is gone. The
        # first counts processor time only, or a busy computer would make a good photo one that cannot be read.
        signal.setitimer(signal.ITIMER_PROF, processor_seconds)
        signal.alarm(seconds)
        try:
            header, body = _answer(analyzer, request, photo)
        except Exception:  # a defect of ours: the parent logs it, the photo is refused
            header, body = {"fault": "the analyzer failed", "trace": _trace()}, b""
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        messages.send_frame(line, header, body)


def _answer(analyzer: PhotoAnalyzer, request: dict[str, Any], photo: bytes) -> tuple[dict[str, Any], bytes]:
    """Embed a kept face, or judge any other photo."""
    if request.get("glance"):
        return messages.pack_analysis(analyzer.glance(photo))
    if box := messages.unpack_box(request.get("face")):
        return {}, messages.pack_vector(analyzer.embed(FaceCrop(photo, box)))
    found = analyzer.analyze(photo, keep=True) if request.get("keep") else analyzer.analyze(photo)
    return messages.pack_analysis(found)


def _trace() -> str:
    return traceback.format_exc()[-8000:]


def _load(factory: str) -> Callable[[], PhotoAnalyzer]:
    named, given, argument = factory.partition("=")
    module, _, name = named.partition(":")
    found: Callable[..., PhotoAnalyzer] = getattr(importlib.import_module(module), name)
    return (lambda: found(argument)) if given else found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
