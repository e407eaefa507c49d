"""Feed systemd's watchdog as long as all parts of the daemon make progress; else systemd restarts it."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from devicemgr.daemon import systemd

log = logging.getLogger(__name__)

Turns = Callable[[], Mapping[str, tuple[float, float]]]


def feed(stopping: threading.Event, turns: Turns, is_api_alive: Callable[[], bool]) -> None:
    """Check once a second until `stopping`; `turns` gives by name when a part last turned, and the bound in seconds."""
    before: list[str] = []
    while not stopping.wait(1.0):
        before = look(turns, is_api_alive, before)


def look(turns: Turns, is_api_alive: Callable[[], bool], before: list[str]) -> list[str]:
    """Notify systemd unless a part has stalled; log stalled parts once, and return them for the next look."""
    stalled = [name for name, (at, bound) in turns().items() if time.monotonic() - at > bound]
    stalled += [] if is_api_alive() else ["API"]
    if stalled and stalled != before:
        log.critical("no progress in %s: the watchdog of systemd is not fed", ", ".join(stalled))
    elif before and not stalled:
        log.warning("Watchdog: %s is making progress again", ", ".join(before))
    if not stalled:
        systemd.notify("WATCHDOG=1")
    return stalled
