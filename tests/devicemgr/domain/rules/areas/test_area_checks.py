"""Anti-passback, occupancy and interlock: each row of the tables of docs/rules.md, and each edge case, by its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import AccessLevel, Direction, Person, Portal, PortalMode, Requirement
from devicemgr.domain.rules.areas.corrections import forgiven
from devicemgr.domain.rules.areas.facts import Facts, Reservation
from devicemgr.domain.rules.areas.interlock import PortalState, why_not_shut
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Decision, decide, explain
from devicemgr.domain.zones import Enforcement, Interlock, Waiver
from tests.devicemgr.domain.rules.areas.floor import ENTRY, EXIT, NOON, PORTALS, Book, zones

HARD, SOFT, OFF = Enforcement.HARD, Enforcement.SOFT, Enforcement.OFF
TRAP = Interlock("trap", frozenset({"main", "lab-door"}))


@dataclass
class Site:
    """Anna and Bert may go everywhere; the ledger's book says where they are."""

    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    waives: frozenset[Waiver] = frozenset()
    portals: Mapping[str, Portal] = field(default_factory=lambda: PORTALS)
    interlocks: Mapping[str, Interlock] = field(default_factory=dict)
    reservations: tuple[Reservation, ...] = ()
    not_shut: Mapping[str, str] = field(default_factory=dict)
    unsure: Mapping[str, str] = field(default_factory=dict)
    fire: bool = False

    def __post_init__(self) -> None:
        self.book = Book(**self.settings)

    @property
    def snapshot(self) -> Snapshot:
        levels = {"all": AccessLevel("all", dict.fromkeys(self.portals), waives=self.waives)}
        people = {name: Person(name, name, name, levels=frozenset({"all"})) for name in ("anna", "bert")}
        return Snapshot(
            1,
            people=people,
            levels=levels,
            portals=self.portals,
            zones=zones(**self.settings),
            interlocks=self.interlocks,
            fire_active=self.fire,
        )

    @property
    def facts(self) -> Facts:
        return Facts(self.book.state, self.reservations, self.not_shut, self.unsure)

    def request(self, portal: str, direction: Direction, person: str, minutes: float) -> AccessRequest:
        at = NOON + timedelta(minutes=minutes)
        return AccessRequest("r", portal, direction, "reader", at, 10.0, 10.1, card=CardEvidence(("1",), person))

    def asks(
        self, portal: str = "main", direction: Direction = ENTRY, person: str = "anna", minutes: float = 30
    ) -> Decision:
        return decide(self.request(portal, direction, person, minutes), self.snapshot, self.facts)


def apb(how: Enforcement = HARD, **more: Any) -> Site:
    return Site({"lobby": {"anti_passback": how} | more})


def _verdict(decision: Decision) -> str:
    if not decision.granted:
        return f"denied {decision.reason}"
    reasons = [str(violation.reason) for violation in decision.violations]
    return " ".join(["granted", *(f"recorded {reason}" for reason in reasons)])


def _inside(site: Site) -> Site:
    site.book.passes("anna", "main")
    return site


def _nobody_passed() -> Decision:
    site = apb()
    request = site.book.grant("anna", "main")
    site.book.add("passage_timed_out", "main", request=request, detail={"cause": "nobody_passed"})
    return site.asks()


def _lane_b_while_a_is_released() -> Decision:
    site = apb()
    site.reservations = (Reservation("r0", "anna", "main", ENTRY, frozenset({"lobby", "building"}), 17.0),)
    return site.asks("side")


def _lane_b_where_someone_else_is_released_at_a() -> Decision:
    site = apb()
    site.reservations = (Reservation("r0", "bert", "main", ENTRY, frozenset({"lobby", "building"}), 17.0),)
    return site.asks("side")


def _moved_by_a_blind_release() -> Decision:
    site = apb()
    request = site.book.grant("anna", "main")
    site.book.add("portal_unlocked", "main", request=request, detail={"senses_passage": False})
    return site.asks()


def _forgiven() -> Decision:
    site = _inside(apb())
    site.book.add("admin.whereabouts_reset", person="anna", detail=forgiven("outside", "fire exit"))
    return site.asks()


def _left_by_rex() -> Decision:
    site = _inside(apb())
    site.book.add("rex_pressed", "main", EXIT)
    site.book.slips("main", EXIT)
    return site.asks()


def _exit_without_entry(how: Enforcement, *, egress: bool = False) -> Decision:
    portals = {**PORTALS, "main": replace(PORTALS["main"], egress=egress)}
    site = Site({"lobby": {"exit_check": how}}, portals=portals)
    site.book.passes("anna", "main")
    site.book.passes("anna", "main", EXIT)
    return site.asks("main", EXIT)


def _exit_of_one_who_is_unknown() -> Decision:
    return Site({"lobby": {"exit_check": HARD}}).asks("main", EXIT)


def _exit_of_one_who_is_further_in() -> Decision:
    site = Site({"lobby": {"exit_check": HARD}})
    site.book.passes("anna", "lab-door")
    return site.asks("main", EXIT)


