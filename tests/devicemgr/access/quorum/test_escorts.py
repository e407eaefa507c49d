"""Visitors and their escorts, sentence by sentence, at a turnstile and at a door."""

import time
from dataclasses import replace

import pytest

from devicemgr.access.evidence.pins import PinChecked
from devicemgr.domain.device_events import PassageCompleted
from devicemgr.domain.model import AccessLevel, PersonKind, PortalMode, Requirement
from devicemgr.domain.zones import OUTSIDE, Waiver, Zone
from tests.devicemgr.access.quorum.quorum_hall import DOOR, ENTRY, EXIT, TURNSTILE, QuorumHall

PLACES = pytest.mark.parametrize(("portal", "gate"), [TURNSTILE, DOOR])
ESCORTS = pytest.mark.parametrize("escort", ["host", "level"])


class Visit(QuorumHall):
    """Anna (card 1) is the host of Bert, Carl and Dora (2, 3, 4), who need an escort; Emil (5) is no one's host."""

    def __init__(self, entrance, up_to: int = 5) -> None:
        super().__init__(entrance)
        anna = entrance.rules.current.people[self.anna]
        visitor = replace(anna, kind=PersonKind.VISITOR, host_id=self.anna, escort=True)
        people = {self.anna: anna} | {name: replace(visitor, id=name) for name in ("bert", "carl", "dora")}
        people["emil"] = replace(anna, id="emil")
        self.set(people=people, cards=self.entrance.rules.current.cards | {"5": "emil"})
        self.let_escort("emil", up_to)

    def let_escort(self, name: str, up_to: int) -> None:
        level = AccessLevel("ushers", {}, escorts=True, escort_up_to=up_to)
        self.set(levels={**self.entrance.rules.current.levels, "ushers": level})
        self.person(name, levels=frozenset({"ushers"}))

    def wait(self, seconds: float) -> None:
        """Let the parties and those who wait be so much older."""
        for party in self.pipeline._escorts._parties.values():
            party.until -= seconds
        self.late(seconds)

    def astray(self) -> list[str | None]:
        return [event["request"] for event in self.entrance.events() if event["kind"] == "visitor_astray"]


@pytest.fixture
def visit(entrance) -> Visit:
    return Visit(entrance)


CARD = {"host": "1", "level": "5"}


@PLACES
def test_a_visitor_alone_is_held_and_then_refused(visit: Visit, portal: str, gate: str) -> None:
    visit.show(gate, "2")
    assert visit.verdicts() == []
    visit.wait(9)
    assert visit.verdicts() == []
    visit.wait(2)
    assert visit.verdicts() == ["escort_required"]
    denied = visit.last("access_denied")["detail"]
    assert denied["rule"] == portal
    assert denied["facts"] == {"needs_escort": True, "escorts_present": 0, "free": 0, "within_seconds": 10.0}
    assert visit.releases(gate) == 0
    assert visit.astray() == []


@ESCORTS
def test_at_a_door_all_are_present_and_then_one_release(visit: Visit, escort: str) -> None:
    visit.show("bolt", "2", "3")
    visit.show("bolt", CARD[escort])
    assert visit.verdicts() == ["granted"] * 3
    assert visit.releases("bolt") == 1
    first, *others = visit.decisions()
    assert [one["detail"]["opened_by"] for one in others] == [first["request"]] * 2
    assert visit.zone_of("bert") == visit.zone_of("carl") == "lab"


@ESCORTS
def test_at_a_door_a_visitor_may_come_within_ten_seconds_after_the_escort(visit: Visit, escort: str) -> None:
    visit.show("bolt", CARD[escort], "2")
    assert visit.verdicts() == ["granted", "granted"]
    visit.wait(11)
    visit.show("bolt", "3")
    visit.wait(11)
    assert visit.verdicts() == ["granted", "granted", "escort_required"]


@ESCORTS
def test_at_a_turnstile_the_escort_passes_first_and_the_visitor_after(visit: Visit, escort: str) -> None:
    visit.show("arm", "2", "3")
    visit.show("arm", CARD[escort])
    assert visit.verdicts() == ["granted"]
    assert visit.releases() == 1
    for passed in (2, 3):
        visit.goes()
        assert visit.releases() == passed
    visit.goes()
    assert visit.verdicts() == ["granted"] * 3
    assert visit.zone_of("bert") == visit.zone_of("carl") == "hall"
    assert visit.astray() == []


def test_at_a_turnstile_a_visitor_behind_the_escort_is_held_until_the_escort_has_passed(visit: Visit) -> None:
    visit.show("arm", "1", "2")
    visit.wait(11)  # the escort takes that long
    assert visit.verdicts() == ["granted"]
    visit.goes()
    assert visit.verdicts() == ["granted", "granted"]


