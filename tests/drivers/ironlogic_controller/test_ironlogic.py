"""An IronLogic controller that calls us: questions, releases, events and cards, over loopback HTTP.

Messages: IronLogic's web-json.pdf, as quoted by public servers for it (Z5RWEB).
"""

import http.client
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.device_events import (
    DeviceDecided,
    DeviceReported,
    FireRelease,
    GateAlarm,
    Presented,
    PushRefused,
)
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceConfig, Direction, Factor, PortalMode
from devicemgr.domain.ports.device import Delivery, Holder, Holding, Verifier
from devicemgr.errors import DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from drivers import Catalog
from drivers.sim.ironlogic.controller import SimulatedIronlogic

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
SERIAL = 40646


class World:
    """A device that listens, and a simulated controller that calls it."""

    def __init__(self, **options):
        options = {"serial": SERIAL, "push_port": 0, "interval": 1} | options
        config = DeviceConfig("1", "gate-a", "ironlogic_controller", "http://127.0.0.1", options=options)
        self.device = Catalog().get("ironlogic_controller").build(config)
        self.device._server.start()
        path = options.get("path", "/")
        self.sim = SimulatedIronlogic(f"http://127.0.0.1:{self.device.port}{path}", SERIAL, 0.05)
        self.sim.__enter__()
        self.device.open()

    def poll_until(self, wanted, polls=400):
        facts = []
        for _ in range(polls):
            facts += [fact for fact in self.device.poll() if isinstance(fact, wanted)]
            if facts:
                return facts
            self.device._server.called.wait(0.05)
            threading.Event().wait(0.02)
        raise AssertionError(f"no {wanted}")

    def wait_active(self):
        self.sim.events.wait_for("did")
        while not self.sim.is_active:
            self.sim.events.wait_for("answer")

    def end(self):
        self.sim.__exit__()
        self.device.close()


@pytest.fixture
def world():
    made = []

    def make(**options):
        made.append(World(**options))
        made[-1].wait_active()
        return made[-1]

    yield make
    for each in made:
        each.end()


def call(device, body, path="/"):
    line = http.client.HTTPConnection("127.0.0.1", device.port, timeout=10)
    line.request("POST", path, body, {"Content-Type": "application/json"})
    answer = line.getresponse()
    return answer.status, answer.read()


def test_events_that_come_again_after_their_confirmation_are_confirmed_in_another_way(world):
    """Three public servers: the number of events; 2 for "all"; `last_event` of the message."""
    made = world()
    made.sim.__exit__()
    event = {"flag": 0, "event": 4, "time": "2026-09-28 21:30:00", "card": "00B5009EC1A8"}
    body = {"type": "Z5RWEB", "sn": SERIAL}
    ways, facts, ended = [], [], threading.Event()

    def poll():
        while not ended.wait(0.01):
            facts.extend(made.device.poll())

    polling = threading.Thread(target=poll)
    polling.start()
    for number in range(11):
        message = {"id": 880268352 + number, "operation": "events", "events": [event], "last_event": 3160}
        status, answer = call(made.device, json.dumps(body | {"messages": [message]}))
        assert status == 200
        ways += [each["events_success"] for each in json.loads(answer)["messages"] if each["operation"] == "events"]
    complaint = made.device.complaint
    ended.set()
    polling.join(10)
    assert ways == [1, 1, 1, 2, 2, 2, 3160, 3160, 3160, 1, 1]
    assert "sends the same events again" in complaint
    assert len([fact for fact in facts if isinstance(fact, DeviceDecided)]) == 1


def test_it_is_activated_online_and_its_cards_are_cleared(world):
    made = world()
    made.sim.cards["0000008D5722"] = {}
    assert (made.sim.is_active, made.sim.is_online) == (True, True)
    while made.sim.cards:
        made.sim.events.wait_for("answer", len(made.sim.events.all("answer")) + 1)
    assert not isinstance(made.device, Holder)
    assert isinstance(made.device, Verifier)
    assert "weak link" in made.device.complaint


@pytest.mark.parametrize(("granted", "reader"), [(True, 1), (False, 2)])
def test_a_card_is_a_question_and_the_answer_opens(world, granted, reader):
    made = world()
    opened = []
    asking = threading.Thread(target=lambda: opened.append(made.sim.card("0000008D5722", reader)))
    asking.start()
    (question,) = made.poll_until(Presented)
    assert (question.channel, question.names[1], question.factors) == (reader, "141:22306", {Factor.CARD})
    assert question.is_bound
    made.device.answer(question.serial, granted, "")
    asking.join(10)
    assert opened == [granted]
    (fact,) = made.poll_until((DeviceDecided, DeviceReported))
    assert (type(fact), fact.kind) == (DeviceReported, Kind.DEVICE_CONFIRMED)
    with pytest.raises(DeviceRefused, match="does not wait"):
        made.device.answer(question.serial, True, "")


