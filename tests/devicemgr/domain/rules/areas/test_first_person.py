"""First person in: who opens a zone for the others, and for how long."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import AccessLevel, Person
from devicemgr.domain.rules.areas.corrections import forgiven
from devicemgr.domain.rules.areas.facts import Facts, Reservation
from devicemgr.domain.rules.areas.fold import fold_all
from devicemgr.domain.rules.areas.whereabouts import NOWHERE
from devicemgr.domain.rules.decision.advice import advise
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import decide, explain
from devicemgr.domain.zones import Waiver
from tests.devicemgr.domain.rules.areas.floor import ENTRY, EXIT, NOON, PORTALS, Book, zones


class Lab:
    """The lab opens with a supervisor, Sue; Anna and Bert are staff. The book begins at noon, UTC."""

    def __init__(self, *, waives: frozenset[Waiver] = frozenset(), **settings: Any) -> None:
        levels = {
            "staff": AccessLevel("staff", dict.fromkeys(PORTALS), waives),
            "supervisors": AccessLevel("supervisors", dict.fromkeys(PORTALS)),
        }
        held = {"sue": "supervisors", "anna": "staff", "bert": "staff"}
        self.fire = False
        self.portals = PORTALS
        self.rules = {"lab": {"opens_with": frozenset({"supervisors"}), "timezone": "UTC"} | settings}
        self.people = {name: Person(name, name, name, levels=frozenset({level})) for name, level in held.items()}
        self.levels = levels
        self.book = Book()

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(
            1,
            people=self.people,
            levels=self.levels,
            portals=self.portals,
            zones=zones(**self.rules),
            fire_active=self.fire,
        )

    def facts(self, *reservations: Reservation) -> Facts:
        return Facts(fold_all(NOWHERE, self.book.events, self.snapshot.zone_map), reservations)

    def request(self, person: str, hours: float, portal: str = "lab-door", way: Any = ENTRY) -> AccessRequest:
        card = CardEvidence(("1",), person)
        return AccessRequest("r", portal, way, "reader", NOON + timedelta(hours=hours), 10.0, 10.1, card=card)

    def asks(self, person: str = "anna", hours: float = 1, **more: Any) -> str:
        decision = decide(self.request(person, hours, **more), self.snapshot, self.facts())
        return "granted" if decision.granted else str(decision.reason)


REFUSED = "first_person_required"


def test_others_wait_until_a_supervisor_is_inside() -> None:
    lab = Lab()
    assert (lab.asks(), lab.asks("sue")) == (REFUSED, "granted")
    lab.book.passes("sue", "lab-door")
    assert lab.asks() == "granted"
    assert Lab().asks(portal="main") == "granted", "only entry into the zone waits"


def test_the_grant_of_a_supervisor_opens_nothing() -> None:
    lab = Lab()
    lab.book.grant("sue", "lab-door")
    held = Reservation("r", "sue", "lab-door", ENTRY, frozenset({"lab"}), 99.0)
    assert decide(lab.request("anna", 1), lab.snapshot, lab.facts(held)).reason is Reason.FIRST_PERSON_REQUIRED


@pytest.mark.parametrize(
    ("while_present", "hours", "verdict"),
    [(False, 1, "granted"), (False, 11.9, "granted"), (False, 12, REFUSED), (True, 1, REFUSED)],
)
def test_when_the_supervisor_has_left(while_present: bool, hours: float, verdict: str) -> None:
    lab = Lab(while_present=while_present)
    lab.book.passes("sue", "lab-door")
    lab.book.passes("sue", "lab-door", EXIT)
    assert lab.asks(hours=hours) == verdict


def test_a_supervisor_who_stays_over_midnight_opens_the_next_day_too() -> None:
    lab = Lab()
    lab.book.passes("sue", "lab-door")
    assert lab.asks(hours=20) == "granted"


def test_the_day_is_that_of_the_zone() -> None:
    lab = Lab(timezone="Asia/Almaty")  # UTC+5: midnight is at 19:00 UTC, seven hours after noon
    lab.book.passes("sue", "lab-door")
    lab.book.passes("sue", "lab-door", EXIT)
    assert [lab.asks(hours=hours) for hours in (6.9, 7)] == ["granted", REFUSED]


def test_a_supervisor_in_a_zone_below_is_inside() -> None:
    lab = Lab()
    lab.rules = {"lobby": lab.rules["lab"]}
    assert lab.asks(portal="main") == REFUSED
    lab.book.passes("sue", "main")
    lab.book.passes("sue", "lab-door")
    assert lab.asks(portal="main") == "granted"


def test_someone_else_inside_opens_nothing_and_leaving_is_never_refused() -> None:
    lab = Lab()
    lab.book.passes("bert", "lab-door")
    lab.book.slips("lab-door")
    assert lab.asks() == REFUSED
    assert lab.asks("bert", way=EXIT) == "granted"


def test_waiver_fire_and_egress() -> None:
    assert Lab(waives=frozenset({Waiver.FIRST_PERSON})).asks() == "granted"
    lab = Lab()
    lab.fire = True
    assert lab.asks() == "granted"
    lab = Lab()
    lab.portals = {**PORTALS, "lab-door": replace(PORTALS["lab-door"], outside="lab", inside="lobby", egress=True)}
    assert lab.asks(way=EXIT) == "granted", "a way of escape that leads into the zone"


def test_a_reset_takes_the_supervisor_away_and_a_guards_word_brings_her_in() -> None:
    lab = Lab(while_present=True)
    lab.book.passes("sue", "lab-door")
    lab.book.add("admin.whereabouts_reset", detail={"zone": "lab", "reason": "counted"})
    assert lab.asks() == REFUSED
    lab.book.add("admin.whereabouts_reset", person="sue", detail=forgiven("lab", "she is here"))
    assert lab.asks() == "granted"


def test_it_comes_after_occupancy_and_before_the_interlock_and_says_what_helps() -> None:
    lab = Lab(max_people=0)
    request = lab.request("anna", 1)
    rows = explain(request, lab.snapshot, lab.facts())
    assert [row.reason for row in rows if row.objected] == [Reason.OCCUPANCY, Reason.FIRST_PERSON_REQUIRED]
    (row,) = [one for one in rows if one.check.reason is Reason.FIRST_PERSON_REQUIRED]
    assert (row.rule, row.facts["opens_with"], row.facts["last_seen"]) == ("lab", ["supervisors"], None)
    told = advise(rows, lab.snapshot, "lab-door", NOON, names_levels=True)[-1].text
    assert told == "come after one of the people who open zone lab (supervisors) is inside"
    assert "supervisors" not in advise(rows, lab.snapshot, "lab-door", NOON, names_levels=False)[-1].text
