"""One request a person, never on one picture, and a turn of the head where a portal wants it."""

from typing import Any

import numpy as np
import pytest

from devicemgr.access.evidence.face_evidence import Presence
from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Liveness, Portal
from devicemgr.domain.ports.recognition import Match
from devicemgr.domain.rules.decision.requests import FaceEvidence
from devicemgr.domain.sighting import Sighting

FACE = np.ones(4, dtype=np.float32) / 2
PLAIN = Portal("lobby", "arm")


def match(person: str | None, candidate: str | None = None) -> Match:
    reason = None if person else "unknown_face"
    return Match(person, 0.98, 0.9, 0.95, reason, candidate or person)


class Lane:
    """Pictures of one track, 0.1 s apart."""

    def __init__(self, portal: Portal = PLAIN) -> None:
        self.presence, self.portal = Presence(), portal
        self.now, self.frames = 100.0, 0

    def see(
        self, mean: Match | None, alone: Match | None, yaw: float = 0.0, step: float = 0.1, **more: Any
    ) -> FaceEvidence | None:
        self.now += step
        self.frames += 1
        quality = {"yaw_deg": yaw}
        if "extremes" in more:
            quality["yaw_min_deg"], quality["yaw_max_deg"] = more.pop("extremes")
        sighting = Sighting(
            "cam",
            more.pop("track", "t"),
            captured=self.now,
            first_seen=100.0,
            frames=self.frames,
            embedding=FACE if mean else None,
            latest=FACE if alone else None,
            quality=quality,
            **more,
        )
        return self.presence.see(sighting, self.portal, mean, alone)


def test_nothing_is_asked_on_one_picture() -> None:
    lane = Lane()
    assert lane.see(match("anna"), match("anna")) is None
    found = lane.see(match("anna"), match("anna"))
    assert found is not None
    assert (found.person_id, found.reason) == ("anna", None)


@pytest.mark.parametrize("frames", [2, 3, 5])
def test_as_many_pictures_as_the_portal_wants(frames: int) -> None:
    lane = Lane(Portal("lobby", "arm", frames=frames))
    answers = [lane.see(match("anna"), match("anna")) for _ in range(frames)]
    assert answers[:-1] == [None] * (frames - 1)
    assert answers[-1] is not None


def test_pictures_that_show_somebody_else_don_t_count() -> None:
    lane = Lane()
    for _ in range(5):
        assert lane.see(match("anna"), match(None, "boris")) is None
    assert lane.see(match("anna"), match("anna")) is None
    assert lane.see(match("anna"), match("anna")) is None, "two of seven are no agreement"


def test_pictures_that_never_agree_end_as_low_quality_once() -> None:
    lane = Lane()
    answers = [lane.see(match("anna"), match(None, "boris"), step=0.5) for _ in range(12)]
    reasons = [found.reason for found in answers if found]
    assert reasons == [Reason.LOW_QUALITY]
    assert all(found.person_id is None for found in answers if found)


def test_one_good_picture_and_gone_is_a_denial() -> None:
    lane = Lane()
    assert lane.see(match("anna"), match("anna")) is None
    found = lane.see(match("anna"), None, ended=True)
    assert found is not None
    assert found.reason is Reason.LOW_QUALITY


def test_known_after_all_on_the_same_track() -> None:
    """Called unknown from afar, recognized from near: may pass."""
    lane = Lane()
    answers = [lane.see(match(None), match(None), step=0.5) for _ in range(4)]
    assert [found.reason for found in answers if found] == [Reason.UNKNOWN_FACE]
    assert [lane.see(match("anna"), match("anna")) for _ in range(4)] == [None] * 4, "not yet more than half"
    found = lane.see(match("anna"), match("anna"))
    assert found is not None
    assert found.person_id == "anna"


def test_the_mean_of_a_track_can_t_smuggle_in_an_ambiguous_face() -> None:
    lane = Lane()
    ambiguous = Match(None, 0.98, 0.975, 0.95, "ambiguous_face", "anna")
    answers = [lane.see(ambiguous, match("anna"), step=0.5) for _ in range(6)]
    assert [found.reason for found in answers if found] == [Reason.AMBIGUOUS_FACE]


CHALLENGE = Portal("lobby", "arm", liveness=Liveness.CHALLENGE)


def test_a_picture_that_does_not_turn_is_refused_for_good() -> None:
    lane = Lane(CHALLENGE)
    answers = [lane.see(match("anna"), match("anna"), yaw=3.0 * (n % 2), step=0.5) for n in range(20)]
    found = [answer for answer in answers if answer]
    assert [answer.reason for answer in found] == [Reason.LIVENESS_FAILED]
    assert found[0].liveness == pytest.approx(0.15)
    turned = [lane.see(match("anna"), match("anna"), yaw=30.0) for _ in range(5)]
    assert turned == [None] * 5, "no second try on the same track"


def test_a_head_that_turns_is_let_in() -> None:
    lane = Lane(CHALLENGE)
    assert [lane.see(match("anna"), match("anna"), yaw=yaw) for yaw in (0.0, 5.0, 12.0)] == [None] * 3
    found = lane.see(match("anna"), match("anna"), yaw=-9.0)
    assert found is not None
    assert (found.person_id, found.liveness) == ("anna", 1.0)


def test_a_turn_between_two_encoded_pictures_counts() -> None:
    lane = Lane(CHALLENGE)
    assert lane.see(match("anna"), match("anna"), yaw=1.0) is None
    found = lane.see(match("anna"), match("anna"), yaw=0.0, extremes=(-4.0, 17.0))
    assert found is not None
    assert found.liveness == 1.0


def test_passive_only_tells() -> None:
    lane = Lane(Portal("lobby", "arm", liveness=Liveness.PASSIVE))
    lane.see(match("anna"), match("anna"), yaw=0.0)
    found = lane.see(match("anna"), match("anna"), yaw=5.0)
    assert found is not None
    assert (found.person_id, found.liveness) == ("anna", 0.25)


def test_away_and_back_asks_again() -> None:
    lane = Lane()
    for _ in range(2):
        lane.see(match("anna"), match("anna"))
    assert lane.see(match("anna"), match("anna"), track="t2") is None
    lane.see(match("anna"), match("anna"), track="t3", step=10.0)
    assert lane.see(match("anna"), match("anna"), track="t3") is not None
