"""`device trace`: the bytes of a line, also of one that does not answer."""

import pytest

from drivers.sim.gates.turnstile import SimulatedTurnstile

READ_STATE = "01 03 00 40 00 09 84 18"


@pytest.fixture
def turnstile(home, done):
    with SimulatedTurnstile() as simulated:
        options = ("--option", "profile=lot", "--option", "timeout=0.05")
        done("device", "add", "arm", "--driver", "modbus_gate", "--address", simulated.path, *options)
        yield simulated


def test_the_bytes_of_a_line_both_ways(turnstile, done):
    found = done("device", "trace", "arm")
    assert (found["name"], found["address"], found["live"]) == ("arm", turnstile.path, False)
    ways = [(entry["way"], entry["bytes"][:8]) for entry in found["trace"][:2]]
    assert ways == [("tx", READ_STATE[:8]), ("rx", "01 03 12")]
    assert found["trace"][0]["bytes"] == READ_STATE
    assert found["trace"][0]["time"].endswith("Z")


def test_in_words(turnstile, cli):
    ran = cli("device", "trace", "arm")
    assert f"tx  {READ_STATE}" in ran.out


def test_a_silent_device_shows_what_was_asked(turnstile, done):
    turnstile.faults.silent = True
    found = done("device", "trace", "arm")
    assert turnstile.faults.injected["silent"] == 3
    assert [(entry["way"], entry["bytes"]) for entry in found["trace"]] == [("tx", READ_STATE)] * 3


def test_a_line_that_does_not_open_says_why(turnstile, cli):
    turnstile.unplug()
    ran = cli("device", "trace", "arm")
    assert ran.code == 3
    assert "check" in ran.error


def test_a_camera_has_no_line(home, done, cli):
    done("device", "add", "cam", "--driver", "fake_camera", "--address", "rtsp://192.0.2.1/x")
    ran = cli("device", "trace", "cam")
    assert ran.code == 1
    assert "no line of bytes" in ran.error


def test_following_needs_the_daemon(turnstile, cli):
    ran = cli("device", "trace", "arm", "--follow")
    assert ran.code == 3
    assert "systemctl start" in ran.error
