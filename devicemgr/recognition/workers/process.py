"""One recogniser worker seen from the daemon: started, fed, listened to, and started again when it fails."""

import logging
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from devicemgr.domain.sighting import Sighting
from devicemgr.errors import DevicemgrError
from devicemgr.recognition.workers.messages import (
    Configure,
    Failed,
    Heartbeat,
    LaneConfig,
    LaneState,
    LineReader,
    Message,
    Ready,
    Settled,
    encode,
    receive,
)
from devicemgr.text import safe

log = logging.getLogger(__name__)

SILENCE_SECONDS = 5.0  # it beats each second; an encoder may hold its interpreter for 0.3 s
FIRST_WAIT = 0.2
LONGEST_WAIT = 10.0
_HEALTHY_SECONDS = 30.0
_READY_SECONDS = 60.0
_SOCKET_BUFFER = 1_000_000
_FD, _ENCODER = 4, 5  # places in the command
RESTARTING = "the recogniser is being restarted"

OnMessage = Callable[[Sighting | LaneState], None]


class WorkerProcess:
    """Keeps one worker alive in a thread of its own; its lanes stay with it, so a stream that crashes it harms few."""

    def __init__(self, encoder: str, opener: str, on_message: OnMessage) -> None:
        self._command = [sys.executable, "-P", "-m", "devicemgr.recognition.workers.worker", "", encoder, opener]
        self._on_message = on_message
        self._lock = threading.Lock()
        self._lanes: dict[str, LaneConfig] = {}
        self._connection: socket.socket | None = None
        self._stopping = threading.Event()
        self._renewing = threading.Event()
        self._model = ""
        self._refusal: str | None = None
        self._thread = threading.Thread(target=self._run, name="recogniser", daemon=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.frames = 0

    def set_lanes(self, lanes: Sequence[LaneConfig]) -> None:
        """The lanes this worker serves from now on, also after a restart; the first of them starts its process."""
        wanted = {lane.device: lane for lane in lanes}
        with self._lock:
            if wanted == self._lanes:
                return
            self._lanes = wanted
            self._tell(Configure(tuple(lanes)))
            # A box without cameras needs none of the 100 MB that an encoder takes.
            if wanted and self._thread.ident is None and not self._stopping.is_set():
                self._thread.start()

    def set_encoder(self, encoder: str) -> None:
        """Work with another encoder from now on; a process that runs is replaced."""
        with self._lock:
            if encoder == self._command[_ENCODER]:
                return
            self._command[_ENCODER] = encoder
            self._renewing.set()
            if self._connection is not None:
                _cut(self._connection)

    def settle(self, device: str, track: str) -> None:
        """Pass on that the daemon has decided about a track."""
        with self._lock:
            self._tell(Settled(device, track))

    def stop(self) -> None:
        """Ask the worker to end, by closing its line; `join` waits for it."""
        self._stopping.set()
        with self._lock:
            if self._connection is not None:
                _cut(self._connection)

    def join(self, timeout: float) -> None:
        """Wait, then kill what is left."""
        if self._thread.ident is None:
            return
        self._thread.join(timeout)
        process = self.process
        if self._thread.is_alive() and process is not None:
            process.kill()
            self._thread.join(timeout)

    def _run(self) -> None:
        losses = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            cause = self._serve_one()
            if self._stopping.is_set():
                return
            if self._renewing.is_set():
                log.info("a recogniser worker starts with another face model")
                losses = 0
                continue
            losses = 1 if time.monotonic() - began > _HEALTHY_SECONDS else losses + 1
            self.restarts += 1
            log.error("a recogniser worker is gone (%s); starting another", safe(cause))
            self._announce_loss(self._refusal or RESTARTING)
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(losses - 1, 10))
            self._stopping.wait(wait * random.uniform(0.8, 1.2))  # noqa: S311  spreads the load

    def _serve_one(self) -> str:
        """Start one process and listen until it is gone; why it went."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
            with self._lock:
                self._renewing.clear()
                command = [*self._command[:_FD], str(theirs.fileno()), *self._command[_FD + 1 :]]
            try:
                self.process = process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                    command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, env=one_thread()
                )
            except OSError as error:
                return f"it cannot be started: {error.strerror}"
            theirs.close()
            try:
                return self._listen(ours)
            finally:
                self._end(process)

    def _listen(self, connection: socket.socket) -> str:
        with self._lock:
            self._connection = connection
            self._tell(Configure(tuple(self._lanes.values())))
            if self._stopping.is_set() or self._renewing.is_set():
                _cut(connection)
        lines = LineReader()
        connection.settimeout(_READY_SECONDS)  # loading the encoder holds the interpreter, and a slow box is slow
        try:
            while (messages := receive(connection, lines)) is not None:
                for message in messages:
                    if isinstance(message, Failed):
                        self._refusal = message.cause
                        return message.cause
                    if isinstance(message, Ready):
                        self._model, self._refusal = message.model, None
                        connection.settimeout(SILENCE_SECONDS)
                    self._hear(message)
            return "it crashed"
        except TimeoutError:
            return f"silent for {connection.gettimeout():.0f} s"
        except (OSError, DevicemgrError) as error:
            return str(error)
        finally:
            with self._lock:
                self._connection = None

    def _hear(self, message: Message) -> None:
        """Pass on what concerns a lane of ours; an ear that fails is logged and does not end the listening."""
        if isinstance(message, Heartbeat):
            self.frames = message.frames
            return
        if isinstance(message, Sighting):
            device, message = message.device, replace(message, model=self._model)
        elif isinstance(message, LaneState):
            device = message.lane
        else:
            return
        with self._lock:
            known = device in self._lanes
        if known:
            self._pass_on(message)

    def _pass_on(self, message: Sighting | LaneState) -> None:
        try:
            self._on_message(message)
        except Exception:
            log.exception("handling a recogniser's message failed")

    def _announce_loss(self, cause: str) -> None:
        with self._lock:
            devices = list(self._lanes)
        for device in devices:
            self._pass_on(LaneState(device, False, cause))

    def _tell(self, message: Message) -> None:
        """Send without waiting; a worker whose buffer is full is stuck, and is cut off. Call with the lock held."""
        connection = self._connection
        if connection is None:
            return
        line = encode(message)
        try:
            whole = connection.send(line, socket.MSG_DONTWAIT) == len(line)
        except OSError:
            whole = False
        if not whole:
            _cut(connection)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """It ends by itself when its line closes, unless it is stuck."""
        try:
            process.wait(0.5 if self._stopping.is_set() else 0.1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was already gone


def one_thread() -> dict[str, str]:
    """The environment of a recognizer's process, with one thread in each: the processes share the cores."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
