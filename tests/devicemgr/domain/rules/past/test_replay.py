"""Requests judged again by planned rights: exactly those who would lose or gain, with people moving in both worlds."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from devicemgr.domain.model import AccessLevel, Person, Portal, PortalMode, Requirement, Schedule
from devicemgr.domain.rules.areas.draft import read_event
from devicemgr.domain.rules.areas.fold import Folding, fold_all
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, Whereabouts
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.past.outcome import as_json, hour_ranges, never_came
from devicemgr.domain.rules.past.replay import Replay
from devicemgr.domain.rules.schedules import parse_window
from devicemgr.domain.zones import Enforcement, Zone
from devicemgr.text import rfc3339

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 10, 5, tzinfo=UTC)


def hours(windows: str, timezone: str = "Europe/Berlin") -> Schedule:
    return Schedule("office", timezone, (parse_window(windows),))


def rights(windows: str = "mon-fri 08:00-18:00", staff: int = 3, **more: Any) -> Snapshot:
    """Return two portals that people of level `staff` pass in office hours."""
    return replace(
        Snapshot(
            1,
            people={f"p{n}": Person(f"p{n}", f"b{n}", "N", levels=frozenset({"staff"})) for n in range(staff)},
            levels={"staff": AccessLevel("staff", {"main": "office", "side": "office"})},
            schedules={"office": hours(windows)},
            portals={"main": Portal("main", "g1"), "side": Portal("side", "g2")},
        ),
        **more,
    )


def request(seq: int, at: datetime, person: str = "p0", **more: Any) -> dict[str, Any]:
    """Return a recorded grant; with a `reason` a refusal."""
    found = {
        "seq": seq,
        "time": rfc3339(at),
        "kind": "access_denied" if more.get("reason") else "access_granted",
        "portal": "main",
        "direction": "entry",
        "device": "reader",
        "person_id": person,
        "request": f"r{seq}",
        "reason": None,
        "evidence": {"card": True},
        "detail": {"revision": 1},
    }
    return found | more


def passage(seq: int, of: dict[str, Any], kind: str = "passage_completed") -> dict[str, Any]:
    return of | {"seq": seq, "kind": kind, "evidence": None, "reason": None, "detail": {}}


def compare(old: Snapshot, new: Snapshot, events: list[dict[str, Any]]) -> Any:
    return Replay(old, new).take_all(events)


@pytest.mark.parametrize("requests", [10_000, pytest.param(100_000, marks=pytest.mark.faults)], ids=["10000", "100000"])
def test_a_schedule_that_ends_an_hour_earlier_is_lost_by_exactly_those_who_came_in_that_hour(requests):
    """The expectation is worked out here by wall time, over a change of the clocks, and not by the rules."""
    everyone, step = 997, timedelta(days=30) / requests

    def recorded() -> Iterator[dict[str, Any]]:
        for number in range(requests):
            yield request(number + 1, BEGIN + number * step, f"p{number * 7919 % everyone}")

    expected: Counter[str] = Counter()
    first: dict[str, int] = {}
    for event in recorded():
        local = datetime.fromisoformat(event["time"]).astimezone(BERLIN)
        if local.weekday() < 5 and local.hour == 17:
            expected[event["person_id"]] += 1
            first.setdefault(event["person_id"], event["seq"])
    old, new = rights(staff=everyone), rights("mon-fri 08:00-17:00", staff=everyone)
    found = Replay(old, new).take_all(recorded())
    assert found.requests == requests
    assert {person: tally.count for person, tally in found.losses.by_person.items()} == expected
    assert {person: tally.first for person, tally in found.losses.by_person.items()} == first
    assert {hour for tally in found.losses.by_person.values() for hour in tally.hours(BERLIN)} == {"17:00-18:00"}
    assert len(expected) > 100
    assert (found.gains.count, found.needs_more.count) == (0, 0)
    back = Replay(new, old).take_all(recorded())
    assert {person: tally.count for person, tally in back.gains.by_person.items()} == expected
    assert back.losses.count == 0


def monday(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 10, 5, hour, minute, tzinfo=BERLIN)


def test_what_is_as_before_is_not_listed():
    events = [request(1, monday(9)), request(2, monday(20), reason="outside_schedule"), request(3, monday(9), "p9")]
    found = compare(rights(), rights(), events)
    assert (found.losses.count, found.gains.count, found.needs_more.count, found.requests, found.gone) == (
        0,
        0,
        0,
        2,
        1,
    )


@pytest.mark.parametrize(
    ("planned", "reason"),
    [
        ({"levels": {"staff": AccessLevel("staff", {"side": "office"})}}, "no_access_level"),
        ({"people": {"p0": Person("p0", "b0", "N", suspended=True, levels=frozenset({"staff"}))}}, "suspended"),
        ({"schedules": {"office": hours("sat-sun 08:00-18:00")}}, "outside_schedule"),
        ({"portals": {}}, "no_access_level"),
        ({"levels": {}}, "no_access_level"),
    ],
)
def test_who_would_be_refused_loses_for_the_planned_reason(planned, reason):
    found = compare(rights(), rights(**planned), [request(1, monday(9)), request(2, monday(10))])
    tally = found.losses.by_person["p0"]
    assert as_json(tally, BERLIN) == {
        "count": 2,
        "portals": ["main"],
        "hours": ["09:00-11:00"],
        "reasons": [reason],
        "first": 1,
    }


@pytest.mark.parametrize(
    ("require", "evidence", "words"),
    [
        (Requirement.CARD_PIN, {"card": True}, "would be asked for PIN"),
        (Requirement.FACE_PIN, {"card": True}, "would be asked for PIN"),
        (Requirement.CARD, {"face": {"score": 0.9}}, "would be asked for card"),
        (Requirement.CARD_PIN, {"face": {"score": 0.9}}, "would be asked for card and PIN"),
    ],
)
def test_a_factor_that_was_not_shown_is_no_loss_but_asked_for(require, evidence, words):
    planned = rights(portals={"main": Portal("main", "g1", require=require)})
    old = rights()
    if "face" in evidence:
        seen = {"p0": replace(old.people["p0"], face_consent=True)}
        old, planned = replace(old, people=seen), replace(planned, people=seen)
    found = compare(old, planned, [request(1, monday(9), evidence=evidence)])
    assert (found.losses.count, list(found.needs_more.by_person["p0"].reasons)) == (0, [words])


def test_evidence_is_taken_as_it_was_shown():
    planned = rights(portals={"main": Portal("main", "g1", require=Requirement.CARD_PIN)})
    shown = [
        request(1, monday(9), evidence={"card": True, "pin": True}),
        request(2, monday(9), evidence={"card": True, "pin": False}, reason="wrong_pin"),
        request(3, monday(9), reason="card_blocked"),
        request(4, monday(9), reason="card_expired"),
        request(5, monday(9), evidence=None, detail={"decided_by": "console"}),
    ]
    found = compare(rights(), planned, shown)
    assert (found.losses.count, found.gains.count, found.needs_more.count) == (0, 0, 0)


@pytest.mark.parametrize(
    ("old", "new", "refused", "losses", "gains", "needs"),
    [
        (2, 2, None, 0, 0, 0),
        (2, 2, "second_person_required", 0, 0, 0),
        (1, 2, None, 0, 0, 1),
        (2, 1, None, 0, 0, 0),
        (2, 1, "second_person_required", 0, 1, 0),
    ],
)
def test_where_two_people_are_needed_the_record_says_whether_they_came(old, new, refused, losses, gains, needs):
    worlds = [rights(portals={"main": Portal("main", "g1", people=people)}) for people in (old, new)]
    found = compare(*worlds, [request(1, monday(9), reason=refused)])
    assert (found.losses.count, found.gains.count, found.needs_more.count) == (losses, gains, needs)
    if needs:
        assert list(found.needs_more.by_person["p0"].reasons) == ["would wait for a second person"]


def test_what_was_before_the_window_moves_people_and_is_not_judged():
    hard = with_zone(anti_passback=Enforcement.HARD)
    late = Replay(with_zone(), hard, since=monday(9, 30))
    found = late.take_all([*entered(1, monday(9)), *entered(3, monday(10))])
    assert (found.requests, found.losses.by_person["p0"].first) == (1, 3)


def test_a_guards_lock_is_no_part_of_a_plan():
    locked = {"main": Portal("main", "g1", mode=PortalMode.LOCKED)}
    found = compare(rights(portals=locked), rights("mon-fri 08:00-17:00", portals=locked), [request(1, monday(17))])
    assert found.losses.count == 1


def with_zone(**rules: Any) -> Snapshot:
    """Return the hall as a zone with these rules."""
    sides = {"outside": "outside", "inside": "hall"}
    portals = {"main": Portal("main", "g1", **sides), "side": Portal("side", "g2", **sides)}
    return rights("mon-sun 00:00-24:00", portals=portals, zones={"hall": Zone("hall", **rules)})


def entered(seq: int, at: datetime, person: str = "p0", **more: Any) -> list[dict[str, Any]]:
    granted = request(seq, at, person, **more)
    return [granted, passage(seq + 1, granted)]


def test_who_is_where_is_folded_in_both_worlds():
    """Anti-passback would refuse the second of two entries, and not the third, which comes after an exit."""
    events = [
        *entered(1, monday(9)),
        *entered(3, monday(10)),
        *entered(5, monday(12), direction="exit"),
        *entered(7, monday(13)),
    ]
    found = compare(with_zone(), with_zone(anti_passback=Enforcement.HARD), events)
    assert found.losses.by_person["p0"].first == 3
    assert (found.losses.count, list(found.losses.by_person["p0"].reasons)) == (1, ["anti_passback"])


def test_one_who_would_be_refused_has_not_moved_in_that_world():
    """p2 finds the hall full in the planned world, so p1's exit there makes room for p3 that the record has not."""
    events = [
        *entered(1, monday(9), "p0"),
        *entered(3, monday(9, 5), "p1"),
        *entered(5, monday(9, 10), "p2"),
        *entered(7, monday(9, 20), "p1", direction="exit"),
        *entered(9, monday(9, 30), "p3"),
        *entered(11, monday(9, 40), "p4"),
    ]
    old = with_zone(max_people=10)
    people = {f"p{n}": Person(f"p{n}", f"b{n}", "N", levels=frozenset({"staff"})) for n in range(5)}
    old, new = replace(old, people=people), replace(with_zone(max_people=2), people=people)
    found = compare(old, new, events)
    assert {person: tally.first for person, tally in found.losses.by_person.items()} == {"p2": 5, "p4": 11}


