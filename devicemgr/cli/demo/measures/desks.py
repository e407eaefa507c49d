"""The bench's figures of desks: what ten open ones cost the daemon, and what ten busy ones do to decisions."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from devicemgr.cli.demo.measures.stream import core_percent
from devicemgr.cli.demo.simulated_entrance import quantile
from devicemgr.cli.demo.simulated_site import PORTALS, SimulatedSite
from devicemgr.cli.demo.subprocesses import wait_until

_DESKS = 10
_ROUNDS, _DECISIONS, _PER_SECOND = 4, 100, 20
_REQUEST = b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"


def measure_desks(folder: Path) -> dict[str, Any]:
    """Return desks_idle_core_percent, what ten idle desks add, and desks_decide_p95_ratio, of ten busy ones.

    With and without take turns, so that whatever else this host does meets both alike.
    """
    alone: list[float] = []
    watched: list[float] = []
    with SimulatedSite(folder / "desks") as site:
        quiet = core_percent(site.daemon)
        with open_streams(site, _DESKS):
            idle = core_percent(site.daemon)
        for turn in range(_ROUNDS):
            alone += decisions_ms(site, 2 * turn)
            with open_streams(site, _DESKS):
                watched += decisions_ms(site, 2 * turn + 1)
    return {
        "desks_idle_core_percent": round(max(0.0, idle - quiet), 2),
        "desks_decide_p95_ratio": round(quantile(watched, 0.95) / quantile(alone, 0.95), 2),
    }


def decisions_ms(site: SimulatedSite, turn: int) -> list[float]:
    """Return how long each of the decisions about unknown cards took, each card another one."""
    before = site.head()
    for number in range(_DECISIONS):
        site.show(PORTALS[number % len(PORTALS)], f"0F{turn * _DECISIONS + number:08X}")
        time.sleep(1 / _PER_SECOND)

    def decided() -> list[dict[str, Any]]:
        return [e for e in site.api.get("/events", after=before, limit=1000) if e["kind"] == "access_denied"]

    # A turnstile is read ten times a second and keeps the last card alone: some are overtaken.
    wait_until(lambda: len(decided()) >= _DECISIONS / 2, 30, "the simulated site has not decided about cards")
    return [event["latency_ms"]["capture_to_decision"] for event in decided()]


@contextmanager
def open_streams(site: SimulatedSite, desks: int) -> Iterator[None]:
    """Keep the stream of each desk open, and read what comes without looking at it: a desk is another computer."""
    with ExitStack() as stack:
        for _ in range(desks):
            line = stack.enter_context(socket.socket(socket.AF_UNIX))
            line.connect(str(site.home.socket))
            line.sendall(_REQUEST)
            line.recv(1)
            threading.Thread(target=_drain, args=(line,), name="bench-desk", daemon=True).start()
            stack.callback(line.shutdown, socket.SHUT_RDWR)
        yield


def _drain(line: socket.socket) -> None:
    while line.recv(1 << 16):
        pass
