"""When the daemon reads which source: by its interval or when its file has changed, and never while that is written."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devicemgr.errors import DevicemgrError, RequestError
from devicemgr.people.sources import drop_folder, run, state
from devicemgr.people.sources.drop_folder import Signature
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.site.sources.fields import SourceFields, fields_of, interval_of
from devicemgr.store.people import sources as rows
from devicemgr.text import parse_time

log = logging.getLogger(__name__)

STABLE_S = 30.0
"""For so long a file must stay as it is before it is read: its sender has finished."""
_LOOK_S = 3.0
# A failure of the storage or of the reading passes by itself; a file that was looked at and refused is not read again.
_RETRY_S = 300.0
# Longer than any upload: a file that changes all the time is a fault that an admin must see.
_RESTLESS_S = 3600.0


@dataclass(slots=True)
class _Seen:
    """What was seen of a source's file, since when, and how and when it was tried last (CLOCK_MONOTONIC seconds)."""

    stated: SourceFields
    signature: Signature | None
    since: float
    restless_since: float
    tried: float | None = None
    tried_signature: Signature | None = None
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the store knows of a source."""

    name: str
    fields: SourceFields
    signature: Signature | None
    ran_at: str | None


class SourceWatch:
    """Starts due runs in a thread of its own; `consider` is called by one thread, a few times a second."""

    def __init__(self, site: Site, runtime: Runtime, ticks: Callable[[], float] = time.monotonic) -> None:
        self._site, self._runtime, self._ticks = site, runtime, ticks
        self._seen: dict[str, _Seen] = {}
        self._looked: float | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def consider(self) -> None:
        """Look at all files, and begin what is due unless a run is under way."""
        now = self._ticks()
        if self._site.database.frozen or (self._looked is not None and now - self._looked < _LOOK_S):
            return
        self._looked = now
        stored = self._stored()
        self._seen = {one.name: self._look(one, now) for one in stored}
        if self._thread is not None and self._thread.is_alive():
            return
        due = [one.name for one in stored if self._is_due(one, self._seen[one.name], now)]
        if due:
            self._thread = threading.Thread(target=self._run, args=(due,), name="sources", daemon=True)
            self._thread.start()

    def stop(self, timeout: float) -> None:
        """Begin no further run, and wait for the one under way."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _stored(self) -> list[_Stored]:
        with self._site.database.read() as session:
            return [
                _Stored(row.name, fields_of(row), state.signature_of(row), (row.state.get("last") or {}).get("at"))
                for row in rows.sources(session)
            ]

    def _look(self, stored: _Stored, now: float) -> _Seen:
        """Return what is seen of a file now; it is stable from the first look that saw it so."""
        signature = drop_folder.look(self._site.home, stored.fields.file)
        before = self._seen.get(stored.name)
        if before is None or before.stated != stored.fields:
            return _Seen(stored.fields, signature, now, now)
        if before.signature != signature:
            before.restless_since = now if self._is_stable(before, now) else before.restless_since
            before.signature, before.since = signature, now
        return before

    def _is_stable(self, seen: _Seen, now: float) -> bool:
        return now - seen.since >= STABLE_S

    def _is_due(self, stored: _Stored, seen: _Seen, now: float) -> bool:
        interval = interval_of(stored.fields.every)
        if not self._is_stable(seen, now):
            if now - seen.restless_since >= _RESTLESS_S:
                seen.restless_since = now
                cause = f"{stored.fields.file} has been written for an hour without an end; let its sender finish"
                state.note_failure(self._site, stored.name, RequestError(cause))
            return False
        if seen.has_failed and seen.tried is not None and now - seen.tried >= _RETRY_S and seen.signature is not None:
            return True
        if interval is None:
            return seen.signature is not None and seen.signature not in (stored.signature, seen.tried_signature)
        if seen.tried is not None:
            return now - seen.tried >= interval.total_seconds()
        return stored.ran_at is None or self._has_passed(parse_time(stored.ran_at), interval)

    def _has_passed(self, ran: datetime, interval: timedelta) -> bool:
        """Return True if a run of an earlier daemon is long ago, or in the future of a clock that was set back."""
        return abs(self._site.clock.now() - ran) >= interval

    def _run(self, names: Sequence[str]) -> None:
        for name in names:
            if self._stopping.is_set():
                return
            seen = self._seen.get(name)
            if seen is None:
                continue
            seen.tried, seen.tried_signature = self._ticks(), seen.signature
            seen.has_failed = not self._sync(name)

    def _sync(self, name: str) -> bool:
        """Return whether the run need not be tried again soon."""
        try:
            run.sync(self._site, self._runtime, name)
        except RequestError as error:  # of the file, which is read again when it has changed
            log.warning("Failed to sync source %s: %s", name, error)
        except DevicemgrError as error:
            log.error("Failed to sync source %s: %s", name, error)
            return False
        except Exception:
            log.exception("Failed to sync source %s", name)
            return False
        return True
