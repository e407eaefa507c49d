"""The driver against the simulated terminal, over HTTP on loopback."""

import contextlib
import socket
import threading
from datetime import timedelta

import pytest

from devicemgr.domain.device_events import DeviceDecided
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.domain.ports.device import Delivery, Gate, Holder, ReplayingLogs, Verifier
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, InvalidInput, NotYet, OutcomeUnknown
from drivers.hikvision_console.console import DOOR
from drivers.sim.hikvision.server import PASSWORD
from tests.drivers.hikvision_console.conftest import heard, until


def test_what_it_can_do(console):
    device = console(opened=False)
    assert all(isinstance(device, port) for port in (Gate, Holder, Verifier, ReplayingLogs))


def test_a_third_listener_is_told_and_the_memory_is_enough(sim, console):
    sim.listen()
    sim.listen()
    device = console()
    sim.terminal.happen(0x17)
    until(device, lambda facts: facts)
    assert "not connected" in device.check()["stream"]


def test_an_account_that_is_locked_is_left_alone_for_as_long_as_it_says(sim, console):
    sim.lock(1200)
    device = console(opened=False)
    for _ in range(5):
        with pytest.raises(DeviceRefused, match="locked this account for another 20 min"):
            device.open()
    # Nothing with a password was sent: that might have begun the half hour anew.
    assert sim.events.all("unauthorized") == []
    sim.lock(0)
    console()


def test_the_last_try_before_a_lock_out_is_left_to_a_person(sim, console):
    sim.wrong_tries(3)
    device = console(opened=False, password="wrong")
    for _ in range(3):
        with pytest.raises(DeviceRefused, match="refuses the user name or password"):
            device.open()
    assert len(sim.events.all("unauthorized")) == 1
    assert sim.events.all("locked_out") == []


def test_an_opened_case(sim, console, monkeypatch):
    monkeypatch.setattr("drivers.hikvision_console.console._LOOK_S", 0.0)
    sim.terminal.tampered = True
    device = console()
    assert until(device, lambda facts: facts)[0].kind is Kind.TAMPER
    assert [device.poll() for _ in range(3)] == [[], [], []]
    device.close()
    states = console(states=True)
    assert [fact.active for fact in until(states, lambda facts: facts)] == [True]
    sim.terminal.tampered = False
    assert [fact.active for fact in until(states, lambda facts: facts)] == [False]


def test_the_door(sim, console):
    device = console()
    device.release(1, Direction.ENTRY, 3.0)
    assert sim.events.wait_for("unlocked")["by"] == "command"
    with pytest.raises(DeviceRefused):
        device.release(7, Direction.ENTRY, 3.0)


@pytest.mark.parametrize("firmware", ["keeps its operations", "tells none"])
def test_an_opening_whose_answer_is_lost_is_proven_by_its_memory(sim, console, firmware, monkeypatch):
    monkeypatch.setattr("drivers.hikvision_console.console._PROOF_S", 1.5)
    device = console(poll_seconds=60)
    if firmware == "tells none":
        sim.terminal.faults.unsupported.add("AcsEvent")
    sim.terminal.faults.lose_answer_to = "RemoteControl/door"
    if firmware == "tells none":
        with pytest.raises(OutcomeUnknown):
            device.release(1, Direction.ENTRY, 3.0)
    else:
        assert device.release(1, Direction.ENTRY, 3.0) is Delivery.CONFIRMED
    assert [event["path"] for event in sim.events.all("answer_dropped")] == [f"{DOOR}/1"]
    assert len(sim.events.all("unlocked")) == 1, "sent once"


def test_a_wrong_password_is_tried_twice(sim, console):
    device = console(opened=False, password="wrong")
    for _ in range(6):
        with pytest.raises(DeviceRefused, match="no more tries"):
            device.open()
    assert len(sim.events.all("unauthorized")) == 2
    assert not sim.events.all("locked_out")


def test_busy_is_asked_again_and_a_release_is_not(sim, console):
    device = console(poll_seconds=60)
    heard(sim)
    sim.terminal.faults.refusals.append(("UserInfo/capabilities", "deviceBusy"))
    assert device.capacity() == 3000
    assert sim.events.wait_for("said_busy")
    sim.terminal.faults.refusals.append(("RemoteControl", "deviceBusy"))
    with pytest.raises(NotYet, match="did nothing"):
        device.release(1, Direction.ENTRY, 1.0)
    assert not sim.events.all("unlocked")


