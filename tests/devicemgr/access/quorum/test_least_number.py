"""A zone's least number of people: who enters while it is too empty needs a quorum of that number."""

import pytest

from devicemgr.domain.zones import Waiver, Zone
from tests.devicemgr.access.quorum.quorum_hall import ENTRY, EXIT, QuorumHall


def _least(hall: QuorumHall, least: int) -> None:
    hall.set(zones={"hall": Zone("hall", min_people=least), "lab": Zone("lab", "hall")})


def test_entering_an_empty_zone_is_a_quorum_of_its_least_number(pair_hall: QuorumHall) -> None:
    _least(pair_hall, 3)
    pair_hall.show("arm", "1", "2")
    assert pair_hall.waiting == {("lobby", ENTRY): (pair_hall.anna, "bert")}
    pair_hall.show("arm", "3")
    assert pair_hall.verdicts() == ["granted"] * 3
    for _ in range(3):
        pair_hall.goes()
    pair_hall.show("arm", "4")  # three are in: no quorum any more
    assert pair_hall.verdicts() == ["granted"] * 4


def test_missing_it_is_second_person_required_by_the_zone(pair_hall: QuorumHall) -> None:
    _least(pair_hall, 2)
    pair_hall.show("arm", "1")
    pair_hall.late()
    denied = pair_hall.last("access_denied")
    assert (denied["reason"], denied["detail"]["rule"]) == ("second_person_required", "hall")


def test_one_less_than_the_least_number_inside_lets_one_in(pair_hall: QuorumHall) -> None:
    _least(pair_hall, 2)
    pair_hall.show("arm", "1", "2")
    pair_hall.goes()
    pair_hall.goes()
    pair_hall.show("arm", "1", side="out")  # leaving is never refused
    pair_hall.goes(direction=EXIT)
    assert pair_hall.last("occupancy_below_minimum")["detail"]["count"] == 1
    pair_hall.show("arm", "3")
    assert pair_hall.verdicts()[-1] == "granted"


def test_who_waits_goes_in_when_the_zone_has_filled_at_another_portal(pair_hall: QuorumHall) -> None:
    _least(pair_hall, 3)
    pair_hall.show("arm", "1")
    pair_hall.show("arm2", "2", "3", "4")  # a door in this hall
    assert pair_hall.verdicts() == ["granted"] * 3
    pair_hall.turn()
    assert pair_hall.verdicts() == ["granted"] * 4
    assert pair_hall.waiting == {}


@pytest.mark.parametrize("waiver", [Waiver.TWO_PERSON, Waiver.OCCUPANCY])
def test_it_is_waived_by_either(pair_hall: QuorumHall, waiver: Waiver) -> None:
    _least(pair_hall, 2)
    pair_hall.level("guards", waiver)
    pair_hall.person("bert", levels=frozenset({"guards"}))
    pair_hall.show("arm", "2")
    assert pair_hall.verdicts() == ["granted"]


def test_both_rules_hold_at_once(pair_hall: QuorumHall) -> None:
    _least(pair_hall, 3)
    pair_hall.level("managers")
    pair_hall.pairs("lobby", 2, confirm_by=frozenset({"managers"}))
    pair_hall.person("dora", levels=frozenset({"managers"}))
    pair_hall.show("arm", "1", "4")
    assert pair_hall.verdicts() == []  # the portal has its two, the zone not its three
    pair_hall.show("arm", "2")
    assert pair_hall.verdicts() == ["granted"] * 3