def _after_a_tailgater() -> Decision:
    site = apb()
    site.book.passes("bert", "main")
    site.book.slips("main")
    return site.asks()


def _unsure(when: Enforcement) -> Decision:
    site = _inside(apb(when_unsure=when))
    site.unsure = {"lobby": "gate-side"}
    return site.asks()


def _two_zones_back() -> Decision:
    site = Site({"lobby": {"anti_passback": HARD}})
    site.book.passes("anna", "lab-door")
    return site.asks("lab-door", EXIT)


def _strict(path: bool) -> Decision:
    site = Site({"lab": {"anti_passback": HARD, "strict_path": path}})
    site.book.passes("anna", "store-door")
    return site.asks("lab-door")


def _timed(minutes: float, *, how: Enforcement = OFF, leaves: bool = False) -> Decision:
    site = Site({"lobby": {"again_after_minutes": 20, "anti_passback": how}})
    site.book.passes("anna", "main")  # at 12:03
    if leaves:
        site.book.passes("anna", "main", EXIT)
    return site.asks(minutes=3 + minutes)


def _timed_by_the_time_that_rights_go_by() -> Decision:
    site = Site({"lobby": {"again_after_minutes": 20}})
    request = site.book.grant("anna", "main")
    set_back, reached = NOON - timedelta(hours=1), NOON + timedelta(minutes=25)
    site.book.add("passage_completed", "main", request=request, time=set_back, detail={"reached": reached.isoformat()})
    return site.asks(minutes=30)


def _badge_of_another() -> Decision:
    site = apb()
    site.book.passes("one-who-had-the-badge", "main")
    return site.asks()


def _waived() -> Decision:
    site = Site({"lobby": {"anti_passback": HARD}}, waives=frozenset({Waiver.ANTI_PASSBACK}))
    return _inside(site).asks()


def _in_a_fire() -> Decision:
    site = _inside(apb())
    site.fire = True
    return site.asks()


def _forgotten() -> Decision:
    return _inside(apb(forget_after_minutes=20)).asks()


PASSBACK: dict[str, tuple[Callable[[], Decision], str]] = {
    "not known to be anywhere": (lambda: apb().asks(), "granted"),
    "inside, enters again": (lambda: _inside(apb()).asks(), "denied anti_passback"),
    "inside, enters again by the other lane": (lambda: _inside(apb()).asks("side"), "denied anti_passback"),
    "inside, soft": (lambda: _inside(apb(SOFT)).asks(), "granted recorded anti_passback"),
    "inside, off": (lambda: _inside(apb(OFF)).asks(), "granted"),
    "inside, leaves": (lambda: _inside(apb()).asks("main", EXIT), "granted"),
    "inside, goes further in": (lambda: _inside(apb()).asks("lab-door"), "granted"),
    "further in, comes back out": (_two_zones_back, "granted"),
    "nobody passed, presents again at the same side": (_nobody_passed, "granted"),
    "presents at lane B while lane A is still released": (_lane_b_while_a_is_released, "denied anti_passback"),
    "presents at lane B while A is released for another": (_lane_b_where_someone_else_is_released_at_a, "granted"),
    "card handed back after the arm turned": (lambda: _inside(apb()).asks(), "denied anti_passback"),
    "handed back at a gate that senses no passage": (_moved_by_a_blind_release, "denied anti_passback"),
    "forgiven by a guard": (_forgiven, "granted"),
    "left by the request-to-exit button": (_left_by_rex, "denied anti_passback"),
    "exit without entry, soft": (lambda: _exit_without_entry(SOFT), "granted recorded anti_passback"),
    "exit without entry, hard": (lambda: _exit_without_entry(HARD), "denied anti_passback"),
    "exit without entry, hard, way of escape": (
        lambda: _exit_without_entry(HARD, egress=True),
        "granted recorded anti_passback",
    ),
    "exit of one who is unknown": (_exit_of_one_who_is_unknown, "granted"),
    "exit of one who is further in": (_exit_of_one_who_is_further_in, "granted"),
    "after a tailgater": (_after_a_tailgater, "granted"),
    "perimeter device away, soft when unsure": (lambda: _unsure(SOFT), "granted recorded anti_passback"),
    "perimeter device away, hard when unsure": (lambda: _unsure(HARD), "denied anti_passback"),
    "another path than the portal's": (lambda: _strict(True), "denied anti_passback"),
    "another path, and that is allowed": (lambda: _strict(False), "granted"),
    "timed, too soon": (lambda: _timed(19.9), "denied anti_passback"),
    "timed, late enough": (lambda: _timed(20), "granted"),
    "timed, too soon although they left": (lambda: _timed(19.9, leaves=True), "denied anti_passback"),
    "timed and soft, too soon": (lambda: _timed(5, how=SOFT, leaves=True), "granted recorded anti_passback"),
    "timed, clock set back": (_timed_by_the_time_that_rights_go_by, "denied anti_passback"),
    "badge reused for another person": (_badge_of_another, "granted"),
    "waived by a level": (_waived, "granted recorded anti_passback"),
    "in a fire": (_in_a_fire, "granted"),
    "presence forgotten": (_forgotten, "granted"),
}


