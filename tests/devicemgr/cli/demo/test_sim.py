"""`sim …` as a process: ready with an address, answers there, ends well when told to."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def sim():
    """sim("camera", ...) starts it and gives the process and its first line."""
    started = []

    def start(*arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "sim", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return process, json.loads(line)

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_turnstile_is_there_until_told_to_end(sim, tmp_path, how):
    link = tmp_path / "turnstile"
    process, ready = sim("turnstile", "--link", link, "--unit", "3", "--no-passage")
    assert (ready["event"], ready["path"], ready["unit"]) == ("ready", str(link), 3)
    assert link.is_symlink()
    process.send_signal(how)
    assert process.wait(20) == 0
    assert not link.is_symlink()


def test_a_camera_serves_pictures_to_whom_it_knows(sim):
    process, ready = sim(
        "camera", "--username", "u", "--password-env", "SIM_PASSWORD", "--size", "320x240", SIM_PASSWORD="p"
    )
    url = next(value for value in ready.values() if str(value).startswith("http"))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, timeout=20)
    assert refused.value.code == 401
    refused.value.close()
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(_passwords(url)))
    with opener.open(url, timeout=20) as stream:
        assert "multipart/x-mixed-replace" in stream.headers["content-type"]
        assert b"\xff\xd8" in stream.read(4096)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def _passwords(url):
    known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    known.add_password(None, url, "u", "p")
    return known


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["turnstile", "--link", "/tmp/x", "--listen", "127.0.0.1:0"], 2),
        (["turnstile", "--unit", "0"], 2),
        (["turnstile", "--listen", "nowhere"], 1),
        (["camera", "--size", "big"], 2),
        (["camera", "--photo", "/nowhere.jpg"], 1),
        (["camera", "--username", "u"], 1),
        (["osdp"], 1),
        (["osdp", "--install", "--key-env", "SIM_KEY"], 1),
        (["osdp", "--unit", "127", "--install"], 2),
        (["osdp", "--install", "--link", "/tmp/x", "--listen", "127.0.0.1:0"], 2),
    ],
)
def test_simulators_that_can_not_be(cli, monkeypatch, arguments, code):
    monkeypatch.setenv("SIM_KEY", "8f3a10c7be5520d94417fa6e02b3c85d")
    assert cli("sim", *arguments).code == code


def test_a_face_terminal_does_as_it_is_told(sim):
    process, ready = sim("dahua", "--doors", "2")
    assert (ready["event"], ready["kind"]) == ("ready", "dahua")
    assert ready["address"].startswith("http://127.0.0.1:")
    process.stdin.write("dance\nstranger 2\n")
    process.stdin.flush()
    told = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert told[0]["event"] == "error"
    assert (told[1]["event"], told[1]["granted"]) == ("recorded", False)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
