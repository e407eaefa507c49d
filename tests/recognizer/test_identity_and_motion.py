"""Which frames are encoded, when a track is another person's, and when nobody needs to look."""

import numpy as np
import pytest

from devicemgr.recognizer.identity import BETWEEN_LOOKS, MOST_FRAMES, Identity, Verdict
from devicemgr.recognizer.motion import LINGER, LOOK_ANYWAY, MotionGate


def person(seed: int, spread: float = 0.0, dimension: int = 128) -> np.ndarray:
    base = np.random.default_rng(seed).normal(size=dimension)
    vector = base / np.linalg.norm(base)
    if spread:
        shift = np.random.default_rng(int(spread * 1e6)).normal(size=dimension)
        vector = vector + spread * shift / np.linalg.norm(shift)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def test_the_first_frame_is_due_at_once_then_at_intervals() -> None:
    identity = Identity()
    assert identity.due(100.0)
    identity.add(person(1), 100.0)
    assert not identity.due(100.05)
    assert identity.due(100.2)


def test_frames_are_bounded_and_then_only_watched() -> None:
    identity, now, encoded = Identity(), 0.0, 0
    while now < 3.0:
        if identity.due(now):
            identity.add(person(1), now)
            encoded += 1
        now += 0.01
    assert MOST_FRAMES <= encoded <= MOST_FRAMES + 3


def test_settled_tracks_are_looked_at_once_a_second() -> None:
    identity = Identity()
    identity.add(person(1), 0.0)
    identity.settled = True
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


def picture(seed: int = 1, face: int | None = None, size: tuple[int, int] = (480, 640)) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(120, 4, (*size, 3))
    if face is not None:
        noise[100:180, face : face + 80] += 30
    return np.clip(noise, 0, 255).astype(np.uint8)


def test_noise_is_not_motion_and_a_face_is() -> None:
    gate = MotionGate()
    assert gate.moved(picture(1), 0.0)
    quiet = LINGER + 0.5
    assert not gate.moved(picture(2), quiet)
    assert gate.moved(picture(3, face=200), quiet + 0.1)
    assert gate.moved(picture(4, face=200), quiet + 0.2), "it lingers, until a blurred face has come to rest"
    assert not gate.moved(picture(5, face=200), quiet + 0.2 + LINGER)
    assert gate.moved(picture(6), quiet + 0.3 + LINGER), "leaving is a change too"


def test_nobody_is_forgotten_for_ever() -> None:
    gate = MotionGate()
    gate.moved(picture(1), 0.0)
    assert not gate.moved(picture(2), LOOK_ANYWAY - 0.01)
    assert gate.moved(picture(2), LOOK_ANYWAY)


def test_slow_changes_add_up() -> None:
    gate = MotionGate()
    gate.moved(picture(1), 0.0)
    brighter = [np.full((480, 640, 3), 120 + step, dtype=np.uint8) for step in range(12)]
    assert any(gate.moved(image, 1.5 + 0.1 * step) for step, image in enumerate(brighter))


@pytest.mark.parametrize("size", [(1080, 1920), (7, 5), (480, 660), (8, 8)])
def test_any_size_and_a_change_of_it(size: tuple[int, int]) -> None:
    gate = MotionGate()
    assert gate.moved(picture(1), 0.0)
    assert gate.moved(picture(1, size=size), 1.5)
    assert gate.moved(picture(1, size=size), 1.6)
