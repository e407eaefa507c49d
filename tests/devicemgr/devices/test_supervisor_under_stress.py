"""Workers whose drivers hang or break, whose ears fail, and whose configuration changes meanwhile."""

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from devicemgr.access.event_queue import FromDevice, Inbox
from devicemgr.access.release import Opening, Outcome
from devicemgr.devices.supervisor import DeviceState, DeviceWorker, Health, Listener, Supervisor
from devicemgr.devices.worker import Makers
from devicemgr.domain.device_events import PassageCompleted
from devicemgr.domain.model import DeviceConfig, Direction
from devicemgr.errors import DeviceUnreachable, OutcomeUnknown


class Ear:
    """Hears states; fails as long as `broken`."""

    def __init__(self) -> None:
        self.states: queue.Queue[DeviceState] = queue.Queue()
        self.broken = threading.Event()
        self.failed = threading.Semaphore(0)

    def on_state(self, state: DeviceState) -> None:
        if self.broken.is_set():
            self.failed.release()
            raise RuntimeError("the ledger's queue is full")
        self.states.put(state)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def supervisor(catalog: Any, ear: Ear) -> Iterator[Supervisor]:
    found = Supervisor(catalog, Listener(lambda *_: None, ear.on_state))
    yield found
    found.stop()


def config(address: str = "nowhere", name: str = "arm") -> DeviceConfig:
    return DeviceConfig("1", name, "fake_gate", address)


class Hang:
    """An action that hangs in its driver until let go."""

    def __init__(self) -> None:
        self.entered, self.go = threading.Event(), threading.Event()

    def __call__(self, _: Any) -> None:
        self.entered.set()
        assert self.go.wait(30)


def test_a_hung_driver_does_not_hold_up_a_change_of_the_site(supervisor: Supervisor, catalog: Any, ear: Ear) -> None:
    supervisor.set_devices([config()])
    assert ear.states.get(timeout=10).health is Health.ONLINE
    hang = Hang()
    supervisor.command("arm", hang, lambda *_: None)
    assert hang.entered.wait(10)
    changed = threading.Event()

    def change() -> None:
        supervisor.set_devices([config("elsewhere"), config(name="other")])
        changed.set()

    threading.Thread(target=change, daemon=True).start()
    assert changed.wait(2), "whoever changes the site waits for the hung driver"
    assert ear.states.get(timeout=10).name == "other"
    with pytest.raises(DeviceUnreachable):
        supervisor.call("arm", lambda gate: gate.release(1, Direction.ENTRY, 1.0), 10)  # type: ignore[attr-defined]
    hang.go.set()
    state = ear.states.get(timeout=10)
    assert (state.name, state.health) == ("arm", Health.ONLINE), "the new worker begins when the old one has let go"
    assert catalog.gate.done.empty()


def test_two_changes_at_once_start_a_device_once(supervisor: Supervisor, catalog: Any) -> None:
    built: list[str] = []
    inside = threading.Barrier(2, timeout=0.5)
    real = DeviceWorker.start

    def start(worker: DeviceWorker) -> None:
        built.append(worker.config.name)
        with contextlib.suppress(threading.BrokenBarrierError):
            inside.wait()
        real(worker)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DeviceWorker, "start", start)
        threads = [threading.Thread(target=supervisor.set_devices, args=([config()],)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert built == ["arm"]


def test_nothing_starts_after_the_stop(supervisor: Supervisor, catalog: Any) -> None:
    supervisor.stop()
    supervisor.set_devices([config()])
    assert supervisor.states() == []


def test_a_worker_outlives_an_ear_that_fails(supervisor: Supervisor, catalog: Any, ear: Ear) -> None:
    supervisor.set_devices([config()])
    assert ear.states.get(timeout=10).health is Health.ONLINE
    ear.broken.set()
    catalog.gate.poll_error = DeviceUnreachable("gone")
    assert ear.failed.acquire(timeout=10)
    ear.broken.clear()
    catalog.gate.poll_error = None
    assert ear.states.get(timeout=10).health is Health.ONLINE
    assert supervisor.call("arm", lambda gate: gate.check(), 10)


def test_a_worker_outlives_a_follower_that_fails(supervisor: Supervisor, catalog: Any, ear: Ear) -> None:
    catalog.gate.open_error = DeviceUnreachable("gone")
    supervisor.set_devices([config()])
    assert ear.states.get(timeout=10).health is Health.OFFLINE
    told = threading.Event()

    def done(*_: object) -> None:
        told.set()
        raise RuntimeError("boom")

    supervisor.command("arm", lambda gate: gate.check(), done)
    assert told.wait(10)
    catalog.gate.open_error = None
    assert ear.states.get(timeout=10).health is Health.ONLINE


def test_a_driver_that_breaks_in_a_command_leaves_the_outcome_unknown(
    supervisor: Supervisor, catalog: Any, ear: Ear
) -> None:
    supervisor.set_devices([config()])
    assert ear.states.get(timeout=10).health is Health.ONLINE
    catalog.gate.release_error = ValueError("the driver's own mistake, after the bytes have left")
    with pytest.raises(OutcomeUnknown):
        supervisor.call("arm", lambda gate: gate.release(1, Direction.ENTRY, 1.0), 10)  # type: ignore[attr-defined]


def test_a_command_to_a_worker_that_has_ended_is_refused(catalog: Any) -> None:
    worker = DeviceWorker(config(), Makers(catalog.build), Listener(lambda *_: None, lambda _: None))
    worker.start()
    worker.stop(10)
    told: list[Exception | None] = []
    worker.command(lambda gate: gate.check(), lambda _, error: told.append(error))
    assert isinstance(told[0], DeviceUnreachable)


def outcome(portal: Any = None) -> Outcome:
    return Outcome(Opening("r", portal, Direction.ENTRY, 0.0, 0.0), 0.0, 0.0, None, True)


def test_an_outcome_never_waits_for_the_dispatcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come on the ledger's thread, for which the dispatcher may be waiting."""
    monkeypatch.setattr("devicemgr.access.event_queue._FACTS", 1)
    inbox = Inbox()
    inbox.put(FromDevice("arm", PassageCompleted(1)))
    put = threading.Event()
    threading.Thread(target=lambda: (inbox.put(outcome()), put.set()), daemon=True).start()
    assert put.wait(10)
    assert isinstance(inbox.get(0), FromDevice)
    assert isinstance(inbox.get(0), Outcome)
