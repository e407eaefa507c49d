"""People who are granted together, and what fails on the way; consoles that ask."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from devicemgr.access import area_checkpoint, unconfirmed_releases
from devicemgr.domain.device_events import Presented
from devicemgr.domain.model import Factor
from devicemgr.errors import DeviceRefused, OutcomeUnknown
from tests.devicemgr.access.quorum.quorum_hall import DOOR, TURNSTILE, QuorumHall

PLACES = pytest.mark.parametrize(("portal", "gate"), [TURNSTILE, DOOR])


def test_a_release_that_fails_ends_the_row(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lobby", 3)
    pair_hall.entrance.gate.release_error = DeviceRefused("jammed")
    pair_hall.show("arm", "1", "2", "3")
    pair_hall.turn()
    failed = [event for event in pair_hall.entrance.events() if event["kind"] == "portal_unlock_failed"]
    assert [event["detail"]["cause"] for event in failed] == [
        "jammed",
        *["not released: the release before it failed"] * 2,
    ]
    assert pair_hall.releases() == 1
    assert pair_hall.pipeline.areas.view.reservations == ()


@pytest.mark.parametrize("answer", ["failed", "unknown"])
def test_what_the_door_answers_is_so_for_all_of_them(pair_hall: QuorumHall, answer: str) -> None:
    pair_hall.pairs("lab-door", 2)
    pair_hall.bolt.release_error = DeviceRefused("jammed") if answer == "failed" else OutcomeUnknown("lost")
    pair_hall.show("bolt", "1", "2")
    places = {one: pair_hall.state.where.get(one) for one in (pair_hall.anna, "bert")}
    if answer == "failed":
        assert places == {pair_hall.anna: None, "bert": None}
    else:
        assert [place.zone for place in places.values() if place is not None] == [None, None]
    assert pair_hall.state.along == {}
    assert pair_hall.pipeline.areas.view.reservations == ()


@PLACES
def test_a_refused_commit_opens_for_no_one(
    pair_hall: QuorumHall, portal: str, gate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    openings, taken = pair_hall.pipeline._openings, []
    pair_hall.pairs(portal)
    with monkeypatch.context() as patch:
        patch.setattr(openings, "record", lambda *given, row=(): taken.append((*given, row)))
        pair_hall.show(gate, "1", "2")
    ((opening, facts, row),) = taken
    assert [fact.kind for fact in facts] == ["access_granted", "access_granted"]
    openings._release(opening, row, None)  # as the ledger does when storage refuses
    pair_hall.turn()
    assert pair_hall.verdicts() == ["storage_failed", "storage_failed"]
    assert pair_hall.releases(gate) == 0
    assert pair_hall.pipeline.areas.view.reservations == ()
    assert not pair_hall.pipeline._rows.is_busy(portal)


@PLACES
def test_a_kill_in_the_middle_opens_nothing_and_is_marked_at_the_next_start(
    pair_hall: QuorumHall, portal: str, gate: str
) -> None:
    pair_hall.pairs(portal)
    pair_hall.show(gate, "1", "2")
    pair_hall.show(gate, "3")  # waits, and is not on record
    site = pair_hall.entrance.site
    unconfirmed_releases.mark(site)
    marked = [event["request"] for event in pair_hall.entrance.events() if event["kind"] == "portal_unlock_unconfirmed"]
    # At the turnstile the second was on record, and perhaps released; at the door both went by the one release.
    assert marked == ([pair_hall.decisions()[1]["request"]] if gate == "arm" else [])
    pair_hall.pump()
    with site.database.read() as session:
        folded = area_checkpoint.fold_all(
            area_checkpoint.NOWHERE, area_checkpoint._bodies(session, 0), pair_hall.entrance.rules.current.zone_map
        )
    assert folded == pair_hall.state


def test_a_kill_before_the_answer_leaves_all_of_a_door_unknown(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lab-door")
    command = pair_hall.entrance.command
    pair_hall.entrance.command = lambda *_: None
    pair_hall.show("bolt", "1", "2")
    pair_hall.entrance.command = command
    unconfirmed_releases.mark(pair_hall.entrance.site)
    pair_hall.entrance.site.ledger.feed.look()
    pair_hall.pump()
    assert pair_hall.entrance.kinds().count("portal_unlock_unconfirmed") == 1
    assert [pair_hall.state.where[one].zone for one in (pair_hall.anna, "bert")] == [None, None]


def test_a_checkpoint_in_the_middle_changes_nothing(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lab-door")
    command = pair_hall.entrance.command
    pair_hall.entrance.command = lambda *_: None
    pair_hall.show("bolt", "1", "2")
    pair_hall.entrance.command = command
    assert len(pair_hall.state.along) == 1
    with pair_hall.entrance.site.database.write(changes_site=False) as session:
        area_checkpoint.save(session, pair_hall.state, area_checkpoint.NOWHERE)
    with pair_hall.entrance.site.database.read() as session:
        assert area_checkpoint.stored(session) == pair_hall.state


# Consoles.


def _question(number: int, card: str) -> Presented:
    return Presented(1, number, time.monotonic(), names=(card,), factors=frozenset({Factor.CARD}), is_bound=True)


class AskingGate:
    """Makes a gate of the tests one that asks."""

    @staticmethod
    def of(hall: QuorumHall, gate: str) -> list[tuple[int, bool, str]]:
        answers: list[tuple[int, bool, str]] = []
        device = hall.entrance.gate if gate == "arm" else hall.entrance.others[gate]
        device.answer = lambda serial, granted, words: answers.append((serial, granted, words))
        return answers


def test_a_consoles_question_is_answered_at_once_and_the_last_one_opens(pair_hall: QuorumHall) -> None:
    points = tuple(replace(point, device="bolt") for point in pair_hall.portals["lab-door"].access_points[:1])
    pair_hall.pairs("lab-door", access_points=points)
    answers = AskingGate.of(pair_hall, "bolt")
    pair_hall.pipeline.on_device_fact("bolt", _question(1, "1"))
    pair_hall.pump()
    assert answers == [(1, False, "wait for the others")]
    pair_hall.pipeline.on_device_fact("bolt", _question(2, "2"))
    pair_hall.pump()
    assert answers[1:] == [(2, True, "welcome")]
    assert pair_hall.releases("bolt") == 0  # the answer is the release
    first, second = pair_hall.decisions()
    assert second["detail"]["opened_by"] == first["request"]
    assert [event["request"] for event in pair_hall.entrance.events() if event["kind"] == "portal_unlocked"] == [
        first["request"]
    ]


def test_a_console_beside_a_turnstile_is_answered_with_the_first_release(pair_hall: QuorumHall) -> None:
    pair_hall.pairs("lobby")
    pair_hall.entrance.command("arm-in", lambda _: None, lambda *_: None)
    answers = AskingGate.of(pair_hall, "arm-in")
    pair_hall.show("arm", "1")
    question = replace(_question(5, "2"), is_bound=False)
    pair_hall.pipeline.on_device_fact("arm-in", replace(question, at=datetime.now(UTC), age=0.0))
    pair_hall.pump()
    assert answers == [(5, True, "welcome")]
    assert pair_hall.releases() == 1
