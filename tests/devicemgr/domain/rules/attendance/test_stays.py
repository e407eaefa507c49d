"""Stays are told by recorded passages: what is missing is flagged, and never guessed."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.model import Portal
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.attendance.edges import stays_in
from devicemgr.domain.zones import Zone

MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
ZONES = ZoneMap(
    {name: Zone(name, parent) for name, parent in (("building", None), ("lab", "building"))},
    {
        "main": Portal("main", "gate-1", outside="outside", inside="building"),
        "lab-door": Portal("lab-door", "gate-2", outside="building", inside="lab"),
    },
)
SITE = dict.fromkeys(ZONES.zones, "site")
GATES = {"site": frozenset({"gate-1"})}
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


def at(clock, day=0):
    hour, minute = map(int, clock.split(":"))
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


def event(kind, clock, day=0, *, person="p1", portal="main", **more):
    return {"kind": kind, "time": at(clock, day).isoformat(), "portal": portal, "person_id": person} | more


def entry(clock, day=0, **more):
    return event("passage_completed", clock, day, direction="entry", **more)


def leave(clock, day=0, **more):
    return event("passage_completed", clock, day, direction="exit", **more)


def reset(clock, **detail):
    return {"kind": "admin.whereabouts_reset", "time": at(clock).isoformat(), "detail": detail}


def gate(kind, clock):
    return {"kind": kind, "time": at(clock).isoformat(), "device": "gate-1"}


def lost(clock, direction):
    return event("portal_unlock_unconfirmed", clock, direction=direction)


def alone(clock, direction, **detail):
    return event("access_granted", clock, direction=direction, detail={"decided_by": "console", **detail})


def shown(events, groups=SITE, gates=GATES, until=NEVER):
    """Return begin, end and flags of stays, times as H:MM."""

    def clock(moment):
        return f"{moment - MONDAY}"[:-3] if moment else None

    return [
        (clock(stay.begin), clock(stay.end), sorted(stay.flags))
        for stay in stays_in(events, ZONES, groups, gates, until)
    ]


CASES = {
    "entry and exit": ([entry("8:00"), leave("17:00")], [("8:00", "17:00", [])]),
    "a break": (
        [entry("8:00"), leave("12:00"), entry("12:30"), leave("17:00")],
        [("8:00", "12:00", []), ("12:30", "17:00", [])],
    ),
    "entry without exit": ([entry("8:00")], [("8:00", None, ["no_exit"])]),
    "entered again without exit": (
        [entry("8:00"), entry("13:00"), leave("17:00")],
        [("8:00", None, ["no_exit"]), ("13:00", "17:00", [])],
    ),
    "exit without entry": ([leave("17:00")], [(None, "17:00", ["no_entry"])]),
    "left twice": (
        [entry("8:00"), leave("12:00"), leave("17:00")],
        [("8:00", "12:00", []), (None, "17:00", ["no_entry"])],
    ),
    "through a room within": (
        [entry("8:00"), entry("9:00", portal="lab-door"), leave("16:00", portal="lab-door"), leave("17:00")],
        [("8:00", "17:00", [])],
    ),
    "seen within before any entry": (
        [entry("9:00", portal="lab-door"), leave("17:00")],
        [(None, "17:00", ["no_entry"])],
    ),
    "forgotten at the time of day": (
        [entry("8:00"), reset("9:00", zone="building", before=at("9:00").isoformat(), because="forget_at")],
        [("8:00", None, ["forgotten", "no_exit"])],
    ),
    "forgotten, and left": (
        [entry("8:00"), reset("9:00", all=True), leave("17:00")],
        [("8:00", None, ["forgotten", "no_exit"]), (None, "17:00", ["forgotten", "no_entry"])],
    ),
    "forgiven at the outer side": (
        [entry("8:00"), reset("9:00", place="outside") | {"person_id": "p1"}, entry("9:05"), leave("17:00")],
        [("8:00", None, ["no_exit"]), ("9:05", "17:00", [])],
    ),
    "forgiven at the inner side": (
        [reset("9:00", place="building") | {"person_id": "p1"}, leave("17:00")],
        [(None, "17:00", ["no_entry"])],
    ),
    "the answer of the exit was lost, and the passage came": (
        [entry("8:00"), lost("17:00", "exit"), leave("17:01")],
        [("8:00", "17:01", ["unsure"])],
    ),
    "the answer of the exit was lost, and no passage came": (
        [entry("8:00"), lost("17:00", "exit")],
        [("8:00", None, ["no_exit", "unsure"])],
    ),
    "the answer of the entry was lost": (
        [lost("8:00", "entry"), leave("17:00")],
        [(None, "17:00", ["no_entry", "unsure"])],
    ),
    "the answer of the entry was lost, and the passage came": (
        [lost("8:00", "entry"), entry("8:01"), leave("17:00")],
        [("8:01", "17:00", [])],
    ),
    "decided by a device that was away": (
        [alone("8:00", "entry"), leave("17:00")],
        [("8:00", "17:00", ["offline_source"])],
    ),
    "decided by a device that is there": ([alone("8:00", "entry", live=True), leave("17:00")], [("8:00", "17:00", [])]),
    "decided by a device with another clock": (
        [entry("8:00"), alone("17:00", "exit", clock_off_s=60)],
        [("8:00", "17:00", ["offline_source", "unsure"])],
    ),
    "the gate was away in between": (
        [entry("8:00"), gate("device_offline", "9:00"), gate("device_online", "9:10"), leave("17:00")],
        [("8:00", "17:00", ["unsure"])],
    ),
    "the gate was away before": (
        [gate("device_offline", "7:00"), gate("device_online", "7:10"), entry("8:00"), leave("17:00")],
        [("8:00", "17:00", [])],
    ),
    "the clock was set back": ([entry("8:00"), leave("7:00")], [("8:00", None, ["no_exit", "unsure"])]),
    "erased while inside": (
        [entry("8:00"), event("admin.person_erased", "9:00", portal=None)],
        [("8:00", None, ["no_exit"])],
    ),
    "the zone was removed": (
        [entry("8:00"), {"kind": "admin.zone_removed", "time": at("9:00").isoformat(), "detail": {"zone": "building"}}],
        [("8:00", None, ["forgotten", "no_exit"])],
    ),
    "suspended while inside": (
        [entry("8:00"), event("admin.person_suspended", "9:00", portal=None), leave("17:00")],
        [("8:00", "17:00", [])],
    ),
    "nobody passed": (
        [event("access_granted", "8:00", direction="entry"), event("passage_timed_out", "8:01", direction="entry")],
        [],
    ),
    "turned back": ([event("passage_reversed", "8:00", direction="entry")], []),
    "unnamed": ([entry("8:00", person=None), leave("17:00", person=None)], []),
    "a portal without zones": ([entry("8:00", portal="gone"), leave("17:00", portal="gone")], []),
}


@pytest.mark.parametrize("name", CASES)
def test_a_stay_is_what_passages_say(name):
    events, expected = CASES[name]
    assert shown(events) == expected


def test_zones_are_told_apart_where_each_is_a_group_of_its_own():
    events = [entry("8:00"), entry("9:00", portal="lab-door"), leave("16:00", portal="lab-door"), leave("17:00")]
    by_zone = {name: name for name in ZONES.zones}
    found = [(stay.group, stay.seconds / 3600) for stay in stays_in(events, ZONES, by_zone, {}, NEVER)]
    assert found == [("building", 1), ("lab", 7), ("building", 1)]


def test_a_gate_that_senses_no_passage_is_believed_by_its_release():
    unlocked = event("portal_unlocked", "8:00", direction="entry", request="r1", detail={"senses_passage": False})
    assert shown([unlocked, leave("17:00")]) == [("8:00", "17:00", [])]


def test_what_comes_after_the_end_is_read_only_for_stays_of_before():
    read = []

    def events():
        for one in (entry("8:00"), entry("9:00", 1, person="p2"), leave("10:00", 1), leave("11:00", 1, person="p2")):
            read.append(one["time"])
            yield one

    found = list(stays_in(events(), ZONES, SITE, {}, at("0:00", 1)))
    assert [(stay.person_id, stay.seconds / 3600) for stay in found] == [("p1", 26)]
    assert len(read) == 3
