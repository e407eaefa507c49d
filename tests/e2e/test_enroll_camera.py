"""`enroll camera` with a real video, face and analyzer: over the daemon, and without one."""

import pytest

from drivers.sim.camera.camera import Cycle, Scene, write_video

pytestmark = pytest.mark.e2e

ASK = ("--consent", "form-7", "--seconds", "60")


@pytest.fixture
def aigul(box, tmp_path):
    video = tmp_path / "face.ts"
    write_video(video, Scene(None), seconds=2.0, fps=10, cycle=Cycle(2.0, 0.0))
    box.cli("device", "add", "desk", "--driver", "rtsp_camera", "--address", f"file:{video}")
    box.cli("person", "add", "Aigul", "--badge", "7")
    return box


def test_a_person_before_the_camera_is_enrolled_with_and_without_a_daemon(aigul):
    found = aigul.cli("enroll", "camera", "7", "--device", "desk", *ASK, "--pictures", "2")
    assert (found["ok"], found["badge"], found["device"], found["templates"]) == (True, "7", "desk", 2)
    assert all(face["ok"] for face in found["faces"])
    aigul.start()
    more = aigul.cli("enroll", "camera", "7", "--device", "desk", *ASK, "--pictures", "1")
    assert more["templates"] == 3
    last = aigul.events(kind="admin.face_enrolled")[-1]
    assert (last["detail"]["device"], last["detail"]["samples"]) == ("desk", 1)


def test_nobody_there_unknown_device_and_unknown_person_enroll_nobody(aigul, tmp_path):
    empty = tmp_path / "empty.ts"
    write_video(empty, Scene(None), seconds=1.0, fps=10, cycle=Cycle(1.0, 60.0))
    aigul.cli("device", "add", "hall", "--driver", "rtsp_camera", "--address", f"file:{empty}")
    aigul.cli("device", "add", "gone", "--driver", "rtsp_camera", "--address", f"file:{tmp_path}/none.ts")
    ask = (*ASK[:-1], "2")
    refused = aigul.cli("enroll", "camera", "7", "--device", "hall", *ask, code=1)
    assert refused["reasons"] == ["no_face"]
    aigul.cli("enroll", "camera", "8", "--device", "desk", *ask, code=1)
    aigul.cli("enroll", "camera", "7", "--device", "nothing", *ask, code=1)
    aigul.cli("enroll", "camera", "7", "--device", "gone", *ask, code=3)
    assert aigul.cli("person", "show", "7")["templates"] == 0
