"""The checks of other people, purely: who is needed, who is present, and who takes a visitor along."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import AccessLevel, Direction, Person, PersonKind, Portal, PortalMode
from devicemgr.domain.rules.areas.facts import Escort, Facts
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, How, Place
from devicemgr.domain.rules.decision.advice import advise
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import decide, explain
from devicemgr.domain.rules.quorum import ANY_ESCORT, escort_of, left_behind, pick_escort
from devicemgr.domain.zones import OUTSIDE, Interlock, Waiver, Zone

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
SIDE = ("vault", Direction.ENTRY)
STAFF = frozenset({"staff"})
PEOPLE = {name: Person(name, name, name, levels=STAFF) for name in ("anna", "bert", "carl", "dora")}
PEOPLE["vera"] = Person("vera", "vera", "Vera", levels=STAFF, kind=PersonKind.VISITOR, host_id="anna", escort=True)
LEVELS = {
    "staff": AccessLevel("staff", {"vault": None}),
    "managers": AccessLevel("managers", {}),
    "ushers": AccessLevel("ushers", {}, escorts=True, escort_up_to=2),
    **{str(waiver): AccessLevel(str(waiver), {}, frozenset({waiver})) for waiver in Waiver},
}
VAULT = Portal("vault", "bolt", people=2, outside=OUTSIDE, inside="lab")


def site(portal: Portal = VAULT, people: dict[str, Person] = PEOPLE, **fields: Any) -> Snapshot:
    zones = fields.pop("zones", {"lab": Zone("lab")})
    return Snapshot(1, people=people, levels=LEVELS, portals={"vault": portal}, zones=zones, **fields)


def with_level(name: str, level: str) -> dict[str, Person]:
    return PEOPLE | {name: replace(PEOPLE[name], levels=STAFF | {level})}


def request(person: str, direction: Direction = Direction.ENTRY) -> AccessRequest:
    return AccessRequest("r", "vault", direction, "", NOON, 1.0, 1.1, card=CardEvidence((person,), person))


def reason(snapshot: Snapshot, person: str = "anna", waiting: tuple[str, ...] = (), **facts: Any) -> Reason | None:
    return decide(request(person), snapshot, Facts(waiting={SIDE: waiting}, **facts)).reason


@pytest.mark.parametrize(
    ("portal", "waiting", "wanted"),
    [
        (VAULT, (), Reason.SECOND_PERSON_REQUIRED),
        (VAULT, ("anna",), Reason.SECOND_PERSON_REQUIRED),
        (VAULT, ("bert",), None),
        (replace(VAULT, people=3), ("bert",), Reason.SECOND_PERSON_REQUIRED),
        (replace(VAULT, people=3), ("bert", "carl"), None),
        (replace(VAULT, people=1), (), None),
        (replace(VAULT, confirm_by=frozenset({"managers"})), ("bert", "carl"), Reason.SECOND_PERSON_REQUIRED),
        (replace(VAULT, confirm_by=frozenset({"managers"})), ("dora",), None),
    ],
    ids=["alone", "oneself", "another", "two of three", "three", "off", "no manager", "a manager"],
)
def test_who_is_needed_beside_a_person(portal: Portal, waiting: tuple[str, ...], wanted: Reason | None) -> None:
    assert reason(site(portal, with_level("dora", "managers")), waiting=waiting) is wanted


@pytest.mark.parametrize(
    ("waiver", "wanted"), [(Waiver.TWO_PERSON, None), (Waiver.OCCUPANCY, Reason.SECOND_PERSON_REQUIRED)]
)
def test_the_two_person_rule_is_waived_by_its_own_waiver(waiver: Waiver, wanted: Reason | None) -> None:
    assert reason(site(people=with_level("anna", waiver))) is wanted


@pytest.mark.parametrize(
    ("inside", "waiting", "wanted"),
    [
        (0, 1, Reason.SECOND_PERSON_REQUIRED),
        (0, 2, None),
        (1, 1, Reason.SECOND_PERSON_REQUIRED),
        (2, 0, None),
        (3, 0, None),
    ],
)
def test_a_zone_that_is_too_empty_needs_a_quorum_of_its_least_number(
    inside: int, waiting: int, wanted: Reason | None
) -> None:
    snapshot = site(replace(VAULT, people=1), zones={"lab": Zone("lab", min_people=3)})
    state = replace(NOWHERE, inside={"lab": inside})
    assert reason(snapshot, waiting=("bert", "carl")[:waiting], whereabouts=state) is wanted


def test_the_order_is_first_the_others_and_then_the_interlock() -> None:
    snapshot = site(interlocks={"trap": Interlock("trap", frozenset({"vault", "gate"}))})
    shut = {"not_shut": {"gate": "open"}}
    assert reason(snapshot, **shut) is Reason.SECOND_PERSON_REQUIRED
    assert reason(snapshot, waiting=("bert",), **shut) is Reason.INTERLOCK
    objected = [one.reason for one in explain(request("vera"), snapshot, Facts(**shut)) if one.objected]
    assert objected == [Reason.ESCORT_REQUIRED, Reason.SECOND_PERSON_REQUIRED, Reason.INTERLOCK]


def test_what_would_help() -> None:
    snapshot = site(replace(VAULT, confirm_by=frozenset({"managers"})))
    rows = explain(request("vera"), snapshot)
    assert [one.text for one in advise(rows, snapshot, "vault", NOON, names_levels=True)] == [
        "come with the host, or with a person whose level escorts",
        "present together, 2 people within 10 s, one of them of level managers",
    ]
    facts = {row.reason: dict(row.facts) for row in rows if row.objected}
    assert facts[Reason.SECOND_PERSON_REQUIRED] == {
        "people": 2,
        "present": 1,
        "within_seconds": 10.0,
        "confirm_by": ["managers"],
    }


@pytest.mark.parametrize(
    ("escorts", "wanted"),
    [
        ((), Reason.ESCORT_REQUIRED),
        ((Escort("anna", 1),), None),
        ((Escort("anna", 0),), Reason.ESCORT_REQUIRED),
        ((Escort("bert", 5),), Reason.ESCORT_REQUIRED),
        ((Escort("dora", 1),), None),
        ((Escort("dora", 0), Escort("anna", 1)), None),
        ((ANY_ESCORT,), None),
    ],
    ids=["none", "host", "host with enough", "no escort", "usher", "second escort", "any"],
)
def test_who_takes_a_visitor_along(escorts: tuple[Escort, ...], wanted: Reason | None) -> None:
    snapshot = site(replace(VAULT, people=1), with_level("dora", "ushers"))
    assert reason(snapshot, "vera", escorts={SIDE: escorts}) is wanted


def test_the_host_goes_before_one_who_escorts_anyone() -> None:
    snapshot = site(people=with_level("dora", "ushers"))
    escorts = (Escort("dora", 1), Escort("anna", 1))
    assert pick_escort(snapshot.people["vera"], escorts, snapshot, (NOON,)) == escorts[1]


def test_how_many_an_escort_takes() -> None:
    snapshot = site(people=with_level("dora", "ushers"))
    found = {name: escort_of(person, snapshot, (NOON,)) for name, person in snapshot.people.items()}
    assert found == {
        "anna": Escort("anna", 5),
        "bert": None,
        "carl": None,
        "dora": Escort("dora", 2),
        "vera": None,
    }


def test_the_escort_comes_before_the_factors_and_behind_the_rights() -> None:
    snapshot = site(replace(VAULT, people=1))
    wrong = replace(request("vera"), pin=False)
    assert decide(wrong, snapshot).reason is Reason.ESCORT_REQUIRED
    assert reason(site(replace(VAULT, people=1, mode=PortalMode.LOCKED)), "vera") is Reason.PORTAL_LOCKED
    assert reason(replace(snapshot, levels={}), "vera") is Reason.NO_ACCESS_LEVEL


def test_a_fire_voids_the_quorum_and_not_the_escort() -> None:
    snapshot = site(fire_active=True)
    assert reason(snapshot) is None
    assert reason(snapshot, "vera") is Reason.ESCORT_REQUIRED


def test_an_exit_by_a_way_of_escape_needs_no_one() -> None:
    snapshot = site(
        replace(VAULT, people_exit=True, egress=True, outside="yard"), zones={"lab": Zone("lab"), "yard": Zone("yard")}
    )
    assert decide(request("vera", Direction.EXIT), snapshot).granted


@pytest.mark.parametrize(
    ("visitor", "wanted"), [("lab", ["vera"]), (OUTSIDE, []), (None, [])], ids=["inside", "outside", "unknown"]
)
def test_who_is_left_behind_when_the_host_leaves(visitor: str | None, wanted: list[str]) -> None:
    def place(zone: str | None, seq: int) -> Place:
        return Place(zone, NOON, seq, How.PASSAGE)

    before = replace(NOWHERE, where={"anna": place("lab", 1), "vera": place(visitor, 2)})
    after = replace(before, where={**before.where, "anna": place(OUTSIDE, 3)})
    assert [one for one, _ in left_behind(before, after, NOON, site())] == wanted
    assert left_behind(after, after, NOON, site()) == []
