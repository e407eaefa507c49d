"""A recognizer process: `python -m devicemgr.recognition.workers.worker FD ENCODER OPENER`, started by the pool.

It lives as long as the daemon's end of its socket; cameras' passwords come over the socket, never as arguments.
"""

import importlib
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from devicemgr.domain.ports.recognition import FaceEncoder
from devicemgr.errors import DevicemgrError, SystemFault
from devicemgr.logging import log_to_stderr
from devicemgr.recognition.pipeline.lane import Candidate, Lane, encode_together
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
from devicemgr.recognition.workers.stream import NewestFrames, Opener

log = logging.getLogger(__name__)

BEAT_S = 1.0
_STUCK_S = 4.0
_IDLE_S = 0.5
_BATCH = 8  # encodings together; more would be no cheaper, and the first of them would wait for the last lane


class Link:
    """The socket to the daemon, for all threads; when it breaks, the process has no reason to live."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send, or end the process."""
        try:
            with self._lock:
                self._connection.sendall(encode(message))
        except OSError:
            leave(0)


@dataclass(frozen=True, slots=True)
class _Running:
    """A lane and the thread that brings its frames."""

    config: LaneConfig
    lane: Lane
    frames: NewestFrames


class Worker:
    """The lanes and the main loop that serves them in turn."""

    def __init__(self, encoder: FaceEncoder, opener: Opener, link: Link) -> None:
        self._encoder, self._opener, self._link = encoder, opener, link
        self._wake = threading.Condition()
        self._inbox: list[Message] = []
        self._frame_arrived = False
        self._lanes: dict[str, _Running] = {}
        self.frames = 0
        self.progress = time.monotonic()

    def post(self, message: Message) -> None:
        """Hand a message from the daemon to the main loop; from any thread."""
        with self._wake:
            self._inbox.append(message)
            self._wake.notify()

    def run(self) -> None:
        """Serve for ever."""
        while True:
            self.progress = time.monotonic()
            for message in self._wait():
                self._obey(message)
            self._turn()

    def _turn(self) -> None:
        """Look at a frame of each lane that has one due; what is worth encoding is encoded together."""
        waiting: list[tuple[Lane, Candidate]] = []
        for running in self._lanes.values():
            waiting += [(running.lane, candidate) for candidate in self._look(running)]
            if len(waiting) >= _BATCH:
                self._encode(waiting)
                waiting = []
        self._encode(waiting)

    def _encode(self, waiting: list[tuple[Lane, Candidate]]) -> None:
        self.progress = time.monotonic()
        encode_together(self._encoder, waiting)

    def _look(self, running: "_Running") -> list[Candidate]:
        """One frame at most, so that every lane gets its turn."""
        self.progress = now = time.monotonic()
        frame = running.frames.take() if running.lane.due_in(now) <= 0 else None
        if frame is None:
            running.lane.idle(now)
            return []
        self.frames += 1
        return running.lane.look(frame, now)

    def _wait(self) -> list[Message]:
        with self._wake:
            self._wake.wait_for(lambda: self._frame_arrived or self._inbox, self._patience())
            self._frame_arrived = False
            messages, self._inbox = self._inbox, []
            return messages

    def _patience(self) -> float:
        """How long without a new frame until a waiting one is due."""
        now = time.monotonic()
        return min((r.lane.due_in(now) for r in self._lanes.values() if r.frames.waiting), default=_IDLE_S)

    def _obey(self, message: Message) -> None:
        if isinstance(message, Configure):
            self._configure(message)
        elif isinstance(message, Settled) and message.device in self._lanes:
            self._lanes[message.device].lane.settle(message.track)

    def _configure(self, wanted: Configure) -> None:
        """Stop what is gone or changed, begin what is new, leave the rest alone."""
        lanes = {config.device: config for config in wanted.lanes}
        for running in list(self._lanes.values()):
            if lanes.get(running.config.device) != running.config:
                del self._lanes[running.config.device]
                running.frames.stop()
                running.lane.finish()
        for device, config in lanes.items():
            if device not in self._lanes:
                self._lanes[device] = self._begin(config)

    def _begin(self, config: LaneConfig) -> "_Running":
        def on_state(cause: str | None) -> None:
            self._link.send(LaneState(config.device, cause is None, cause))

        lane = Lane(config, secrets.token_hex(4), self._encoder, self._link.send)
        stream = NewestFrames(config.source, self._opener, on_state, self._on_frame)
        stream.start()
        return _Running(config, lane, stream)

    def _on_frame(self) -> None:
        with self._wake:
            self._frame_arrived = True
            self._wake.notify()


def leave(code: int) -> NoReturn:
    """End at once: native threads may be anywhere in FFmpeg or dlib, and nothing here needs saving."""
    logging.shutdown()
    os._exit(code)


def resolve(name: str) -> Any:
    """Return what `module:attribute`, or `module:function=ARGUMENT` with the argument bound, names.

    Else SystemFault.
    """
    named, given, argument = name.partition("=")
    module, _, attribute = named.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
        return partial(found, argument) if given else found
    except (ImportError, AttributeError, ValueError) as error:
        raise SystemFault(f"the recognizer cannot load {named}; install devicemgr again (make install)") from error


def main(arguments: list[str]) -> None:
    """Serve the daemon behind the inherited socket until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's ^C is for the daemon, which then closes the socket
    log_to_stderr("%(levelname)s recognizer: %(message)s")
    connection = socket.socket(fileno=int(arguments[0]))
    link = Link(connection)
    try:
        opener, encoder = resolve(arguments[2]), resolve(arguments[1])()
    except DevicemgrError as error:
        link.send(Failed(str(error)))
        leave(1)
    worker = Worker(encoder, opener, link)
    link.send(Ready(encoder.model, encoder.dimension))
    threading.Thread(target=_beat, args=(link, worker), daemon=True).start()
    threading.Thread(target=_listen, args=(connection, worker), daemon=True).start()
    worker.run()


def _beat(link: Link, worker: Worker) -> None:
    """Tell the daemon each second that the main loop turns; stay silent when it does not."""
    while True:
        if time.monotonic() - worker.progress < _STUCK_S:
            link.send(Heartbeat(worker.frames))
        time.sleep(BEAT_S)


def _listen(connection: socket.socket, worker: Worker) -> None:
    lines = LineReader()
    try:
        while (messages := receive(connection, lines)) is not None:
            for message in messages:
                worker.post(message)
    except (OSError, DevicemgrError):
        log.exception("the daemon's line broke")
    leave(0)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BaseException:
        log.exception("a recognizer worker failed")
        leave(1)
