"""How often access was denied, by reason, portal and person."""

import json
from dataclasses import dataclass
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.operations.reports.span import MAX_ROWS, Names, Wanted, document_of, span_of, too_many_rows
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.ledger import spans
from devicemgr.store.site import portals as portal_rows, zones as zone_rows
from devicemgr.text import rfc3339

DENIALS = "denials"


@dataclass(slots=True)
class _Count:
    count: int
    first: str
    last: str


def denials(site: Site, wanted: Wanted) -> dict[str, Any]:
    """Return counts of denials, the most frequent first; with a zone, those at its portals and of zones below it."""
    with site.database.read() as session:
        span = span_of(session, wanted)
        portals = _portals_of(session, wanted.zone) if wanted.zone is not None else None
    found: dict[tuple[str, str | None, str | None], _Count] = {}
    for body in spans.bodies(
        site.database, spans.Span(rfc3339(span.since), rfc3339(span.until), (Kind.ACCESS_DENIED,))
    ):
        event = json.loads(body)
        if portals is not None and event["portal"] not in portals:
            continue
        if span.person_id is not None and event["person_id"] != span.person_id:
            continue
        key = (event["reason"] or "", event["portal"], event["person_id"])
        count = found.setdefault(key, _Count(0, event["time"], event["time"]))
        count.count, count.last = count.count + 1, event["time"]
        if len(found) > MAX_ROWS:
            raise too_many_rows()
    with site.database.read() as session:
        names = Names(session, {person for _, _, person in found if person}, with_names=wanted.names)
    rows = [
        {"reason": reason or None, "portal": portal}
        | names.of(person)
        | {"count": count.count, "first": count.first, "last": count.last}
        for (reason, portal, person), count in sorted(
            found.items(),
            key=lambda one: (-one[1].count, one[0][0], one[0][1] or "", *names.order(one[0][2] or "")),
        )
    ]
    return document_of(DENIALS, span, rows, total=sum(count.count for count in found.values()))


def _portals_of(session: Session, zone: str) -> frozenset[str]:
    """Return the portals that lead into or out of a zone or one below it."""
    inside = zone_rows.below(session, zone)
    return frozenset(row.name for row in portal_rows.portals(session) if {row.outside, row.inside} & inside)