def test_gone_and_back(sim, console):
    device = console()
    sim.stop()
    with pytest.raises(DeviceError):
        until(device, lambda facts: False)
    device.close()
    with pytest.raises(DeviceUnreachable):
        device.open()
    sim.start()
    device.open()
    sim.terminal.happen(0x4C)
    assert until(device, lambda facts: facts)


def test_pushes_are_a_hint_and_open_nothing(sim, console):
    sim.terminal.faults.unsupported.add("alertStream")
    device = console(push_port=0, poll_seconds=60)
    sim.events.wait_for("push_set")
    device.poll()
    event = sim.terminal.add_event(0x4C)
    body = b'{"AccessControllerEvent":{"majorEventType":5,"subEventType":75,"serialNo":99,"remoteCheck":true}}'
    for payload in (body, b"", b"\xff" * 100):
        with socket.create_connection(("127.0.0.1", device._push.port)) as pushed:
            pushed.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(payload), payload))
            assert pushed.recv(100).startswith(b"HTTP/1.0 200")
    facts = until(device, lambda facts: facts)
    assert [(type(fact), fact.serial) for fact in facts] == [(DeviceDecided, event.serial)]


def test_pushes_that_never_end_take_a_few_places_and_no_more(sim, console):
    device = console(push_port=0)
    port = device._push.port
    lines = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(20)]
    for line in lines:
        with contextlib.suppress(OSError):
            line.sendall(b"POST /devicemgr HTTP/1.1\r\nX-Slow: ")
    # The threads of this listener alone, and without the one that waits for connections.
    handler = device._push._server.process_request_thread
    refused, most = 0, 0
    for line in lines:
        line.settimeout(0.3)
        try:
            refused += line.recv(1) == b""
        except TimeoutError:
            pass
        except OSError:
            refused += 1
        most = max(most, sum(getattr(thread, "_target", None) == handler for thread in threading.enumerate()))
    for line in lines:
        line.close()
    assert refused >= 16
    assert 1 <= most <= 4


def test_closing_ends_every_thread(console, sim):
    before = threading.active_count()
    device = console(push_port=0)
    device.close()
    device.close()
    names = {thread.name for thread in threading.enumerate()}
    assert not [name for name in names if name.startswith("console-")]
    assert threading.active_count() <= before + 4  # the simulated console's own, which end with its connections


def test_nothing_told_holds_the_password(sim, console, caplog):
    device = console()
    told = repr(device.check()) + repr(device) + repr(vars(device)) + caplog.text
    assert PASSWORD not in told


@pytest.mark.parametrize(
    "options", [{"decide": "nobody"}, {"tls_fingerprint": "sha256:12"}, {"name_bytes": 1}, {"when_server_down": True}]
)
def test_options_that_can_not_be(console, options):
    with pytest.raises(InvalidInput):
        console(opened=False, **options)


def test_a_clock_that_drifts_while_it_is_connected_is_noticed_and_events_are_read_by_it(sim, console, monkeypatch):
    monkeypatch.setattr("drivers.hikvision_console.console._LOOK_S", 0.0)
    device = console(decide="console")
    assert device.complaint is None
    sim.terminal.skew = timedelta(seconds=-90)
    assert not until(device, lambda _: sum(event["path"].endswith("AcsWorkStatus") for event in requests(sim)) > 2)
    assert device.complaint is None, "an hour has not gone"
    monkeypatch.setattr("drivers.hikvision_console.console._CLOCK_S", 0.0)
    until(device, lambda _: device.complaint is not None)
    assert "s behind; give it a time server" in device.complaint
    sim.terminal.happen(0x4C)
    (fact,) = until(device, lambda facts: facts)
    assert abs(fact.evidence["clock_skew_s"] + 90) < 2


def requests(sim):
    return sim.events.all("request")


@pytest.mark.parametrize("doubted", [True, False])
def test_its_clock_is_set_unless_this_computer_s_own_is_doubted(sim, console, monkeypatch, doubted):
    monkeypatch.setattr("drivers.hikvision_console.settings.is_doubted", lambda: doubted)
    sim.terminal.skew = timedelta(hours=-6)
    console(clock="set")
    assert (abs(sim.terminal.skew) < timedelta(seconds=5)) is not doubted
