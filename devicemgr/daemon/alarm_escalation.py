"""The periodic job that escalates alarms."""

import time
from collections.abc import Callable

from devicemgr.site.areas import alarms
from devicemgr.site.site import Site

_LOOK_S = 5.0
# What was submitted is on record by then; before, it would be submitted again.
_SETTLE_S = 30.0


class AlarmEscalation:
    """Looks every few seconds; for the scheduler's thread."""

    def __init__(self, site: Site, clock: Callable[[], float] = time.monotonic) -> None:
        self._site = site
        self._clock = clock
        self._next = 0.0

    def consider(self) -> None:
        """Escalate what is due."""
        now = self._clock()
        if now < self._next or self._site.database.frozen:
            return
        self._next = now + (_SETTLE_S if alarms.escalate(self._site) else _LOOK_S)
