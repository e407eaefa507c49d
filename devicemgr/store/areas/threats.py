"""Rows of threats: those that are defined, and those in force, kept in the transaction of each event that sets one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Requirement
from devicemgr.domain.rules.threats.threat import SITE, FreePortals, Threat, ThreatInForce
from devicemgr.store.site.lookup import find_named
from devicemgr.store.zone_tables import ThreatInForceRow, ThreatRow

DEFAULTS: Mapping[str, Any] = {
    "order": 1,
    "require": "any",
    "allow": [],
    "scope": [SITE],
    "free": "suspend",
    "egress": "free",
}
"""A threat as it is when nothing is stated."""

PORTAL_MODE = "admin.portal_mode"
_MAX_REASON = 300


def threat(session: Session, name: str) -> ThreatRow:
    """Return the threat of that name, or NotFound."""
    return find_named(session, ThreatRow, "threat", name)


def threats(session: Session) -> Sequence[ThreatRow]:
    """Return all threats that are defined, by name."""
    return session.scalars(select(ThreatRow).order_by(ThreatRow.name)).all()


def threat_json(row: ThreatRow) -> dict[str, Any]:
    """Return the definition of a threat, with defaults for what is not stated."""
    return {"name": row.name, **DEFAULTS, **row.rules}


def threat_model(row: ThreatRow) -> Threat:
    """Return the threat that the rules evaluate."""
    rules = threat_json(row)
    return Threat(
        row.name,
        rules["order"],
        Requirement(rules["require"]),
        frozenset(rules["allow"]),
        frozenset(rules["scope"]),
        FreePortals(rules["free"]),
    )


def threats_allowing(session: Session, level: str) -> list[str]:
    """Return the names of the threats that allow a level."""
    return [row.name for row in threats(session) if level in row.rules.get("allow", ())]


def threats_over(session: Session, zone: str) -> list[str]:
    """Return the names of the threats that have a zone in their scope, as defined or as set."""
    defined = [row.name for row in threats(session) if zone in row.rules.get("scope", ())]
    return defined or [one.name for one in in_force(session).values() if zone in one.scope]


def in_force(session: Session) -> dict[str, ThreatInForce]:
    """Return the threats in force, by name."""
    rows = session.scalars(select(ThreatInForceRow).order_by(ThreatInForceRow.name))
    return {
        row.name: ThreatInForce(
            row.name,
            frozenset(row.scope),
            datetime.fromisoformat(row.since),
            row.reason,
            row.actor,
            frozenset(row.freed),
        )
        for row in rows
    }


def store(session: Session, event: Mapping[str, Any]) -> None:
    """Keep or remove the threat that an event sets or ends, and note which portals a guard frees in spite of one."""
    detail = event["detail"] or {}
    if event["kind"] == Kind.THREAT_SET:
        session.merge(
            ThreatInForceRow(
                name=detail["threat"],
                scope=list(detail["scope"]),
                since=event["time"],
                reason=str(detail.get("reason") or "")[:_MAX_REASON],
                actor=event.get("actor"),
                freed=[],
            )
        )
    elif event["kind"] == Kind.THREAT_ENDED:
        row = session.get(ThreatInForceRow, detail["threat"])
        if row is not None:
            session.delete(row)
            session.flush()
    elif event["kind"] == PORTAL_MODE:
        for row in session.scalars(select(ThreatInForceRow)):
            others = [name for name in row.freed if name != event["portal"]]
            row.freed = [*others, event["portal"]] if detail.get("despite") == row.name else others
