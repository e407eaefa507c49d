"""Faults of a simulated terminal, and how often they happen; each time is logged as `injected`."""

import threading
from collections.abc import Callable

from devicemgr.errors import InvalidInput
from devicemgr.text import safe

# What each does to an answer or, the last four, to the event stream.
KNOWN = {
    "storm": "answers 401 whatever the password",
    "busy": "answers 401 as with too many connections",
    "silent": "takes the request and answers nothing",
    "lost": "does what the request says and hangs up without a response",
    "hang_up": "hangs up before doing anything",
    "refuse": "answers 400",
    "partial": "hangs up in the middle of a body",
    "garbage": "answers bytes that are no HTTP",
    "endless": "a body without an end",
    "drip": "a byte a second",
    "header": "a header without an end",
    "redirect": "sends the client elsewhere",
    "deep": "JSON nested a hundred thousand deep",
    "stream_cut": "the stream ends in the middle of a part",
    "stream_partial": "JSON in the stream that is cut off",
    "stream_mixed": "line ends change within the stream",
    "stream_endless": "a part of the stream without an end",
}


class Faults:
    """Counts down; a count below nought means until further notice."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self._left: dict[str, int] = {}
        self._lock = threading.Lock()
        self._tell = tell

    def put(self, name: str, times: int = 1) -> None:
        """Go wrong that way `times` times; 0 ends it; InvalidInput for a fault that there is not."""
        if name not in KNOWN:
            raise InvalidInput(f"no fault '{safe(name, 40)}'; there are {', '.join(KNOWN)}")
        with self._lock:
            self._left[name] = times

    def take(self, name: str, what: str) -> bool:
        """Return True if request `what` is to go wrong that way now."""
        with self._lock:
            left = self._left.get(name, 0)
            if left == 0:
                return False
            self._left[name] = left - 1 if left > 0 else left
        self._tell("injected", fault=name, request=what)
        return True
