"""Visits: who came as a visitor, from when to when."""

import json
from typing import Any

from devicemgr.operations.reports.span import Names, Wanted, document_of, span_of
from devicemgr.site.site import Site
from devicemgr.store.ledger import spans
from devicemgr.text import rfc3339

VISITORS = "visitors"
_ARRIVED, _ENDED, _OVERDUE = "visit_arrived", "visit_ended", "visit_overdue"


def visitors(site: Site, wanted: Wanted) -> dict[str, Any]:
    """Return the visits that began in the span, the oldest first."""
    with site.database.read() as session:
        span = span_of(session, wanted)
    found: list[dict[str, Any]] = []
    running: dict[str, dict[str, Any]] = {}
    # One that began late in the span is followed to its end.
    read = spans.Span(rfc3339(span.since), "9999", (_ARRIVED, _ENDED, _OVERDUE))
    for body in spans.bodies(site.database, read):
        event = json.loads(body)
        person = event["person_id"] or ""
        if event["kind"] == _ARRIVED:
            if event["time"] < rfc3339(span.until) and span.person_id in (None, person):
                running[person] = {"person": person, "arrived": event["time"], "left": None, "overdue": False}
                found.append(running[person])
        elif event["kind"] == _OVERDUE and person in running:
            running[person]["overdue"] = True
        elif event["kind"] == _ENDED and person in running:
            running.pop(person)["left"] = event["time"]
    with site.database.read() as session:
        names = Names(session, {visit["person"] for visit in found}, with_names=wanted.names)
    return document_of(VISITORS, span, [names.of(visit.pop("person")) | visit for visit in found])