def test_one_who_would_be_let_in_has_moved_and_a_second_try_is_not_judged():
    refused = request(1, monday(7), reason="outside_schedule")
    events = [refused, *entered(2, monday(9)), *entered(4, monday(12))]
    hard = {"zones": {"hall": Zone("hall", anti_passback=Enforcement.HARD)}}
    old = replace(with_zone(), schedules={"office": hours("mon-fri 08:00-18:00")}, **hard)
    new = replace(with_zone(), schedules={"office": hours("mon-fri 06:00-18:00")}, **hard)
    found = compare(old, new, events)
    assert (found.gains.by_person["p0"].first, found.unpredicted, found.losses.count) == (1, 1, 0)


def test_in_a_fire_rules_of_zones_object_to_nothing_until_its_end():
    def fire(seq: int, *, active: bool) -> dict[str, Any]:
        return {
            "seq": seq,
            "time": rfc3339(monday(9)),
            "kind": "fire_release",
            "device": "panel",
            "detail": {"active": active},
        }

    events = [
        *entered(1, monday(9)),
        fire(3, active=True),
        *entered(4, monday(10)),
        fire(6, active=False),
        *entered(7, monday(11)),
    ]
    found = compare(with_zone(), with_zone(anti_passback=Enforcement.HARD), events)
    assert [tally.first for tally in found.losses.by_person.values()] == [7]


