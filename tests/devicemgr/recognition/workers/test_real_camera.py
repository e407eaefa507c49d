"""The whole way with a real face: network stream, worker process, dlib, sightings."""

import threading
from typing import Any

import numpy as np
import pytest
from PIL import Image

from devicemgr.domain.model import VideoSource
from devicemgr.domain.ports.recognition import Box
from devicemgr.domain.ports.video import Frame
from devicemgr.domain.sighting import Sighting
from devicemgr.recognition.pipeline.face_search import FaceFinder
from devicemgr.recognition.workers.messages import LaneConfig
from devicemgr.recognition.workers.pool import RecognizerPool
from drivers.sim.camera.camera import SimulatedCamera
from drivers.sim.camera.scene import Scene, default_photo
from enrollment.models.encoder import DlibEncoder, build_encoder


@pytest.fixture(scope="module")
def real() -> DlibEncoder:
    pytest.importorskip("skimage", reason="needs scikit-image's portrait")
    return build_encoder()


@pytest.mark.parametrize("size", [(640, 480), (1280, 720)])
def test_a_look_nearby_gives_the_same_face_as_one_at_everything(real: DlibEncoder, size: tuple[int, int]) -> None:
    frame = Frame(Scene(size=size).with_face(3, 2.0).pixels, 0.0)
    finder = FaceFinder(real, 640, 80, (0.0, 0.0, 1.0, 1.0))
    view = finder.view(frame)
    (whole,) = finder.everywhere(view)
    (near,), _ = finder.near(view, [whole])
    moved = Box(whole.top + 20, whole.right + 30, whole.bottom + 20, whole.left + 30)
    (after_a_step,), _ = finder.near(view, [moved])
    chips = np.stack([real.chip(frame.pixels, box) for box in (whole, near, after_a_step)])
    embeddings = real.encode_chips(chips)
    assert float((embeddings @ embeddings[0]).min()) > 0.99
    assert finder.judge(view, near).fault(80) is None


def test_a_face_before_the_camera_is_sighted_and_leaves(real: DlibEncoder) -> None:
    photo = np.asarray(Image.open(default_photo()).convert("RGB"))
    enrolled = real.encode(photo, Box(76, 265, 166, 175))
    heard: list[Sighting] = []
    changed = threading.Condition()

    def hear(message: Any) -> None:
        if isinstance(message, Sighting):
            with changed:
                heard.append(message)
                changed.notify_all()

    camera = SimulatedCamera(Scene(), fps=10).start()
    pool = RecognizerPool(
        "enrollment.models.encoder:build_encoder", "drivers.common.video.source:open_source", workers=1
    )
    pool.set_lanes([LaneConfig("lobby", VideoSource(camera.url))])
    try:
        camera.show()
        pool.start(hear)
        with changed:
            assert changed.wait_for(lambda: len(heard) >= 2, 60)
        camera.hide()
        with changed:
            assert changed.wait_for(lambda: heard[-1].ended, 60)
    finally:
        pool.stop(5)
        camera.stop()
    assert len({sighting.track for sighting in heard}) == 1
    assert [sighting.ended for sighting in heard].count(True) == 1
    for sighting in heard:
        assert sighting.embedding is not None
        # Above .99 here; with red and blue swapped, or another detector setting, it is not.
        assert float(sighting.embedding @ enrolled) > 0.985
        assert sighting.ended or float(sighting.latest @ enrolled) > 0.985
        assert abs(sighting.quality["yaw_deg"]) < 15
        assert 100 < sighting.quality["face_px"] < 200
