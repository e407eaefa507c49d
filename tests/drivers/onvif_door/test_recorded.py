"""Nothing about a person or a door is dropped: ONVIF Access Control 5.5 and Door Control 5.2, and new words."""

import pytest

from devicemgr.domain.device_events import DeviceDecided, DeviceReported
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceConfig
from drivers.onvif_door.driver import DRIVER
from drivers.sim.onvif.simulator import DOOR, SimulatedOnvif
from tests.drivers.common.happenings import only_happenings


@pytest.fixture
def device():
    with SimulatedOnvif(DOOR) as made:
        yield made


@pytest.fixture
def door(device, listening):
    made = DRIVER.build(DeviceConfig("1", "door", "onvif_door", device.address, "admin", "admin"))
    made.open()
    yield listening(only_happenings(made))
    made.close()


@pytest.mark.parametrize(
    "topic", ["AccessNotTaken/Credential", "Request/Anonymous", "Request/Timeout", "Withheld97/Anonymous"]
)
def test_what_a_controller_says_of_an_access_point_is_recorded(device, door, facts_until, topic):
    device.card("ap-1", topic, CredentialToken="c1")
    (fact,) = facts_until(door, 1)
    assert isinstance(fact, DeviceReported)
    assert (fact.channel, fact.kind, fact.why) == (1, Kind.DEVICE_REPORTED, topic)


def test_a_card_under_a_topic_that_no_table_has_is_a_record_and_no_opening(device, door, facts_until):
    device.card("ap-1", "Withheld97/Credential", Card="4242")
    (fact,) = facts_until(door, 1)
    assert isinstance(fact, DeviceDecided)
    assert (fact.granted, fact.live, fact.why) == (False, False, "Withheld97/Credential")
    assert "4242" in fact.names


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        ("DoorMode", "LockedDown"),
        ("DoorMode", "Blocked"),
        ("DoorAlarm", "DoorPropped97"),
        ("LockPhysicalState", "LockFault"),
        ("DoorPhysicalState", "Ajar97"),
        ("NewState97", "On"),
    ],
)
def test_states_that_no_release_makes_are_recorded(device, door, facts_until, topic, value):
    device.notify(f"tns1:Door/State/{topic}", {"DoorToken": "door-1"}, {"State": value})
    facts = facts_until(door, 1)
    assert [fact.why for fact in facts if isinstance(fact, DeviceReported)] == [f"door Main door: {topic} {value}"]


def test_what_every_release_makes_is_not(device, door, facts_until):
    for topic, value in (("DoorMode", "Accessed"), ("LockPhysicalState", "Unlocked"), ("DoorMode", "Locked")):
        device.notify(f"tns1:Door/State/{topic}", {"DoorToken": "door-1"}, {"State": value})
    device.card("ap-1", "AccessTaken/Credential", CredentialToken="c1")
    device.card("ap-1", "Request/Timeout")
    (fact,) = facts_until(door, 1)
    assert fact.why == "Request/Timeout"
