"""Tells systemd that the daemon lives, as long as all of its parts make progress."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from devicemgr import notify

log = logging.getLogger(__name__)

Turns = Callable[[], Mapping[str, tuple[float, float]]]


def feed(stopping: threading.Event, turns: Turns, is_api_alive: Callable[[], bool]) -> None:
    """Once a second until `stopping`; `turns` gives by name the CLOCK_MONOTONIC second of a turn, and its bound."""
    while not stopping.wait(1.0):
        stalled = [name for name, (at, bound) in turns().items() if time.monotonic() - at > bound]
        stalled += [] if is_api_alive() else ["API"]
        if stalled:
            log.critical("no progress in %s: systemd is not told that the daemon lives", ", ".join(stalled))
        else:
            notify.tell("WATCHDOG=1")
