"""A real face that nobody enrolled, through the real recognizer: what is on disk afterwards is no face."""

import pytest

from tests.scanning import faceless

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_a_stranger_before_the_camera_is_in_no_file(box, turnstile, video):
    scratch = box.folder / "scratch"
    scratch.mkdir()
    box.environment["TMPDIR"] = str(scratch)
    box.cli("device", "add", "arm", "--driver", "modbus_gate", "--address", turnstile.path, "--option", "profile=lot")
    box.cli("device", "add", "cam", "--driver", "rtsp_camera", "--address", f"file:{video}")
    box.cli("portal", "add", "lobby", "--gate", "arm", "--entry", "cam")
    box.start()
    denied = box.wait_for_event("access_denied")
    assert denied["reason"] in ("unknown_face", "low_quality")
    assert denied["evidence"]["face"]["frames"] >= 1
    box.wait_for_event("access_denied", after=denied["seq"])
    while_running = faceless(box.home.path)
    box.stop()
    assert while_running > 3
    assert faceless(box.home.path) > 3
    assert faceless(scratch) >= 0
