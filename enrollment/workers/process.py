"""Photo analysis in a child process, so that native code fed with strangers' files never runs beside the gates."""

import contextlib
import logging
import queue
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devicemgr.child_process import START_TIMEOUT_S, ChildFailed, ChildProcess
from devicemgr.domain.ports.recognition import Embedding, FaceCrop, PhotoAnalysis
from devicemgr.errors import Hint, SystemFault
from enrollment.models.encoder import MODEL
from enrollment.photos.image import MAX_BYTES
from enrollment.workers import messages

log = logging.getLogger(__name__)

FACTORY = "enrollment.photos.analyzer:build_analyzer"
DEADLINE_S = 20.0  # of processor time
_STARVED_FACTOR = 4  # how much longer it may take where others keep the processor busy
IDLE_S = 60.0
_UNREADABLE = PhotoAnalysis(("unreadable_image",))
ROOT = Path(__file__).resolve().parents[2]


class NoStart(SystemFault):
    """The process does not start; `cause` alone is what it said."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"the face analyzer does not start, {cause}", hint=Hint("run_doctor"))
        self.cause = cause


class AnalyzerProcess:
    """face_ports.PhotoAnalyzer for any thread: starts its process when used, stops it when idle, outlives it."""

    def __init__(
        self,
        factory: str = FACTORY,
        model: str = MODEL,
        workers: int = 1,
        deadline: float = DEADLINE_S,
        idle: float = IDLE_S,
    ) -> None:
        self.model = model
        self._workers = [_Child(factory, model, deadline) for _ in range(workers)]
        self._free: queue.LifoQueue[_Child] = queue.LifoQueue()
        for child in reversed(self._workers):
            self._free.put(child)
        self._idle = idle
        self._timer: threading.Timer | None = None
        self._timer_lock = threading.Lock()

    def analyze(self, photo: bytes, *, keep: bool = False) -> PhotoAnalysis:
        """Return the face object; a photo that kills or hangs the process is unreadable_image; NoStart if none does."""
        return self._judged({"keep": True} if keep else {}, photo)

    def glance(self, photo: bytes) -> PhotoAnalysis:
        """As `analyze`, quickly and without an embedding."""
        return self._judged({"glance": True}, photo)

    def _judged(self, header: dict[str, Any], photo: bytes) -> PhotoAnalysis:
        if len(photo) > MAX_BYTES:
            return PhotoAnalysis(("image_too_large",))
        with self._taken() as child:
            answer = child.request(header, photo)
            return _UNREADABLE if answer is None else answer

    def embed(self, crop: FaceCrop) -> Embedding | None:
        """As face_ports.PhotoAnalyzer; NoStart if no process does."""
        with self._taken() as child:
            answer = child.request({"face": messages.pack_box(crop.box)}, crop.jpeg)
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
        self._process = ChildProcess(self._build_command, cwd=ROOT, is_quiet=True)
        self.used = time.monotonic()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def start(self) -> socket.socket:
        """Return the socket to a process that runs, starting one if needed; NoStart if that fails."""
        if self._process.has_ended():
            # Ended between two photos: no photo is at fault, and the next one gets a new process.
            log.warning("The analyzer process had ended with %s; starting another", self.stop())
        return self._process.connection or self._start()

    def request(self, header: dict[str, Any], photo: bytes) -> PhotoAnalysis | None:
        """Return the response (of a kept face only the embedding), None for a photo that cannot be analyzed."""
        connection = self.start()
        try:
            until = time.monotonic() + self._deadline * _STARVED_FACTOR
            messages.send_frame(connection, header, photo, until)
            response, body = messages.receive_frame(connection, until)
            if "fault" in response:
                log.error("Failed to analyze a photo: %r", response.get("trace"))
                return None
            if "face" in header:
                return PhotoAnalysis((), embedding=messages.unpack_vector(body))
            return messages.unpack_analysis(response, body)
        except (messages.Broken, TimeoutError) as error:
            code = self.stop()
            log.warning("The analyzer process ended with %s over a photo (%s); the photo is refused", code, error)
            return None
        finally:
            self.used = time.monotonic()

    def stop(self) -> int | None:
        """End the process and return its exit code, None if none ran."""
        return self._process.stop()

    def _start(self) -> socket.socket:
        try:
            connection = self._process.start()
        except ChildFailed as error:
            raise NoStart(str(error)) from error
        try:
            hello, _ = messages.receive_frame(connection, time.monotonic() + START_TIMEOUT_S)
        except (messages.Broken, TimeoutError) as error:
            raise NoStart(f"it ended with {self.stop()} ({error})") from error
        if hello.get("model") != self._model:
            self.stop()
            log.error("Failed to start the analyzer process: it sent %r", hello)
            raise NoStart(str(hello.get("fault") or f"it has model {hello.get('model')!r}"))
        return connection

    def _build_command(self, descriptor: int) -> list[str]:
        command = [sys.executable, "-m", "enrollment.workers.worker", str(descriptor), self._factory]
        return [*command, str(self._deadline), str(int(self._deadline * _STARVED_FACTOR) + 10)]
