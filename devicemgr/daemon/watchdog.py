"""Tells systemd that the daemon lives, as long as all of its parts make progress; else systemd starts it anew."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from devicemgr.daemon import systemd

log = logging.getLogger(__name__)

Turns = Callable[[], Mapping[str, tuple[float, float]]]


def feed(stopping: threading.Event, turns: Turns, is_api_alive: Callable[[], bool]) -> None:
    """Once a second until `stopping`; `turns` gives by name the CLOCK_MONOTONIC second of a turn, and its bound."""
    before: list[str] = []
    while not stopping.wait(1.0):
        before = look(turns, is_api_alive, before)


def look(turns: Turns, is_api_alive: Callable[[], bool], before: list[str]) -> list[str]:
    """Tell systemd, unless something stands still: that is logged once, and returned for the next look."""
    stalled = [name for name, (at, bound) in turns().items() if time.monotonic() - at > bound]
    stalled += [] if is_api_alive() else ["API"]
    if stalled and stalled != before:
        log.critical("no progress in %s: systemd is not told that the daemon lives", ", ".join(stalled))
    elif before and not stalled:
        log.warning("%s goes on again", ", ".join(before))
    if not stalled:
        systemd.notify("WATCHDOG=1")
    return stalled
