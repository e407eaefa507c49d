"""Real worker processes with a painted world: sightings come, crashes and hangs are survived, nothing is left over."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devicemgr.domain.model import VideoSource
from devicemgr.domain.sighting import Sighting
from devicemgr.errors import InvalidInput
from devicemgr.recognition.workers import process
from devicemgr.recognition.workers.messages import Configure, LaneConfig, LaneState, LineReader, Ready, encode, receive
from devicemgr.recognition.workers.pool import RecognizerPool

WORLD = """
import importlib.util, os, sys, time
from pathlib import Path
from devicemgr.errors import DeviceRefused, SystemFault
from devicemgr.domain.ports.video import Frame
spec = importlib.util.spec_from_file_location("squares", {conftest!r})
squares = importlib.util.module_from_spec(spec)
spec.loader.exec_module(squares)

class Encoder(squares.SquareEncoder):
    def encode_chips(self, chips):
        vectors = super().encode_chips(chips)
        if (vectors[:, 3] > 0.9).any():
            sys.modules["__main__"]._STUCK_S = 0.2
            time.sleep(3600)  # person 3 hangs the encoder
        return vectors

class Source:
    width, height = 640, 480
    def __init__(self, url):
        self.url, self.open = url, True
    def __iter__(self):
        while self.open:
            if self.url == "crash":
                os.kill(os.getpid(), 11)
            person = None if self.url == "nobody" else int(self.url)
            yield Frame(squares.paint(person), time.monotonic())
            time.sleep(0.03)
    def close(self):
        self.open = False

def opener(source):
    if source.url == "locked":
        raise DeviceRefused("wrong password")
    if source.url.startswith("password:"):
        Path(source.url.split(":", 1)[1]).write_text(str(source.password))
        return Source("nobody")
    return Source(source.url)

def named(name):
    found = Encoder()
    found.model = name
    return found

def no_encoder():
    raise SystemFault("dlib is missing: install it")
