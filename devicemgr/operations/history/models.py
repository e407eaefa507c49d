"""Make what the rules evaluate of fields as administrative events hold them, by the store's own functions of rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from devicemgr.domain.model import AccessLevel, CalendarDay, Grant, Person, PersonKind, Portal, Schedule
from devicemgr.domain.rules.threats.threat import Threat
from devicemgr.domain.zones import Interlock, Zone
from devicemgr.store.areas import threats
from devicemgr.store.site import access_levels, portals, zones
from devicemgr.store.tables import AccessPointRow, DeviceRow, LevelPortalRow, LevelRow, PortalRow
from devicemgr.store.zone_tables import InterlockRow, ThreatRow, ZoneRow
from devicemgr.text import parse_time

Fields = Mapping[str, Any]


def person_of(person_id: str, fields: Fields, at: datetime, present: Person | None) -> Person:
    """Return a person with these rights at a time; `present` has the badge and name of one who is still there."""
    start, end, consent = fields.get("valid_from"), fields.get("valid_to"), fields.get("consent")
    return Person(
        id=person_id,
        badge=present.badge if present else "",
        name=present.name if present else "",
        valid_from=parse_time(start) if start else None,
        valid_to=parse_time(end) if end else None,
        suspended=bool(fields.get("suspended")),
        face_consent=consent is not None and not (consent.get("until") and parse_time(consent["until"]) <= at),
        levels=frozenset((*fields.get("levels", ()), *fields.get("department_levels", ()))),
        kind=PersonKind(fields.get("kind", PersonKind.STAFF)),
        host_id=fields.get("host_id"),
        escort=bool(fields.get("escort")),
        grants=tuple(map(_grant, fields.get("grants", ()))),
    )


def _grant(fields: Fields) -> Grant:
    start, end = fields.get("valid_from"), fields.get("valid_to")
    times = (parse_time(start) if start else None, parse_time(end) if end else None)
    return Grant(fields["level"], *times, fields.get("uses"), fields.get("uses_left"))


def portal_of(name: str, fields: Fields) -> Portal:
    """Return a portal; what an older event does not name was as it is by default."""
    row = PortalRow(**_columns(fields) | {"name": name, "gate_id": ""})
    row.gate = DeviceRow(name=fields["gate"])
    row.access_points = [_point(side, point) for side in ("entry", "exit") for point in fields.get(side, ())]
    return portals.portal_model(row)


def _point(side: str, text: str) -> AccessPointRow:
    device, channel = portals.split_point(text)
    return AccessPointRow(direction=side, device=DeviceRow(name=device), channel=channel)


def level_of(name: str, fields: Fields) -> AccessLevel:
    """Return an access level."""
    row = LevelRow(name=name, waives=list(fields.get("waives", ())))
    row.escorts, row.escort_up_to = fields.get("escorts", False), fields.get("escort_up_to", 5)
    row.portals = [
        LevelPortalRow(portal_name=portal, schedule_name=schedule) for portal, schedule in fields["portals"].items()
    ]
    return access_levels.level_model(row)


def schedule_of(name: str, fields: Fields, calendars: Mapping[str, Sequence[CalendarDay]]) -> Schedule:
    """Return a schedule with the days of calendars."""
    return access_levels.schedule_of(name, fields, calendars)


def zone_of(name: str, fields: Fields, site_timezone: str) -> Zone:
    """Return a zone."""
    rules = {field: value for field, value in fields.items() if field != "parent"}
    return zones.zone_model(ZoneRow(name=name, parent=fields["parent"], rules=rules), site_timezone)


def interlock_of(name: str, fields: Fields) -> Interlock:
    """Return an interlock."""
    return zones.interlock_model(
        InterlockRow(name=name, portals=list(fields["portals"]), settle_seconds=fields["settle_seconds"])
    )


def threat_of(name: str, fields: Fields) -> Threat:
    """Return a threat as it is defined."""
    return threats.threat_model(ThreatRow(name=name, rules=dict(fields)))


def _columns(fields: Fields) -> dict[str, Any]:
    """Return the columns of a portal, with their defaults where an older event does not name them."""
    found = {}
    for column in PortalRow.__table__.columns:
        default = column.default
        value = default.arg if default is not None and default.is_scalar else default.arg(None) if default else None
        found[column.name] = fields.get(column.name, value)
    return found
