"""Wall-clock deadlines for many short jobs, kept by one thread: a timer each would start a thread each."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Deadlines:
    """Calls what is due, each in the one thread, so what it calls must be quick."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, list[Callable[[], None]]]] = []
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, job: Callable[[], None]) -> Callable[[], None]:
        """Call `job` after so many seconds, unless what is returned is called before."""
        held = [job]
        entry = (time.monotonic() + seconds, next(self._numbers), held)
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            heapq.heappush(self._due, entry)
            if self._due[0] is entry:
                self._changed.notify()
        return held.clear

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due or self._due[0][0] > time.monotonic():
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                _, _, held = heapq.heappop(self._due)
            for job in held[:1]:
                job()


DEADLINES = Deadlines()
