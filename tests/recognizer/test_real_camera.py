"""The whole way with a real face: network stream, worker process, dlib, sightings."""

import threading
from typing import Any

import numpy as np
import pytest
from PIL import Image

from devicemgr.events import Sighting
from devicemgr.model import VideoSource
from devicemgr.ports import Box
from devicemgr.recognizer.messages import LaneConfig
from devicemgr.recognizer.pool import RecognizerPool
from drivers._sim.camera import SimulatedCamera
from drivers._sim.scene import Scene, default_photo
from enrollment.encoder import build_encoder


def test_a_face_before_the_camera_is_sighted_and_leaves() -> None:
    pytest.importorskip("skimage", reason="needs scikit-image's portrait")
    photo = np.asarray(Image.open(default_photo()).convert("RGB"))
    enrolled = build_encoder().encode(photo, Box(76, 265, 166, 175))
    heard: list[Sighting] = []
    changed = threading.Condition()

    def hear(message: Any) -> None:
        if isinstance(message, Sighting):
            with changed:
                heard.append(message)
                changed.notify_all()

    camera = SimulatedCamera(Scene(), fps=10).start()
    pool = RecognizerPool("enrollment.encoder:build_encoder", "drivers._video:open_source", workers=1)
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
        assert 100 < sighting.quality["face_px"] < 200
