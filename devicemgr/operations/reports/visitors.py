"""Visits: who came to whom, from when to when."""

import json
from datetime import UTC, datetime
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.visits.states import VisitState
from devicemgr.operations.reports.span import ReportSpan, Wanted, document_of, span_of
from devicemgr.site.site import Site
from devicemgr.store.ledger import spans
from devicemgr.store.visits import rows as visit_rows
from devicemgr.store.visits.rows import Visit
from devicemgr.text import natural_key, rfc3339

VISITORS = "visitors"


def visitors(site: Site, wanted: Wanted) -> dict[str, Any]:
    """Return the visits of the span by badge, those of a person as visitor or host; behind them those of erased people.

    Visitors are erased some time after they left; of them the record says no more than when they came and went.
    """
    with site.database.read() as session:
        span = span_of(session, wanted)
        found = visit_rows.visits(session, rfc3339(span.since), rfc3339(span.until))
    now = rfc3339(datetime.now(UTC))
    known = {visit.person_id for visit in found}
    shown = [visit for visit in found if span.person_id in (None, visit.person_id, visit.host_id)]
    rows = [_row(visit, now, wanted) for visit in sorted(shown, key=lambda one: natural_key(one.badge))]
    if span.person_id is None:
        rows += _erased(site, span, known, wanted)
    return document_of(VISITORS, span, rows)


def _row(visit: Visit, now: str, wanted: Wanted) -> dict[str, Any]:
    state = visit.state(now)
    return (
        {"badge": visit.badge}
        | ({"name": visit.name} if wanted.names else {})
        | {"host": visit.host}
        | ({"host_name": visit.host_name} if wanted.names else {})
        | {
            "state": str(state),
            "valid_from": visit.valid_from,
            "valid_to": visit.valid_to,
            "arrived": visit.arrived,
            "left": visit.ended if state is VisitState.LEFT else None,
            "overdue": visit.overdue is not None or state is VisitState.OVERDUE,
        }
    )


def _erased(site: Site, span: ReportSpan, known: set[str], wanted: Wanted) -> list[dict[str, Any]]:
    """Return what the record says of visits that began in the span and whose visitors are erased."""
    running: dict[str, dict[str, Any]] = {}
    # One that began late in the span is followed to its end.
    read = spans.Span(rfc3339(span.since), "9999", (Kind.VISIT_ARRIVED, Kind.VISIT_ENDED, Kind.VISIT_OVERDUE))
    for body in spans.bodies(site.database, read):
        event = json.loads(body)
        person = event["person_id"] or ""
        if person in known:
            continue
        if event["kind"] == Kind.VISIT_ARRIVED and event["time"] < rfc3339(span.until):
            running[person] = {"arrived": event["time"], "left": None, "overdue": False}
        elif event["kind"] == Kind.VISIT_OVERDUE and person in running:
            running[person]["overdue"] = True
        elif event["kind"] == Kind.VISIT_ENDED and person in running:
            running[person]["left"] = event["time"]
    names = {"name": None, "host_name": None} if wanted.names else {}
    nothing = {"badge": None, "host": None, "state": None, "valid_from": None, "valid_to": None}
    return [names | nothing | visit for visit in running.values()]
