"""The reports by name."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from devicemgr.domain.rules.outgoing.reports import OF_PERSONS
from devicemgr.errors import TooManyTries
from devicemgr.operations.reports import attendance, denials, musters, visitors
from devicemgr.operations.reports.span import Wanted
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.people import people
from devicemgr.store.site import settings

REPORTS: Mapping[str, Callable[[Site, Wanted], dict[str, Any]]] = {
    attendance.PRESENCE: attendance.presence,
    attendance.FIRST_LAST: attendance.first_last,
    attendance.HOURS: attendance.hours,
    denials.DENIALS: denials.denials,
    visitors.VISITORS: visitors.visitors,
    musters.MUSTERS: musters.musters,
}


# One at a time: a report takes a core for seconds, and the entrances need the other.
_TURN = threading.Lock()
_PATIENCE_S = 30.0


def make(site: Site, report: str, wanted: Wanted) -> dict[str, Any]:
    """Return a report as a JSON document.

    Raises SwitchedOff for one of persons' times where attendance is off, TooManyTries while others are being made.
    """
    if report in OF_PERSONS:
        with site.database.read() as session:
            settings.require_attendance(session)
    if not _TURN.acquire(timeout=_PATIENCE_S):
        raise TooManyTries(
            "another report is being made; try again in a minute", code="report_running", retry_after_s=60
        )
    try:
        return REPORTS[report](site, wanted)
    finally:
        _TURN.release()


def record(work: UnitOfWork, document: Mapping[str, Any], wanted: Wanted) -> None:
    """Record that a report of persons' times was made: whose, if of one, and of which time."""
    person = people.get(work.session, wanted.person).id if wanted.person is not None else None
    detail = {"report": document["report"], "from": document["from"], "to": document["to"], "zone": wanted.zone}
    work.record("admin.report_made", detail, person_id=person)