"""


class Heard:
    """What the pool passed on."""

    def __init__(self) -> None:
        self.messages: list[Sighting | LaneState] = []
        self._changed = threading.Condition()

    def __call__(self, message: Sighting | LaneState) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def sightings(self, device: str) -> list[Sighting]:
        return [m for m in self.messages if isinstance(m, Sighting) and m.device == device]

    def states(self, lane: str) -> list[LaneState]:
        return [m for m in self.messages if isinstance(m, LaneState) and m.lane == lane]

    def wait(self, condition: Callable[[], Any]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 30), self.messages


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conftest = str(Path(__file__).parents[1] / "conftest.py")
    (tmp_path / "painted_world.py").write_text(textwrap.dedent(WORLD).format(conftest=conftest))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def make(world: None, heard: Heard) -> Iterator[Callable[..., RecognizerPool]]:
    pools: list[RecognizerPool] = []

    def start(workers: int = 1, encoder: str = "painted_world:Encoder", **lanes: str) -> RecognizerPool:
        pool = RecognizerPool(encoder, "painted_world:opener", workers=workers)
        pool.set_lanes([lane(name, url) for name, url in lanes.items()])
        pool.start(heard)
        pools.append(pool)
        return pool

    yield start
    for pool in pools:
        pids = pool.pids()
        pool.stop(5)
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def lane(name: str, url: str) -> LaneConfig:
    return LaneConfig(name, VideoSource(url, options={"fps": 30}))


def test_each_camera_tells_who_stands_there(make: Callable[..., RecognizerPool], heard: Heard) -> None:
    pool = make(2, one="1", two="2", empty="nobody", shut="locked")
    heard.wait(lambda: heard.sightings("one") and heard.sightings("two") and heard.states("shut"))
    for name, person in (("one", 1), ("two", 2)):
        embedding = heard.sightings(name)[0].embedding
        assert embedding is not None
        assert np.argmax(embedding) == person
        assert heard.states(name)[0] == LaneState(name, True, None)
    assert heard.states("shut") == [LaneState("shut", False, "wrong password")]
    assert heard.sightings("empty") == []
    assert len(pool.pids()) == 2
    (track,) = {sighting.track for sighting in heard.sightings("one")}
    pool.settle("one", track)
    pool.settle("nowhere", track)


def test_lanes_come_and_go_while_others_go_on(make: Callable[..., RecognizerPool], heard: Heard) -> None:
    pool = make(1, one="1", two="2")
    heard.wait(lambda: heard.sightings("one") and heard.sightings("two"))
    pids = pool.pids()
    pool.set_lanes([lane("two", "2"), lane("three", "0")])
    heard.wait(lambda: heard.sightings("three"))
    assert pool.pids() == pids
    assert len({sighting.track for sighting in heard.sightings("two")}) == 1
    pool.set_lanes([lane("two", "0")])
    heard.wait(lambda: len({sighting.track for sighting in heard.sightings("two")}) == 2)


def test_a_killed_worker_is_replaced_and_sightings_go_on(make: Callable[..., RecognizerPool], heard: Heard) -> None:
    pool = make(1, one="1")
    heard.wait(lambda: heard.sightings("one"))
    (pid,) = pool.pids()
    before = {sighting.track for sighting in heard.sightings("one")}
    os.kill(pid, signal.SIGKILL)
    heard.wait(lambda: {sighting.track for sighting in heard.sightings("one")} - before)
    assert pool.pids() != [pid]
    told = [(state.online, state.cause) for state in heard.states("one")]
    assert told == [(True, None), (False, "the recognizer is being restarted"), (True, None)]


def test_a_stream_that_crashes_its_worker_leaves_the_other_worker_alone(
    make: Callable[..., RecognizerPool], heard: Heard
) -> None:
    pool = make(2, good="1", zbad="crash")
    heard.wait(lambda: heard.sightings("good"))
    heard.wait(lambda: sum(not state.online for state in heard.states("zbad")) >= 2)
    assert len(heard.states("good")) == 1
    pool.set_lanes([lane("good", "1"), lane("zbad", "2")])
    heard.wait(lambda: heard.sightings("zbad"))


def test_a_hung_worker_is_killed(
    make: Callable[..., RecognizerPool], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MAX_SILENCE_S", 1.5)
    pool = make(1, stuck="3")
    heard.wait(lambda: heard.states("stuck"))
    (pid,) = pool.pids()
    heard.wait(lambda: any(not state.online for state in heard.states("stuck")))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    pool.set_lanes([lane("fine", "1")])
    heard.wait(lambda: heard.sightings("fine"))


def test_a_worker_that_cannot_begin_says_why(
    make: Callable[..., RecognizerPool], heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    make(1, encoder="painted_world:no_encoder", one="1")
    heard.wait(lambda: heard.states("one"))
    assert "dlib is missing" in caplog.text
    make(1, encoder="nowhere:nothing", two="1")
    heard.wait(lambda: heard.states("two"))
    assert "nowhere:nothing" in caplog.text


def test_an_ear_that_fails_does_not_stop_the_rest(
    make: Callable[..., RecognizerPool], heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    original, calls = heard.__class__.__call__, []

    def fail_first(self: Heard, message: Sighting | LaneState) -> None:
        calls.append(message)
        if len(calls) == 1:
            raise ZeroDivisionError
        original(self, message)

    heard.__class__.__call__ = fail_first  # type: ignore[method-assign]
    try:
        make(1, one="1")
        heard.wait(lambda: heard.sightings("one"))
    finally:
        heard.__class__.__call__ = original  # type: ignore[method-assign]
    assert "ZeroDivisionError" in caplog.text


def test_passwords_travel_over_the_socket_only(
    make: Callable[..., RecognizerPool], heard: Heard, tmp_path: Path
) -> None:
    secret = "-".join(["sesame", "open"])
    pool = make(1)
    got = tmp_path / "got"
    pool.set_lanes([LaneConfig("cam", VideoSource(f"password:{got}", "user", secret))])
    heard.wait(lambda: heard.states("cam"))
    assert got.read_text() == secret
    (pid,) = pool.pids()
    for name in ("cmdline", "environ"):
        assert secret.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
    assert b"OPENBLAS_NUM_THREADS=1" in Path(f"/proc/{pid}/environ").read_bytes()


def test_a_worker_ends_with_its_daemon(world: None) -> None:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-P", "-m", "devicemgr.recognition.workers.worker", str(theirs.fileno())]
    with ours, theirs:
        worker = subprocess.Popen(
            [*command, "painted_world:Encoder", "painted_world:opener"], pass_fds=(theirs.fileno(),)
        )
        theirs.close()
        try:
            ours.settimeout(30)
            ours.sendall(encode(Configure((lane("one", "1"),))))
            lines, seen = LineReader(), []
            while not any(isinstance(message, Sighting) for message in seen):
                seen += receive(ours, lines) or []
            assert Ready("squares", 4) in seen
            worker.send_signal(signal.SIGINT)
            ours.close()
            assert worker.wait(10) == 0
        finally:
            worker.kill()
            worker.wait()


def test_at_least_one_worker() -> None:
    with pytest.raises(InvalidInput):
        RecognizerPool("a:b", "c:d", workers=0)


def test_another_face_model_takes_over_and_sightings_say_which_made_them(make, heard) -> None:
    pool = make(cam="1")
    heard.wait(lambda: heard.sightings("cam"))
    assert {sighting.model for sighting in heard.sightings("cam")} == {"squares"}
    (before,) = pool.pids()
    pool.set_encoder("painted_world:Encoder")
    assert pool.pids() == [before], "the same is no change"
    pool.set_encoder("painted_world:named=mine@1=2")
    heard.wait(lambda: any(sighting.model == "mine@1=2" for sighting in heard.sightings("cam")))
    assert pool.pids() != [before]
    models = [sighting.model for sighting in heard.sightings("cam")]
    assert models == sorted(models, reverse=True), "none of the old model's came after"
    assert heard.states("cam")[-1].online


def test_a_model_that_can_not_be_used_is_told_as_the_cameras_fault(make, heard) -> None:
    pool = make(cam="1")
    heard.wait(lambda: heard.sightings("cam"))
    pool.set_encoder("painted_world:no_encoder")
    heard.wait(lambda: any(state.cause == "dlib is missing: install it" for state in heard.states("cam")))
