"""The reading thread: newest frame only, and back after every kind of loss."""

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from devicemgr.domain.model import VideoSource
from devicemgr.domain.ports.video import Frame
from devicemgr.errors import DeviceRefused, DeviceUnreachable
from devicemgr.recognition.workers import stream
from devicemgr.recognition.workers.stream import NewestFrames


class Script:
    """An opener that plays what the test queues: numbers are frames, exceptions are raised, an event is waited for."""

    def __init__(self, *runs: list[object]) -> None:
        self.runs = list(runs)
        self.opened = 0
        self.closed = 0
        self.width, self.height = 4, 4

    def __call__(self, source: VideoSource) -> "Script":
        self.opened += 1
        if self.runs and isinstance(self.runs[0], Exception):
            raise self.runs.pop(0)  # type: ignore[misc]
        return self

    def __iter__(self) -> Iterator[Frame]:
        for step in self.runs.pop(0) if self.runs else []:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, threading.Event):
                step.wait(10)
            else:
                yield Frame(np.full((4, 4, 3), step, dtype=np.uint8), time.monotonic())

    def close(self) -> None:
        self.closed += 1


class Heard:
    """Collects states and wakes who waits for one."""

    def __init__(self) -> None:
        self.states: list[str | None] = []
        self.frames = 0
        self._changed = threading.Condition()

    def state(self, cause: str | None) -> None:
        with self._changed:
            self.states.append(cause)
            self._changed.notify_all()

    def frame(self) -> None:
        with self._changed:
            self.frames += 1
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 10), (self.states, self.frames)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "FIRST_WAIT", 0.01)


def run(script: Script) -> tuple[NewestFrames, Heard]:
    heard = Heard()
    frames = NewestFrames(VideoSource("x"), script, heard.state, heard.frame)
    frames.start()
    return frames, heard


def test_only_the_newest_frame_is_kept() -> None:
    hold = threading.Event()
    frames, heard = run(Script([1, 2, 3, hold]))
    heard.wait(lambda: heard.frames == 3)
    assert frames.waiting
    frame = frames.take()
    assert frame is not None
    assert frame.pixels[0, 0, 0] == 3
    assert frames.take() is None
    assert not frames.waiting
    assert heard.states == [None]
    frames.stop()
    hold.set()


def test_it_comes_back_and_tells_each_change_once() -> None:
    hold = threading.Event()
    script = Script(DeviceUnreachable("gone"), DeviceUnreachable("gone"), [1, 2, DeviceUnreachable("lost")], [3, hold])
    frames, heard = run(script)
    heard.wait(lambda: heard.states == ["gone", None, "lost", None])
    assert script.closed == 1
    frames.stop()
    hold.set()


def test_an_unexpected_failure_is_logged_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    hold = threading.Event()
    frames, heard = run(Script([1, ZeroDivisionError("x")], [2, hold]))
    heard.wait(lambda: len(heard.states) == 3)
    assert "see the log" in str(heard.states[1])
    assert "ZeroDivisionError" in caplog.text
    frames.stop()
    hold.set()


def test_a_refused_password_is_not_tried_again_soon() -> None:
    script = Script(DeviceRefused("wrong password"), [1])
    frames, heard = run(script)
    heard.wait(lambda: heard.states == ["wrong password"])
    frames._thread.join(0.3)
    assert script.opened == 1
    frames.stop()
    frames._thread.join(5)
    assert not frames._thread.is_alive()


def test_stop_closes_the_stream_and_ends_the_thread() -> None:
    hold = threading.Event()
    script = Script([1, hold, 2])
    frames, heard = run(script)
    heard.wait(lambda: heard.frames == 1)
    frames.stop()
    hold.set()
    frames._thread.join(5)
    assert not frames._thread.is_alive()
    assert script.closed >= 1
    assert heard.states == [None]
