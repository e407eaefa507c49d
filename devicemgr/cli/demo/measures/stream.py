"""The bench's figures of the event stream: how soon an event arrives, and what idle clients cost the daemon."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devicemgr.cli.demo.simulated_entrance import quantile
from devicemgr.cli.demo.subprocesses import Child, running_daemon, wait_until
from devicemgr.cli.transport.unix_http import Request, UnixTransport

_EVENTS, _PER_SECOND = 200, 20
_CLIENTS, _IDLE_S = 20, 10.0
_STREAM = Request("GET", "/api/v1/events/stream", {}, None, 60.0)
_CREATE = "/api/v1/people"


def measure_stream(folder: Path) -> dict[str, Any]:
    """event_to_stream_p95_ms at 20 events a second; idle_streams_core_percent, what 20 idle clients add."""
    with running_daemon(folder, "stream") as (home, daemon):
        transport = UnixTransport(home.socket)
        delays = _delays_ms(transport)
        alone = core_percent(daemon)
        with ExitStack() as stack:
            for _ in range(_CLIENTS):
                stack.enter_context(_reading(transport, []))
            watched = core_percent(daemon)
    return {
        "event_to_stream_p95_ms": round(quantile(delays, 0.95), 1),
        "idle_streams_core_percent": round(max(0.0, watched - alone), 2),
    }


def _delays_ms(transport: UnixTransport) -> list[float]:
    """Return how long after its time each event arrived."""
    found: list[float] = []
    with _reading(transport, found):
        for number in range(_EVENTS):
            body = f'{{"name": "Bench", "badge": "b{number}"}}'.encode()
            headers = {"Content-Type": "application/json"}
            with transport.send(Request("POST", _CREATE, headers, body, 30.0)) as response:
                response.read()
            time.sleep(1 / _PER_SECOND)
        wait_until(lambda: len(found) >= _EVENTS, 10, "events did not arrive in the stream")
    return found


@contextmanager
def _reading(transport: UnixTransport, delays: list[float]) -> Iterator[None]:
    """Read a stream on a thread of its own, which ends with the daemon."""
    begun = threading.Event()

    def read() -> None:
        with transport.send(_STREAM) as response:
            body: Any = response.body
            while line := body.readline().decode():
                begun.set()
                event = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if "seq" in event:
                    delays.append(_age_ms(event["time"]))

    threading.Thread(target=read, name="bench-stream", daemon=True).start()
    begun.wait(30)
    yield


def _age_ms(time_of_event: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(time_of_event)).total_seconds() * 1000


def core_percent(daemon: Child) -> float:
    """Return how much of a core a process takes, %, over ten seconds."""
    before = _cpu_s(daemon.process.pid)
    time.sleep(_IDLE_S)
    return (_cpu_s(daemon.process.pid) - before) / _IDLE_S * 100


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
