"""Retention: events, photos, faces of ended consents, grants, visitors and leavers are removed after their time.

It runs once a day. Events go from the oldest on, up to a seal: the seal stays, and the key file of the seals says how
far, so that one who can only write the database can't pass a cut of the record off as retention.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.errors import DevicemgrError
from devicemgr.ledger.sealer import Removed, read_key
from devicemgr.people import face_enrollment
from devicemgr.people.sources import leavers
from devicemgr.recovery import backup
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import audit_fact
from devicemgr.store.database import get_meta, set_meta
from devicemgr.store.ledger import events
from devicemgr.store.people import consents, grants, samples
from devicemgr.store.site import settings
from devicemgr.store.visits import rows as visits
from devicemgr.text import parse_time, rfc3339

log = logging.getLogger(__name__)

EVENTS_REMOVED, SAMPLES_REMOVED = "admin.events_removed", "admin.samples_removed"
GRANTS_REMOVED = "admin.grants_removed"
# For so long `person show` has a grant that is over.
GRANTS_DAYS = 30
_RAN = "retention_ran"
_EVERY = timedelta(hours=24)
# A computer that starts with a clock of a year to come is believed: it must not remove everything at once.
_MAX_STEP = timedelta(days=7)
# By then a clock that was wrong when the box started has been set, and a jump of it is believed or undone.
_SETTLED_S = 3600.0
_BATCH = 500
_PAUSE_S = 0.05


class Retention:
    """Starts the daily removal, which runs in its own thread."""

    def __init__(self, site: Site, ticks: Callable[[], float] = time.monotonic) -> None:
        self._site, self._ticks = site, ticks
        self._started = ticks()
        self._ran: float | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def consider(self) -> None:
        """Start the removal if a day has passed and the clock is trusted."""
        clock = self._site.clock
        if self._site.database.frozen:
            return
        if self._ticks() - self._started < _SETTLED_S or clock.ahead_s or clock.behind_s:
            return
        if self._ran is not None and self._ticks() - self._ran < _EVERY.total_seconds():
            return
        if (self._thread is None or not self._thread.is_alive()) and self._is_due(clock.now()):
            self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
            self._thread.start()

    def _is_due(self, now: datetime) -> bool:
        ran = self._last()
        return ran is None or abs(now - ran) >= _EVERY

    def _last(self) -> datetime | None:
        with self._site.database.read() as session:
            ran = get_meta(session, _RAN)
        return parse_time(ran) if ran is not None else None

    def _time(self) -> datetime:
        """Return the time to remove by: at most a week after the last run's, so that a wrong clock costs little."""
        now, ran = self._site.clock.earliest(), self._last()
        return now if ran is None else min(now, ran + _MAX_STEP)

    def stop(self, timeout: float) -> None:
        """Stop between two batches; the next day continues."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            run(self._site, self._time(), self._stopping)
            self._ran = self._ticks()
        except DevicemgrError as error:
            log.error("Failed to remove data past its retention: %s", error)
        except Exception:
            log.exception("Failed to remove data past its retention")


def run(site: Site, now: datetime, stopping: threading.Event | None = None) -> dict[str, int]:
    """Remove what the settings say at `now`; return how much, by kind."""
    with site.database.read() as session:
        found = settings.load(session)
    gone = {"samples": 0, "faces": 0, "people": 0, "visits": 0, "grants": 0, "events": 0}
    if found.samples_days:
        gone["samples"] = _remove_samples(site, _before(now, found.samples_days), found.samples_days)
    gone["faces"] = _remove_faces(site, _before(now, found.consent_grace_days))
    gone["people"] = leavers.erase_due(site, now)
    if found.visits_days:
        gone["visits"] = _remove_visits(site, _before(now, found.visits_days))
    gone["grants"] = _remove_grants(site, _before(now, GRANTS_DAYS))
    if found.retention_days:
        site.sealer.remove_before(_before(now, found.retention_days))
    gone["events"] = _remove_events(site, stopping or threading.Event())
    if any(gone.values()):
        site.database.forget()
    with site.database.write(changes_site=False) as session:
        set_meta(session, _RAN, rfc3339(now))
    return gone


def _before(now: datetime, days: int) -> str:
    return rfc3339(now - timedelta(days=min(days, (now - datetime(1970, 1, 1, tzinfo=UTC)).days)))


def _remove_samples(site: Site, before: str, days: int) -> int:
    with site.database.read() as session:
        if not samples.older(session, before):
            return 0
    with site.database.write() as session:
        count = samples.forget_older(session, before)
        _record(site, session, SAMPLES_REMOVED, {"count": count, "days": days})
    return count


def _remove_visits(site: Site, before: str) -> int:
    """Erase visitors who left long enough ago; the events of their visits keep a random id."""
    with site.database.read() as session:
        due = visits.ended_before(session, before)
    for badge in due:
        face_enrollment.erase(site, None, badge)
    return len(due)


def _remove_grants(site: Site, before: str) -> int:
    """Remove grants that expired or were used up long enough ago."""
    with site.database.read() as session:
        if not grants.count_over(session, before):
            return 0
    with site.database.write() as session:
        count = grants.remove_over(session, before)
        _record(site, session, GRANTS_REMOVED, {"count": count, "days": GRANTS_DAYS})
    return count


def _remove_faces(site: Site, before: str) -> int:
    """Erase the faces of people whose consent ended and was not renewed within the days of grace."""
    with site.database.read() as session:
        people = list(consents.ended_by(session, before))
    for person_id in people:
        face_enrollment.end(site, person_id)
        backup.forget(site.database, site.vault, person_id)
    if people:
        site.gallery.refresh()
    return len(people)


def _remove_events(site: Site, stopping: threading.Event) -> int:
    """Remove events up to where the key file says, in small transactions: the gates' record must not wait."""
    key = read_key(site.home.seal_key)
    removed: Removed | None = key.removed if key else None
    total = 0
    while removed and not stopping.is_set():
        with site.database.write(changes_site=False) as session:
            count = events.remove_oldest(session, removed.through, _BATCH)
            total += count
            if count < _BATCH:
                if total:
                    detail = {"through": removed.through, "head": removed.head, "events": total}
                    _record(site, session, EVENTS_REMOVED, detail)
                return total
        stopping.wait(_PAUSE_S)
    return total


def _record(site: Site, session: Any, kind: str, detail: dict[str, Any]) -> None:
    site.ledger.append(session, [audit_fact(kind, None, detail)])
