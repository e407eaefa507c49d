"""Levels for a time or a number of uses: when they count, and which use a passage takes."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import AccessLevel, Direction, Grant, Person, PersonKind, Portal
from devicemgr.domain.rules.areas.facts import Facts, Reservation
from devicemgr.domain.rules.decision.advice import advise
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.grants import GrantState, ending_with, levels_at, levels_for_devices, state_of
from devicemgr.domain.rules.policy import decide, explain

NOW = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEVELS = {name: AccessLevel(name, {"main": None}) for name in ("lab", "yard", "visit")}


def request(at=NOW, direction=Direction.ENTRY, also=()):
    return AccessRequest("r", "main", direction, "reader", at, 1.0, 1.0, card=CardEvidence(("1",), "p"), also_at=also)


def site(*grants, levels=(), host=None, **fields):
    person = Person("p", "1001", "Aigul", levels=frozenset(levels), grants=grants, **fields)
    people = {"p": person} | ({"h": host} if host else {})
    return Snapshot(1, people=people, levels=LEVELS, portals={"main": Portal("main", "gate")})


@pytest.mark.parametrize(
    ("grant", "at", "state"),
    [
        (Grant("lab", NOW, NOW + HOUR), NOW - timedelta(seconds=1), GrantState.NOT_YET),
        (Grant("lab", NOW, NOW + HOUR), NOW, GrantState.ACTIVE),
        (Grant("lab", NOW, NOW + HOUR), NOW + HOUR - timedelta(microseconds=1), GrantState.ACTIVE),
        (Grant("lab", NOW, NOW + HOUR), NOW + HOUR, GrantState.EXPIRED),
        (Grant("lab", uses=2, uses_left=1), NOW, GrantState.ACTIVE),
        (Grant("lab", uses=2, uses_left=0), NOW, GrantState.USED_UP),
        (Grant("lab", None, NOW, uses=2, uses_left=2), NOW, GrantState.EXPIRED),
        (Grant("lab", NOW + HOUR, None, uses=1, uses_left=1), NOW, GrantState.NOT_YET),
    ],
)
def test_a_grant_counts_from_its_begin_to_before_its_end_while_uses_are_left(grant, at, state):
    assert state_of(grant, at) is state
    decision = decide(request(at), site(grant))
    assert decision.granted is (state is GrantState.ACTIVE)
    if not decision.granted:
        assert decision.reason is Reason.NO_ACCESS_LEVEL
        assert decision.rule == "lab"
        assert decision.facts["state"] == str(state)
        (read,) = next(one for one in explain(request(at), site(grant)) if one.objected).facts["grants"]
        assert read["state"] == str(state)


@pytest.mark.parametrize("other", [NOW + HOUR, NOW - HOUR])
def test_a_grant_must_count_at_both_times_while_two_clocks_disagree(other):
    """Decisions 12: rights are judged by both times."""
    grant = Grant("lab", NOW - timedelta(minutes=1), NOW + timedelta(minutes=1))
    assert decide(request(), site(grant)).granted
    assert not decide(request(also=(other,)), site(grant)).granted


def test_expiry_needs_no_change_of_rights():
    """One snapshot, two times: what was granted is refused when the grant has ended."""
    held = site(Grant("lab", None, NOW + HOUR))
    assert decide(request(NOW), held).granted
    assert not decide(request(NOW + HOUR), held).granted


def test_a_use_that_an_opening_holds_is_not_given_twice():
    held = site(Grant("lab", uses=1, uses_left=1))
    first = decide(request(), held)
    assert (first.granted, first.use_of) == (True, "lab")
    reserved = Reservation("r1", "p", "main", Direction.ENTRY, frozenset(), 9.0, use_of="lab")
    second = decide(request(), held, Facts(reservations=(reserved,)))
    assert (second.reason, second.facts["uses_left"]) == (Reason.NO_ACCESS_LEVEL, 0)
    assert not decide(request(), held, Facts(spent=(("p", "lab"),))).granted


@pytest.mark.parametrize(
    ("snapshot", "use_of"),
    [
        (site(Grant("lab", uses=1, uses_left=1), levels=["yard"]), None),
        (site(Grant("lab", uses=1, uses_left=1), levels=["lab"]), None),
        (site(Grant("lab", uses=1, uses_left=1), Grant("yard", None, NOW + HOUR)), None),
        (site(Grant("lab", uses=1, uses_left=1), Grant("yard", None, NOW + HOUR, 1, 1)), "yard"),
        (site(Grant("lab", uses=1, uses_left=0), Grant("yard", uses=1, uses_left=1)), "yard"),
    ],
    ids=["another level for good", "the same by the department", "a time is enough", "the first to end", "one is left"],
)
def test_a_use_is_taken_only_where_nothing_else_lets_in(snapshot, use_of):
    decision = decide(request(), snapshot)
    assert (decision.granted, decision.use_of) == (True, use_of)


def test_leaving_takes_no_use_and_needs_none():
    spent = site(Grant("lab", uses=1, uses_left=0))
    decision = decide(request(direction=Direction.EXIT), spent)
    assert (decision.granted, decision.use_of) == (True, None)


def test_devices_that_decide_alone_get_what_is_valid_now_until_it_ends_and_no_uses():
    person = site(Grant("lab", None, NOW + HOUR), Grant("yard", NOW + HOUR), Grant("visit", uses=3, uses_left=3)).people
    assert levels_for_devices(person["p"], [NOW], alone=True) == {"lab"}
    assert levels_for_devices(person["p"], [NOW], alone=False) == {"lab", "visit"}
    assert ending_with(person["p"], ["lab"]).valid_to == NOW + HOUR
    assert levels_for_devices(person["p"], [NOW + HOUR], alone=True) == {"yard"}
    assert ending_with(person["p"], ["yard"]).valid_to is None
    assert levels_at(person["p"], [NOW]) == {"lab", "visit"}


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        (Person("h", "1", "Host", suspended=True), "suspended"),
        (Person("h", "1", "Host", valid_to=NOW), "expired"),
        (Person("h", "1", "Host", valid_from=NOW + HOUR), "not_yet_valid"),
        (None, "erased"),
    ],
)
def test_a_visitor_whose_host_is_not_valid_does_not_enter_and_may_leave(host, problem):
    visit = site(levels=["visit"], host=host, kind=PersonKind.VISITOR, host_id="h")
    decision = decide(request(), visit)
    assert (decision.reason, decision.facts) == (Reason.NO_ACCESS_LEVEL, {"host": problem})
    assert decide(request(direction=Direction.EXIT), visit).granted
    assert decide(request(), site(levels=["visit"], host=Person("h", "1", "H"), kind=PersonKind.VISITOR, host_id="h"))


@pytest.mark.parametrize(
    ("grant", "words"),
    [
        (Grant("lab", NOW + HOUR), "come when the grant of level lab has begun (30 Nov 2026 11:00 UTC)"),
        (Grant("lab", None, NOW), "a new grant of level lab, which ended 30 Nov 2026 10:00 UTC"),
        (Grant("lab", uses=1, uses_left=0), "more uses of level lab"),
    ],
)
def test_an_explanation_says_what_a_lapsed_grant_wants(grant, words):
    snapshot = site(grant)
    helps = advise(explain(request(), snapshot), snapshot, "main", NOW, names_levels=False)
    assert any(words in one.text for one in helps)


def test_an_explanation_says_that_the_host_is_suspended():
    host = Person("h", "1", "Host", suspended=True)
    snapshot = site(levels=["visit"], host=host, kind=PersonKind.VISITOR, host_id="h")
    helps = advise(explain(request(), snapshot), snapshot, "main", NOW, names_levels=False)
    assert "a host who can answer for the visitor: theirs is suspended" in [one.text for one in helps]
