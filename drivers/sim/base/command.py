"""Behavior that all `sim` commands share: JSON lines on standard output until they are stopped."""

import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from devicemgr.errors import InvalidInput
from drivers.sim.base.events import Event

MAX_TYPED = 4096
WAIT_S = 0.1


def print_line(event: Event) -> None:
    """Print one JSON line, at once."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Set an event on SIGTERM and SIGINT while the context lasts."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve(stop: threading.Event, obey: Callable[[str], None]) -> None:
    """Until `stop`: carry out the lines of standard input; one that is refused is answered by an error event."""
    received = b""
    while not stop.is_set():
        if not _typed():
            continue
        # Not through sys.stdin: a thread that waits in there makes the interpreter's end fail.
        more = os.read(sys.stdin.fileno(), MAX_TYPED)
        if not more:
            stop.wait()
            return
        *lines, received = (received + more)[-MAX_TYPED:].split(b"\n")
        for line in lines:
            try:
                obey(line.decode("utf-8", "replace"))
            except InvalidInput as error:
                print_line({"event": "error", "message": str(error)})


def _typed() -> bool:
    """Wait a moment for something to read; a job in the background must not read its terminal."""
    try:
        fd = sys.stdin.fileno()
        if os.isatty(fd) and os.tcgetpgrp(fd) != os.getpgrp():
            raise OSError
        return bool(select.select([fd], [], [], WAIT_S)[0])
    except (OSError, ValueError):
        time.sleep(WAIT_S)
        return False
