"""What follows by itself for visits: from passages, and from time.

A kill changes nothing, since each visit holds how far its events were looked at.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, Portal
from devicemgr.domain.rules.visits.states import VisitEnd, is_passage, leads_inside
from devicemgr.people.visits import service
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import UnitOfWork, unit_of_work
from devicemgr.store.database import Session
from devicemgr.store.site import portals, zones
from devicemgr.store.tables import PersonRow, PortalRow
from devicemgr.store.visits import rows
from devicemgr.store.visits.rows import Visit
from devicemgr.store.visits.tables import VisitRow
from devicemgr.text import rfc3339

_LOOK_S = 1.0

Event = Mapping[str, Any]


class VisitWatch:
    """Looks every second; for the scheduler's thread."""

    def __init__(self, site: Site, ticks: Callable[[], float] = time.monotonic) -> None:
        self._site, self._ticks = site, ticks
        self._next = 0.0

    def consider(self) -> None:
        """Follow what is due."""
        if self._ticks() < self._next or self._site.database.frozen:
            return
        self._next = self._ticks() + _LOOK_S
        follow(self._site)


def follow(site: Site) -> None:
    """Bring all open visits up to date: who is inside, whose card was collected, who is overdue or did not come."""
    now = rfc3339(site.clock.earliest())
    with site.database.read() as session:
        if not rows.has_open(session) or not (rows.unread_events(session) or _due(session, now)):
            return
    with unit_of_work(site, None) as work:
        # Rows that change without an event, such as `seq`, are written as well: a unit commits at its end.
        for event in rows.unread_events(work.session):
            _follow_event(work, event)
        for found in _due(work.session, now):
            _follow_time(work, found, now)


def _follow_event(work: UnitOfWork, event: Event) -> None:
    row = work.session.get_one(VisitRow, event["person_id"])
    if row.ended is not None:
        return
    row.seq = max(row.seq, int(event["seq"]))
    found = work.session.get(PortalRow, event["portal"]) if event["portal"] else None
    if found is None or not is_passage(event):
        return
    portal = portals.portal_model(found)
    direction = Direction(event["direction"]) if event["direction"] else None
    is_inside = leads_inside(portal, direction, has_zones=bool(zones.zones(work.session)))
    person = work.session.get_one(PersonRow, row.person_id)
    if is_inside is not None:
        row.inside = is_inside
    if is_inside and row.arrived is None:
        row.arrived = event["time"]
        work.record(Kind.VISIT_ARRIVED, {"visit": person.badge, "how": "passage"}, person_id=person.id)
    if _is_collected(work.session, portal, direction, event):
        service.end(work, person, row, VisitEnd.CARD_RETURNED, event["time"])


def _is_collected(session: Session, portal: Portal, direction: Direction | None, event: Event) -> bool:
    """Return True for a way out by a card that the portal keeps; a face leaves no card behind."""
    return portal.collects_cards and direction is Direction.EXIT and rows.shown_card(session, event["request"])


def _due(session: Session, now: str) -> list[Visit]:
    """Return visits whose time has ended and of which that is not on record, and those that were prolonged since."""
    return [one for one in rows.open_visits(session) if (one.overdue is not None) != _is_over(one, now)]


def _is_over(found: Visit, now: str) -> bool:
    return found.valid_to is not None and found.valid_to <= now


def _follow_time(work: UnitOfWork, found: Visit, now: str) -> None:
    row = work.session.get_one(VisitRow, found.person_id)
    about = {"visit": found.badge}
    if not _is_over(found, now):
        row.overdue = None
        work.record(Kind.ALARM_ENDED, about | {"alarm": str(Kind.VISIT_OVERDUE)}, person_id=found.person_id)
    elif row.arrived is None:
        service.end(work, work.session.get_one(PersonRow, found.person_id), row, VisitEnd.MISSED)
    else:
        row.overdue = now
        work.record(Kind.VISIT_OVERDUE, about | {"until": found.valid_to}, person_id=found.person_id)
    work.session.flush()
