"""ONVIF door controllers: what a door does, what it tells, and who may be let in; against the simulated one."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.device_events import CardRead, DeviceDecided, DeviceReported, DoorContact, FireRelease, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceConfig, Direction, PortalMode
from devicemgr.errors import DeviceRefused, InvalidInput, OutcomeUnknown
from drivers.common.onvif.services.access_points import card_names
from drivers.common.onvif.services.notifications import Notice, notices
from drivers.common.onvif.soap import envelope
from drivers.onvif_door.driver import DRIVER
from drivers.sim.onvif.services import events
from drivers.sim.onvif.simulator import CAMERA, DOOR, SimulatedOnvif
from tests.drivers.common.happenings import only_happenings


@pytest.fixture
def device():
    with SimulatedOnvif(DOOR) as made:
        yield made


@pytest.fixture
def connect():
    made = []

    def build(device, states=False, **options):
        door = DRIVER.build(DeviceConfig("1", "door", "onvif_door", device.address, "admin", "admin", options))
        made.append(door)
        return only_happenings(door, states=states)

    yield build
    for door in made:
        door.close()


@pytest.fixture
def opened(listening):
    def open_it(door):
        door.open()
        return listening(door)

    return open_it


def alarm(channel, kind, why):
    """An alarm of a door that the controller will end."""
    return GateAlarm(channel, kind, why, active=True, input={"door Main door": "door-1"}.get(why, "door-2"))


# Doors.


def test_access_is_timed_by_the_door_and_falls_back(device, connect):
    door = connect(device)
    door.open()
    door.release(2, Direction.ENTRY, 0.3)
    assert device.state.doors[1].accesses == 1
    assert device.state.doors[0].accesses == 0
    device.events.wait_for("notified", 4)
    assert [e["data"]["State"] for e in device.events.all("notified")] == ["Accessed", "Unlocked", "Locked", "Locked"]


def test_the_list_of_doors_comes_in_pages(device, connect):
    door = connect(device)
    door.open()
    told = door.check()
    assert [entry["token"] for entry in told["doors"]] == ["door-1", "door-2"]
    assert told["doors"][0] | {"name": ""} == {
        "token": "door-1",
        "name": "",
        "access_time": True,
        "mode": "Locked",
        "door": "Closed",
        "lock": "Locked",
        "alarm": "Normal",
    }
    assert told["access_points"][1] == {"channel": 2, "token": "ap-2", "name": "Main out", "door": "door-1"}
    lists = [e for e in device.events.all("request") if e["operation"] == "GetDoorInfoList"]
    assert len(lists) == 2
    assert [door.accesses for door in device.state.doors] == [0, 0]


def test_a_turnstile_of_two_doors(device, connect):
    door = connect(device, door="door-2", door_exit="door-1")
    door.open()
    door.release(1, Direction.EXIT, 1)
    assert [d.accesses for d in device.state.doors] == [1, 0]
    door.release(1, Direction.ENTRY, 1)
    assert [d.accesses for d in device.state.doors] == [1, 1]
    with pytest.raises(InvalidInput, match="doors 1 to 1"):
        door.release(2, Direction.ENTRY, 1)
    with pytest.raises(DeviceRefused, match="it has: door-1, door-2"):
        connect(device, door="door-7").open()


def test_modes_of_a_door(device, connect):
    door = connect(device)
    door.open()
    door.set_mode(1, PortalMode.FREE)
    assert device.state.doors[0].mode == "Unlocked"
    door.release(1, Direction.ENTRY, 1)
    assert device.state.doors[0].accesses == 0
    door.set_mode(1, PortalMode.LOCKED)
    assert device.state.doors[0].mode == "Locked"
    with pytest.raises(DeviceRefused, match="locked"):
        door.release(1, Direction.ENTRY, 1)
    door.set_mode(1, PortalMode.NORMAL)
    door.release(1, Direction.ENTRY, 1)
    assert device.state.doors[0].accesses == 1


def test_a_door_that_only_says_so_is_found_out(device, connect):
    door = connect(device)
    door.open()
    device.faults.ignore_sets = True
    with pytest.raises(DeviceRefused, match="and it does not"):
        door.release(1, Direction.ENTRY, 1)
    with pytest.raises(DeviceRefused, match="is free, and it does not"):
        door.set_mode(1, PortalMode.FREE)
    assert [e["operation"] for e in device.events.all("injected")] == ["AccessDoor", "UnlockDoor"]


@pytest.mark.parametrize(("fault", "accesses"), [("drop_answers", 1), ("drop", 0), ("slow", 1)])
def test_a_lost_answer_is_unknown_and_nothing_is_repeated(device, connect, fault, accesses, monkeypatch):
    door = connect(device)
    door.open()
    monkeypatch.setattr(door._device.transport, "_deadline", 0.5)
    device.faults.only = "AccessDoor"
    device.faults.put(fault, True)
    with pytest.raises(OutcomeUnknown, match="AccessDoor may have been carried out"):
        door.release(1, Direction.ENTRY, 30)
    assert device.state.doors[0].accesses == accesses
    assert len([e for e in device.events.all("request") if e["operation"] == "AccessDoor"]) == 1


def test_a_garbled_answer_to_a_release_is_unknown_too(device, connect):
    door = connect(device)
    door.open()
    device.faults.only, device.faults.malformed = "AccessDoor", "text"
    with pytest.raises(OutcomeUnknown):
        door.release(1, Direction.ENTRY, 1)
    assert device.state.doors[0].accesses == 1


def test_a_blocked_door_says_so(device, connect):
    door = connect(device)
    door.open()
    device.set_door("door-1", mode="Blocked")
    with pytest.raises(DeviceRefused, match="refuses AccessDoor: the door is locked down"):
        door.release(1, Direction.ENTRY, 1)


def test_alarms_of_doors_are_facts_once(device, connect, opened, facts_until):
    door = opened(connect(device))
    device.set_door("door-1", physical="Open", alarm="DoorForcedOpen")
    device.set_door("door-2", alarm="DoorOpenTooLong", tamper="TamperDetected")
    assert facts_until(door, 3) == [
        alarm(1, Kind.PORTAL_FORCED, "door Main door"),
        alarm(2, Kind.PORTAL_HELD_OPEN, "door Side door"),
        alarm(2, Kind.TAMPER, "door Side door"),
    ]
    device.reboot(0.05)
    device.events.wait_for("booted")
    made = door._session.pump.subscriptions
    while door._session.pump.subscriptions == made or door._session.pump.trouble:
        assert door.poll() == []
        time.sleep(0.02)
    device.set_door("door-2", alarm="Normal")
    device.set_door("door-2", alarm="DoorOpenTooLong")
    assert facts_until(door, 1) == [alarm(2, Kind.PORTAL_HELD_OPEN, "door Side door")]


def test_a_fault_of_a_door_degrades(device, connect, opened, facts_until):
    door = opened(connect(device))
    assert door.complaint is None
    device.set_door("door-2", fault="FaultDetected")
    assert facts_until(door, 1) == [alarm(2, Kind.DEVICE_DEGRADED, "door Side door")]
    assert "fault at Side door" in door.complaint
    device.set_door("door-2", fault="NotInFault")
    until = time.monotonic() + 5
    while door.complaint and time.monotonic() < until:
        assert door.poll() == []
    assert door.complaint is None


def test_what_happened_long_ago_is_a_report(device, connect, opened, facts_until):
    door = opened(connect(device))
    at = device.now() - timedelta(minutes=10)
    topic = "tns1:Door/State/DoorAlarm"
    device.hub.publish(events.message(topic, {"DoorToken": "door-1"}, {"State": "DoorForcedOpen"}, "Changed", at))
    (fact,) = facts_until(door, 1)
    assert isinstance(fact, DeviceReported)
    assert (fact.channel, fact.kind, fact.why) == (1, Kind.PORTAL_FORCED, "door Main door")
    assert abs((fact.at - at).total_seconds()) < 0.01


# Access points.


def test_a_card_that_it_asks_about_is_read(device, connect, opened, facts_until):
    door = opened(connect(device))
    device.card("ap-2", "Denied/CredentialNotFound/Card", Card="0x50E420")
    device.card(
        "ap-1", "Request/Identifier", IdentifierType="pt:Card", FormatType="WIEGAND26", IdentifierValue="50E420"
    )
    assert facts_until(door, 2) == [
        CardRead(2, ("5301280", "80:58400", "raw:26:2A1C841")),
        CardRead(1, ("80:58400", "5301280")),
    ]


def test_what_it_decides_itself_is_told(device, connect, opened, facts_until):
    door = opened(connect(device))
    device.card("ap-1", "AccessGranted/Credential", CredentialToken="c1", CredentialHolderName="A. B.", Card="4242")
    device.card("ap-1", "Denied/Credential", CredentialToken="c1", Reason="CredentialExpired")
    device.card("ap-1", "Denied/Anonymous", Reason="Other")
    device.card("nowhere", "AccessGranted/Anonymous")
    device.card("ap-1", "AccessTaken/Credential", CredentialToken="c1")
    device.card("ap-1", "Duress", Reason="x")
    found = facts_until(door, 4)
    assert found[3] == GateAlarm(1, Kind.DURESS_SIGNALLED, "duress at an access point")
    assert all(isinstance(fact, DeviceDecided) for fact in found[:3])
    assert [(f.granted, f.names, f.why, f.live) for f in found[:3]] == [
        (True, ("4242", "0:4242", "raw:26:2002124"), "", True),
        (False, (), "expired", False),
        (False, (), "Other", False),
    ]
    assert "A. B." not in repr(found)


def test_an_old_card_opens_nothing(device, connect, opened, facts_until):
    door = opened(connect(device))
    at = device.now() - timedelta(seconds=30)
    topic = "tns1:AccessControl/Request/Credential"
    device.hub.publish(events.message(topic, {"AccessPointToken": "ap-1"}, {"Card": "4242"}, "", at))
    (fact,) = facts_until(door, 1)
    assert isinstance(fact, DeviceDecided)
    assert (fact.granted, fact.why, fact.live, fact.names) == (
        False,
        "stale_evidence",
        False,
        ("4242", "0:4242", "raw:26:2002124"),
    )


def test_a_request_for_a_card_is_read_once_however_often_it_is_sent(device, connect, opened, facts_until):
    door = opened(connect(device))
    topic, at = "tns1:AccessControl/Request/Credential", device.now()
    for _ in range(3):
        device.hub.publish(events.message(topic, {"AccessPointToken": "ap-1"}, {"Card": "4242"}, "", at))
    first, *again = facts_until(door, 3)
    assert isinstance(first, CardRead)
    assert [(fact.granted, fact.why) for fact in again] == [(False, "stale_evidence")] * 2


def test_a_request_without_a_time_opens_nothing(device, connect, opened, facts_until):
    door = opened(connect(device))
    message = events.message(
        "tns1:AccessControl/Request/Credential", {"AccessPointToken": "ap-1"}, {"Card": "4242"}, "", device.now()
    )
    timeless = re.sub(r' UtcTime="[^"]*"', "", message)
    assert timeless != message
    device.hub.publish(timeless)
    (fact,) = facts_until(door, 1)
    assert (type(fact), fact.why) == (DeviceDecided, "stale_evidence")


def test_access_points_in_the_order_of_the_option(device, connect, opened, facts_until):
    door = opened(connect(device, access_point="ap-2"))
    device.card("ap-1", "Request/Credential", Card="1")
    device.card("ap-2", "Request/Credential", Card="2")
    assert facts_until(door, 1) == [CardRead(1, ("2", "0:2", "raw:26:0000004"))]
    with pytest.raises(DeviceRefused, match="no access point"):
        connect(device, access_point="ap-9").open()


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({"Card": "80:58400"}, ("80:58400", "5301280", "raw:26:2A1C841")),
        ({"Card": "not a card!"}, ()),
        ({"IdentifierValue": "zz"}, ()),
        ({"IdentifierValue": "00" * 40}, ()),
        ({"IdentifierValue": "00000000"}, ()),
        ({"IdentifierValue": "1092", "FormatType": "SIMPLE_NUMBER16"}, ("4242", "0:4242", "raw:26:2002124")),
        ({"IdentifierValue": "005000001092", "FormatType": "FACILITY16_CARD32"}, ("80:4242", "343597387922")),
        ({"Reason": "Other"}, ()),
    ],
)
def test_cards_in_events(data, names):
    assert card_names(Notice(("AccessControl", "Request"), {}, data)) == names


# Any device with a relay.


def test_a_relay_of_a_device_without_doors(connect, opened, facts_until):
    with SimulatedOnvif(CAMERA) as camera:
        with pytest.raises(DeviceRefused, match="relay=TOKEN"):
            connect(camera).open()
        door = opened(connect(camera, relay="relay-2", fire_input="input-1"))
        door.release(1, Direction.ENTRY, 30)
        assert [relay.active for relay in camera.state.relays] == [False, True]
        assert facts_until(door, 1) == [FireRelease(False)]
        camera.set_input("input-1", True)
        assert facts_until(door, 1) == [FireRelease(True)]


def test_a_doors_states_begin_and_end_alarms(device, connect, opened, facts_until):
    door = opened(connect(device, states=True, door="door-1"))
    first = facts_until(door, 5)
    assert DoorContact(1, False) in first
    assert {(fact.kind, fact.active) for fact in first if isinstance(fact, GateAlarm)} == {
        (Kind.PORTAL_FORCED, False),
        (Kind.PORTAL_HELD_OPEN, False),
        (Kind.TAMPER, False),
        (Kind.DEVICE_DEGRADED, False),
    }
    device.set_door("door-1", physical="Open", alarm="DoorOpenTooLong")
    assert facts_until(door, 3) == [
        DoorContact(1, True),
        GateAlarm(1, Kind.PORTAL_FORCED, "door Main door", active=False, input="door-1"),
        alarm(1, Kind.PORTAL_HELD_OPEN, "door Main door"),
    ]
    device.set_door("door-1", tamper="TamperDetected")
    assert facts_until(door, 1) == [alarm(1, Kind.TAMPER, "door Main door")]
    device.set_door("door-1", tamper="Unknown")
    device.set_door("door-1", physical="Closed", alarm="Normal", tamper="NotInTamper")
    told = facts_until(door, 4)
    assert told[0] == DoorContact(1, False)
    assert [(fact.kind, fact.active) for fact in told[1:]] == [
        (Kind.PORTAL_FORCED, False),
        (Kind.PORTAL_HELD_OPEN, False),
        (Kind.TAMPER, False),
    ]


# Notifications as other servers write them.

OTHERS = b"""<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://docs.oasis-open.org/wsn/b-2"
 xmlns:e="http://www.onvif.org/ver10/events/wsdl" xmlns:o="http://www.onvif.org/ver10/schema" xmlns:t="http://www.onvif.org/ver10/topics">
