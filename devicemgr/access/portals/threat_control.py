"""Threats as guards set and end them: in force in memory at once, then sent to the gates and recorded."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.portals.portal_modes import UNKNOWN, GateAnswer, PortalModes, end_manual_free
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import JsonValue, Portal, PortalMode
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.threats.threat import FreePortals, Threat, ThreatInForce, is_in_scope
from devicemgr.errors import DevicemgrError, Hint, NotFound, RequestError
from devicemgr.site.site import Site
from devicemgr.text import rfc3339, safe

log = logging.getLogger(__name__)

# The answer lists the portals that were not reached by then.
REACH_S = 3.0


class ThreatControl:
    """Any thread; one command at a time. `record` returns when its event is durable, or after a few seconds."""

    def __init__(self, site: Site, rules: Rulebook, modes: PortalModes, record: Callable[[Fact], None]) -> None:
        self._site = site
        self._rules = rules
        self._modes = modes
        self._record = record
        self._turn = threading.Lock()

    def set(self, name: str, zones: Sequence[str], reason: str, actor: str) -> dict[str, Any]:
        """Put a threat in force, for these zones if any, else for the scope that it is defined with."""
        began = time.monotonic()
        with self._turn:
            rules = self._rules.current
            threat = _defined(rules, name)
            for zone in zones:
                if zone not in rules.zones:
                    raise NotFound(f"there is no zone '{safe(zone, 60)}'", hint=Hint("list_zones"))
            scope = frozenset(zones) or threat.scope
            known = rules.threats_in_force.get(name)
            if known is not None and (known.scope, known.reason) == (scope, reason):
                return self._answer(known, [], is_repeated=True)
            found = ThreatInForce(name, scope, datetime.now(UTC), reason, actor)
            before = self._modes_now()
            self._rules.set_threats({**rules.threats_in_force, name: found})
            outcomes = self._send_to_gates(before, found, began)
            detail: dict[str, JsonValue] = {
                "threat": name,
                "order": threat.order,
                "scope": list(sorted(scope)),
                "reason": reason,
            }
            self._record(Fact(Kind.THREAT_SET, found.since, actor=actor, detail=detail))
            self._end_free(threat, found, actor)
        return self._answer(found, outcomes())

    def end(self, name: str, comment: str, actor: str) -> dict[str, Any]:
        """End a threat; RequestError for one that is not in force."""
        began = time.monotonic()
        with self._turn:
            rules = self._rules.current
            found = rules.threats_in_force.get(name)
            if found is None:
                if name not in rules.threats:
                    _defined(rules, name)
                raise RequestError(f"threat '{safe(name, 60)}' is not in force", hint=Hint("list_threats"))
            self._end_free(rules.threats.get(name, Threat(name)), found, actor)
            before = self._modes_now()
            in_force = self._rules.current.threats_in_force
            self._rules.set_threats({other: one for other, one in in_force.items() if other != name})
            outcomes = self._send_to_gates(before, found, began)
            detail: dict[str, JsonValue] = {"threat": name, "scope": list(sorted(found.scope)), "comment": comment}
            self._record(Fact(Kind.THREAT_ENDED, datetime.now(UTC), actor=actor, detail=detail))
        return self._answer(found, outcomes())

    def _modes_now(self) -> dict[str, PortalMode]:
        return {name: self._mode(portal) for name, portal in self._rules.current.portals.items()}

    def _mode(self, portal: Portal) -> PortalMode:
        return self._rules.mode_apart_from_fire(portal).mode

    def _send_to_gates(
        self, before: dict[str, PortalMode], found: ThreatInForce, began: float
    ) -> Callable[[], list[dict[str, str | None]]]:
        """Send what has changed; the result waits for the answers, and returns what came of it at each portal."""
        rules = self._rules.current
        in_scope = self._in_scope(rules, found)
        changed = [portal for portal in in_scope if self._mode(portal) is not before.get(portal.name)]
        answers = self._modes.send(changed)

        def outcomes() -> list[dict[str, str | None]]:
            answered = answers(began + REACH_S - time.monotonic())
            for portal in in_scope:
                is_away = self._modes.is_away(portal.gate)
                other = GateAnswer(UNKNOWN, f"{portal.gate} is away") if is_away else GateAnswer("unchanged")
                answered.setdefault(portal.name, other)
            return [{"portal": name, **one._asdict()} for name, one in sorted(answered.items())]

        return outcomes

    def _in_scope(self, rules: Snapshot, found: ThreatInForce) -> list[Portal]:
        return [p for _, p in sorted(rules.portals.items()) if is_in_scope(p, found.scope, rules.zone_map)]

    def _end_free(self, threat: Threat, found: ThreatInForce, actor: str) -> None:
        """Let what guards had freed before the threat be normal, for good."""
        if threat.free is FreePortals.KEEP:
            return
        freed = self._rules.current.threats_in_force.get(found.name, found).freed
        portals = [portal.name for portal in self._in_scope(self._rules.current, found) if portal.name not in freed]
        try:
            if end_manual_free(self._site, portals, actor, found.name):
                self._rules.refresh()
        except DevicemgrError as error:  # the threat is in force all the same, and ends what is free
            log.error("Failed to record that portals are no longer free: %s", error)

    def _answer(
        self, found: ThreatInForce, outcomes: list[dict[str, str | None]], *, is_repeated: bool = False
    ) -> dict[str, Any]:
        rules = self._rules.current
        return {
            "threat": found.name,
            "in_force": found.name in rules.threats_in_force,
            "scope": sorted(found.scope),
            "since": rfc3339(found.since),
            "reason": found.reason,
            "by": found.actor,
            "repeated": is_repeated,
            "portals": [portal.name for portal in self._in_scope(rules, found)],
            "not_reached": [
                {"portal": one["portal"], "cause": one["cause"]} for one in outcomes if one["cause"] is not None
            ],
            "outcomes": outcomes,
        }


def _defined(rules: Snapshot, name: str) -> Threat:
    threat = rules.threats.get(name)
    if threat is None:
        raise NotFound(
            f"there is no threat '{safe(name, 60)}'",
            code="threat_not_found",
            facts={"name": safe(name, 60)},
            hint=Hint("list_threats"),
        )
    return threat
