"""What the watchdog wants to see before it notifies systemd."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from devicemgr.daemon import watchdog
from devicemgr.devices.supervisor import Listener, Supervisor
from devicemgr.domain.device_events import CardRead
from devicemgr.domain.model import DeviceConfig


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(watchdog.systemd, "notify", found.append)
    return found


@pytest.mark.parametrize("stuck", ["dispatcher", "ledger", "gates", "API", None])
def test_one_part_that_stands_still_is_enough(
    stuck: str | None, sent: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def turns() -> dict[str, tuple[float, float]]:
        return {
            name: (time.monotonic() - (11.0 if name == stuck else 0.0), 10.0)
            for name in ("dispatcher", "ledger", "gates")
        }

    before: list[str] = []
    for _ in range(3):
        before = watchdog.look(turns, lambda: stuck != "API", before)
    assert sent == ([] if stuck else ["WATCHDOG=1"] * 3)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == (
        [f"no progress in {stuck}"] if stuck else []
    )
    assert watchdog.look(dict, lambda: True, before) == []
    assert sent[-1] == "WATCHDOG=1"


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_worker_that_waits_for_its_ear_makes_no_progress_and_one_inside_its_driver_does(catalog: Any) -> None:
    """Inside the driver the watch bounds it; between two calls nobody else would."""
    stuck, go = threading.Event(), threading.Event()

    def hear(*_: Any) -> None:
        stuck.set()
        go.wait(30)

    supervisor = Supervisor(catalog, Listener(hear, lambda _: None))
    supervisor.set_devices([DeviceConfig("", "arm", "fake_gate", "x")])
    try:
        assert catalog.gate.opened.acquire(timeout=10)
        _until(lambda: time.monotonic() - supervisor.progress < 0.5)
        before = time.monotonic()
        catalog.gate.facts.put(CardRead(1, ("1",)))
        assert stuck.wait(10)
        _until(lambda: time.monotonic() - supervisor.progress > 0.5)
        assert supervisor.progress >= before - 0.5
        go.set()
        _until(lambda: time.monotonic() - supervisor.progress < 0.2)
        entered = threading.Event()
        catalog.gate.poll = lambda: (entered.set(), time.sleep(1.0), [])[2]
        assert entered.wait(10)
        assert time.monotonic() - supervisor.progress < 0.5
    finally:
        go.set()
        supervisor.stop(3)
