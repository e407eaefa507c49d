"""Which mode is on record as in force at each portal, and the event of one that is not yet."""

import threading
from datetime import UTC, datetime

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Portal, PortalMode
from devicemgr.domain.rules.threats.effective_mode import NORMAL, Because, Effective, Why
from devicemgr.ledger.writer import Ledger
from devicemgr.store.database import Session
from devicemgr.store.ledger import events


class ModeRecord:
    """Any thread. A portal of which nothing is on record is normal."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._known: dict[str, Effective] | None = None

    def recall(self, session: Session) -> None:
        """Read once what is on record."""
        with self._lock:
            if self._known is None:
                newest = events.newest_by_portal(session, Kind.PORTAL_MODE_EFFECTIVE)
                self._known = {
                    portal: Effective(
                        PortalMode(body["detail"]["mode"]),
                        Because(Why(body["detail"]["because"]), body["detail"]["rule"]),
                    )
                    for portal, body in newest.items()
                }

    def is_new(self, portal: str, found: Effective) -> bool:
        """Return True if this is not what is on record, and count it as recorded from now on."""
        with self._lock:
            if self._known is None:
                self._known = {}
            is_new = self._known.get(portal, NORMAL) != found
            self._known[portal] = found
            return is_new

    def note(self, portal: Portal, found: Effective) -> None:
        """Record the mode in force at a portal, unless it is on record."""
        if self.is_new(portal.name, found):
            self._ledger.submit(mode_fact(portal.name, found))


def mode_fact(portal: str, found: Effective, actor: str | None = None) -> Fact:
    """Return the event of a mode that is in force at a portal, and what it is because of."""
    detail = {"mode": str(found.mode), "because": str(found.because.why), "rule": found.because.rule}
    return Fact(Kind.PORTAL_MODE_EFFECTIVE, datetime.now(UTC), portal=portal, actor=actor, detail=detail)
