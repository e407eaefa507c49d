"""Which rules of a site concern the portals of a device: a site without any, and one more setting for each row."""

from dataclasses import replace
from typing import Any

import pytest

from devicemgr.domain.model import AccessLevel, AccessPoint, Direction, Grant, Person, Portal
from devicemgr.domain.rules.alone.rules_in_use import RULES_OF_PORTALS, rules_in_use
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.threats.threat import Threat
from devicemgr.domain.zones import OUTSIDE, Enforcement, Interlock, Zone

DOOR = Portal("door", "console", outside=OUTSIDE, inside="hall")
LAB = Portal(
    "lab-door",
    "arm",
    access_points=(AccessPoint("lab-door", Direction.ENTRY, "console"),),
    outside="hall",
    inside="lab",
)
YARD = Portal("yard", "other", outside=OUTSIDE, inside="court")


def site(**more: Any) -> Snapshot:
    people = {"anna": Person("anna", "A1", "Anna", levels=frozenset({"staff"}))}
    levels = {"staff": AccessLevel("staff", {"door": None, "lab-door": None})}
    zones = {name: Zone(name, "hall" if name == "lab" else None) for name in ("hall", "lab", "court")}
    portals = {portal.name: portal for portal in (DOOR, LAB, YARD)}
    return replace(Snapshot(1, people=people, levels=levels, portals=portals, zones=zones), **more)


def zone(name: str, **settings: Any) -> dict[str, Any]:
    return {"zones": {**site().zones, name: replace(site().zones[name], **settings)}}


def anna(**fields: Any) -> dict[str, Any]:
    return {"people": {"anna": replace(site().people["anna"], **fields)}}


def level(**portals: str | None) -> dict[str, Any]:
    return {"levels": {"staff": AccessLevel("staff", {name.replace("_", "-"): one for name, one in portals.items()})}}


CASES = {
    "nothing": ({}, []),
    "a schedule": (level(door=None, lab_door="day"), ["schedules"]),
    "a schedule elsewhere": (level(door=None, yard="day"), []),
    "a counted grant": (anna(grants=(Grant("staff", uses=3, uses_left=3),)), ["grant_uses"]),
    "a grant for a time": (anna(grants=(Grant("staff"),)), []),
    "an escort": (anna(escort=True), ["escort"]),
    "an escort without a level there": (anna(escort=True, levels=frozenset()), []),
    "anti-passback": (zone("hall", anti_passback=Enforcement.HARD), ["anti_passback"]),
    "soft anti-passback": (zone("hall", anti_passback=Enforcement.SOFT), ["anti_passback"]),
    "exit check": (zone("lab", exit_check=Enforcement.SOFT), ["anti_passback"]),
    "strict path": (zone("lab", strict_path=True), ["anti_passback"]),
    "a time between entries": (zone("hall", again_after_minutes=5), ["anti_passback"]),
    "anti-passback elsewhere": (zone("court", anti_passback=Enforcement.HARD), []),
    "a limit": (zone("hall", max_people=4), ["occupancy"]),
    "a minimum": (zone("lab", min_people=2), ["occupancy"]),
    "a zone that someone opens": (zone("lab", opens_with=frozenset({"staff"})), ["first_person"]),
    "two people": ({"portals": {**site().portals, "door": replace(DOOR, people=2)}}, ["two_person"]),
    "a threat for the site": ({"threats": {"lockdown": Threat("lockdown")}}, ["lockdown"]),
    "a threat elsewhere": ({"threats": {"lockdown": Threat("lockdown", scope=frozenset({"court"}))}}, []),
    "a duress PIN": ({"duress_pins": {"anna": "hash"}}, ["duress"]),
    "free times": ({"portals": {**site().portals, "door": replace(DOOR, free="day")}}, ["free_times"]),
    "an interlock": ({"interlocks": {"trap": Interlock("trap", frozenset({"door", "yard"}))}}, ["interlock"]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_rule_is_in_use_where_it_concerns_a_portal_of_the_device(case: str) -> None:
    more, expected = CASES[case]
    assert rules_in_use("console", site(**more)) == expected


def test_each_row_has_a_case() -> None:
    assert {rule for _, rules in CASES.values() for rule in rules} == {str(row.rule) for row in RULES_OF_PORTALS}


def test_a_device_that_no_portal_names_has_none() -> None:
    assert rules_in_use("spare", site(**zone("hall", max_people=4))) == []
