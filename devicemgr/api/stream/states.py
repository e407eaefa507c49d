"""The present states of portals, devices, zones, alarms and musters, and what of them has changed."""

from collections.abc import Mapping
from typing import Any

from devicemgr.api.stream.messages import StateMessage
from devicemgr.site.areas.alarms import alarm_json
from devicemgr.site.runtime import Runtime
from devicemgr.store.database import Session
from devicemgr.store.ledger import alarms

ROUTE_OF_PART: Mapping[str, str] = {
    "portals": "/portals",
    "devices": "/status",
    "zones": "/zones",
    "alarms": "/alarms",
    "musters": "/musters",
    "muster_people": "/musters",
}
"""The parts of a state message, and the route that answers with the same: who may call it gets the part."""

Part = dict[str, dict[str, Any]]
States = dict[str, Part]


def present(runtime: Runtime, known: States, session: Session | None) -> States:
    """Return all states: alarms from the database where a session is given, else as they are `known`.

    The rest comes from memory; without a daemon nothing but alarms has a state.
    """
    found: States = {**runtime.live_states(), "alarms": known.get("alarms", {})}
    if session is not None:
        found["alarms"] = {alarm.id: alarm_json(alarm) for alarm in alarms.listed(session)}
    return found


def changes(before: States, after: States) -> StateMessage | None:
    """Return what differs; None where nothing does."""
    parts: dict[str, dict[str, Mapping[str, Any] | None]] = {}
    for name, part in after.items():
        old = before.get(name, {})
        if old is part:  # a long list that has not changed is not compared
            continue
        changed: dict[str, Mapping[str, Any] | None] = {key: one for key, one in part.items() if old.get(key) != one}
        changed |= dict.fromkeys(old.keys() - part.keys())
        if changed:
            parts[name] = changed
    return StateMessage(parts) if parts else None
