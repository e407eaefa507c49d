"""A camera's reading thread: opens the stream, keeps only the newest frame, comes back after a loss."""

import logging
import random
import threading
from collections.abc import Callable

from devicemgr.domain.model import VideoSource
from devicemgr.domain.ports.video import Frame, FrameSource
from devicemgr.errors import DevicemgrError, DeviceRefused

log = logging.getLogger(__name__)

FIRST_WAIT = 0.5
MAX_WAIT = 10.0
REFUSED_WAIT = 300.0  # cameras lock an account after a few wrong passwords; a corrected one arrives as a new lane

Opener = Callable[[VideoSource], FrameSource]
StateListener = Callable[[str | None], None]


class NewestFrames:
    """One stream's newest frame; older ones are dropped undecoded into RGB where the source can."""

    def __init__(
        self, source: VideoSource, opener: Opener, on_state: StateListener, on_frame: Callable[[], None]
    ) -> None:
        self._source, self._opener = source, opener
        self._on_state, self._on_frame = on_state, on_frame
        self._frame: Frame | None = None
        self._stopping = threading.Event()
        self._stream: FrameSource | None = None
        self._lock = threading.Lock()
        self._reported: str | None = "not yet connected"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def take(self) -> Frame | None:
        """Return the newest frame not taken yet."""
        with self._lock:
            frame, self._frame = self._frame, None
            return frame

    @property
    def waiting(self) -> bool:
        """Whether there is a frame to take."""
        return self._frame is not None

    def stop(self) -> None:
        """Let go of the stream; its thread ends at the next packet or read deadline."""
        with self._lock:
            self._stopping.set()
            stream = self._stream
        if stream is not None:
            stream.close()

    def _run(self) -> None:
        losses = 0
        while not self._stopping.is_set():
            cause, refused = self._read_until_lost()
            if self._stopping.is_set():
                return
            losses = 1 if self._reported is None else losses + 1  # None: it worked until now
            self._tell(cause)
            wait = REFUSED_WAIT if refused else min(MAX_WAIT, FIRST_WAIT * 2 ** min(losses - 1, 10))
            self._stopping.wait(wait * random.uniform(0.8, 1.2))  # noqa: S311  spreads the load

    def _read_until_lost(self) -> tuple[str, bool]:
        """Why the stream was lost, and whether the camera said no to us."""
        try:
            self._read()
            return "the stream ended", False
        except DevicemgrError as error:
            return str(error), isinstance(error, DeviceRefused)
        except Exception:
            log.exception("reading a camera failed unexpectedly")
            return "the recognizer failed on this stream; see the log", False

    def _read(self) -> None:
        stream = self._opener(self._source)
        with self._lock:
            self._stream = stream
        try:
            for frame in stream:
                if self._stopping.is_set():
                    return
                with self._lock:
                    self._frame = frame
                self._tell(None)
                self._on_frame()
        finally:
            with self._lock:
                self._stream = None
            stream.close()

    def _tell(self, cause: str | None) -> None:
        if cause != self._reported:
            self._reported = cause
            self._on_state(cause)
