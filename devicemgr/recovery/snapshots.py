"""The last good snapshot: a whole copy of the database beside it, for the day on which that can't be used.

It is taken when something changed, looked through before it replaces the one before, and never holds for long what was
erased: as soon as it has more of anybody than the database, a new one is taken and the old one's bytes overwritten.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

from devicemgr.atomic_files import sync_folder
from devicemgr.errors import DevicemgrError, StorageFailed
from devicemgr.home import Home
from devicemgr.store import integrity

log = logging.getLogger(__name__)

# People and rights at once, so that no snapshot gives a lost right back; events now and then.
_RIGHTS_S, _EVENTS_S = 30.0, 600.0
_LOOK_S = 5.0
# A big database is copied less often: no more than half a percent of the time.
_TIMES_AS_LONG = 200
_AT_STOP_S = 1.0
_CHUNK = 1024 * 1024


class Snapshots:
    """Of one home; `failing` says why the newest could not be taken. One thread at a time."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._stamp: tuple[str, int] | None = None
        self._seen: str | None = None
        self._taken = self._took = 0.0
        self.failing: str | None = None

    def take(self) -> None:
        """Take one now; StorageFailed, and the one before stays, when it is not whole."""
        with self._lock:
            began = time.monotonic()
            stamp = integrity.stamp(self._home.database)
            draft = self._home.snapshot.with_suffix(".new")
            draft.parent.mkdir(mode=0o700, exist_ok=True)
            integrity.copy(self._home.database, draft)
            self._replace()
            self._stamp, self._seen = stamp, stamp[0]
            self._taken, self._took = time.monotonic(), time.monotonic() - began

    def _replace(self) -> None:
        path, old = self._home.snapshot, -1
        try:
            if path.exists():
                old = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            path.with_suffix(".new").rename(path)
            sync_folder(path.parent)
            if old >= 0:
                _overwrite(old)
        except OSError as error:
            raise StorageFailed(f"the snapshot could not be replaced ({error}); check the home folder") from error
        finally:
            if old >= 0:
                os.close(old)

    def take_when_due(self, *, at_stop: bool = False) -> None:
        """Take one when it is due, or a person was erased; a failure is logged once, and reported by `failing`."""
        try:
            if self._is_due(at_stop) or self._outlives_a_person():
                self.take()
                self.failing = None
        except DevicemgrError as error:
            if self.failing != str(error):
                log.error("no snapshot of the database could be taken: %s", error)
            self.failing = str(error)
            self._taken = time.monotonic()

    def keep_erasures(self) -> None:
        """For a command without a daemon: what it erased is not to live on in the snapshot."""
        if self._home.snapshot.exists() and self._outlives_a_person():
            self.take()

    def _is_due(self, at_stop: bool) -> bool:
        if not self._home.snapshot.exists():
            return True
        if self._stamp is None:
            self._stamp = integrity.stamp(self._home.snapshot)
        if at_stop and self._took > _AT_STOP_S:
            return False
        found = integrity.stamp(self._home.database)
        soon = _EVENTS_S if found[0] == self._stamp[0] else _RIGHTS_S
        pause = 0.0 if at_stop or not self._taken else max(soon, _TIMES_AS_LONG * self._took)
        return found != self._stamp and time.monotonic() - self._taken >= pause

    def _outlives_a_person(self) -> bool:
        """Return True if the snapshot has more of a person than the database.

        Looked at once for each state of the site.
        """
        revision = integrity.stamp(self._home.database)[0]
        if revision == self._seen:
            return False
        found = integrity.holds_more_of_people(self._home.snapshot, self._home.database)
        self._seen = None if found else revision
        return found


class SnapshotKeeper:
    """Takes them on a thread of its own."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Take a last one, if that can be done quickly."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            self._safely(self._snapshots.take_when_due)
        self._safely(lambda: self._snapshots.take_when_due(at_stop=True))

    def _safely(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:
            log.exception("the snapshot could not be looked after")


def _overwrite(descriptor: int) -> None:
    """Overwrite the file, so that bytes of people who were erased are not to be found on the disk either."""
    size = os.fstat(descriptor).st_size
    for place in range(0, size, _CHUNK):
        os.pwrite(descriptor, bytes(min(_CHUNK, size - place)), place)
    os.fsync(descriptor)
