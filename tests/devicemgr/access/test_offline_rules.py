"""What devices decided alone, against the rules that they can't know: recorded before the grant, never as a denial."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.device_events import DeviceDecided, DoorContact
from devicemgr.domain.rules.threats.threat import Threat, ThreatInForce
from devicemgr.domain.zones import Interlock, Zone
from tests.devicemgr.access.hall import ENTRY, Hall


def decides(hall: Hall, serial: int, number: str, at: datetime, *, live: bool = False) -> None:
    report = DeviceDecided(1, True, serial, at, direction=ENTRY, names=(number,), live=live)
    hall.pipeline.on_device_fact("bolt-in", report)
    hall.pump()


def violated(hall: Hall) -> list[tuple[str, bool]]:
    found = [event for event in hall.entrance.events() if event["kind"] == "rule_violated"]
    return [(event["reason"], event["detail"].get("offline", False)) for event in found]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(5, [("second_person_required", True)]), (11, [("second_person_required", True)] * 2)],
)
def test_a_door_for_two_people_opened_alone_for_one(hall: Hall, seconds: int, expected: list[tuple[str, bool]]) -> None:
    hall.set(portals={**hall.portals, "lab-door": replace(hall.portals["lab-door"], people=2)})
    then = datetime.now(UTC) - timedelta(minutes=30)
    decides(hall, 1, "1", then)
    decides(hall, 2, "2", then + timedelta(seconds=seconds))
    assert violated(hall) == expected
    assert "access_denied" not in hall.entrance.kinds()
    assert "decision_disputed" not in hall.entrance.kinds()


def test_one_person_twice_is_one_person(hall: Hall) -> None:
    hall.set(portals={**hall.portals, "lab-door": replace(hall.portals["lab-door"], people=2)})
    then = datetime.now(UTC) - timedelta(minutes=30)
    decides(hall, 1, "1", then)
    decides(hall, 2, "1", then + timedelta(seconds=2))
    assert violated(hall) == [("second_person_required", True)] * 2


def test_a_zone_that_is_too_empty_is_one_rule_with_the_next_person_inside(hall: Hall) -> None:
    hall.set(zones={"hall": Zone("hall"), "lab": Zone("lab", "hall", min_people=2)})
    then = datetime.now(UTC) - timedelta(minutes=30)
    decides(hall, 1, "1", then)
    decides(hall, 2, "2", then + timedelta(minutes=9))
    assert violated(hall) == [("second_person_required", True)]


@pytest.mark.parametrize(("seconds", "expected"), [(9, []), (11, [("escort_required", True)])])
@pytest.mark.parametrize("zones", [True, False])
def test_a_visitor_who_was_let_in_without_an_escort(
    hall: Hall, zones: bool, seconds: int, expected: list[tuple[str, bool]]
) -> None:
    rules = hall.entrance.rules.current
    if not zones:
        plain = {name: replace(portal, outside=None, inside=None) for name, portal in hall.portals.items()}
        hall.set(portals=plain, zones={})
    levels = {name: replace(level, escorts=True) for name, level in rules.levels.items()}
    visitor = replace(rules.people[hall.bert], escort=True, levels=frozenset({"hall"}))
    hall.set(people={**rules.people, hall.bert: visitor}, levels=levels)
    then = datetime.now(UTC) - timedelta(minutes=30)
    decides(hall, 1, "1", then)
    decides(hall, 2, "2", then + timedelta(seconds=seconds))
    assert violated(hall) == expected
    assert "decision_disputed" not in hall.entrance.kinds()


@pytest.mark.parametrize(("minutes", "expected"), [(40, [("lockdown", True)]), (20, [])])
def test_a_threat_counts_from_when_it_was_set(hall: Hall, minutes: int, expected: list[tuple[str, bool]]) -> None:
    then = datetime.now(UTC) - timedelta(minutes=30)
    in_force = ThreatInForce("lockdown", frozenset({"site"}), datetime.now(UTC) - timedelta(minutes=minutes))
    hall.set(threats={"lockdown": Threat("lockdown", 9)}, threats_in_force={"lockdown": in_force})
    decides(hall, 1, "1", then)
    assert violated(hall) == expected
    assert "decision_disputed" not in hall.entrance.kinds()


@pytest.mark.parametrize(("live", "expected"), [(True, [("interlock", False)]), (False, [])])
def test_how_an_interlocked_portal_stands_is_known_of_now_and_of_no_time_before(
    hall: Hall, live: bool, expected: list[tuple[str, bool]]
) -> None:
    """At a door that joins no zones."""
    plain = {name: replace(portal, outside=None, inside=None) for name, portal in hall.portals.items()}
    group = Interlock("trap", frozenset({"lobby", "lab-door"}), 0.0)
    hall.set(portals=plain, zones={}, interlocks={"trap": group})
    hall.pipeline.on_device_fact("arm", DoorContact(1, is_open=True))
    at = datetime.now(UTC)
    decides(hall, 1, "1", at if live else at - timedelta(minutes=9), live=live)
    assert violated(hall) == expected
    assert hall.verdicts()[-1] == "granted"
