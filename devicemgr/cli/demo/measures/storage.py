"""The bench's figures of the ledger and of the daemon's start."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devicemgr.cli.demo.simulated_entrance import quantile
from devicemgr.cli.demo.subprocesses import Child, wait_until
from devicemgr.cli.transport.api_client import daemon_answers
from devicemgr.home import Home

_EVENTS = 20_000
_SINGLES = 200
_STARTS = 3


def measure_storage(folder: Path) -> dict[str, Any]:
    """durable_events_per_s with many at once; commit_added_ms for one at a time."""
    from devicemgr.ledger.spill_file import Spill  # noqa: PLC0415
    from devicemgr.ledger.writer import Ledger  # noqa: PLC0415 - the store's libraries
    from devicemgr.site.site import initialize  # noqa: PLC0415
    from devicemgr.store.database import Database  # noqa: PLC0415

    home = Home(folder / "storage")
    initialize(home)
    database = Database.open(home.database)
    ledger = Ledger(database, Spill(home.spill, home.spill_key))
    ledger.start()
    began = time.monotonic()
    _submit(ledger, _EVENTS)
    rate = _EVENTS / (time.monotonic() - began)
    singles = []
    for _ in range(_SINGLES):
        began = time.monotonic()
        _submit(ledger, 1)
        singles.append((time.monotonic() - began) * 1000)
    ledger.stop()
    database.close()
    return {
        "durable_events_per_s": round(rate),
        "commit_added_ms": round(quantile(singles, 0.5), 2),
        "commit_added_p99_ms": round(quantile(singles, 0.99), 2),
    }


def _submit(ledger: Any, count: int) -> None:
    from devicemgr.domain.ledger_events import Fact  # noqa: PLC0415 - numpy, which `--help` need not load

    durable = threading.Event()
    for number in range(count):
        fact = Fact("bench", datetime.now(UTC), detail={"n": number})
        ledger.submit(fact, (lambda _: durable.set()) if number == count - 1 else None)
    durable.wait()


def measure_ready(folder: Path) -> dict[str, Any]:
    """ready_s: the slowest of a few starts, until the API answers."""
    home = Home(folder / "ready")
    Child(["init"], home.path, folder / "init.log").process.wait()
    slowest = 0.0
    for _ in range(_STARTS):
        began = time.monotonic()
        daemon = Child(["run"], home.path, folder / "ready.log")
        try:
            wait_until(lambda: daemon_answers(home), 60, "the daemon did not start")
            slowest = max(slowest, time.monotonic() - began)
        finally:
            daemon.stop()
    return {"ready_s": round(slowest, 2)}