def test_a_question_that_is_not_answered_is_no(world, monkeypatch):
    monkeypatch.setattr("drivers.ironlogic_controller.server.ANSWER_S", 0.1)
    made = world()
    assert made.sim.card("0000008D5722") is False
    (question,) = made.poll_until(Presented)
    with pytest.raises(DeviceRefused, match="does not wait"):
        made.device.answer(question.serial, True, "")


def test_a_release_waits_for_the_next_call_and_is_confirmed(world):
    made = world()
    assert made.device.release(1, EXIT, 5) is Delivery.CONFIRMED
    assert [event["direction"] for event in made.sim.events.all("opened")] == [1]
    (fact,) = made.poll_until(DeviceReported)
    assert fact.kind is Kind.DEVICE_CONFIRMED
    assert made.device.release_times(1, 5).waits_s == 3.0


def test_a_release_that_is_not_confirmed_is_unknown_and_sent_once(world):
    made = world()
    made.sim.plan.stand("deaf")
    with pytest.raises(OutcomeUnknown, match="look at the door"):
        made.device.release(1, ENTRY, 5)
    assert made.sim.events.all("fault")
    assert len(made.sim.events.all("opened")) == 1


def test_a_refused_release(world):
    made = world()
    made.sim.plan.once("refuse")
    with pytest.raises(DeviceRefused, match="refuses open_door"):
        made.device.release(1, ENTRY, 5)
    assert not made.sim.events.all("opened")


def test_a_release_to_a_controller_that_does_not_call_is_withdrawn(world):
    """It must not open late, when the controller calls again."""
    made = world()
    made.sim.__exit__()
    with pytest.raises(DeviceUnreachable, match="nothing was sent"):
        made.device.release(1, ENTRY, 5)
    status, body = call(made.device, json.dumps({"type": "Z5RWEB", "sn": SERIAL, "messages": []}))
    assert status == 200
    assert "open_door" not in body.decode()


def test_an_answer_is_as_documented(world):
    made = world()
    made.sim.__exit__()
    body = {"type": "Z5RWEB", "sn": SERIAL, "messages": [{"id": 9, "operation": "power_on", "active": 0, "mode": 0}]}
    found = json.loads(call(made.device, json.dumps(body))[1])
    assert set(found) == {"date", "interval", "messages"}
    assert found["interval"] == 1
    datetime.strptime(found["date"], "%Y-%m-%d %H:%M:%S")
    (message,) = [each for each in found["messages"] if each["operation"] == "set_active"]
    assert (message["active"], message["online"], isinstance(message["id"], int)) == (1, 1, True)


def test_modes_and_a_mode_that_was_changed_is_set_again(world, monkeypatch):
    monkeypatch.setattr("drivers.ironlogic_controller.controller.MODE_AGAIN_S", 0.0)
    made = world()
    assert made.device.set_mode(1, PortalMode.FREE) is Delivery.CONFIRMED
    assert made.sim.mode == 2
    made.sim.mode = 0
    while made.sim.mode != 2:
        made.device.poll()
        threading.Event().wait(0.02)
    with pytest.raises(DeviceRefused, match="one door, channel 1"):
        made.device.set_mode(2, PortalMode.FREE)


def test_events_are_confirmed_only_once_they_are_taken_and_come_once(world, monkeypatch):
    monkeypatch.setattr("drivers.ironlogic_controller.server.TAKEN_S", 0.2)
    made = world()
    made.sim.happen(12)
    made.sim.events.wait_for("answer", len(made.sim.events.all("answer")) + 2)
    assert made.sim._happened  # without a poll they stay in its memory
    facts = []
    while made.sim._happened:
        facts += [fact for fact in made.device.poll() if isinstance(fact, GateAlarm)]
        threading.Event().wait(0.02)
    assert [fact.kind for fact in facts] == [Kind.PORTAL_FORCED]


def test_fire_is_presumed_inactive_until_it_is_reported(world):
    made = world(fire_input=True)
    assert made.poll_until(FireRelease) == [FireRelease(False, is_presumed=True)]
    made.sim.happen(38, flag=0x0403)
    assert made.poll_until(FireRelease) == [FireRelease(True)]


