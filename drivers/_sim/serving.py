"""What every `sim` command does: JSON lines on standard output until it is told to end."""

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from drivers._sim.events import Event


def print_line(event: Event) -> None:
    """One JSON line, at once."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