@pytest.mark.parametrize(
    ("detail", "losses"),
    [({"outcome": "sent", "senses_passage": False}, 1), ({"outcome": "confirmed"}, 0), ({"outcome": "unknown"}, 0)],
)
def test_a_release_moves_people_only_where_no_passage_will_be_reported(detail, losses):
    granted = request(1, monday(9))
    events = [granted, passage(2, granted, "portal_unlocked") | {"detail": detail}, request(3, monday(10))]
    found = compare(with_zone(), with_zone(anti_passback=Enforcement.HARD), events)
    assert found.losses.count == losses


def test_where_people_were_before_the_window_counts():
    hard = with_zone(anti_passback=Enforcement.HARD)
    before = fold_all(NOWHERE, entered(1, monday(8)), hard.zone_map)
    found = Replay(with_zone(), hard, (before, before)).take_all(entered(3, monday(9)))
    assert found.losses.count == 1


def test_a_folding_gives_the_state_of_the_fold_in_all_its_parts():
    zones = with_zone(again_after_minutes=5).zone_map
    events = [
        *entered(1, monday(9)),
        *entered(3, monday(9, 1), "p1"),
        passage(5, request(5, monday(9, 2), None), "passage_completed"),
    ]
    folding = Folding(NOWHERE, zones)
    for event in events:
        folding.take(read_event(event))
    whole = fold_all(NOWHERE, events, zones)
    for part in fields(Whereabouts):
        assert getattr(folding.state, part.name) == getattr(whole, part.name), part.name


def test_people_who_never_came_are_counted_by_level():
    rules = rights(staff=5)
    found = compare(rules, rules, [request(1, monday(9), "p0"), request(2, monday(9), "p1")])
    assert never_came(rules, found.came) == {"staff": 3}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (set(), []),
        ({7, 8, 17}, ["07:00-09:00", "17:00-18:00"]),
        ({0, 23}, ["00:00-01:00", "23:00-24:00"]),
        (set(range(24)), ["00:00-24:00"]),
    ],
)
def test_hours_are_shown_as_ranges(given, shown):
    assert hour_ranges(given) == shown
