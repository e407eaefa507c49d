"""Grants of the last run whose unlock was never reported: it ended between the record and the gate's answer."""

import logging

from devicemgr.access.ledger_facts import unconfirmed_fact
from devicemgr.domain.ledger_events import Kind
from devicemgr.errors import StorageFailed
from devicemgr.site.site import Site
from devicemgr.store.database import get_meta, set_meta
from devicemgr.store.ledger import events

log = logging.getLogger(__name__)

_SETTLED = "openings_settled_seq"
_REQUESTS = (Kind.ACCESS_GRANTED, "admin.portal_open")
_OUTCOMES = (Kind.PORTAL_UNLOCKED, Kind.PORTAL_UNLOCK_FAILED, Kind.PORTAL_UNLOCK_UNCONFIRMED, Kind.ACCESS_DENIED)


def mark(site: Site) -> None:
    """Record each such opening as unconfirmed; a failure is logged, and made up for at the next start."""
    try:
        with site.database.write(changes_site=False) as session:
            after = int(get_meta(session, _SETTLED) or 0)
            found = events.unconfirmed(session, _REQUESTS, _OUTCOMES, after)
            # Who went in by another's release has no unlock of their own.
            alone = [body for body in found if "opened_by" not in (body.get("detail") or {})]
            site.ledger.append(session, [unconfirmed_fact(body) for body in alone])
            # A year of events need not be read at each start: up to here each opening has its end.
            set_meta(session, _SETTLED, str(events.head(session)[0]))
    except StorageFailed as error:
        log.error("openings of the last run could not be looked at: %s", error)
