"""Who passes in a threat, and what devices that decide by themselves may hold in one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devicemgr.domain.desired_state import Policy, desired, entitled_keys
from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import AccessLevel, AccessPoint, Direction, Person, PortalMode, Requirement
from devicemgr.domain.rules.decision.advice import advise
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence, ConsoleEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import decide, exact_reason, explain
from devicemgr.domain.rules.threats.threat import Threat, ThreatInForce
from devicemgr.domain.zones import Waiver
from tests.devicemgr.domain.rules.areas.floor import ENTRY, EXIT, NOON, PORTALS, zones

CARD_PIN = Requirement.CARD_PIN
LOCKDOWN = Threat("lockdown", 9, allow=frozenset({"responders"}))


class Town:
    """Otto is staff, Rosa a responder as well, Wanda's level waives lockdown; `lockdown` is set unless told so."""

    def __init__(self, *in_force: str, scope: tuple[str, ...] = ("site",), **more: Any) -> None:
        portals = dict.fromkeys(PORTALS)
        waived = more.pop("waives", frozenset({Waiver.LOCKDOWN}))
        threats = more.pop("threats", {"lockdown": LOCKDOWN})
        levels = {
            "staff": AccessLevel("staff", portals),
            "responders": AccessLevel("responders", {}),
            "wardens": AccessLevel("wardens", portals, waived),
        }
        held = {"otto": {"staff"}, "rosa": {"staff", "responders"}, "wanda": {"wardens"}}
        since = datetime(2026, 3, 2, 11, tzinfo=UTC)
        self.snapshot = Snapshot(
            1,
            people={name: Person(name, name, name, levels=frozenset(own)) for name, own in held.items()},
            levels=levels,
            portals=more.pop("portals", PORTALS),
            zones=zones(),
            cards={str(number): name for number, name in enumerate(held, 1)},
            threats=threats,
            threats_in_force={name: ThreatInForce(name, frozenset(scope), since) for name in in_force or ("lockdown",)},
            **more,
        )

    def request(self, person: str, portal: str = "main", way: Direction = ENTRY, **more: Any) -> AccessRequest:
        card = CardEvidence(("1",), person)
        return AccessRequest("r", portal, way, "reader", NOON, 10.0, 10.1, card=card, **more)

    def asks(self, *where: Any, **more: Any) -> str:
        decision = decide(self.request(*where, **more), self.snapshot)
        return "granted" if decision.granted else str(decision.reason)


def escape(**more: Any) -> dict[str, Any]:
    return {"portals": {**PORTALS, "main": replace(PORTALS["main"], egress=True, **more)}}


@pytest.mark.parametrize(
    ("case", "town", "asked", "verdict"),
    [
        ("staff are kept out", Town(), ("otto",), "lockdown"),
        ("who is allowed passes", Town(), ("rosa",), "granted"),
        ("who waives it passes", Town(), ("wanda",), "granted"),
        ("another waiver does not help", Town(waives=frozenset({Waiver.FIRST_PERSON})), ("wanda",), "lockdown"),
        ("in fire no one is kept out", Town(fire_active=True), ("otto",), "granted"),
        ("an exit by a way of escape", Town(**escape()), ("otto", "main", EXIT), "granted"),
        ("an entry there", Town(**escape()), ("otto", "main", ENTRY), "lockdown"),
        ("an exit elsewhere", Town(), ("otto", "main", EXIT), "lockdown"),
        ("in the scope's zone", Town(scope=("lab",)), ("otto", "lab-door"), "lockdown"),
        ("beside the scope", Town(scope=("lab",)), ("otto", "main"), "granted"),
        ("below the scope", Town(scope=("lobby",)), ("otto", "lab-door"), "lockdown"),
        ("a portal without zones in a zone's threat", Town(scope=("building",)), ("otto", "shed"), "granted"),
        ("a portal without zones in the site's", Town(), ("otto", "shed"), "lockdown"),
        ("a threat without a definition", Town("gone"), ("rosa",), "lockdown"),
    ],
)
def test_who_passes(case: str, town: Town, asked: tuple[Any, ...], verdict: str) -> None:
    assert town.asks(*asked) == verdict, case


def test_the_highest_order_in_scope_counts() -> None:
    alert = Threat("alert", 1, allow=frozenset({"staff"}))
    both = Town("lockdown", "alert", threats={"lockdown": LOCKDOWN, "alert": alert})
    assert both.asks("otto") == "lockdown"
    assert Town("alert", threats={"alert": alert}).asks("otto") == "granted"
    above = Town("lockdown", "alert", threats={"lockdown": LOCKDOWN, "alert": replace(alert, order=10)})
    assert above.asks("otto") == "granted"


