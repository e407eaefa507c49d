"""Rows of zones and interlocks."""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from devicemgr.domain.zones import Enforcement, Interlock, Zone
from devicemgr.store.site.lookup import find_named
from devicemgr.store.tables import PortalRow
from devicemgr.store.zone_tables import InterlockRow, ZoneRow

DEFAULTS: Mapping[str, Any] = {
    "anti_passback": "off",
    "exit_check": "off",
    "strict_path": False,
    "again_after_minutes": 0,
    "forget_after_minutes": 0,
    "forget_at": None,
    "timezone": None,
    "when_unsure": "soft",
    "max": None,
    "min": None,
    "warn_at": [],
    "opens_with": [],
    "while_present": False,
    "assembly": False,
}
"""The rules of a zone as they are when nothing is stated; without a `timezone` the site's holds."""


def zone(session: Session, name: str) -> ZoneRow:
    """Return the zone of that name, or NotFound."""
    return find_named(session, ZoneRow, "zone", name)


def zones(session: Session) -> Sequence[ZoneRow]:
    """Return all zones by name."""
    return session.scalars(select(ZoneRow).order_by(ZoneRow.name)).all()


def zone_json(row: ZoneRow) -> dict[str, Any]:
    """Return the configuration of a zone, with defaults for what is not stated."""
    return {"name": row.name, "parent": row.parent, **DEFAULTS, **row.rules}


def zone_model(row: ZoneRow, site_timezone: str) -> Zone:
    """Return the zone that the rules evaluate."""
    rules = zone_json(row)
    return Zone(
        name=row.name,
        parent=row.parent,
        anti_passback=Enforcement(rules["anti_passback"]),
        exit_check=Enforcement(rules["exit_check"]),
        strict_path=rules["strict_path"],
        again_after_minutes=rules["again_after_minutes"],
        forget_after_minutes=rules["forget_after_minutes"],
        forget_at=time.fromisoformat(rules["forget_at"]) if rules["forget_at"] else None,
        timezone=rules["timezone"] or site_timezone,
        when_unsure=Enforcement(rules["when_unsure"]),
        max_people=rules["max"],
        min_people=rules["min"],
        warn_at=tuple(rules["warn_at"]),
        opens_with=frozenset(rules["opens_with"]),
        while_present=rules["while_present"],
        assembly=rules["assembly"],
    )


def children(session: Session, name: str) -> Sequence[str]:
    """Return the names of the zones right below one."""
    return session.scalars(select(ZoneRow.name).where(ZoneRow.parent == name).order_by(ZoneRow.name)).all()


def below(session: Session, name: str) -> frozenset[str]:
    """Return the zone and all zones below it."""
    parents = {row.name: row.parent for row in zones(session)}
    found = {name}
    while more := {zone for zone, parent in parents.items() if parent in found} - found:
        found |= more
    return frozenset(found)


def portals_at(session: Session, name: str) -> Sequence[str]:
    """Return the names of the portals that lead into or out of a zone."""
    joins = or_(PortalRow.outside == name, PortalRow.inside == name)
    return session.scalars(select(PortalRow.name).where(joins).order_by(PortalRow.name)).all()


def zones_opened_by(session: Session, level: str) -> list[str]:
    """Return the names of the zones that a level opens."""
    return [row.name for row in zones(session) if level in row.rules.get("opens_with", ())]


def interlock(session: Session, name: str) -> InterlockRow:
    """Return the interlock of that name, or NotFound."""
    return find_named(session, InterlockRow, "interlock", name)


def interlocks(session: Session) -> Sequence[InterlockRow]:
    """Return all interlocks by name."""
    return session.scalars(select(InterlockRow).order_by(InterlockRow.name)).all()


def interlocks_of(session: Session, portal: str) -> list[str]:
    """Return the names of the interlocks that a portal is in."""
    return [row.name for row in interlocks(session) if portal in row.portals]


def interlock_json(row: InterlockRow) -> dict[str, Any]:
    """Return the configuration of an interlock."""
    return {"name": row.name, "portals": row.portals, "settle_seconds": row.settle_seconds}


def interlock_model(row: InterlockRow) -> Interlock:
    """Return the interlock that the rules evaluate."""
    return Interlock(row.name, frozenset(row.portals), row.settle_seconds)
