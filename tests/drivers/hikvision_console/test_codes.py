"""Each documented code of major 5 against the document: what it proves as a question, what is recorded of it."""

from datetime import UTC, datetime

import pytest

from devicemgr.domain.device_events import DeviceDecided, DoorContact
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.translate import from_stream, question, recorded
from tests.drivers.common.console.console_golden import (
    HIKVISION_PASSED_OTHERWISE,
    HIKVISION_REFUSED,
    hikvision_factors,
)
from tests.drivers.hikvision_console.conftest import heard, until

PROVE = hikvision_factors()
REFUSED = {minor: reason for reason, minors in HIKVISION_REFUSED.items() for minor in minors}
MODES = ("face", "faceOrFpOrCardOrPw", "cardAndFace", "cardOrFaceOrPw", "")


def event(minor, mode="faceOrFpOrCardOrPw", major=5, **more):
    inner = {
        "majorEventType": major,
        "subEventType": minor,
        "serialNo": 7,
        "employeeNoString": "42",
        "cardNo": "1200345",
        "currentVerifyMode": mode,
        "remoteCheck": True,
        "currentEvent": True,
        **more,
    }
    return from_stream({"dateTime": datetime.now(UTC).isoformat(), "AccessControllerEvent": inner}, Clock())


@pytest.mark.parametrize("mode", MODES)
def test_only_the_code_says_what_a_question_proves(mode):
    for minor in range(0x900):
        asked = question(event(minor, mode), 1.0, 0.0)
        assert {str(factor) for factor in asked.factors} == PROVE.get(minor, frozenset()), hex(minor)
        assert bool(asked.names) is ("card" in PROVE.get(minor, ())), hex(minor)
        assert asked.refused == REFUSED.get(minor, ""), hex(minor)


@pytest.mark.parametrize("major", [1, 2, 3, 4, 6, 0])
def test_another_major_type_proves_nothing(major):
    for minor in (*PROVE, *REFUSED):
        asked = question(event(minor, major=major), 1.0, 0.0)
        assert (asked.factors, asked.names, asked.refused) == (frozenset(), (), "")


@pytest.mark.parametrize("minor", sorted({*PROVE, *HIKVISION_PASSED_OTHERWISE}), ids=hex)
def test_what_a_console_granted_by_itself_is_recorded_with_what_it_went_by(minor):
    fact = recorded(event(minor), Clock())
    assert isinstance(fact, DeviceDecided)
    assert (fact.granted, fact.badge) == (True, "42")
    told = {name for name in ("face", "card", "pin", "finger", "qr") if name in fact.evidence}
    assert told == PROVE.get(minor, frozenset())
    assert ("1200345" in fact.names) is ("card" in PROVE.get(minor, ()))


@pytest.mark.parametrize("minor", sorted(REFUSED), ids=hex)
def test_what_a_console_refused_by_itself_is_recorded_with_its_reason(minor):
    fact = recorded(event(minor), Clock())
    assert isinstance(fact, DeviceDecided)
    assert (fact.granted, fact.badge, fact.why) == (False, "42", REFUSED[minor])
    assert fact.evidence["code"] == f"5/0x{minor:02x}"
    assert fact.evidence["words"]


def test_a_console_asks_with_each_code_over_the_wire(sim, console):
    device = console()
    sim.terminal.users["42"] = {"employeeNo": "42", "name": "A"}
    heard(sim)
    minors = [0xB5, 0x9C, 0xE2, 0x3D, 0x50, 0x26, 0x4B, 0x3C]
    for minor in minors:
        sim.terminal.show_code(minor, "42", cardNo="1200345")
    asked = until(device, lambda facts: len([fact for fact in facts if hasattr(fact, "factors")]) == len(minors))
    found = [{str(factor) for factor in fact.factors} for fact in asked if hasattr(fact, "factors")]
    assert found == [PROVE.get(minor, frozenset()) for minor in minors]
    assert all(abs(fact.age) < 3 for fact in asked if hasattr(fact, "factors"))


def test_states_of_the_door_are_no_decisions():
    for minor in (0x15, 0x16, 0x18):
        assert recorded(event(minor), Clock()) is None
    contacts = [recorded(event(minor), Clock()) for minor in (0x19, 0x1A)]
    assert contacts == [DoorContact(1, True), DoorContact(1, False)]
