"""Musters and drills: how many were on the list, and how many were found."""

import json
from typing import Any

from devicemgr.operations.reports.span import ReportSpan, Wanted, document_of, span_of
from devicemgr.site.site import Site
from devicemgr.store.ledger import spans
from devicemgr.store.site import zones as zone_rows
from devicemgr.text import rfc3339

MUSTERS = "musters"
_STARTED, _MARKED, _ENDED = "muster_started", "muster_marked", "muster_ended"
_FOUND = ("missing", "safe", "out", "not_here")


def musters(site: Site, wanted: Wanted) -> dict[str, Any]:
    """Return the musters that began in the span, the oldest first; one that runs has no totals yet."""
    with site.database.read() as session:
        span = span_of(session, wanted)
        zones = zone_rows.below(session, wanted.zone) if wanted.zone is not None else None
    # One that began late in the span is followed to its end.
    read = spans.Span(rfc3339(span.since), "9999", (_STARTED, _MARKED, _ENDED))
    found: dict[str, dict[str, Any]] = {}
    for body in spans.bodies(site.database, read):
        _take(found, json.loads(body), span)
    rows = [row for row in found.values() if zones is None or row["zone"] in {None, *zones}]
    return document_of(MUSTERS, span, rows)


def _take(found: dict[str, dict[str, Any]], event: dict[str, Any], span: ReportSpan) -> None:
    detail = event["detail"]
    muster = str(detail.get("muster"))
    if event["kind"] == _STARTED:
        if event["time"] < rfc3339(span.until):
            found[muster] = _begun(event, detail)
    elif muster not in found:
        return
    elif event["kind"] == _MARKED:
        found[muster]["marks"] += 1
    else:
        totals = detail.get("totals") or {}
        found[muster] |= {"ended": event["time"]} | {name: totals.get(name) for name in _FOUND}


def _begun(event: dict[str, Any], detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "muster": detail.get("muster"),
        "zone": detail.get("zone"),
        "drill": bool(detail.get("drill")),
        "started": event["time"],
        "ended": None,
        "by": event["actor"],
        "because": detail.get("because"),
        "count": detail.get("count"),
        "unnamed": detail.get("unnamed"),
        "marks": 0,
        **dict.fromkeys(_FOUND),
    }
