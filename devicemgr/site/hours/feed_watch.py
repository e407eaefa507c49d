"""Read the files that calendars follow when their time has come; in a thread of its own, as a server may be slow."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from devicemgr.errors import DevicemgrError
from devicemgr.site.hours.calendar_refresh import refresh
from devicemgr.site.hours.feeds import Feed, Reading, feed_of, reading_of
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.site import calendars as rows
from devicemgr.text import parse_time

log = logging.getLogger(__name__)

_LOOK_S = 15.0
_RETRY = timedelta(hours=1)


class FeedWatch:
    """Starts readings that are due; `consider` is called by one thread, often."""

    def __init__(self, site: Site, ticks: Callable[[], float] = time.monotonic) -> None:
        self._site, self._ticks = site, ticks
        self._looked: float | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def consider(self) -> None:
        """Start a thread that reads what is due, if the last one is done."""
        if self._looked is not None and self._ticks() - self._looked < _LOOK_S:
            return
        self._looked = self._ticks()
        is_busy = self._thread is not None and self._thread.is_alive()
        if self._site.database.frozen or is_busy or not (due := self._due()):
            return
        self._thread = threading.Thread(target=self._run, args=(due,), name="calendars", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Begin no other reading; one under way is left to its deadline."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _due(self) -> list[str]:
        now = datetime.now(UTC)
        with self._site.database.read() as session:
            found = [(row.name, feed_of(row), reading_of(row)) for row in rows.calendars(session)]
        return [name for name, feed, reading in found if feed is not None and is_due(feed, reading, now)]

    def _run(self, names: list[str]) -> None:
        for name in names:
            if self._stopping.is_set():
                return
            try:
                refresh(self._site, name, lambda: unit_of_work(self._site, None))
            except DevicemgrError as error:
                log.warning("Failed to refresh calendar %s: %s", name, error)
            except Exception:
                log.exception("Failed to refresh calendar %s", name)


def is_due(feed: Feed, reading: Reading | None, now: datetime) -> bool:
    """Return True if a feed is to be read now: after its time, sooner after a failure, or if the clock went back."""
    if reading is None:
        return True
    passed = now - parse_time(reading.tried_at)
    wait = min(feed.interval, _RETRY) if reading.failure else feed.interval
    return passed >= wait or passed < timedelta()
