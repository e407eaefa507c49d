"""Notices a stream that repeats for hours what is long past before it says what happens now (K1T342EFWX V3.3.5)."""

import time

# A sound console repeats a few hundred events within seconds, then goes on with what happens.
REPLAY_S, MIN_REPLAYED = 30.0, 30
# Repeated events that are further apart are no row of them.
MAX_GAP_S = 10.0
# How long such a stream is left alone.
RETRY_S = 3600.0
COMPLAINT = (
    "its stream repeats what is long past ({count} events in {seconds:.0f} s, none of now); its memory is read every "
    "{poll:g} s and its pushes are taken instead; update its firmware"
)
NO_QUESTIONS = "; its questions may not come in time: set remote_check=push with a push_port, or decide=console"


class ReplayWatch:
    """For the stream's thread; `is_replaying` for any, until the stream says what happens now."""

    def __init__(self) -> None:
        self.is_replaying = False
        self.is_useless = False  # this connection of the stream
        self.count = 0
        self.seconds = 0.0
        self._began = self._last = time.monotonic()

    def connected(self) -> None:
        """Start counting for a new stream."""
        self.count, self.is_useless = 0, False

    def saw(self, *, is_now: bool) -> None:
        """Take an event of the stream."""
        if is_now:
            self.is_replaying, self.is_useless, self.count = False, False, 0
            return
        now = time.monotonic()
        if self.count == 0 or now - self._last > MAX_GAP_S:
            self.count, self._began = 0, now
        self.count, self._last = self.count + 1, now
        if self.count >= MIN_REPLAYED and now - self._began >= REPLAY_S:
            self.is_replaying = self.is_useless = True
            self.seconds = now - self._began
