"""Devices whose drivers break again and again, fall silent, or hang for ever."""

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from devicemgr.devices import backoff, call_timeouts, supervisor
from devicemgr.devices.supervisor import DeviceState, Health, Listener, Supervisor
from devicemgr.domain.device_events import PassageCompleted
from devicemgr.domain.model import DeviceConfig, Direction
from devicemgr.errors import DeviceRefused, DeviceUnreachable, DeviceUnready, Hint, OutcomeUnknown


class Ear:
    """Collects states and facts."""

    def __init__(self) -> None:
        self.states: queue.Queue[DeviceState] = queue.Queue()
        self.facts: queue.Queue[Any] = queue.Queue()

    def next(self) -> tuple[Health, str | None]:
        state = self.states.get(timeout=20)
        return state.health, state.cause


class Hang:
    """Stands in for a driver's method; each call hangs until the test lets go."""

    def __init__(self, answer: Any = None) -> None:
        self.entered, self.go, self.answer = threading.Semaphore(0), threading.Event(), answer

    def __call__(self, *_: Any) -> Any:
        self.entered.release()
        assert self.go.wait(60)
        return self.answer


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def devices(catalog: Any, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """Limits of a tenth of a second where the product has seconds."""
    for name in ("SILENT_SERIAL_S", "SILENT_IP_S"):
        monkeypatch.setattr(call_timeouts, name, 0.1)
    for module, name, value in (
        (backoff, "FIRST_S", 0.01),
        (backoff, "LAST_S", 0.02),
        (supervisor, "_WATCH_S", 0.02),
    ):
        monkeypatch.setattr(module, name, value)
    found = Supervisor(catalog, Listener(lambda name, fact: ear.facts.put((name, fact)), ear.states.put))
    yield found
    found.stop(0.2)


def config(address: str = "/dev/gate/arm") -> DeviceConfig:
    return DeviceConfig("1", "arm", "fake_gate", address)


def until_quarantined(ear: Ear) -> str:
    seen = []
    while not seen or seen[-1][0] is not Health.QUARANTINED:
        seen.append(ear.next())
    return str(seen[-1][1])


def test_a_driver_that_breaks_five_times_is_quarantined_and_tried_again(
    devices: Supervisor, catalog: Any, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "AGAIN_S", 0.2)
    catalog.gate.open_error = RuntimeError("boom")
    devices.set_devices([config()])
    assert "boom" in until_quarantined(ear)
    with pytest.raises(DeviceUnreachable, match="boom"):
        devices.call("arm", lambda gate: gate.check(), 10)
    catalog.gate.open_error = None
    assert ear.next()[0] is Health.ONLINE


@pytest.mark.parametrize(("address", "patient"), [("http://h", True), ("/dev/gate/arm", False), ("tcp://h:1", False)])
def test_a_refused_password_is_not_tried_in_haste(
    devices: Supervisor, catalog: Any, ear: Ear, address: str, patient: bool
) -> None:
    """An account is locked by it; nothing is, on a serial line, and that must be back soon."""
    catalog.gate.open_error = DeviceRefused("wrong password")
    devices.set_devices([config(address)])
    assert ("every 30 s" in until_quarantined(ear)) == patient
    catalog.gate.open_error = None
    if not patient:
        assert ear.next()[0] is Health.ONLINE


def test_a_line_that_comes_and_goes_is_quarantined_and_back_at_once(
    devices: Supervisor, catalog: Any, ear: Ear
) -> None:
    devices.set_devices([config()])
    health = None
    for _ in range(backoff.FAILURES):
        assert ear.next()[0] is Health.ONLINE
        catalog.gate.open_error = catalog.gate.poll_error = DeviceUnreachable("gone")
        health, _ = ear.next()
        catalog.gate.open_error = catalog.gate.poll_error = None
    assert health is Health.QUARANTINED
    assert ear.next()[0] is Health.ONLINE


def test_a_silent_driver_is_known_before_it_is_given_up(devices: Supervisor, catalog: Any, ear: Ear) -> None:
    devices.set_devices([config()])
    assert ear.next()[0] is Health.ONLINE
    catalog.gate.poll = hang = Hang([PassageCompleted(1)])
    assert ear.next() == (Health.OFFLINE, "its driver has not answered for 0.1 s")
    with pytest.raises(DeviceUnreachable, match="has not answered"):
        devices.call("arm", lambda gate: gate.release(1, Direction.ENTRY, 1.0), 10)  # type: ignore[attr-defined]
    hang.go.set()
    assert ear.next()[0] is Health.ONLINE
    assert ear.facts.get(timeout=10) == ("arm", PassageCompleted(1)), "it was late, and is as true as ever"
    assert devices.stuck_threads == 0
    assert catalog.gate.done.empty()


def test_a_command_may_take_as_long_as_its_caller_waits(devices: Supervisor, catalog: Any, ear: Ear) -> None:
    devices.set_devices([config()])
    assert ear.next()[0] is Health.ONLINE
    hang, ended = Hang(), threading.Event()
    devices.command("arm", hang, lambda *_: ended.set(), seconds=20)
    assert hang.entered.acquire(timeout=10)
    threading.Event().wait(0.3)  # three times what a short command may take
    assert ear.states.empty()
    hang.go.set()
    assert ended.wait(10)


@pytest.fixture
def impatient(devices: Supervisor, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    """Hanging calls are given up after a quarter of a second."""
    for name in ("OPEN_S", "POLL_S", "COMMAND_S"):
        monkeypatch.setattr(call_timeouts, name, 0.25)
    return devices


def test_a_worker_that_hangs_is_replaced_and_its_command_unknown(impatient: Supervisor, catalog: Any, ear: Ear) -> None:
    impatient.set_devices([config()])
    assert ear.next()[0] is Health.ONLINE
    built: list[DeviceConfig] = []
    real = catalog.build
    catalog.build = lambda given: built.append(given) or real(given)
    hang, answers = Hang(), queue.Queue()
    impatient.command("arm", hang, lambda *answer: answers.put(answer))
    assert hang.entered.acquire(timeout=10)
    impatient.command("arm", lambda gate: gate.release(1, Direction.ENTRY, 1.0), lambda *answer: answers.put(answer))
    running, waiting = answers.get(timeout=10)[1], answers.get(timeout=10)[1]
    assert isinstance(running, OutcomeUnknown)
    assert isinstance(waiting, DeviceUnreachable)
    assert "did not end in its time" in str(waiting)
    while ear.next()[0] is not Health.ONLINE:
        pass
    assert len(built) == 1, "the object that hangs is not used by two threads"
    assert impatient.stuck_threads == 1
    assert impatient.call("arm", lambda gate: gate.check(), 10) == {"model": "fake"}
    hang.go.set()
    left = impatient._left[0]
    left._thread.join(10)
    assert impatient.stuck_threads == 0
    assert answers.empty(), "what ends late is not answered twice"
    assert impatient.states()[0].health is Health.ONLINE
    assert catalog.gate.done.empty()


def test_what_a_left_thread_brings_late_is_not_taken(impatient: Supervisor, catalog: Any, ear: Ear) -> None:
    impatient.set_devices([config()])
    assert ear.next()[0] is Health.ONLINE
    real = catalog.gate.poll
    catalog.gate.poll = hang = Hang([PassageCompleted(1)])
    assert hang.entered.acquire(timeout=10)
    catalog.gate.poll = real
    while ear.next()[0] is not Health.ONLINE:
        pass
    hang.go.set()
    impatient._left[0]._thread.join(10)
    assert ear.facts.empty()


def test_threads_left_behind_are_bounded(impatient: Supervisor, catalog: Any, ear: Ear) -> None:
    catalog.gate.open = hang = Hang()
    impatient.set_devices([config()])
    for _ in range(1 + supervisor._LEFT_OF_ONE):
        assert hang.entered.acquire(timeout=20)
        for worker in impatient._workers.values():
            worker.hint()  # not to sit out the quarantine
    while ear.next()[1] != "its driver hangs again and again: restart devicemgr":
        pass
    assert impatient.stuck_threads == supervisor._LEFT_OF_ONE
    assert not hang.entered.acquire(timeout=0.5)
    with pytest.raises(DeviceUnreachable, match="restart devicemgr"):
        impatient.call("arm", lambda gate: gate.check(), 10)
    del catalog.gate.open  # the next try opens
    hang.go.set()
    while ear.next()[0] is not Health.ONLINE:
        for worker in list(impatient._workers.values()):
            worker.hint()
    assert impatient.stuck_threads == 0


def test_a_device_that_waits_for_a_person_fails_never_and_is_told_of_once(
    devices: Supervisor, catalog: Any, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = threading.Semaphore(0)

    def refuse() -> None:
        tries.release()
        raise DeviceUnready("waits for pairing; install mode first", hint=Hint("pair_reader", name="arm"))

    monkeypatch.setattr(catalog.gate, "open", refuse)
    devices.set_devices([config()])
    health, cause = ear.next()
    assert health is Health.OFFLINE
    assert str(cause).startswith("waits for pairing; ")
    (state,) = devices.states()
    assert state.hint is not None
    assert state.hint.as_json() == {"code": "pair_reader", "args": {"name": "arm"}}
    for _ in range(3 * backoff.FAILURES):
        assert tries.acquire(timeout=20)
    assert ear.states.empty()
    assert devices.states()[0].health is Health.OFFLINE
