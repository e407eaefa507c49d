"""The states of portals, devices and zones as they are in memory, without a look at the database."""

from collections.abc import Callable, Iterable
from typing import Any

from devicemgr.access.policy_cache import Rulebook
from devicemgr.devices.supervisor import DeviceState
from devicemgr.domain.model import Portal
from devicemgr.domain.rules.areas.facts import Facts
from devicemgr.domain.rules.areas.presences import zone_counts
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.operations.status import portal_json
from devicemgr.text import rfc3339

States = dict[str, dict[str, dict[str, Any]]]
"""By part (`portals`, `devices`, `zones`) and name."""


def live_states(
    book: Rulebook,
    facts: Facts,
    devices: Iterable[DeviceState],
    state_of: Callable[[str], str],
    door_of: Callable[[Portal], str | None],
) -> States:
    """Return all states now; any thread."""
    rules = book.current
    return {
        "portals": {
            name: portal_json(portal, book, state_of, door_of) for name, portal in sorted(rules.portals.items())
        },
        "devices": {state.name: _device_json(state) for state in devices},
        "zones": _zones(rules, facts) if rules.zones else {},
    }


def _device_json(state: DeviceState) -> dict[str, Any]:
    return {
        "name": state.name,
        "kind": state.kind,
        "state": str(state.health),
        "cause": state.cause,
        "since": rfc3339(state.since),
    }


def _zones(rules: Snapshot, facts: Facts) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "name": name,
            "count": counted.count,
            "max": rules.zones[name].max_people,
            "unnamed": counted.unnamed,
            "unsure": name in facts.unsure,
        }
        for name, counted in zone_counts(facts, rules.zone_map).items()
    }
