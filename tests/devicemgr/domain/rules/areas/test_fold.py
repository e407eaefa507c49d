"""Who is where after which events: the table of docs/rules.md, one test a row and edge case."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from devicemgr.domain.rules.areas.corrections import all_reset, forgiven, zone_reset
from devicemgr.domain.rules.areas.fold import FOLDS, fold, fold_all
from devicemgr.domain.rules.areas.whereabouts import NOWHERE
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from tests.devicemgr.domain.rules.areas.floor import EXIT, NOON, UNKNOWN, Book


def _inside(book: Book) -> None:
    book.passes("anna", "main")


def _passage(book: Book) -> None:
    book.add("passage_completed", "main", request=book.grant("anna", "main"))


def _passage_that_names_the_person(book: Book) -> None:
    book.add("passage_completed", "main", request="lost", person="anna")


def _released_blind(book: Book) -> None:
    request = book.grant("anna", "main")
    book.add("portal_unlocked", "main", request=request, detail={"outcome": "sent", "senses_passage": False})


def _released_only(book: Book) -> None:
    book.add("portal_unlocked", "main", request=book.grant("anna", "main"), detail={"outcome": "confirmed"})


def _timed_out(book: Book) -> None:
    _inside(book)
    request = book.grant("anna", "lab-door")
    book.add("passage_timed_out", "lab-door", request=request, detail={"cause": "nobody_passed"})


def _turned_back(book: Book) -> None:
    _inside(book)
    request = book.grant("anna", "lab-door")
    book.add("passage_timed_out", "lab-door", request=request, detail={"cause": "turned_back"})


def _unlock_failed(book: Book) -> None:
    _inside(book)
    book.add("portal_unlock_failed", "lab-door", request=book.grant("anna", "lab-door"))


def _unconfirmed(book: Book) -> None:
    _inside(book)
    book.add("portal_unlock_unconfirmed", "lab-door", request=book.grant("anna", "lab-door"), person="anna")


def _outcome_unknown(book: Book) -> None:
    _inside(book)
    book.add("portal_unlocked", "lab-door", request=book.grant("anna", "lab-door"), detail={"outcome": "unknown"})


def _outcome_unknown_then_passage(book: Book) -> None:
    _outcome_unknown(book)
    book.add("passage_completed", "lab-door", request=book.events[-1]["request"])


def _reversed(book: Book) -> None:
    _inside(book)
    book.add("passage_reversed", "lab-door", request=book.grant("anna", "lab-door"))


def _another_passes(book: Book) -> None:
    _inside(book)
    book.slips("main", EXIT)


def _console_later(book: Book) -> None:
    _inside(book)
    time = NOON + timedelta(minutes=30)
    detail = {"decided_by": "console", "device_serial": 7}
    book.add("access_granted", "lab-door", person="anna", request="c", device="console", time=time, detail=detail)


def _console_of_before(book: Book) -> None:
    _inside(book)
    detail = {"decided_by": "console", "device_serial": 7}
    book.add("access_granted", "main", EXIT, person="anna", request="c", time=NOON, detail=detail)


def _console_of_before_the_second_reset(book: Book) -> None:
    _reset_all(book)
    time = NOON + timedelta(minutes=len(book.events), seconds=30)
    book.add("admin.whereabouts_reset", detail={"all": True, "reason": "after the alarm"})
    detail = {"decided_by": "console", "device_serial": 7}
    book.add("access_granted", "main", person="anna", request="c", device="console", time=time, detail=detail)


def _console_denied(book: Book) -> None:
    _inside(book)
    detail = {"decided_by": "console"}
    book.add("access_denied", "lab-door", person="anna", request="c", time=NOON + timedelta(hours=1), detail=detail)


def _console_live_awaits(book: Book) -> None:
    _inside(book)
    detail = {"decided_by": "console", "awaits_passage": True}
    book.add("access_granted", "lab-door", person="anna", request="c", time=NOON + timedelta(hours=1), detail=detail)


def _console_live_passes(book: Book) -> None:
    _console_live_awaits(book)
    book.add("passage_completed", "lab-door", request="c")


def _reset_person(book: Book) -> None:
    _inside(book)
    book.add("admin.whereabouts_reset", person="anna", detail=forgiven(None, "new here"))


def _forgiven(book: Book) -> None:
    _inside(book)
    book.add("admin.whereabouts_reset", person="anna", detail=forgiven("outside", "left by the fire exit"))


def _forgiven_to_no_zone(book: Book) -> None:
    _inside(book)
    book.add("admin.whereabouts_reset", person="anna", detail=forgiven("cellar", "?"))


def _reset_zone(book: Book) -> None:
    book.passes("anna", "main")
    book.passes("anna", "lab-door")
    book.add("admin.whereabouts_reset", detail=zone_reset("lobby", "counted anew"))


def _reset_other_zone(book: Book) -> None:
    _inside(book)
    book.add("admin.whereabouts_reset", detail=zone_reset("store", "?"))


def _reset_all(book: Book) -> None:
    _inside(book)
    book.add("admin.whereabouts_reset", detail=all_reset("first day"))


def _reset_of_nothing(book: Book) -> None:
    _inside(book)
    book.add("admin.whereabouts_reset", detail={})


def _erased(book: Book) -> None:
    _inside(book)
    book.add("admin.person_erased", person="anna")


def _erased_in_the_lane(book: Book) -> None:
    request = book.grant("anna", "main")
    book.add("admin.person_erased", person="anna")
    book.add("passage_completed", "main", request=request, person="anna")


def _erased_before_the_answer_was_lost(book: Book) -> None:
    request = book.grant("anna", "main")
    book.add("admin.person_erased", person="anna")
    book.add("portal_unlock_unconfirmed", "main", request=request, person="anna")


def _suspended(book: Book) -> None:
    _inside(book)
    book.add("admin.person_suspended", person="anna")


def _zone_removed(book: Book) -> None:
    _inside(book)
    book.add("admin.zone_removed", detail={"zone": "lobby"})


def _portal_without_zones(book: Book) -> None:
    _inside(book)
    book.passes("anna", "shed")


def _unknown_kind(book: Book) -> None:
    _inside(book)
    book.add("coffee_made", "main", EXIT, person="anna")


def _suspended_kind_of_exit(book: Book) -> None:
    book.passes("anna", "main")
    book.passes("anna", "main", EXIT)


CASES: dict[str, tuple[Callable[[Book], None], str | None]] = {
    "passage with a request moves its person": (_passage, "lobby"),
    "passage that names the person moves them": (_passage_that_names_the_person, "lobby"),
    "release of a gate that senses no passage moves": (_released_blind, "lobby"),
    "release of a gate that senses passages moves no one": (_released_only, UNKNOWN),
    "nobody passed: stays": (_timed_out, "lobby"),
    "turned back: stays": (_turned_back, "lobby"),
    "unlock failed: stays": (_unlock_failed, "lobby"),
    "unlock unconfirmed: unknown": (_unconfirmed, UNKNOWN),
    "outcome unknown: unknown": (_outcome_unknown, UNKNOWN),
    "outcome unknown, then the passage: known": (_outcome_unknown_then_passage, "lab"),
    "passage reversed: stays": (_reversed, "lobby"),
    "passage without a request moves no one who is known": (_another_passes, "lobby"),
    "console's event read later moves by its own time": (_console_later, "lab"),
    "console's event of before what is known moves no one": (_console_of_before, "lobby"),
    "console's event of before all were reset moves no one": (_console_of_before_the_second_reset, UNKNOWN),
    "console's denial moves no one": (_console_denied, "lobby"),
    "console's event whose passage is to come moves no one": (_console_live_awaits, "lobby"),
    "console's event and its passage move": (_console_live_passes, "lab"),
    "reset of a person: unknown": (_reset_person, UNKNOWN),
    "forgiven: the near side": (_forgiven, "outside"),
    "forgiven to a place that is none: unknown": (_forgiven_to_no_zone, UNKNOWN),
    "reset of a zone: those below it too": (_reset_zone, UNKNOWN),
    "reset of another zone: stays": (_reset_other_zone, "lobby"),
    "reset of all: unknown": (_reset_all, UNKNOWN),
    "reset that names nothing: stays": (_reset_of_nothing, "lobby"),
    "erased: removed": (_erased, UNKNOWN),
    "erased while in the lane: the passage is no one's": (_erased_in_the_lane, UNKNOWN),
    "erased before the answer was lost": (_erased_before_the_answer_was_lost, UNKNOWN),
    "suspended: still in the building": (_suspended, "lobby"),
    "zone removed: unknown": (_zone_removed, UNKNOWN),
    "portal without zones: stays": (_portal_without_zones, "lobby"),
    "unknown kind: stays": (_unknown_kind, "lobby"),
    "exit: outside": (_suspended_kind_of_exit, "outside"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_event_leaves_the_person_where_the_table_says(case: str) -> None:
    happens, expected = CASES[case]
    book = Book()
    happens(book)
    assert book.where("anna") == expected
    assert not book.state.requests or case.startswith(
        ("release of a gate that senses passages", "outcome unknown: ", "passage reversed", "console's event whose")
    )


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"kind": "passage_completed"},
        {"kind": "passage_completed", "portal": 7, "direction": "up", "person_id": [], "seq": "x", "detail": 3},
        {"kind": "access_granted", "portal": "main", "direction": "entry", "person_id": "anna", "time": "soon"},
        {"kind": "admin.whereabouts_reset", "detail": {"zone": 3, "before": 3, "all": 1}},
        {"kind": "admin.zone_removed", "detail": {"zone": None}},
        {"kind": "occupancy_reached", "detail": {"rule": 1}},
    ],
)
def test_fold_is_total(event: dict[str, Any]) -> None:
    book = Book()
    book.passes("anna", "main")
    assert fold(book.state, event, book.zones).where.keys() <= {"anna"}
    fold(NOWHERE, event, ZoneMap({}, {}))


def test_fold_is_pure_and_folds_one_by_one_as_all_at_once() -> None:
    book = Book(lab={"again_after_minutes": 5})
    for case in CASES.values():
        case[0](book)
    step = NOWHERE
    for event in book.events:
        before = (dict(step.where), dict(step.extra), dict(step.inside))
        after = fold(step, event, book.zones)
        assert (dict(step.where), dict(step.extra), dict(step.inside)) == before
        step = after
    assert step == fold_all(NOWHERE, book.events, book.zones)
    tally: dict[str, int] = {}
    for place in step.where.values():
        if place.zone is not None:
            tally[place.zone] = tally.get(place.zone, 0) + 1
    assert dict(step.inside) == tally


def test_every_kind_of_the_table_is_a_known_one() -> None:
    assert "passage_completed" in FOLDS
    assert "passage_reversed" not in FOLDS
