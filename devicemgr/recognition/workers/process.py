"""One recognizer worker process as the daemon sees it: its cameras, its encoder, and the messages of both sides."""

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from devicemgr.child_process import ChildFailed, ChildProcess, ChildSupervisor
from devicemgr.domain.sighting import Sighting
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
    decode,
    encode,
)

log = logging.getLogger(__name__)

MAX_SILENCE_S = 5.0  # it sends a heartbeat each second; an encoder may hold its interpreter for 0.3 s
RESTARTING = "the recognizer is being restarted"
_SEND_BUFFER_BYTES = 1_000_000

OnMessage = Callable[[Sighting | LaneState], None]


class WorkerProcess:
    """One supervised worker process; its lanes stay with it, so that a stream that crashes it affects few others."""

    def __init__(self, encoder: str, opener: str, on_message: OnMessage) -> None:
        self._encoder, self._opener = encoder, opener
        self._on_message = on_message
        self._lock = threading.Lock()
        self._lanes: dict[str, LaneConfig] = {}
        self._lines = LineReader()
        self._model = ""
        self._refusal: str | None = None
        self._child = ChildProcess(self._build_command, send_buffer_bytes=_SEND_BUFFER_BYTES)
        self._supervisor = ChildSupervisor("recognizer", self._child, self, MAX_SILENCE_S)
        self.frames = 0

    @property
    def pid(self) -> int | None:
        """Return the id of the process that runs, or None."""
        return self._child.pid

    def set_lanes(self, lanes: Sequence[LaneConfig]) -> None:
        """Serve these lanes from now on, also after a restart; the first of them starts the process."""
        wanted = {lane.device: lane for lane in lanes}
        with self._lock:
            if wanted == self._lanes:
                return
            self._lanes = wanted
            self._child.send_now(encode(Configure(tuple(lanes))))
            # A box without cameras needs none of the 100 MB that an encoder takes.
            if wanted:
                self._supervisor.start()

    def set_encoder(self, encoder: str) -> None:
        """Use another encoder from now on; a running process is replaced."""
        with self._lock:
            if encoder == self._encoder:
                return
            self._encoder = encoder
            self._supervisor.replace()

    def settle(self, device: str, track: str) -> None:
        """Send the worker that the daemon has decided about a track."""
        self._child.send_now(encode(Settled(device, track)))

    def stop(self) -> None:
        """Let the process end; `join` waits for it."""
        self._supervisor.stop()

    def join(self, timeout: float) -> None:
        """Wait for the process's end; kill it after `timeout` seconds."""
        self._supervisor.join(timeout)

    def on_started(self) -> None:
        """Send the lanes to a new process."""
        with self._lock:
            self._lines = LineReader()
            self._child.send_now(encode(Configure(tuple(self._lanes.values()))))

    def on_data(self, data: bytes) -> bool:
        """Handle the messages that `data` completes; return True if the encoder is loaded."""
        is_ready = False
        for message in [decode(line) for line in self._lines.feed(data)]:
            if isinstance(message, Failed):
                self._refusal = message.cause
                raise ChildFailed(message.cause)
            if isinstance(message, Ready):
                self._model, self._refusal = message.model, None
                is_ready = True
            self._dispatch(message)
        return is_ready

    def on_lost(self, cause: str) -> None:  # noqa: ARG002  the supervisor logs it; a camera's cause is for people
        """Report the lanes as offline until the next process serves them."""
        with self._lock:
            devices = list(self._lanes)
        for device in devices:
            self._forward(LaneState(device, False, self._refusal or RESTARTING))

    def _build_command(self, descriptor: int) -> list[str]:
        module = "devicemgr.recognition.workers.worker"
        with self._lock:
            return [sys.executable, "-P", "-m", module, str(descriptor), self._encoder, self._opener]

    def _dispatch(self, message: Message) -> None:
        """Forward messages that concern a lane of this worker."""
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
            is_known = device in self._lanes
        if is_known:
            self._forward(message)

    def _forward(self, message: Sighting | LaneState) -> None:
        """Call the handler; its failure is logged and does not end the connection."""
        try:
            self._on_message(message)
        except Exception:
            log.exception("Failed to handle a message of a recognizer")