def test_cards_are_kept_in_step(world):
    made = world(decide="controller")
    made.sim.cards["0000000000AA"] = {}
    assert made.sim.is_online is False
    assert made.device.held(None) == ([], None)
    assert made.sim.cards == {}  # what it held is not known, so it is emptied
    good, odd = Holding("141:22306", doors=frozenset({1})), Holding("40000:50000", doors=frozenset({1}))
    later = Holding("77", valid_from=datetime.now(UTC) + timedelta(days=1))
    refused = made.device.put([good, odd, later], {})
    assert set(refused) == {"40000:50000", "77"}
    assert made.sim.cards == {"0000008D5722": {"card": "0000008D5722", "flags": 0, "tz": 255}}
    assert made.device.held(None) == ([good], None)
    assert made.sim.card("0000008D5722") is True
    (fact,) = made.poll_until(DeviceDecided)
    assert (fact.granted, fact.names[1]) == (True, "141:22306")
    made.device.remove(["141:22306"])
    assert made.sim.cards == {}


def test_a_card_whose_validity_ends_is_deleted(world):
    made = world(decide="controller")
    made.device.held(None)
    made.device.put([Holding("5", valid_to=datetime.now(UTC) + timedelta(seconds=0.5))], {})
    assert made.sim.cards
    while made.device.held(None)[0]:
        made.device.poll()
        threading.Event().wait(0.02)
    assert made.sim.cards == {}


def test_a_lost_confirmation_of_cards_makes_the_memory_uncertain(world):
    made = world(decide="controller")
    made.device.held(None)
    made.sim.plan.once("refuse")
    with pytest.raises(DeviceRefused):
        made.device.put([Holding("5")], {})
    made.sim.cards["0000000000AA"] = {}
    assert made.device.held(None) == ([], None)
    assert made.sim.cards == {}


def test_cards_that_were_not_cleared_are_a_complaint(world):
    """With fallback=closed the memory has to be empty: what is not confirmed is not believed."""
    made = world()
    made.sim.events.wait_for("did", 2)
    made.device.poll()
    made.device._begin()
    made.sim.plan.once("refuse")
    while "has not confirmed that its cards were deleted" not in (made.device.complaint or ""):
        made.device.poll()
        threading.Event().wait(0.02)
    assert made.sim.events.all("fault")


def test_a_controller_that_decides_by_itself_is_a_complaint(world):
    made = world()
    made.sim.is_online = False
    made.sim.cards["0000008D5722"] = {}
    assert made.sim.card("0000008D5722") is True
    (fact,) = made.poll_until(DeviceDecided)
    assert fact.granted
    assert "decided about a card by itself although decide=host" in made.device.complaint


def test_strangers_are_refused_and_recorded(world):
    made = world(path="/k3Jd9")
    body = json.dumps({"type": "Z5RWEB", "sn": SERIAL, "messages": []})
    assert call(made.device, body, "/")[0] == 404
    assert call(made.device, json.dumps({"sn": 5, "messages": []}), "/k3Jd9")[0] == 404
    assert call(made.device, "{", "/k3Jd9")[0] == 400
    assert made.poll_until(PushRefused)


def test_silence_is_unreachable(world, monkeypatch):
    made = world()
    made.sim.__exit__()
    monkeypatch.setattr("drivers.ironlogic_controller.controller.MIN_SILENT_S", 0.1)
    monkeypatch.setattr("drivers.ironlogic_controller.controller.SILENT_CALLS", 0)
    threading.Event().wait(0.2)
    with pytest.raises(DeviceUnreachable, match="has not called for"):
        made.device.poll()


def test_another_serial_number_is_named(monkeypatch):
    monkeypatch.setattr("drivers.ironlogic_controller.controller.FIRST_CALL_S", 0.5)
    config = DeviceConfig("1", "x", "ironlogic_controller", "http://127.0.0.1", options={"serial": 7, "push_port": 0})
    device = Catalog().get("ironlogic_controller").build(config)
    device._server.start()
    with (
        SimulatedIronlogic(f"http://127.0.0.1:{device.port}/", SERIAL, 0.05),
        pytest.raises(DeviceRefused, match="serial number 40646 calls, not 7; correct option serial"),
    ):
        device.open()
    device.close()


@pytest.mark.parametrize("options", [{}, {"serial": 0}, {"serial": 1, "path": "x"}, {"serial": 1, "timezone": "Mars"}])
def test_options_that_can_not_be(options):
    config = DeviceConfig("1", "x", "ironlogic_controller", "http://127.0.0.1", options=options)
    with pytest.raises(InvalidInput):
        Catalog().get("ironlogic_controller").build(config)
