"""Reports of persons' times: presence, first and last of each day, and hours; off unless a site switches them on."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.domain.rules.areas.fold import FOLDS
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.attendance.edges import stays_in
from devicemgr.domain.rules.attendance.hours import PersonDay, Timesheet, sums
from devicemgr.domain.rules.attendance.stays import Stay
from devicemgr.operations.reports.span import MAX_ROWS, Names, ReportSpan, Wanted, document_of, span_of, too_many_rows
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.ledger import spans
from devicemgr.store.site import portals as portal_rows, settings, zones as zone_rows
from devicemgr.text import rfc3339

PRESENCE, FIRST_LAST, HOURS = "presence", "first-last", "hours"

# Who is inside as a report begins, and when who is inside as it ends leaves, is looked for as far as a zone can
# remember (forget_after_minutes).
MARGIN = timedelta(days=7)
_SITE = "site"
_KINDS = (*FOLDS, Kind.DEVICE_OFFLINE, Kind.DEVICE_ONLINE)


def presence(site: Site, wanted: Wanted) -> dict[str, Any]:
    """Return who was in which zone from when to when."""
    with site.database.read() as session:
        span, zones = span_of(session, wanted, by_days=True), _zone_map(session)
    groups = {zone: zone for zone in _zones_of(wanted, zones)}
    found = []
    for stay in _stays(site, span, zones, groups):
        if _overlaps(stay, span):
            found.append(stay)
            if len(found) > MAX_ROWS:
                raise too_many_rows()
    with site.database.read() as session:
        names = Names(session, {stay.person_id for stay in found}, with_names=wanted.names)
    rows = [
        names.of(stay.person_id)
        | {"zone": stay.group, "from": _text(stay.begin), "to": _text(stay.end)}
        | {"hours": _hours(stay.seconds), "exceptions": sorted(stay.flags)}
        for stay in sorted(found, key=lambda stay: (*names.order(stay.person_id), stay.known_from))
    ]
    return _document(PRESENCE, span, rows, zones)


def first_last(site: Site, wanted: Wanted) -> dict[str, Any]:
    """Return the first entry and the last exit of each person's days."""
    span, zones, days, names = _sheet(site, wanted)
    rows = [
        names.of(day.person_id)
        | {"day": day.day.isoformat(), "first": _text(day.first), "last": _text(day.last)}
        | {"exceptions": sorted(day.flags)}
        for day in days
    ]
    return _document(FIRST_LAST, span, rows, zones)


def hours(site: Site, wanted: Wanted) -> dict[str, Any]:
    """Return the hours of each person's days, and their sum."""
    span, zones, days, names = _sheet(site, wanted)
    rows = [
        names.of(day.person_id)
        | {"day": day.day.isoformat(), "hours": _hours(day.seconds), "exceptions": sorted(day.flags)}
        for day in days
    ]
    totals = [
        names.of(total.person_id)
        | {"hours": _hours(total.seconds), "days": total.days, "days_without_hours": total.without_hours}
        for total in sums(days).values()
    ]
    return _document(HOURS, span, rows, zones, totals=totals)


def _sheet(site: Site, wanted: Wanted) -> tuple[ReportSpan, ZoneMap, list[PersonDay], Names]:
    """Return the days of everyone in the order of badges, and how people are named."""
    with site.database.read() as session:
        span, zones = span_of(session, wanted, by_days=True), _zone_map(session)
    sheet = Timesheet(span.day_starts, span.zone)
    for stay in _stays(site, span, zones, dict.fromkeys(_zones_of(wanted, zones), _SITE)):
        if span.holds(stay.counts_for):
            sheet.add(stay)
            if len(sheet.days) > MAX_ROWS:
                raise too_many_rows()
    with site.database.read() as session:
        names = Names(session, {day.person_id for day in sheet.days.values()}, with_names=wanted.names)
    order = sorted(sheet.days.values(), key=lambda day: (*names.order(day.person_id), day.day))
    return span, zones, order, names


def _stays(site: Site, span: ReportSpan, zones: ZoneMap, groups: Mapping[str, str]) -> Iterator[Stay]:
    """Yield the stays of the span, and some of the time around it."""
    read = spans.Span(rfc3339(_moved(span.since, -MARGIN)), rfc3339(_moved(span.until, MARGIN)), _KINDS)
    bodies = map(json.loads, spans.moving_bodies(site.database, read))
    for stay in stays_in(bodies, zones, groups, _edges(site, zones, groups), span.until):
        if span.person_id is None or stay.person_id == span.person_id:
            yield stay


def _edges(site: Site, zones: ZoneMap, groups: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return the gates through which one enters or leaves each group."""
    found: dict[str, set[str]] = {}
    with site.database.read() as session:
        portals = [portal_rows.portal_model(row) for row in portal_rows.portals(session)]
    for portal in portals:
        sides = [groups.get(zone) for zone in zones.sides(portal.name, Direction.ENTRY) or ()]
        if len(set(sides)) == 2:
            for group in filter(None, sides):
                found.setdefault(group, set()).add(portal.gate)
    return {group: frozenset(gates) for group, gates in found.items()}


def _zone_map(session: Session) -> ZoneMap:
    timezone = settings.load(session).timezone or "UTC"
    models = {row.name: zone_rows.zone_model(row, timezone) for row in zone_rows.zones(session)}
    return ZoneMap(models, {row.name: portal_rows.portal_model(row) for row in portal_rows.portals(session)})


def _zones_of(wanted: Wanted, zones: ZoneMap) -> tuple[str, ...]:
    return tuple(zones.zones) if wanted.zone is None else zones.below(wanted.zone)


def _overlaps(stay: Stay, span: ReportSpan) -> bool:
    return stay.known_from < span.until and (stay.known_to is None or stay.known_to >= span.since)


def _moved(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError:
        return (datetime.min if by < timedelta() else datetime.max).replace(tzinfo=UTC)


def _document(report: str, span: ReportSpan, rows: list[dict[str, Any]], zones: ZoneMap, **more: Any) -> dict[str, Any]:
    return document_of(
        report,
        span,
        rows,
        **more,
        day_starts=span.day_starts.isoformat("minutes"),
        zones=sorted(name for name in zones.zones if zones.portals_of(name)),
    )


def _text(at: datetime | None) -> str | None:
    return rfc3339(at) if at is not None else None


def _hours(seconds: float | None) -> float | None:
    return round(seconds / 3600, 4) if seconds is not None else None
