"""The two-person rule, sentence by sentence, at a turnstile and a door, on a real database and gates of the tests."""

import numpy as np
import pytest

from devicemgr.access import area_checkpoint
from devicemgr.domain.model import PortalMode, Signal
from devicemgr.domain.zones import Enforcement, Interlock, Waiver, Zone
from tests.devicemgr.access.quorum.quorum_hall import DOOR, ENTRY, EXIT, TURNSTILE, QuorumHall, aged

ANNA = np.eye(4, dtype=np.float32)[0]
PLACES = pytest.mark.parametrize(("portal", "gate"), [TURNSTILE, DOOR])


def _quorums(hall: QuorumHall) -> list[str | None]:
    return [event["detail"].get("quorum") for event in hall.decisions()]


@PLACES
def test_requests_that_pass_all_other_checks_wait_at_their_side(pair_hall: QuorumHall, portal: str, gate: str) -> None:
    pair_hall.pairs(portal)
    pair_hall.show(gate, "1")
    assert pair_hall.waiting == {(portal, ENTRY): (pair_hall.anna,)}
    assert pair_hall.verdicts() == []
    assert pair_hall.releases(gate) == 0
    assert (
        pair_hall.entrance.gate.shown[-1][2] is Signal.ASK
        if gate == "arm"
        else pair_hall.bolt.shown[-1][2] is Signal.ASK
    )


@PLACES
@pytest.mark.parametrize("people", [2, 3, 4])
def test_complete_when_so_many_different_people_wait_and_each_is_granted_in_order(
    pair_hall: QuorumHall, portal: str, gate: str, people: int
) -> None:
    pair_hall.pairs(portal, people)
    pair_hall.show(gate, *"2143"[: people - 1])
    assert pair_hall.verdicts() == []
    pair_hall.show(gate, "2143"[people - 1])
    granted = pair_hall.decisions()
    assert [event["kind"] for event in granted] == ["access_granted"] * people
    badges = ["bert", pair_hall.anna, "dora", "carl"][:people]
    with pair_hall.entrance.site.database.read() as session:
        bodies = [body for body in area_checkpoint._bodies(session, 0) if body["kind"] == "access_granted"]
    assert [body["person_id"] for body in bodies] == badges
    assert len(set(_quorums(pair_hall))) == 1
    assert _quorums(pair_hall)[0]
    assert len({event["request"] for event in granted}) == people
    assert pair_hall.waiting == {}