<env:Body><e:PullMessagesResponse><e:CurrentTime>2026-11-24T20:00:02+01:00</e:CurrentTime>
<e:TerminationTime>2026-11-24T20:01:00Z</e:TerminationTime><w:NotificationMessage>
<w:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">
 t:Device/vendor:Sensor/t:DigitalInput </w:Topic><w:Message><o:Message UtcTime="2026-11-24T19:00:00Z">
<o:Source><o:SimpleItem Value="7" Name="Token"/></o:Source><o:Data><o:SimpleItem Name="LogicalState" Value="1"/>
<o:ElementItem Name="x"><o:SimpleItem Name="deep" Value="y"/></o:ElementItem></o:Data></o:Message></w:Message>
</w:NotificationMessage><w:NotificationMessage><w:Topic>t:A</w:Topic><w:Message>
<o:Message UtcTime="00:61:16"/></w:Message></w:NotificationMessage>
<w:NotificationMessage/></e:PullMessagesResponse></env:Body></env:Envelope>"""


def test_notifications_with_other_prefixes_and_gaps():
    first, second, third = notices(envelope.answer(OTHERS, "PullMessages"))
    assert first.topic == ("Device", "Sensor", "DigitalInput")
    assert first.source == {"Token": "7"}
    assert first.data["LogicalState"] == "1"
    assert (first.operation, first.age, first.at) == ("", 2.0, datetime(2026, 11, 24, 19, tzinfo=UTC))
    assert (second.topic, second.at, second.age) == (("A",), None, None)
    assert third.topic == ("",)
