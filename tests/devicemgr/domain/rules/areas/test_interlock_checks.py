"""Interlock, and the order of all checks: each row of the tables of docs/rules.md, and each edge case, by its name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import AccessLevel, Direction, PortalMode, Requirement
from devicemgr.domain.rules.areas.interlock import PortalState, why_not_shut
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.decision.requests import CardEvidence
from devicemgr.domain.rules.policy import Decision, decide, explain
from devicemgr.domain.zones import Interlock
from tests.devicemgr.domain.rules.areas.floor import ENTRY, EXIT, NOON, PORTALS, zones
from tests.devicemgr.domain.rules.areas.guarded_site import HARD, TRAP, Site, inside, verdict


def _trap(portal: str = "lab-door", direction: Direction = ENTRY, **more: Any) -> Decision:
    egress = more.pop("egress", False)
    portals = {**PORTALS, "lab-door": replace(PORTALS["lab-door"], egress=egress)}
    site = Site(interlocks={"trap": TRAP}, portals=portals, **more)
    return site.asks(portal, direction)


INTERLOCK: dict[str, tuple[Callable[[], Decision], str]] = {
    "all shut": (_trap, "granted"),
    "another is released": (lambda: _trap(not_shut={"main": "released"}), "denied interlock"),
    "another's passage is under way": (lambda: _trap(not_shut={"main": "passing"}), "denied interlock"),
    "another's door stands open": (lambda: _trap(not_shut={"main": "open"}), "denied interlock"),
    "another was forced": (lambda: _trap(not_shut={"main": "forced"}), "denied interlock"),
    "another settles": (lambda: _trap(not_shut={"main": "settling"}), "denied interlock"),
    "another's answer was lost": (lambda: _trap(not_shut={"main": "unknown"}), "denied interlock"),
    "another's answer was lost, way of escape": (
        lambda: _trap(direction=EXIT, not_shut={"main": "unknown"}, egress=True),
        "granted",
    ),
    "another's device is away": (lambda: _trap(not_shut={"main": "offline"}), "denied interlock"),
    "another's device is away, way of escape": (
        lambda: _trap(direction=EXIT, not_shut={"main": "offline"}, egress=True),
        "granted",
    ),
    "a way of escape that is entered": (lambda: _trap(not_shut={"main": "open"}, egress=True), "denied interlock"),
    "fire": (lambda: _trap(not_shut={"main": "open"}, fire=True), "granted"),
    "a portal of no group": (lambda: _trap("store-door", not_shut={"main": "open"}), "granted"),
    "the portal itself is open": (lambda: _trap(not_shut={"lab-door": "open"}), "granted"),
}


@pytest.mark.parametrize("case", INTERLOCK)
def test_interlock(case: str) -> None:
    happens, expected = INTERLOCK[case]
    assert verdict(happens()) == expected


def test_at_most_one_of_three_and_of_each_overlapping_group() -> None:
    three = Interlock("three", frozenset({"main", "side", "lab-door"}))
    other = Interlock("other", frozenset({"main", "store-door"}))
    site = Site(interlocks={"three": three, "other": other}, not_shut={"side": "open"})
    assert site.asks("main").rule == "three"
    site.not_shut = {"store-door": "passing"}
    decision = site.asks("main")
    assert (decision.rule, dict(decision.facts)) == ("other", {"not_shut": {"store-door": "passing"}})


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (PortalState(), None),
        (PortalState(door="closed"), None),
        (PortalState(lane="released"), "released"),
        (PortalState(lane="passing"), "passing"),
        (PortalState(lane="unknown"), "unknown"),
        (PortalState(door="open"), "open"),
        (PortalState(door="held_open"), "held_open"),
        (PortalState(door="forced"), "forced"),
        (PortalState(is_free=True), "free"),
        (PortalState(is_reserved=True), "reserved"),
        (PortalState(is_away=True), "offline"),
    ],
)
def test_a_portal_is_shut_only_when_all_is_at_rest(state: PortalState, why: str | None) -> None:
    assert why_not_shut(state) == why


def test_the_order_of_reasons_and_that_explain_tells_all_of_them() -> None:
    site = Site({"lobby": {"anti_passback": HARD, "max_people": 1}}, interlocks={"trap": TRAP})
    inside(site)
    site.not_shut = {"lab-door": "open"}
    assert site.asks().reason is Reason.ANTI_PASSBACK
    request = site.request("main", ENTRY, "anna", 30)
    rows = explain(request, site.snapshot, site.facts)
    objected = [row.reason for row in rows if row.objected]
    assert objected == [Reason.ANTI_PASSBACK, Reason.OCCUPANCY, Reason.INTERLOCK]
    facts = {row.check.reason: row.facts for row in rows}
    assert facts[Reason.OCCUPANCY]["count"] == 1
    assert rows[-1].facts["lab-door"] == "open"
    nobody = replace(request, card=CardEvidence(("9",)))
    reasons = {row.reason for row in explain(nobody, site.snapshot, site.facts) if row.objected}
    assert Reason.UNKNOWN_CREDENTIAL in reasons
    assert Reason.NO_ACCESS_LEVEL in reasons


def test_a_way_of_escape_is_not_locked_and_asks_for_no_second_factor() -> None:
    locked = replace(PORTALS["main"], mode=PortalMode.LOCKED, require=Requirement.CARD_PIN)
    assert Site(portals={**PORTALS, "main": locked}).asks("main", EXIT).reason is Reason.PORTAL_LOCKED
    escape = replace(locked, egress=True)
    site = Site(portals={**PORTALS, "main": escape})
    assert site.asks("main", EXIT).granted
    assert site.asks("main", ENTRY).reason is Reason.PORTAL_LOCKED
    stranger = replace(site.snapshot, levels={"all": AccessLevel("all", {})})
    request = site.request("main", EXIT, "anna", 30)
    assert decide(request, stranger, site.facts).reason is Reason.NO_ACCESS_LEVEL
    without_reader = replace(stranger, portals={"main": replace(escape, access_points=())})
    assert decide(request, without_reader, site.facts).granted


def test_a_right_must_hold_at_both_times() -> None:
    site = Site({"lobby": {"again_after_minutes": 20}})
    site.book.passes("anna", "main")
    request = site.request("main", ENTRY, "anna", 120)
    assert decide(request, site.snapshot, site.facts).granted
    doubtful = replace(request, also_at=(NOON + timedelta(minutes=10),))
    assert decide(doubtful, site.snapshot, site.facts).reason is Reason.ANTI_PASSBACK


def test_what_names_no_zone_leads_nowhere() -> None:
    loop = {"a": replace(zones()["lobby"], name="a", parent="b"), "b": replace(zones()["lobby"], name="b", parent="a")}
    found = ZoneMap(loop, {"p": replace(PORTALS["main"], name="p", inside="cellar")})
    assert found.sides("p", ENTRY) is None
    assert set(found.above("a")) == {"a", "b"}
    assert found.perimeter("nowhere") == frozenset()
