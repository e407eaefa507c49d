"""How many are in a zone: unnamed people, settling, corrections and forgetting."""

from datetime import time, timedelta
from typing import Any

import pytest

from devicemgr.domain.rules.areas.corrections import all_reset, counted, forgiven, forgotten, zone_reset
from devicemgr.domain.rules.areas.whereabouts import MAX_REQUESTS, count, overdue, place_of
from tests.devicemgr.domain.rules.areas.floor import ENTRY, EXIT, NOON, UNKNOWN, Book


def extra(book: Book) -> dict[str, int]:
    return dict(book.state.extra)


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        pytest.param([("main", ENTRY)], {"lobby": 1}, id="in from outside"),
        pytest.param([("main", ENTRY), ("lab-door", ENTRY)], {"lab": 1}, id="further in"),
        pytest.param([("main", ENTRY), ("main", EXIT)], {}, id="in and out"),
        pytest.param([("main", EXIT)], {"lobby": -1}, id="out, below nought where all portals sense"),
        pytest.param([("shed", ENTRY)], {}, id="a portal without zones"),
        pytest.param([("main", None)], {}, id="no direction"),
    ],
)
def test_a_passage_without_a_request_is_counted_as_no_ones(
    moves: list[tuple[str, Any]], expected: dict[str, int]
) -> None:
    book = Book()
    for portal, direction in moves:
        book.slips(portal, direction)
    assert extra(book) == expected


def test_a_guards_opening_is_no_ones_passage() -> None:
    book = Book()
    book.add("admin.portal_open", "main", request="guard")
    book.add("portal_unlocked", "main", request="guard", detail={"outcome": "confirmed"})
    assert extra(book) == {}
    book.add("passage_completed", "main", request="guard")
    assert extra(book) == {"lobby": 1}


def test_a_guards_opening_of_a_blind_gate_counts_by_its_release() -> None:
    book = Book()
    book.add("portal_unlocked", "main", request="guard", detail={"outcome": "sent", "senses_passage": False})
    assert extra(book) == {"lobby": 1}


def test_unnamed_exits_bring_no_zone_with_a_blind_portal_below_nought() -> None:
    book = Book()
    book.add("portal_unlocked", "side", request="guard", detail={"outcome": "sent", "senses_passage": False})
    for _ in range(3):
        book.slips("main", EXIT)
    assert extra(book) == {}
    assert count(book.state, "lobby", book.zones) == 0


def test_a_portal_that_reports_a_passage_senses_again() -> None:
    book = Book()
    book.add("portal_unlocked", "side", request="guard", detail={"outcome": "sent", "senses_passage": False})
    assert book.state.blind == {"side"}
    book.slips("side")
    assert book.state.blind == frozenset()


def test_settling_explains_an_unnamed_exit() -> None:
    book = Book()
    book.passes("anna", "main")
    book.slips("main", EXIT)  # Anna, behind someone
    assert (count(book.state, "lobby", book.zones), extra(book)) == (0, {"lobby": -1})
    book.passes("anna", "main")
    assert (count(book.state, "lobby", book.zones), extra(book)) == (1, {})


def test_settling_explains_an_unnamed_movement_between_two_zones() -> None:
    book = Book()
    book.passes("anna", "main")
    book.slips("lab-door")
    book.passes("anna", "store-lab", EXIT)
    assert book.where("anna") == "store"
    assert extra(book) == {}


def test_settling_goes_only_towards_nought_where_a_portal_is_blind() -> None:
    book = Book()
    book.add(
        "portal_unlocked", "side", request="g", direction=EXIT, detail={"outcome": "sent", "senses_passage": False}
    )
    book.passes("anna", "main")
    book.passes("anna", "main")  # her exit was never seen
    assert (extra(book), count(book.state, "lobby", book.zones)) == ({}, 1)


def test_an_unknown_person_settles_nothing() -> None:
    book = Book()
    book.passes("anna", "lab-door")
    assert (book.where("anna"), extra(book)) == ("lab", {})


def test_forgiving_settles_so_that_counts_stay_right() -> None:
    book = Book()
    book.passes("anna", "main")
    book.slips("main", EXIT)
    book.add("admin.whereabouts_reset", person="anna", detail=forgiven("outside", "fire exit"))
    assert (count(book.state, "lobby", book.zones), extra(book)) == (0, {})


