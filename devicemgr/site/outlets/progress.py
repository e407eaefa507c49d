"""How far outlets have come, as it is stored: what lists and `status` show of each, and the alarm of one that fails."""

from datetime import UTC, datetime
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.errors import Hint, StorageFailed
from devicemgr.store.database import Database, Session
from devicemgr.store.ledger import events
from devicemgr.store.outlets import rows
from devicemgr.store.outlets.tables import OutletRow


def outlet_json(session: Session, row: OutletRow) -> dict[str, Any]:
    """Return what `outlet show` prints beside what is stated: how far it has come and what is wrong."""
    head, _ = events.head(session)
    state = row.state
    cursor = rows.given_through(row)
    time_of = events.time_of(session, cursor + 1) if cursor < head else None
    return {
        "name": row.name,
        "state": _state(row),
        "cause": state.get("stopped") or state.get("error"),
        "failing_since": state.get("failing_since"),
        "cursor": cursor,
        "lag_events": max(0, head - cursor),
        "lag_s": _seconds_since(time_of) if time_of else 0.0,
        "oldest_waiting": time_of,
        "has_secret": row.sealed_secret is not None,
    }


def listed(database: Database) -> list[dict[str, Any]]:
    """Return the outlets of `status`; none while the database can't be read."""
    shown = ("name", "state", "cause", "failing_since", "lag_events", "lag_s")
    try:
        with database.read() as session:
            found = [(row.kind, outlet_json(session, row)) for row in rows.outlets(session)]
    except StorageFailed:
        return []
    return [{"kind": kind} | {name: one[name] for name in shown} for kind, one in found]


def alarms(database: Database) -> list[dict[str, Any]]:
    """Return an alarm for each outlet by which nothing has left for a while, or that waits for a person."""
    try:
        with database.read() as session:
            failing = [row for row in rows.outlets(session) if row.state.get(rows.REPORTED) and not row.paused]
            found = [outlet_json(session, row) for row in failing]
    except StorageFailed:
        return []
    return [
        {
            "kind": Kind.OUTLET_FAILING,
            "outlet": one["name"],
            "cause": one["cause"] or "nothing leaves by it",
            "since": one["failing_since"],
            "hint": Hint("list_outlets").as_json(),
        }
        for one in found
    ]


def _state(row: OutletRow) -> str:
    if row.paused:
        return "paused"
    if row.state.get("stopped"):
        return "stopped"
    return "failing" if row.state.get("error") else "ok"


def _seconds_since(time: str) -> float:
    return round(max(0.0, (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()), 1)