@pytest.mark.parametrize("case", PASSBACK)
def test_anti_passback(case: str) -> None:
    happens, expected = PASSBACK[case]
    assert _verdict(happens()) == expected


def test_two_zones_in_one_portal_are_both_looked_at_and_the_outermost_is_told() -> None:
    site = Site({"store": {"exit_check": HARD}, "lobby": {"anti_passback": HARD}, "lab": {"anti_passback": HARD}})
    site.book.passes("anna", "lab-door")
    assert site.asks("store-lab").rule == "lobby"
    softer = Site({"store": {"exit_check": SOFT}, "lab": {"anti_passback": SOFT}})
    softer.book.passes("anna", "lab-door")
    assert [violation.rule for violation in softer.asks("store-lab").violations] == ["store", "lab"]


def test_a_denial_says_which_zone_and_what_was_read() -> None:
    decision = _inside(apb()).asks()
    assert (decision.rule, decision.person_id) == ("lobby", "anna")
    assert decision.facts == {"is_in": "lobby", "since": "2026-03-02T12:03:00.000Z", "how": "passage"}
    assert _lane_b_while_a_is_released().facts == {"released_at": "main"}


def _full(site: Site, people: int) -> Site:
    for number in range(people):
        site.book.passes(f"p{number}", "main")
    return site


def _lab(**more: Any) -> Site:
    return Site({"lobby": {"max_people": 2} | more})


def _coming(portal: str, person: str | None = "bert") -> Reservation:
    return Reservation(f"r-{portal}", person, portal, ENTRY, frozenset({"lobby", "building"}), 17.0)


def _with_coming(people: int) -> Site:
    site = _full(_lab(), people)
    site.reservations = (_coming("side"),)
    return site


def _own_place() -> Site:
    site = _full(_lab(), 1)
    site.reservations = (_coming("main", "anna"),)
    return site


def _turned_back() -> Site:
    site = _full(_lab(), 1)
    request = site.book.grant("bert", "side")
    site.book.add("passage_timed_out", "side", request=request, detail={"cause": "turned_back"})
    return site


def _one_leaves_unnamed() -> Site:
    site = _full(_lab(), 2)
    site.book.slips("main", EXIT)
    return site


def _with_stranger() -> Site:
    site = _full(_lab(), 1)
    site.book.slips("side")
    return site


def _one_goes_further_in() -> Site:
    site = _full(_lab(), 2)
    site.book.passes("p0", "lab-door")
    return site


def _fire(site: Site) -> Site:
    site.fire = True
    return site


def _inner() -> Site:
    site = Site({"lobby": {"max_people": 1}})
    site.book.passes("anna", "lab-door")
    return site


OCCUPANCY: dict[str, tuple[Callable[[], Decision], str]] = {
    "room left": (lambda: _full(_lab(), 1).asks(), "granted"),
    "full": (lambda: _full(_lab(), 2).asks(), "denied occupancy"),
    "limit lowered below the count": (lambda: _full(_lab(), 5).asks(), "denied occupancy"),
    "full, Anna leaves": (lambda: _inside(_full(_lab(), 2)).asks("main", EXIT), "granted"),
    "last place taken by a grant a moment ago": (lambda: _with_coming(1).asks(), "denied occupancy"),
    "one's own grant at the same lane may still be used": (lambda: _own_place().asks(), "denied occupancy"),
    "turned back: the place is free at once": (lambda: _turned_back().asks(), "granted"),
    "a guard's opening counts": (lambda: _with_stranger().asks(), "denied occupancy"),
    "someone left unnamed": (lambda: _one_leaves_unnamed().asks(), "granted"),
    "people in a zone below count": (lambda: _one_goes_further_in().asks(), "denied occupancy"),
    "coming back from a zone below is no entry": (lambda: _inner().asks("lab-door", EXIT), "granted"),
    "fire": (lambda: _fire(_full(_lab(), 2)).asks(), "granted"),
    "waived": (
        lambda: _full(Site({"lobby": {"max_people": 2}}, waives=frozenset({Waiver.OCCUPANCY})), 2).asks(),
        "granted",
    ),
}


@pytest.mark.parametrize("case", OCCUPANCY)
def test_occupancy(case: str) -> None:
    happens, expected = OCCUPANCY[case]
    assert _verdict(happens()) == expected


def test_a_denial_by_occupancy_says_how_many_of_how_many() -> None:
    decision = _full(_lab(), 2).asks()
    assert (decision.rule, dict(decision.facts)) == ("lobby", {"count": 2, "max": 2})


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
    assert _verdict(happens()) == expected


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
    _inside(site)
    site.not_shut = {"lab-door": "open"}
    assert site.asks().reason is Reason.ANTI_PASSBACK
    request = site.request("main", ENTRY, "anna", 30)
    rows = explain(request, site.snapshot, site.facts)
    objected = [row.reason for row in rows if row.objected]
    assert objected == [Reason.ANTI_PASSBACK, Reason.OCCUPANCY, Reason.INTERLOCK]
    assert rows[-2].facts["count"] == 1
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