def test_at_a_door_one_release_by_the_first_grant(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lab-door", 3)
    pair_hall.show("bolt", "1", "2", "3")
    first, *others = pair_hall.decisions()
    assert pair_hall.releases("bolt") == 1
    assert "opened_by" not in first["detail"]
    assert [event["detail"]["opened_by"] for event in others] == [first["request"]] * 2
    assert pair_hall.last("portal_unlocked")["request"] == first["request"]
    assert [pair_hall.zone_of(one) for one in (pair_hall.anna, "bert", "carl")] == ["lab"] * 3
    assert pair_hall.pipeline.areas.view.reservations == ()


@pytest.mark.parametrize("end", ["passed", "timed out"])
def test_at_a_turnstile_each_release_after_the_former_passage_ended(pair_hall: QuorumHall, end: str) -> None:
    pair_hall.pairs("lobby", 3)
    pair_hall.show("arm", "1", "2", "3")
    pair_hall.turn()
    for released in (1, 2, 3):
        assert pair_hall.releases() == released
        assert pair_hall.entrance.kinds().count("portal_unlocked") == released
        if end == "passed":
            pair_hall.goes()
        else:
            pair_hall.times_out()
            pair_hall.turn()
    assert pair_hall.releases() == 3
    unlocked = [event["request"] for event in pair_hall.entrance.events() if event["kind"] == "portal_unlocked"]
    assert unlocked == [event["request"] for event in pair_hall.decisions()]
    places = [pair_hall.zone_of(one) for one in (pair_hall.anna, "bert", "carl")]
    assert places == ["hall" if end == "passed" else None] * 3
    assert pair_hall.pipeline.areas.view.reservations == ()
    assert not pair_hall.pipeline._rows.is_busy("lobby")


def test_a_release_that_ran_out_is_not_canceled_over_the_next_one(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lobby", 2)
    pair_hall.show("arm", "1", "2")
    pair_hall.times_out()
    assert pair_hall.releases() == 1
    pair_hall.turn()
    assert pair_hall.releases() == 2


def test_who_is_next_in_the_row_makes_no_second_request(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lobby", 2)
    pair_hall.show("arm", "1", "2")
    pair_hall.pipeline._grants._grants.clear()  # as when the release takes longer than these are remembered
    pair_hall.show("arm", "2")
    assert pair_hall.waiting == {}
    assert len(pair_hall.decisions()) == 2


def test_another_quorum_waits_until_the_row_has_passed(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lobby", 2)
    pair_hall.show("arm", "1", "2", "3", "4")
    assert pair_hall.waiting == {("lobby", ENTRY): ("carl", "dora")}
    pair_hall.late()  # complete, and so not missed
    pair_hall.goes()
    pair_hall.goes()
    assert pair_hall.verdicts() == ["granted"] * 4
    assert pair_hall.releases() == 3


@PLACES
def test_missing_the_quorum_the_waiting_ones_are_recorded_denied(pair_hall: QuorumHall, portal: str, gate: str) -> None:
    pair_hall.pairs(portal, 3)
    pair_hall.show(gate, "1", "2")
    pair_hall.late(9)
    assert pair_hall.verdicts() == []
    pair_hall.late(2)
    assert pair_hall.verdicts() == ["second_person_required"] * 2
    denied = pair_hall.last("access_denied")["detail"]
    assert denied["rule"] == portal
    assert denied["facts"] == {"people": 3, "present": 2, "within_seconds": 10.0}
    assert (pair_hall.releases(gate), pair_hall.waiting) == (0, {})


def test_the_time_is_the_portals_and_counts_from_the_first(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lobby", 2, people_within=3.0)
    pair_hall.show("arm", "1")
    group = pair_hall.pipeline._quorums._groups["lobby", ENTRY]
    group.members[0] = aged(group.members[0], 4)
    pair_hall.show("arm", "2")  # no tick came between
    assert pair_hall.verdicts() == ["second_person_required"]
    assert pair_hall.waiting == {("lobby", ENTRY): ("bert",)}


@PLACES
def test_the_same_person_twice_is_one_person(pair_hall: QuorumHall, portal: str, gate: str) -> None:
    pair_hall.pairs(portal)
    pair_hall.show(gate, "1", "1")
    assert pair_hall.waiting == {(portal, ENTRY): (pair_hall.anna,)}
    assert pair_hall.verdicts() == []
    pair_hall.show(gate, "2")
    assert pair_hall.verdicts() == ["granted", "granted"]


def test_a_card_and_then_the_face_of_one_person_are_one_person(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lobby")
    pair_hall.show("arm", "1")
    pair_hall.entrance.see(ANNA)
    pair_hall.pump()
    assert (pair_hall.verdicts(), pair_hall.releases()) == ([], 0)


@PLACES
@pytest.mark.parametrize("order", ["suspended second", "suspended first"])
def test_a_suspended_one_is_denied_at_once_and_ends_nothing(
    pair_hall: QuorumHall, portal: str, gate: str, order: str
) -> None:
    pair_hall.pairs(portal)
    pair_hall.person("bert", suspended=True)
    pair_hall.show(gate, *("12" if order == "suspended second" else "21"))
    assert pair_hall.verdicts() == ["suspended"]
    assert pair_hall.waiting == {(portal, ENTRY): (pair_hall.anna,)}
    pair_hall.show(gate, "3")
    assert pair_hall.verdicts() == ["suspended", "granted", "granted"]


def test_who_is_suspended_while_waiting_does_not_count(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lobby")
    pair_hall.show("arm", "1")
    pair_hall.person(pair_hall.anna, suspended=True)
    pair_hall.show("arm", "2")
    assert pair_hall.verdicts() == ["suspended"]
    assert pair_hall.waiting == {("lobby", ENTRY): ("bert",)}


@PLACES
def test_an_exit_needs_others_only_with_people_exit(pair_hall: QuorumHall, portal: str, gate: str) -> None:
    pair_hall.pairs(portal)
    pair_hall.show(gate, "1", side="out")
    assert pair_hall.verdicts() == ["granted"]
    pair_hall.pairs(portal, people_exit=True)
    pair_hall.show(gate, "2", side="out")
    assert pair_hall.waiting == {(portal, EXIT): ("bert",)}


@PLACES
def test_a_waiver_passes_alone_and_counts_for_no_one(pair_hall: QuorumHall, portal: str, gate: str) -> None:
    pair_hall.pairs(portal)
    pair_hall.level("guards", Waiver.TWO_PERSON)
    pair_hall.person("bert", levels=frozenset({"guards"}))
    pair_hall.show(gate, "1", "2")
    assert pair_hall.verdicts() == ["granted"]
    assert "quorum" not in pair_hall.last("access_granted")["detail"]
    assert pair_hall.waiting == {(portal, ENTRY): (pair_hall.anna,)}


@PLACES
def test_confirm_by_wants_one_of_these_levels_among_them(pair_hall: QuorumHall, portal: str, gate: str) -> None:
    pair_hall.level("managers")
    pair_hall.pairs(portal, confirm_by=frozenset({"managers"}))
    pair_hall.person("dora", levels=frozenset({"managers"}))
    pair_hall.show(gate, "1", "2")
    assert pair_hall.verdicts() == []
    pair_hall.show(gate, "4")
    assert pair_hall.verdicts() == ["granted"] * 3
    pair_hall.pipeline._rows.drop("lobby")
    pair_hall.pipeline._grants._grants.clear()
    pair_hall.show(gate, "1", "2")
    pair_hall.late()
    assert pair_hall.last("access_denied")["detail"]["facts"]["confirm_by"] == ["managers"]


def test_a_face_that_stayed_requests_again_when_another_person_comes(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lobby")
    pair_hall.entrance.see(ANNA)
    pair_hall.late()
    pair_hall.entrance.see(ANNA)
    assert pair_hall.verdicts() == ["second_person_required"]
    pair_hall.show("arm", "2")
    pair_hall.entrance.see(ANNA)
    pair_hall.pump()
    assert pair_hall.verdicts() == ["second_person_required", "granted", "granted"]


# What comes before, and what is void.


@PLACES
def test_a_lock_while_waiting_refuses_at_once(pair_hall: QuorumHall, portal: str, gate: str) -> None:
    pair_hall.pairs(portal)
    pair_hall.show(gate, "1")
    pair_hall.pairs(portal, mode=PortalMode.LOCKED)
    pair_hall.turn()
    assert (pair_hall.verdicts(), pair_hall.waiting) == (["portal_locked"], {})


def test_a_lock_in_the_middle_of_a_row_lets_no_one_follow(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lobby", 3)
    pair_hall.show("arm", "1", "2", "3")
    pair_hall.pairs("lobby", 3, mode=PortalMode.LOCKED)
    pair_hall.goes()
    assert pair_hall.releases() == 1
    failed = [event for event in pair_hall.entrance.events() if event["kind"] == "portal_unlock_failed"]
    assert [event["detail"]["cause"] for event in failed] == ["not released in its turn: portal_locked"] * 2
    assert pair_hall.pipeline.areas.view.reservations == ()


@PLACES
def test_fire_voids_it(pair_hall: QuorumHall, portal: str, gate: str) -> None:
    pair_hall.pairs(portal)
    pair_hall.show(gate, "1")
    pair_hall.set(fire_active=True)
    pair_hall.turn()
    assert pair_hall.verdicts() == ["granted"]
    pair_hall.show(gate, "2")
    assert pair_hall.verdicts() == ["granted", "granted"]
    assert _quorums(pair_hall) == [None, None]


@PLACES
def test_a_way_of_escape_voids_it(pair_hall: QuorumHall, portal: str, gate: str) -> None:
    pair_hall.pairs(portal, people_exit=True, egress=True)
    pair_hall.show(gate, "1", side="out")
    assert pair_hall.verdicts() == ["granted"]


def test_a_limit_that_leaves_one_place_refuses_the_later_one(pair_hall: QuorumHall) -> None:
    pair_hall.set(zones={"hall": Zone("hall", max_people=1), "lab": Zone("lab", "hall")})
    pair_hall.pairs("lobby")
    pair_hall.show("arm", "1", "2")
    assert pair_hall.verdicts() == ["occupancy"]
    assert pair_hall.waiting == {("lobby", ENTRY): (pair_hall.anna,)}
    pair_hall.late()
    assert pair_hall.verdicts() == ["occupancy", "second_person_required"]
    assert pair_hall.releases() == 0


def test_who_went_in_at_another_lane_while_waiting_does_not_count(pair_hall: QuorumHall) -> None:
    pair_hall.set(zones={"hall": Zone("hall", anti_passback=Enforcement.HARD), "lab": Zone("lab", "hall")})
    pair_hall.pairs("lobby")
    pair_hall.show("arm", "1")
    pair_hall.show("arm2", "1")
    pair_hall.show("arm", "2")
    assert pair_hall.verdicts() == ["granted", "anti_passback"]
    assert pair_hall.waiting == {("lobby", ENTRY): ("bert",)}


def test_an_interlock_is_looked_at_when_all_are_there(pair_hall: QuorumHall) -> None:
    pair_hall.set(interlocks={"trap": Interlock("trap", frozenset({"lobby", "lab-door"}), 0.0)})
    pair_hall.pairs("lobby")
    pair_hall.show("bolt", "3")
    pair_hall.pipeline._passages._unknown.add("lab-door")
    pair_hall.show("arm", "1")
    assert pair_hall.waiting == {("lobby", ENTRY): (pair_hall.anna,)}
    pair_hall.show("arm", "2")
    assert pair_hall.verdicts() == ["granted", "interlock", "interlock"]
    pair_hall.pipeline._passages._unknown.clear()
    pair_hall.pipeline._passages._relock.clear()
    pair_hall.show("arm", "1", "2")
    assert pair_hall.verdicts()[3:] == ["granted", "granted"]