@pytest.mark.parametrize("wanted", [0, 1, 5])
def test_a_guards_count_stands_with_people_and_strangers_below(wanted: int) -> None:
    book = Book()
    book.passes("anna", "main")
    book.slips("main")
    book.slips("lab-door")
    book.add("admin.occupancy_set", detail=counted("lobby", wanted))
    assert count(book.state, "lobby", book.zones) == wanted


@pytest.mark.parametrize("detail", [{}, {"zone": "cellar", "count": 3}, {"zone": "lobby", "count": "3"}, {"zone": 1}])
def test_a_count_that_makes_no_sense_changes_nothing(detail: dict[str, Any]) -> None:
    book = Book()
    book.passes("anna", "main")
    before = book.state
    book.add("admin.occupancy_set", detail=detail)
    assert (book.state.where, book.state.extra) == (before.where, before.extra)


def test_resetting_a_zone_forgets_its_strangers_and_resetting_all_everyones() -> None:
    book = Book()
    for portal in ("main", "main", "lab-door", "store-door"):
        book.slips(portal)
    book.add("admin.whereabouts_reset", detail=zone_reset("lobby", "?"))
    assert extra(book) == {"store": 1}
    book.add("admin.whereabouts_reset", detail=all_reset("?"))
    assert extra(book) == {}


def test_a_device_with_another_clock_moves_and_makes_the_zone_unsure() -> None:
    book = Book()
    detail = {"decided_by": "console", "clock_off_s": -61.0}
    book.add("access_granted", "main", person="anna", request="c", device="console", detail=detail)
    place = book.state.where["anna"]
    assert (place.zone, place.how) == ("lobby", "device")
    assert book.state.unsure == {"lobby": "console"}
    book.add("access_granted", "side", person="bert", request="d", device="console", detail={"decided_by": "console"})
    assert book.state.unsure == {}


def test_presence_is_forgotten_after_its_minutes_and_at_the_time_of_day() -> None:
    book = Book(lobby={"forget_after_minutes": 60})
    book.passes("anna", "main")
    since = book.state.where["anna"].since
    assert place_of(book.state, "anna", since + timedelta(minutes=59), book.zones) is not None
    assert place_of(book.state, "anna", since + timedelta(minutes=60), book.zones) is None
    (sweep,) = overdue(book.state, since + timedelta(minutes=60), book.zones)
    assert (sweep.zone, sweep.is_daily) == ("lobby", False)


def test_presence_below_a_zone_is_forgotten_with_it_at_the_time_of_day() -> None:
    book = Book(building={"forget_at": time(4, 0), "timezone": "Europe/Berlin"})
    book.passes("anna", "main")
    night = NOON.replace(day=3, hour=2, minute=59)
    assert place_of(book.state, "anna", night, book.zones) is not None
    assert place_of(book.state, "anna", night + timedelta(minutes=1), book.zones) is None
    (sweep,) = overdue(book.state, night + timedelta(minutes=1), book.zones)
    book.add("admin.whereabouts_reset", detail=forgotten(sweep.zone, sweep.before, is_daily=True))
    assert book.where("anna") is UNKNOWN
    assert overdue(book.state, night + timedelta(hours=1), book.zones) == []


def test_requests_without_an_end_are_bounded() -> None:
    book = Book()
    for number in range(MAX_REQUESTS + 10):
        book.grant("anna", "main", request=f"r{number}")
    assert len(book.state.requests) == MAX_REQUESTS
    assert "r9" not in book.state.requests
    assert "r10" in book.state.requests


def test_the_first_unnamed_person_of_a_day_is_not_forgotten() -> None:
    book = Book(building={"forget_at": time(4, 0)}, lobby={"again_after_minutes": 30})

    def sweep() -> None:
        for found in overdue(book.state, NOON + timedelta(minutes=len(book.events)), book.zones):
            detail = forgotten(found.zone, found.before, is_daily=found.is_daily)
            book.add("admin.whereabouts_reset", detail=detail)

    sweep()
    book.passes("anna", "main")
    book.slips("main")
    sweep()
    assert extra(book) == {"lobby": 1}
    assert "anna" in book.state.entered
    assert book.where("anna") == "lobby"
