"""Anti-passback and occupancy: each row of the tables of docs/rules.md, and each edge case, by its name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devicemgr.domain.rules.areas.corrections import forgiven
from devicemgr.domain.rules.areas.facts import Reservation
from devicemgr.domain.rules.policy import Decision
from devicemgr.domain.zones import Enforcement, Waiver
from tests.devicemgr.domain.rules.areas.floor import ENTRY, EXIT, NOON, PORTALS
from tests.devicemgr.domain.rules.areas.guarded_site import HARD, OFF, SOFT, Site, apb, inside, verdict


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
    site = inside(apb())
    site.book.add("admin.whereabouts_reset", person="anna", detail=forgiven("outside", "fire exit"))
    return site.asks()


def _left_by_rex() -> Decision:
    site = inside(apb())
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
    site = inside(apb(when_unsure=when))
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
    return inside(site).asks()


def _in_a_fire() -> Decision:
    site = inside(apb())
    site.fire = True
    return site.asks()


def _forgotten() -> Decision:
    return inside(apb(forget_after_minutes=20)).asks()


PASSBACK: dict[str, tuple[Callable[[], Decision], str]] = {
    "not known to be anywhere": (lambda: apb().asks(), "granted"),
    "inside, enters again": (lambda: inside(apb()).asks(), "denied anti_passback"),
    "inside, enters again by the other lane": (lambda: inside(apb()).asks("side"), "denied anti_passback"),
    "inside, soft": (lambda: inside(apb(SOFT)).asks(), "granted recorded anti_passback"),
    "inside, off": (lambda: inside(apb(OFF)).asks(), "granted"),
    "inside, leaves": (lambda: inside(apb()).asks("main", EXIT), "granted"),
    "inside, goes further in": (lambda: inside(apb()).asks("lab-door"), "granted"),
    "further in, comes back out": (_two_zones_back, "granted"),
    "nobody passed, presents again at the same side": (_nobody_passed, "granted"),
    "presents at lane B while lane A is still released": (_lane_b_while_a_is_released, "denied anti_passback"),
    "presents at lane B while A is released for another": (_lane_b_where_someone_else_is_released_at_a, "granted"),
    "card handed back after the arm turned": (lambda: inside(apb()).asks(), "denied anti_passback"),
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
    assert verdict(happens()) == expected


def test_two_zones_in_one_portal_are_both_looked_at_and_the_outermost_is_told() -> None:
    site = Site({"store": {"exit_check": HARD}, "lobby": {"anti_passback": HARD}, "lab": {"anti_passback": HARD}})
    site.book.passes("anna", "lab-door")
    assert site.asks("store-lab").rule == "lobby"
    softer = Site({"store": {"exit_check": SOFT}, "lab": {"anti_passback": SOFT}})
    softer.book.passes("anna", "lab-door")
    assert [violation.rule for violation in softer.asks("store-lab").violations] == ["store", "lab"]


def test_a_denial_says_which_zone_and_what_was_read() -> None:
    decision = inside(apb()).asks()
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
    "full, Anna leaves": (lambda: inside(_full(_lab(), 2)).asks("main", EXIT), "granted"),
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
    assert verdict(happens()) == expected


def test_a_denial_by_occupancy_says_how_many_of_how_many() -> None:
    decision = _full(_lab(), 2).asks()
    assert (decision.rule, dict(decision.facts)) == ("lobby", {"count": 2, "max": 2})
