"""Which frames are encoded, when a track is another person's, and when nobody needs to look."""

import numpy as np
import pytest

from devicemgr.domain.ports.recognition import Box
from devicemgr.recognition.pipeline.face_search import body_part, unseen_parts
from devicemgr.recognition.pipeline.keyframes import BETWEEN_FRAMES, BETWEEN_LOOKS, MAX_FRAMES, Identity, Verdict
from devicemgr.recognition.pipeline.motion import FOLLOWING, IDLE, MotionGate, cells_of


def person(seed: int, spread: float = 0.0, dimension: int = 128) -> np.ndarray:
    base = np.random.default_rng(seed).normal(size=dimension)
    vector = base / np.linalg.norm(base)
    if spread:
        shift = np.random.default_rng(int(spread * 1e6)).normal(size=dimension)
        vector = vector + spread * shift / np.linalg.norm(shift)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def test_two_frames_are_due_at_once_then_at_intervals() -> None:
    identity = Identity()
    for moment in (100.0, 100.01):
        assert identity.urgent
        assert identity.due(moment)
        identity.add(person(1), moment)
    assert not identity.urgent
    assert not identity.due(100.01 + BETWEEN_FRAMES - 0.01)
    assert identity.competes(100.02)
    assert identity.due(100.01 + BETWEEN_FRAMES)


def test_frames_are_bounded_and_then_only_watched() -> None:
    identity, now, encoded = Identity(), 0.0, 0
    while now < 3.0:
        if identity.due(now):
            identity.add(person(1), now)
            encoded += 1
        now += 0.01
    assert MAX_FRAMES <= encoded <= MAX_FRAMES + 3


def test_settled_tracks_are_looked_at_once_a_second() -> None:
    identity = Identity()
    identity.add(person(1), 0.0)
    identity.settled = True
    assert not identity.urgent
    assert not identity.competes(BETWEEN_LOOKS / 2)
    assert not identity.due(BETWEEN_LOOKS - 0.01)
    assert identity.due(BETWEEN_LOOKS)


def test_the_mean_is_a_unit_vector_nearer_to_the_person_than_its_parts() -> None:
    identity = Identity()
    parts = [person(1, spread) for spread in (0.21, 0.22, 0.23, 0.24, 0.25)]
    for number, part in enumerate(parts):
        assert identity.add(part, number) is Verdict.SAME
    mean = identity.mean
    assert mean is not None
    assert mean.dtype == np.float32
    assert np.linalg.norm(mean) == pytest.approx(1.0, abs=1e-6)
    assert mean @ person(1) > max(part @ person(1) for part in parts)
    assert identity.frames == 5


def test_one_strange_frame_is_left_out_and_two_are_another_person() -> None:
    identity = Identity()
    identity.add(person(1), 0.0)
    assert identity.add(person(2), 1.0) is Verdict.DOUBT
    assert identity.due(1.25)
    assert identity.add(person(1), 1.2) is Verdict.SAME
    assert identity.add(person(2), 2.0) is Verdict.DOUBT
    assert identity.add(person(2), 2.2) is Verdict.OTHER
    assert identity.frames == 2
    assert identity.mean is not None
    assert identity.mean @ person(1) == pytest.approx(1.0, abs=1e-6)


def test_a_face_that_leapt_is_decided_by_its_next_frame() -> None:
    for other, verdict in ((1, Verdict.SAME), (2, Verdict.OTHER)):
        identity = Identity()
        identity.suspect()
        assert identity.add(person(1), 0.0) is Verdict.SAME
        identity.settled = True
        identity.suspect()
        assert identity.due(0.01)
        assert identity.add(person(other), 0.01) is verdict


SIZE = (640, 480)
LOOK_ANYWAY, LINGER = IDLE.anyway, IDLE.linger


def picture(seed: int = 1, face: int | None = None, shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    """In cells: noise as averaging leaves it, and perhaps a face."""
    noise = np.random.default_rng(seed).normal(120, 0.7, shape)
    if face is not None:
        noise[12:22, face : face + 10] += 30
    return np.clip(noise, 0, 255).astype(np.uint8)


def test_noise_is_not_motion_and_a_face_is() -> None:
    gate = MotionGate()
    assert gate.moved(picture(1), 0.0)
    quiet = LINGER + 0.5
    assert not gate.moved(picture(2), quiet)
    assert gate.moved(picture(3, face=25), quiet + 0.1)
    assert gate.moved(picture(4, face=25), quiet + 0.2), "it lingers, until a blurred face has come to rest"
    assert not gate.moved(picture(5, face=25), quiet + 0.2 + LINGER)
    assert gate.moved(picture(6), quiet + 0.3 + LINGER), "leaving is a change too"


def test_nobody_is_forgotten_for_ever() -> None:
    gate = MotionGate()
    gate.moved(picture(1), 0.0)
    assert not gate.moved(picture(2), LOOK_ANYWAY - 0.01)
    assert gate.moved(picture(2), LOOK_ANYWAY)


def test_slow_changes_add_up() -> None:
    gate = MotionGate()
    gate.moved(picture(1), 0.0)
    brighter = [np.full((60, 80), 120 + step, dtype=np.uint8) for step in range(12)]
    assert any(gate.moved(image, 1.5 + 0.1 * step) for step, image in enumerate(brighter))


def test_while_somebody_is_followed_only_what_moves_elsewhere_counts_and_not_each_frame() -> None:
    gate, known = MotionGate(), [body_part(Box(80, 300, 180, 200), SIZE)]
    gate.moved(picture(1), 0.0)
    assert not gate.moved(picture(2, face=28), 0.3, FOLLOWING, known)
    assert gate.moved(picture(3, face=60), 0.4, FOLLOWING, known)
    assert not gate.moved(picture(4, face=40), 0.5, FOLLOWING, known), "so soon again"
    assert gate.moved(picture(5, face=40), 0.4 + FOLLOWING.between, FOLLOWING, known)
    later = 0.4 + FOLLOWING.between + FOLLOWING.anyway
    assert not gate.moved(picture(6, face=40), later - 0.01, FOLLOWING, known)
    assert gate.moved(picture(6, face=40), later + 0.01, FOLLOWING, known)


def test_what_lies_outside_the_region_of_interest_does_not_count() -> None:
    gate, outside = MotionGate(), unseen_parts((0.5, 0.1, 0.5, 0.8), SIZE)
    gate.moved(picture(1), 0.0, IDLE, outside)
    assert not gate.moved(picture(2, face=20), 2.0, IDLE, outside)
    assert gate.moved(picture(3, face=45), 2.1, IDLE, outside)


def test_cells_keep_the_pictures_shape_and_a_new_shape_is_a_change() -> None:
    assert cells_of((640, 480)) == (80, 60)
    assert cells_of((1920, 1080)) == (80, 45)
    assert cells_of((4000, 10)) == (80, 1)
    gate = MotionGate()
    gate.moved(picture(1), 0.0)
    assert gate.moved(picture(1, shape=(45, 80)), 1.5)


@pytest.mark.parametrize("box", [Box(0, 640, 480, 0), Box(-20, 30, 60, -50), Box(400, 700, 520, 580)])
def test_anybodys_part_lies_within_the_cells(box: Box) -> None:
    top, bottom, left, right = body_part(box, SIZE)
    assert 0 <= top < bottom == 60
    assert 0 <= left < right