def test_the_lock_of_a_guard_keeps_out_also_who_is_allowed_unless_a_level_waives_it() -> None:
    locked = {**PORTALS, "main": replace(PORTALS["main"], mode=PortalMode.LOCKED)}
    assert Town(portals=locked).asks("rosa") == "portal_locked"
    assert Town(portals=locked).asks("otto") == "lockdown", "lockdown comes before portal_locked"
    waives = frozenset({Waiver.LOCKDOWN, Waiver.LOCKED})
    assert Town(portals=locked, waives=waives).asks("wanda") == "granted"


@pytest.mark.parametrize(
    ("own", "threat", "shown", "verdict"),
    [
        ("card", "card+pin", {}, "second_factor_required"),
        ("card", "card+pin", {"pin": True}, "granted"),
        ("card", "card+pin", {"pin": False}, "wrong_pin"),
        ("card+pin", "card", {}, "second_factor_required"),
        ("card", "any", {}, "granted"),
        ("any", "card+pin", {"pin": True}, "granted"),
    ],
)
def test_a_threat_raises_what_is_required(own: str, threat: str, shown: dict[str, Any], verdict: str) -> None:
    portals = {**PORTALS, "main": replace(PORTALS["main"], require=Requirement(own))}
    town = Town(portals=portals, threats={"lockdown": replace(LOCKDOWN, require=Requirement(threat))})
    assert town.asks("rosa", **shown) == verdict


def test_a_fire_ends_what_it_requires_besides() -> None:
    threats = {"lockdown": replace(LOCKDOWN, require=CARD_PIN)}
    assert Town(threats=threats, fire_active=True).asks("rosa") == "granted"


def test_a_denial_names_the_threat_and_what_was_read() -> None:
    town = Town()
    decision = decide(town.request("otto"), town.snapshot)
    assert (decision.rule, decision.facts["threat"]) == ("lockdown", "lockdown")
    assert decision.facts["since"] == "2026-03-02T11:00:00.000Z"
    rows = explain(town.request("otto"), town.snapshot)
    (row,) = [one for one in rows if one.check.reason is Reason.LOCKDOWN]
    assert (row.objected, row.rule, row.facts["scope"]) == (True, "lockdown", ["site"])
    helps = {names: advise(rows, town.snapshot, "main", NOON, names_levels=names) for names in (True, False)}
    assert [one.text for one in helps[True]] == [
        "wait for the end of threat lockdown, or a level that it allows: responders"
    ]
    assert [one.text for one in helps[False]] == ["wait for the end of threat lockdown"]
    assert [one.args["levels"] for one in helps[False]] == [[]]


def test_a_consoles_refusal_has_the_same_reason() -> None:
    town = Town()
    console = ConsoleEvidence("x", refused=True, person_id="otto", factors=frozenset())
    request = replace(town.request("otto"), console=console)
    assert exact_reason(None, request, town.snapshot.people["otto"], town.snapshot) is Reason.LOCKDOWN


CARDS = Policy("people")


def held(snapshot: Snapshot, device: str, *, decides: bool = True) -> set[str]:
    return set(desired(device, replace(CARDS, decides=decides), snapshot, [NOON], {}).wanted)


def test_a_device_that_decides_alone_holds_only_those_whom_the_threat_allows() -> None:
    town, calm = Town(), Town(scope=("lab",))
    assert held(town.snapshot, "gate-main") == {"rosa", "wanda"}
    assert held(town.snapshot, "gate-main", decides=False) == {"otto", "rosa", "wanda"}
    assert held(calm.snapshot, "gate-main") == {"otto", "rosa", "wanda"}
    assert set(entitled_keys("gate-main", town.snapshot, [NOON])) == {"rosa", "2", "wanda", "3"}
    assert "otto" in entitled_keys("gate-main", town.snapshot, [NOON], decides=False)
    in_fire = replace(town.snapshot, fire_active=True)
    assert held(in_fire, "gate-main") == {"rosa", "wanda"}, "a fire opens the doors, and gives no cards back"


def test_it_holds_no_one_where_the_threat_requires_more_than_one_factor() -> None:
    town = Town(threats={"lockdown": replace(LOCKDOWN, require=CARD_PIN)})
    wanted = desired("gate-main", CARDS, town.snapshot, [NOON], {}).wanted
    assert all(not one.holding.doors for one in wanted.values())


def test_a_reader_that_only_lets_out_by_a_way_of_escape_keeps_everyone() -> None:
    points = (AccessPoint("main", ENTRY, "in"), AccessPoint("main", EXIT, "out"))
    town = Town(**escape(access_points=points))
    assert held(town.snapshot, "out") == {"otto", "rosa", "wanda"}
    assert held(town.snapshot, "in") == {"rosa", "wanda"}
    later = replace(town.request("otto"), at=NOON + timedelta(hours=1))
    assert decide(later, town.snapshot).reason is Reason.LOCKDOWN