def test_a_visitor_comes_within_ten_seconds_of_the_passage_before(visit: Visit) -> None:
    visit.show("arm", "1")
    visit.goes()
    visit.show("arm", "2")
    visit.goes()
    visit.wait(9)
    visit.show("arm", "3")
    visit.goes()
    assert visit.verdicts() == ["granted"] * 3
    visit.wait(11)
    visit.show("arm", "4")
    visit.wait(11)
    assert visit.verdicts()[3:] == ["escort_required"]


def test_an_escort_who_did_not_pass_takes_no_one_along(visit: Visit) -> None:
    visit.show("arm", "2", "1")
    visit.times_out()
    visit.wait(11)
    assert visit.verdicts() == ["granted", "escort_required"]
    assert (visit.releases(), visit.astray()) == (1, [])


def test_a_visitor_who_does_not_follow_is_astray(visit: Visit) -> None:
    visit.show("arm", "2", "1")
    visit.goes()
    assert visit.verdicts() == ["granted", "granted"]
    visit.times_out()
    assert visit.astray() == [visit.decisions()[1]["request"]]
    astray = visit.last("visitor_astray")
    assert (astray["portal"], astray["direction"]) == ("lobby", "entry")
    visit.wait(11)
    visit.show("arm", "3")
    visit.wait(11)
    assert visit.verdicts()[2:] == ["escort_required"]


def test_the_hold_of_the_next_visitor_ends_too(visit: Visit) -> None:
    visit.show("arm", "2", "3", "1")
    visit.goes()
    visit.wait(11)  # for the first visitor, who does not pass
    visit.times_out()
    visit.turn()
    assert visit.verdicts() == ["granted", "granted", "escort_required"]
    assert len(visit.astray()) == 2


@pytest.mark.parametrize("place", ["second", "last"])
def test_more_than_escort_up_to_need_a_second_escort_in_any_place(visit: Visit, place: str) -> None:
    visit.let_escort("emil", 1)
    people = visit.entrance.rules.current.people
    visit.set(people={**people, "fred": replace(people["emil"], id="fred")})
    visit.set(cards=visit.entrance.rules.current.cards | {"6": "fred"})
    row = ("5", "6", "2", "3") if place == "second" else ("5", "2", "3", "6")
    visit.show("arm", *row)
    for _ in range(4):
        visit.goes()
    assert visit.verdicts() == ["granted"] * 4
    assert visit.zone_of("bert") == visit.zone_of("carl") == "hall"


@PLACES
def test_more_than_escort_up_to_are_refused(visit: Visit, portal: str, gate: str) -> None:
    visit.let_escort("emil", 1)
    visit.show(gate, "5")
    visit.goes() if gate == "arm" else None
    visit.show(gate, "2", "3")
    visit.goes() if gate == "arm" else None
    visit.wait(11)
    assert visit.verdicts() == ["granted", "granted", "escort_required"]


def test_a_visitor_is_no_escort_and_another_host_neither(visit: Visit) -> None:
    visit.let_escort("dora", 5)  # a visitor with the level
    visit.person("carl", escort=False, host_id=None)  # who escorts no one
    visit.show("bolt", "4", "3", "2")
    visit.wait(11)
    assert visit.verdicts() == ["granted", "escort_required", "escort_required"]


@pytest.mark.parametrize("portal", ["lobby", "without zones"])
def test_leaving_the_site_needs_no_escort(visit: Visit, portal: str) -> None:
    if portal == "without zones":
        visit.portals["lobby"] = replace(visit.portals["lobby"], outside=None, inside=None)
        visit.set(portals=visit.portals)
    visit.show("arm", "2", side="out")
    assert visit.verdicts() == ["granted"]


def test_leaving_a_room_within_the_site_needs_one(visit: Visit) -> None:
    visit.show("bolt", "2", side="out")
    assert visit.verdicts() == []
    visit.show("bolt", "1", side="out")
    assert visit.verdicts() == ["granted", "granted"]


@PLACES
def test_a_waiver_needs_none(visit: Visit, portal: str, gate: str) -> None:
    visit.level("trusted", Waiver.ESCORT)
    visit.person("bert", levels=frozenset({"trusted"}))
    visit.show(gate, "2")
    assert visit.verdicts() == ["granted"]


@PLACES
def test_a_visitor_who_is_refused_for_another_reason_ends_nothing(visit: Visit, portal: str, gate: str) -> None:
    visit.person("carl", suspended=True)
    visit.show(gate, "2", "3")
    assert visit.verdicts() == ["suspended"]
    visit.show(gate, "1")
    visit.goes() if gate == "arm" else None
    assert visit.verdicts() == ["suspended", "granted", "granted"]


