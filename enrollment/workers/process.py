"""Photo analysis in a child process, so that native code fed with strangers' files never runs beside the gates."""

import contextlib
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devicemgr.domain.ports.recognition import Embedding, FaceCrop, PhotoAnalysis
from devicemgr.errors import SystemFault
from enrollment.models.encoder import MODEL
from enrollment.photos.image import MAX_BYTES
from enrollment.workers import messages

log = logging.getLogger(__name__)

FACTORY = "enrollment.photos.analyzer:build_analyser"
DEADLINE_SECONDS = 20.0
START_SECONDS = 60.0
IDLE_SECONDS = 60.0
_UNREADABLE = PhotoAnalysis(("unreadable_image",))
ROOT = Path(__file__).resolve().parents[2]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class NoStart(SystemFault):
    """The process does not start; `cause` alone is what it said."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"the face analyser does not start, {cause}: run devicemgr doctor")
        self.cause = cause


class AnalyserProcess:
    """face_ports.PhotoAnalyser for any thread: starts its process when used, stops it when idle, outlives it."""

    def __init__(
        self,
        factory: str = FACTORY,
        model: str = MODEL,
        workers: int = 1,
        deadline: float = DEADLINE_SECONDS,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self.model = model
        self._workers = [_Child(factory, model, deadline) for _ in range(workers)]
        self._free: queue.LifoQueue[_Child] = queue.LifoQueue()
        for child in reversed(self._workers):
            self._free.put(child)
        self._idle = idle
        self._timer: threading.Timer | None = None
        self._timer_lock = threading.Lock()

    def analyse(self, photo: bytes, *, keep: bool = False) -> PhotoAnalysis:
        """The face object; a photo that kills or hangs the process is unreadable_image; NoStart if none does."""
        if len(photo) > MAX_BYTES:
            return PhotoAnalysis(("image_too_large",))
        with self._taken() as child:
            answer = child.ask({"keep": True} if keep else {}, photo)
            return _UNREADABLE if answer is None else answer

    def embed(self, crop: FaceCrop) -> Embedding | None:
        """As face_ports.PhotoAnalyser; NoStart if no process does."""
        with self._taken() as child:
            answer = child.ask({"face": messages.pack_box(crop.box)}, crop.jpeg)
            return answer.embedding if answer else None

    def prove(self) -> None:
        """Start a process now, unless one runs: NoStart says why the model can't be used."""
        with self._taken() as child:
            child.start()

    @contextlib.contextmanager
    def _taken(self) -> Iterator["_Child"]:
        child = self._free.get()
        try:
            yield child
        finally:
            self._free.put(child)
            self._watch(self._idle)

    def processes(self) -> list[int]:
        """Process ids now running."""
        return [child.pid for child in self._workers if child.pid is not None]

    def close(self) -> None:
        """Stop the processes; waits for photos in work. It may be used again."""
        with self._timer_lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        taken = [self._free.get() for _ in self._workers]
        for child in taken:
            child.stop()
            self._free.put(child)

    def _watch(self, seconds: float) -> None:
        with self._timer_lock:
            if self._timer is None:
                self._timer = threading.Timer(seconds, self._stop_idle)
                self._timer.daemon = True
                self._timer.start()

    def _stop_idle(self) -> None:
        with self._timer_lock:
            self._timer = None
        taken = []
        while not self._free.empty():
            try:
                taken.append(self._free.get_nowait())
            except queue.Empty:
                break
        now = time.monotonic()
        for child in taken:
            if now - child.used >= self._idle:
                child.stop()
            self._free.put(child)
        if self.processes():
            self._watch(self._idle)


class _Child:
    """One process and the socket to it; used by one thread at a time."""

    def __init__(self, factory: str, model: str, deadline: float) -> None:
        self._factory = factory
        self._model = model
        self._deadline = deadline
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self.used = time.monotonic()

    @property
    def pid(self) -> int | None:
        process = self._process
        return None if process is None else process.pid

    def start(self) -> socket.socket:
        """The line to a process that runs."""
        self._reap()
        return self._line or self._start()

    def ask(self, asked: dict[str, Any], photo: bytes) -> PhotoAnalysis | None:
        """The answer (of a kept face only the embedding), None over a photo that can't be worked on."""
        line = self.start()
        try:
            until = time.monotonic() + self._deadline
            messages.send_frame(line, asked, photo, until)
            header, body = messages.receive_frame(line, until)
            if "fault" in header:
                log.error("a photo could not be analysed: %r", header.get("trace"))
                return None
            if "face" in asked:
                return PhotoAnalysis((), embedding=messages.unpack_vector(body))
            return messages.unpack_analysis(header, body)
        except (messages.Broken, TimeoutError) as error:
            code = self.stop()
            log.warning("the analyser process ended with %s over a photo (%s); the photo is refused", code, error)
            return None
        finally:
            self.used = time.monotonic()

    def stop(self) -> int | None:
        """Close the line and end the process; its exit code, None if none ran."""
        line, process = self._line, self._process
        self._line = self._process = None
        if line is not None:
            line.close()
        if process is None:
            return None
        try:
            return process.wait(0.5)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _reap(self) -> None:
        """A process that ended between two photos is nobody's fault: the next photo gets a new one."""
        if self._process is not None and self._process.poll() is not None:
            log.warning("the analyser process had ended with %s; starting another", self.stop())

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        seconds = str(int(self._deadline) + 10)
        command = [sys.executable, "-m", "enrollment.workers.worker", str(theirs.fileno()), self._factory, seconds]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                command,
                cwd=ROOT,
                env={**os.environ, **ONE_THREAD},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._line = ours
        try:
            hello, _ = messages.receive_frame(ours, time.monotonic() + START_SECONDS)
        except (messages.Broken, TimeoutError) as error:
            raise NoStart(f"it ended with {self.stop()} ({error})") from error
        if hello.get("model") != self._model:
            self.stop()
            log.error("the analyser process said %r", hello)
            raise NoStart(str(hello.get("fault") or f"it has model {hello.get('model')!r}"))
        return ours
