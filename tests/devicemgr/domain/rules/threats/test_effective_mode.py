"""The mode in force at a portal: RULES's order of precedence and its table of cases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from devicemgr.domain.model import AccessLevel, Direction, Person, PortalMode, Schedule
from devicemgr.domain.rules.areas.facts import Facts
from devicemgr.domain.rules.areas.fold import fold_all
from devicemgr.domain.rules.areas.whereabouts import NOWHERE
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.schedules import parse_window
from devicemgr.domain.rules.threats.effective_mode import Because, Why, effective
from devicemgr.domain.rules.threats.threat import FreePortals, Threat, ThreatInForce
from tests.devicemgr.domain.rules.areas.floor import ENTRY, EXIT, PORTALS, zones

MONDAY = date(2026, 3, 2)
NORMAL, LOCKED, FREE = PortalMode.NORMAL, PortalMode.LOCKED, PortalMode.FREE
OPEN, SHUT = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 2, 20, tzinfo=UTC)
LOCKDOWN = Threat("lockdown", 9)


def at(clock: str, day: date = MONDAY) -> datetime:
    return datetime.combine(day, datetime.strptime(clock, "%H:%M").time(), UTC)


def set_for(*scope: str, name: str = "lockdown", **more: Any) -> dict[str, ThreatInForce]:
    return {name: ThreatInForce(name, frozenset(scope or ("site",)), OPEN - timedelta(hours=1), **more)}


class World:
    """Portal `main`, free in office hours; `rita` has the level reception, `otto` has another."""

    def __init__(self, mode: PortalMode = NORMAL, windows: tuple[str, ...] = ("mon-fri 08:00-18:00",), **more: Any):
        self.after = more.pop("after", frozenset())
        timezone, holidays = more.pop("timezone", "UTC"), more.pop("holidays", frozenset())
        main = replace(PORTALS["main"], mode=mode, free=more.pop("free", "office"), free_after=self.after)
        levels = {name: AccessLevel(name, {"main": None}) for name in ("reception", "staff")}
        people = {
            name: Person(name, name, name, levels=frozenset({level}))
            for name, level in (("rita", "reception"), ("otto", "staff"))
        }
        self.snapshot = Snapshot(
            1,
            people=people,
            levels=levels,
            portals={**PORTALS, "main": main},
            zones=zones(),
            schedules={"office": Schedule("office", timezone, tuple(map(parse_window, windows)), holidays=holidays)},
            threats={"lockdown": LOCKDOWN, "alert": Threat("alert", 1, free=FreePortals.KEEP)},
            **more,
        )
        self.events: list[dict[str, Any]] = []

    def add(self, kind: str, when: datetime, person: str | None = None, way: Direction = ENTRY, **detail: Any) -> None:
        seq = len(self.events) + 1
        request = f"request-{seq}" if person else None
        body = {"seq": seq, "id": str(seq), "time": when.isoformat(), "portal": "main", "direction": str(way)}
        self.events.append(body | {"kind": kind, "person_id": person, "request": request, "detail": detail})

    def passes(self, person: str, when: datetime, way: Direction = ENTRY) -> None:
        self.add("passage_completed", when, person, way)

    def threat(self, began: datetime, ended: datetime, *scope: str) -> None:
        self.add("threat_set", began, threat="lockdown", scope=list(scope or ("site",)))
        self.add("threat_ended", ended, threat="lockdown", scope=list(scope or ("site",)))

    def mode(self, when: datetime) -> PortalMode:
        return self.found(when)[0]

    def found(self, when: datetime) -> tuple[PortalMode, Because]:
        facts = Facts(fold_all(NOWHERE, self.events, self.snapshot.zone_map))
        return effective(self.snapshot.portals["main"], when, self.snapshot, facts)


IN_FIRE = {"fire_active": True}


@pytest.mark.parametrize(
    ("case", "world", "when", "mode", "why", "rule"),
    [
        ("fire above all", World(LOCKED, threats_in_force=set_for(), **IN_FIRE), OPEN, FREE, "fire", None),
        ("a guard's lock above a threat", World(LOCKED, threats_in_force=set_for()), OPEN, LOCKED, "guard", None),
        ("a guard's lock above a free time", World(LOCKED), OPEN, LOCKED, "guard", None),
        ("a threat above a guard's free", World(FREE, threats_in_force=set_for()), OPEN, NORMAL, "threat", "lockdown"),
        ("a threat above a free time", World(threats_in_force=set_for()), OPEN, NORMAL, "threat", "lockdown"),
        ("a threat elsewhere", World(threats_in_force=set_for("lab")), OPEN, FREE, "schedule", "office"),
        ("a threat in the zone behind", World(threats_in_force=set_for("lobby")), OPEN, NORMAL, "threat", "lockdown"),
        ("a threat above that zone", World(threats_in_force=set_for("building")), OPEN, NORMAL, "threat", "lockdown"),
        ("a threat that keeps what is free", World(threats_in_force=set_for(name="alert")), OPEN, FREE, "schedule",
         "office"),
        ("freed by a guard since", World(FREE, threats_in_force=set_for(freed=frozenset({"main"}))), OPEN, FREE,
         "guard", None),
        ("a guard's free above the schedule", World(FREE), OPEN, FREE, "guard", None),
        ("a free time", World(), OPEN, FREE, "schedule", "office"),
        ("outside of it", World(), SHUT, NORMAL, "default", None),
        ("no free times", World(free=None), OPEN, NORMAL, "default", None),
        ("a schedule that is not there", World(free="gone"), OPEN, NORMAL, "default", None),
        ("the end is not in it", World(), at("18:00"), NORMAL, "default", None),
        ("a holiday", World(holidays=frozenset({MONDAY})), OPEN, NORMAL, "default", None),
    ],
)  # fmt: skip
def test_the_order_of_precedence(case: str, world: World, when: datetime, mode: PortalMode, why: str, rule: str):
    assert world.found(when) == (mode, Because(Why(why), rule)), case


def test_of_two_threats_the_one_with_the_higher_order_counts():
    world = World(threats_in_force={**set_for(name="alert"), **set_for()})
    assert world.found(OPEN) == (NORMAL, Because(Why.THREAT, "lockdown"))
    unknown = World(threats_in_force=set_for(name="gone"))
    assert unknown.mode(OPEN) is NORMAL, "a threat whose definition is not known closes what is free"


def after_reception(*windows: str, **more: Any) -> World:
    return World(windows=windows or ("mon-fri 08:00-18:00",), after=frozenset({"reception"}), **more)


@pytest.mark.parametrize(
    ("case", "person", "passed", "way", "when", "mode"),
    [
        ("no one has passed", None, "08:30", ENTRY, "09:00", NORMAL),
        ("the receptionist has passed in the window", "rita", "08:30", ENTRY, "09:00", FREE),
        ("at once", "rita", "08:30", ENTRY, "08:30", FREE),
        ("not before", "rita", "08:30", ENTRY, "08:29", NORMAL),
        ("a passage before the window does not count", "rita", "07:59", ENTRY, "09:00", NORMAL),
        ("someone else's passage does not count", "otto", "08:30", ENTRY, "09:00", NORMAL),
        ("leaving does not count", "rita", "08:30", EXIT, "09:00", NORMAL),
        ("it ends with the window", "rita", "08:30", ENTRY, "18:00", NORMAL),
    ],
)
def test_a_free_time_begins_with_the_first_person(case, person, passed, way, when, mode):
    world = after_reception()
    if person:
        world.passes(person, at(passed), way)
    assert world.mode(at(when)) is mode, case


def test_the_grant_alone_begins_no_free_time():
    world = after_reception()
    world.add("access_granted", at("08:30"), "rita")
    world.add("portal_unlocked", at("08:30"), "rita", outcome="confirmed")
    assert world.mode(at("09:00")) is NORMAL


@pytest.mark.parametrize(("outcome", "mode"), [("sent", FREE), ("confirmed", FREE), ("unknown", NORMAL)])
def test_a_release_begins_it_where_the_gate_senses_no_passage(outcome, mode):
    world = after_reception()
    world.add("portal_unlocked", at("08:30"), "rita", outcome=outcome, senses_passage=False)
    assert world.mode(at("09:00")) is mode


def test_it_is_not_carried_into_the_next_day_or_another_window():
    world = after_reception("mon-fri 08:00-12:00", "mon-fri 13:00-18:00")
    world.passes("rita", at("11:59"))
    assert [world.mode(at(clock)) for clock in ("11:59", "12:30", "13:30")] == [FREE, NORMAL, NORMAL]
    assert world.mode(at("08:30", MONDAY + timedelta(days=1))) is NORMAL


def test_a_window_over_midnight_is_one_and_two_that_meet_there_are_two():
    over = after_reception("daily 22:00-06:00")
    over.passes("rita", at("23:00"))
    assert over.mode(at("01:00", MONDAY + timedelta(days=1))) is FREE
    apart = after_reception("daily 22:00-24:00", "daily 00:00-06:00")
    apart.passes("rita", at("23:00"))
    assert apart.mode(at("23:59")) is FREE
    assert apart.mode(at("01:00", MONDAY + timedelta(days=1))) is NORMAL


def test_a_threat_ends_it_and_someone_must_come_again():
    world = after_reception()
    world.passes("rita", at("08:30"))
    world.threat(at("09:00"), at("10:00"))
    assert world.mode(at("11:00")) is NORMAL
    world.passes("rita", at("11:30"))
    assert world.mode(at("11:30")) is FREE


def test_a_passage_during_the_threat_begins_nothing_either():
    world = after_reception()
    world.add("threat_set", at("09:00"), threat="lockdown", scope=["site"])
    world.passes("rita", at("09:30"))
    world.add("threat_ended", at("10:00"), threat="lockdown", scope=["site"])
    assert world.mode(at("10:30")) is NORMAL


def test_a_threat_elsewhere_ends_no_free_time():
    world = after_reception()
    world.passes("rita", at("08:30"))
    world.threat(at("09:00"), at("10:00"), "lab")
    assert world.mode(at("11:00")) is FREE


def test_a_portal_without_zones_has_a_first_person_too():
    world = after_reception()
    shed = replace(PORTALS["shed"], free="office", free_after=frozenset({"reception"}))
    world.snapshot = replace(world.snapshot, portals={"main": replace(shed, name="main")}, zones={})
    world.passes("rita", at("08:30"))
    assert world.mode(at("09:00")) is FREE


def test_dst_a_window_in_the_skipped_hour_does_not_open():
    night = date(2026, 3, 29)
    world = World(windows=("daily 02:15-02:45",), timezone="Europe/Berlin")
    steps = [datetime(2026, 3, 29, 0, 30, tzinfo=UTC) + timedelta(minutes=minute) for minute in range(120)]
    assert {world.mode(step) for step in steps} == {NORMAL}
    before = datetime.combine(night - timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=1, minutes=20)
    assert world.mode(before) is FREE
