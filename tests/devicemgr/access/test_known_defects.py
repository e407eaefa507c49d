"""Defects that release notes of another system (Suprema BioStar 2) own up to, as scenarios: none of them here."""

from dataclasses import replace

from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.zones import Enforcement, Interlock, Zone


def zones(hall, **settings):
    hall.set(zones={"hall": Zone("hall", anti_passback=Enforcement.HARD, **settings), "lab": Zone("lab", "hall")})


def test_a_muster_point_keeps_its_anti_passback(hall):
    """2.9.12: anti-passback stopped working at devices that were in a muster zone too."""
    zones(hall, assembly=True)
    hall.passes("arm-in", "arm")
    hall.card("arm2-in")
    hall.pump()
    assert hall.verdicts() == ["granted", "anti_passback"]


def test_who_was_granted_and_did_not_pass_is_counted_nowhere(hall):
    """Entry was counted by the reading of a card, unless confirmed at the door and at the zone."""
    zones(hall, max_people=1)
    hall.card("arm-in")
    hall.pump()
    hall.times_out()
    assert hall.zone_of(hall.anna) is None
    hall.passes("arm-in", "arm", "2")
    assert hall.verdicts() == ["granted", "granted"]
    assert hall.zone_of("bert") == "hall"


def test_the_next_holder_of_a_badge_inherits_no_place(hall):
    """2.8.10: a person who was added with the badge of a deleted one was taken to be inside."""
    zones(hall)
    hall.passes("arm-in", "arm")
    people = hall.entrance.rules.current.people
    anna = people[hall.anna]
    hall.entrance.site.ledger.submit(Fact("admin.person_erased", hall.entrance.rules.now(), person_id=hall.anna))
    hall.pump()
    hall.set(people={"bert": people["bert"], "anna-2": replace(anna, id="anna-2")}, cards={"1": "anna-2", "2": "bert"})
    hall.passes("arm-in", "arm")
    assert hall.verdicts() == ["granted", "granted"]
    assert (hall.zone_of(hall.anna), hall.zone_of("anna-2")) == (None, "hall")


def test_anti_passback_and_an_interlock_rule_the_same_portal(hall):
    """Terminals offer either the one or the other."""
    zones(hall)
    hall.set(interlocks={"trap": Interlock("trap", frozenset({"side", "lab-door"}), settle_seconds=0)})
    hall.passes("arm-in", "arm")
    hall.card("arm2-in")
    hall.pump()
    assert hall.verdicts() == ["granted", "anti_passback"]
    hall.card("bolt-in", "1")
    hall.pump()
    hall.card("arm2-in", "2")
    hall.pump()
    assert hall.verdicts() == ["granted", "anti_passback", "granted", "interlock"]