def test_a_lock_comes_before(visit: Visit) -> None:
    visit.show("bolt", "2")
    visit.pairs("lab-door", 1, mode=PortalMode.LOCKED)
    visit.turn()
    assert visit.verdicts() == ["portal_locked"]


def test_a_fire_does_not_let_visitors_in_alone_but_a_way_of_escape_lets_them_out(visit: Visit) -> None:
    visit.set(fire_active=True)
    visit.show("bolt", "2")
    visit.wait(11)
    assert visit.verdicts() == ["escort_required"]
    visit.pairs("lab-door", 1, egress=True)
    visit.show("bolt", "3", side="out")
    assert visit.verdicts() == ["escort_required", "granted"]


@PLACES
@pytest.mark.parametrize("order", ["21", "12"])
def test_host_and_visitor_are_two_people_for_the_two_person_rule(
    visit: Visit, portal: str, gate: str, order: str
) -> None:
    visit.pairs(portal)
    visit.show(gate, *order)
    assert visit.verdicts() == ["granted", "granted"]
    assert len({event["detail"]["quorum"] for event in visit.decisions()}) == 1
    assert visit.releases(gate) == 1
    if gate == "arm":
        visit.goes()
        visit.goes()
        assert visit.zone_of(visit.anna) == visit.zone_of("bert") == "hall"
        assert visit.releases() == 2


def test_a_visitor_without_an_escort_is_no_second_person(visit: Visit) -> None:
    visit.pairs("lobby")
    visit.person("carl", escort=False)
    visit.person("bert", host_id="emil")
    visit.show("arm", "2", "3")
    visit.wait(11)
    assert sorted(visit.verdicts()) == ["escort_required", "second_person_required"]


def test_in_a_row_a_visitor_does_not_follow_a_host_who_did_not_pass(visit: Visit) -> None:
    visit.pairs("lobby")
    visit.show("arm", "2", "1")
    visit.times_out()
    visit.turn()
    assert visit.releases() == 1
    assert visit.last("portal_unlock_failed")["detail"]["cause"] == "not released in its turn: escort_required"


def test_a_host_who_leaves_the_site_while_visitors_are_inside_is_an_alarm(visit: Visit) -> None:
    visit.set(zones={"hall": Zone("hall"), "lab": Zone("lab", "hall")})
    visit.show("arm", "1", "2", "3")
    for _ in range(3):
        visit.goes()
    visit.show("arm", "3", side="out")
    visit.goes(direction=EXIT)
    assert "visitor_left_behind" not in visit.entrance.kinds()
    visit.show("arm", "1", side="out")
    visit.goes(direction=EXIT)
    assert visit.zone_of(visit.anna) == OUTSIDE
    left = [event for event in visit.entrance.events() if event["kind"] == "visitor_left_behind"]
    assert [event["portal"] for event in left] == ["lobby"]
    assert left[0]["request"] == visit.last("passage_completed")["request"]


def test_a_host_who_goes_to_another_room_leaves_no_one_behind(visit: Visit) -> None:
    visit.show("arm", "1", "2")
    visit.goes()
    visit.goes()
    visit.show("bolt", "1")
    assert "visitor_left_behind" not in visit.entrance.kinds()


def test_a_console_that_reports_late_and_two_reports_of_a_passage_change_nothing(visit: Visit) -> None:
    visit.show("arm", "2", "1")
    visit.pipeline.on_device_fact("arm", PassageCompleted(1, ENTRY))
    visit.pipeline.tick()
    visit.pump()
    assert visit.releases() == 2
    assert visit.pipeline._escorts.view == {}  # the visitor is under way
    visit.goes()
    assert visit.pipeline._escorts.view["lobby", ENTRY][0].free == 4
    visit.pipeline._escorts.tick(time.monotonic() + 60)
    assert visit.pipeline._escorts._parties == {}


def _enters_pin(visit: Visit, person: str) -> None:
    visit.pipeline.on_pin(PinChecked("bolt-in", 1, person, True, time.monotonic()))
    visit.pump()


def test_a_visitor_shows_card_and_pin_and_waits_only_then(visit: Visit) -> None:
    visit.pairs("lab-door", 1, require=Requirement.CARD_PIN)
    visit.set(readers=frozenset({"bolt-in", "bolt-out"}))
    visit.show("bolt", "2")
    assert visit.waiting == {}  # for the PIN
    _enters_pin(visit, "bert")
    assert visit.verdicts() == []
    visit.show("bolt", "1")
    _enters_pin(visit, visit.anna)
    assert visit.verdicts() == ["granted", "granted"]
    assert visit.releases("bolt") == 1
