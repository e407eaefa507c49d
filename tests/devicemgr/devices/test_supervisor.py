"""Workers: devices come and go, commands never outlive them."""

import queue
import threading
from typing import Any

import pytest

from devicemgr.devices.supervisor import DeviceState, Health, Listener, Supervisor
from devicemgr.domain.device_events import PassageCompleted
from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import DeviceRefused, DeviceUnreachable, OutcomeUnknown


class Ear:
    """Collects states and facts."""

    def __init__(self) -> None:
        self.states: queue.Queue[DeviceState] = queue.Queue()
        self.facts: queue.Queue[Any] = queue.Queue()
        self.listener = Listener(lambda name, fact: self.facts.put((name, fact)), self.states.put)

    def next(self) -> tuple[str, str | None]:
        state = self.states.get(timeout=10)
        return str(state.health), state.cause


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def supervisor(catalog: Any, ear: Ear):
    found = Supervisor(catalog, ear.listener)
    yield found
    found.stop()


def config(name: str = "arm", **more: Any) -> DeviceConfig:
    return DeviceConfig("1", name, "fake_gate", "nowhere", **more)


def test_lost_and_found_again(supervisor: Supervisor, catalog: Any, ear: Ear) -> None:
    supervisor.set_devices([config()])
    assert ear.next() == ("online", None)
    catalog.gate.open_error = catalog.gate.poll_error = DeviceUnreachable("the cable is pulled")
    assert ear.next() == ("offline", "the cable is pulled")
    assert catalog.gate.closed.acquire(timeout=10)
    catalog.gate.open_error = catalog.gate.poll_error = None
    assert ear.next() == ("online", None)


def test_facts_arrive_in_order(supervisor: Supervisor, catalog: Any, ear: Ear) -> None:
    facts = [PassageCompleted(1, count=n) for n in range(1, 30)]
    for fact in facts:
        catalog.gate.facts.put(fact)
    supervisor.set_devices([config()])
    assert [ear.facts.get(timeout=10) for _ in facts] == [("arm", fact) for fact in facts]


def test_a_command_to_a_lost_device_fails_at_once_and_is_not_kept(
    supervisor: Supervisor, catalog: Any, ear: Ear
) -> None:
    catalog.gate.open_error = DeviceUnreachable("no serial port")
    supervisor.set_devices([config()])
    assert ear.next()[0] == "offline"
    with pytest.raises(DeviceUnreachable, match="no serial port"):
        supervisor.call("arm", lambda gate: gate.release(1, "entry", 1.0), 10)  # type: ignore[attr-defined]
    catalog.gate.open_error = None
    assert ear.next()[0] == "online"
    assert supervisor.call("arm", lambda gate: gate.check(), 10) == {"model": "fake"}
    assert catalog.gate.done.empty()


def test_a_driver_that_breaks_is_named_and_restarted(
    supervisor: Supervisor, catalog: Any, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor.set_devices([config()])
    assert ear.next()[0] == "online"
    catalog.gate.poll_error = RuntimeError("boom")
    health, cause = ear.next()
    assert health == "offline"
    assert "boom" in str(cause)
    catalog.gate.poll_error = None
    assert ear.next()[0] == "online"
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("error", [OutcomeUnknown("lost"), DeviceRefused("no")])
def test_an_answer_that_is_no_loss_keeps_the_line_open(
    supervisor: Supervisor, catalog: Any, ear: Ear, error: Exception
) -> None:
    supervisor.set_devices([config()])
    assert ear.next()[0] == "online"

    def action(_: Any) -> None:
        raise error

    with pytest.raises(type(error)):
        supervisor.call("arm", action, 10)
    assert supervisor.call("arm", lambda gate: gate.check(), 10)
    assert ear.states.empty()


def test_a_call_that_takes_too_long_is_given_up(supervisor: Supervisor, catalog: Any, ear: Ear) -> None:
    supervisor.set_devices([config()])
    assert ear.next()[0] == "online"
    held, entered = threading.Event(), threading.Event()

    def action(_: Any) -> None:
        entered.set()
        held.wait(10)

    supervisor.command("arm", action, lambda *_: None)
    assert entered.wait(10)
    with pytest.raises(DeviceUnreachable, match="did not answer"):
        supervisor.call("arm", lambda gate: gate.release(1, "entry", 1.0), 0.05)  # type: ignore[attr-defined]
    held.set()
    assert supervisor.call("arm", lambda gate: gate.check(), 10)
    assert catalog.gate.done.empty(), "a call given up must not be carried out later"


def test_changes_of_the_site(supervisor: Supervisor, catalog: Any, ear: Ear) -> None:
    supervisor.set_devices([config()])
    assert ear.next()[0] == "online"
    supervisor.set_devices([config()])
    assert ear.states.empty()
    supervisor.set_devices([DeviceConfig("1", "arm", "fake_gate", "elsewhere")])
    assert ear.next()[0] == "online"
    assert catalog.gate.closed.acquire(timeout=10)
    supervisor.set_devices([])
    assert supervisor.states() == []


def test_a_note_degrades_and_lifts(supervisor: Supervisor, ear: Ear) -> None:
    supervisor.set_devices([config()])
    assert ear.next()[0] == "online"
    supervisor.note("arm", "the stream stalls")
    assert ear.next() == ("degraded", "the stream stalls")
    supervisor.note("arm", None)
    assert ear.next() == (str(Health.ONLINE), None)


def test_a_device_that_complains_is_degraded_as_long_as_it_does(supervisor: Supervisor, catalog: Any, ear: Ear) -> None:
    catalog.gate.complaint = "the line is not encrypted"
    supervisor.set_devices([config()])
    # Online first: whoever asks for streams and modes then, asks a degraded device too.
    assert ear.next() == ("online", None)
    assert ear.next() == ("degraded", "the line is not encrypted")
    catalog.gate.complaint = None
    assert ear.next() == ("online", None)
    catalog.gate.poll_error = DeviceUnreachable("the cable is pulled")
    assert ear.next() == ("offline", "the cable is pulled")
    catalog.gate.poll_error = None
    while (told := ear.next()) != ("online", None):
        assert told[0] == "offline"


def test_the_same_device_object_lives_over_every_loss(supervisor: Supervisor, catalog: Any, ear: Ear) -> None:
    """It remembers counters and fire from before; only a driver that broke is built anew."""
    built = []
    real = catalog.build
    catalog.build = lambda config: built.append(config) or real(config)
    supervisor.set_devices([config()])
    assert ear.next()[0] == "online"
    catalog.gate.poll_error = DeviceUnreachable("gone")
    assert ear.next()[0] == "offline"
    catalog.gate.poll_error = None
    assert ear.next()[0] == "online"
    assert len(built) == 1


def test_what_a_device_said_is_known_while_it_is_away_too(supervisor: Supervisor, catalog: Any, ear: Ear) -> None:
    catalog.gate.open_error = DeviceUnreachable("no serial port")
    supervisor.set_devices([config()])
    assert ear.next()[0] == "offline"
    with pytest.raises(DeviceUnreachable, match="has not been reached since the daemon began: no serial port"):
        supervisor.info("arm")
    catalog.gate.open_error = None
    assert ear.next()[0] == "online"
    first = supervisor.info("arm")
    assert first[0].model == "fake"
    catalog.gate.open_error = catalog.gate.poll_error = DeviceUnreachable("the cable is pulled")
    assert ear.next()[0] == "offline"
    assert supervisor.info("arm") == first
