"""What devices decided and did by themselves: recorded with the rules that it violated, and never acted on."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from devicemgr.access.area_state import AreaState
from devicemgr.access.evidence.device_decisions import DeviceLog
from devicemgr.access.evidence.recent_grants import RecentGrants
from devicemgr.access.ledger_facts import violation_fact
from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.portals.passage_tracker import Passages
from devicemgr.access.portals.perimeter import Perimeter
from devicemgr.access.portals.standing_alarms import StandingAlarms
from devicemgr.domain.device_events import DeviceDecided, DeviceReported
from devicemgr.domain.ledger_events import Fact, Kind, Reason
from devicemgr.domain.model import Direction, JsonValue, Portal
from devicemgr.domain.rules.areas.fold import CLOCK_AGREES_S
from devicemgr.domain.rules.areas.interlock import groups_of
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import violations_of
from devicemgr.domain.rules.quorum import ESCORT_WITHIN_S, escort_of
from devicemgr.ledger.writer import Ledger

# How the other portals of an interlock stood when a device decided is not known when its memory is read.
_NOT_KNOWN_LATER = frozenset({Reason.INTERLOCK})
# No rule asks for more people at once.
_MAX_PRESENT = 8


class DeviceReports:
    """For the dispatcher's thread only; `id_of` gives the stored id of a device by its name."""

    def __init__(
        self,
        ledger: Ledger,
        rules: Rulebook,
        id_of: Callable[[str], str | None],
        alarms: StandingAlarms,
        passages: Passages,
        grants: RecentGrants,
        areas: AreaState,
        perimeter: Perimeter,
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._log = DeviceLog(id_of)
        self._alarms = alarms
        self._passages = passages
        self._grants = grants
        self._areas = areas
        self._perimeter = perimeter
        self._clock_off: dict[str, float] = {}
        self._let_in: dict[tuple[str, Direction], list[tuple[str, datetime]]] = {}

    def on_report(self, device: str, report: DeviceDecided | DeviceReported) -> None:
        """Record what a device reports; expect the passage of a person whom it has just let in by itself."""
        rules = self._rules.current
        facts = self._log.facts(device, report, rules)
        if isinstance(report, DeviceReported):
            for found in facts:
                self._ledger.submit(self._alarms.attach(device, report, found))
            if report.kind == Kind.DEVICE_CONFIRMED:
                self._passages.proven(device, report.channel)
        elif facts:
            self._on_decided(device, report, facts, rules)

    def _on_decided(self, device: str, report: DeviceDecided, facts: list[Fact], rules: Snapshot) -> None:
        if not report.live:
            self._perimeter.read_old(device)
        first, *others = facts
        if report.granted and _has_rules(first, rules):
            first = self._with_clock(device, report, first, rules)
            if not report.is_history:
                violated = self._violations(report, first, rules)
                self._ledger.submit_all([*violated, first])
                self._areas.decided_alone(first)
            else:
                self._ledger.submit(first)
        else:
            self._ledger.submit(first)
        if report.granted and not report.is_history:
            self._note(first)
        for found in others:
            self._ledger.submit(found)
        if report.live and report.granted and first.portal:
            self._on_opened_alone(device, first, rules.portals[first.portal])

    def _with_clock(self, device: str, report: DeviceDecided, fact: Fact, rules: Snapshot) -> Fact:
        """Return a grant with what the fold goes by: whether its passage is still to come, and the device's clock."""
        detail: dict[str, JsonValue] = dict(fact.detail)
        if report.live:
            self._clock_off[device] = (fact.time - datetime.now(UTC)).total_seconds()
            # What comes without either was decided while the device was away.
            is_sensed = self._perimeter.senses(rules.portals[fact.portal or ""].gate)
            detail["awaits_passage" if is_sensed else "live"] = True
        off = self._clock_off.get(device, 0.0)
        if abs(off) > CLOCK_AGREES_S:
            detail["clock_off_s"] = round(off, 1)
        return replace(fact, detail=detail)

    def _violations(self, report: DeviceDecided, fact: Fact, rules: Snapshot) -> list[Fact]:
        """Return the rules of zones that the device could not know, for a decision newer than what is recorded."""
        person = rules.people.get(fact.person_id or "")
        if person is None or fact.portal is None:
            return []
        state = self._areas.facts_ahead(fact.portal, rules)
        place = state.whereabouts.where.get(person.id)
        if place is not None and fact.time <= place.since:
            return []
        direction, now = fact.direction or Direction.ENTRY, time.monotonic()
        request = AccessRequest(fact.request or "", fact.portal, direction, fact.device or "", fact.time, now, now)
        side, portal = (fact.portal, direction), rules.portals[fact.portal]
        present, with_escorts = (self._present(side, fact.time, s) for s in (portal.people_within, ESCORT_WITHIN_S))
        known = (rules.people[one] for one in with_escorts if one in rules.people)
        escorts = tuple(filter(None, (escort_of(one, rules, (fact.time,)) for one in known)))
        company = replace(state, waiting={side: present}, escorts={side: escorts})
        found = violations_of(request, person, rules, company)
        kept = [one for one in found if report.live or one.reason not in _NOT_KNOWN_LATER]
        return [violation_fact(fact, one, offline=not report.live) for one in kept]

    def _note(self, grant: Fact) -> None:
        """Note whom a device let in where, for rules of several people."""
        if grant.portal is not None and grant.person_id is not None:
            side = (grant.portal, grant.direction or Direction.ENTRY)
            self._let_in[side] = [*self._let_in.get(side, ())[-_MAX_PRESENT:], (grant.person_id, grant.time)]

    def _present(self, side: tuple[str, Direction], at: datetime, within_s: float) -> tuple[str, ...]:
        """Return who was let in at a side by devices so shortly before, for rules of several people."""
        before = self._let_in.get(side, ())
        return tuple(one for one, then in before if 0.0 <= (at - then).total_seconds() <= within_s)

    def _on_opened_alone(self, device: str, fact: Fact, portal: Portal) -> None:
        """Expect the passage of a person whom the device has let in by itself."""
        now, direction = time.monotonic(), fact.direction or Direction.ENTRY
        if fact.person_id is not None and fact.request is not None:
            self._grants.add(portal, direction, fact.person_id, fact.request, device=device, decided=now)
            self._areas.reserve(fact.request, fact.person_id, portal, direction, decided=now)
        if self._perimeter.senses(portal.gate):
            self._passages.released(portal, direction, fact.request, now, fact.person_id)
        else:
            self._passages.opened_alone(portal, now)


def _has_rules(grant: Fact, rules: Snapshot) -> bool:
    """Return True at a portal with a rule of zones, company, interlocks or threats, and for a visitor."""
    portal, person = rules.portals.get(grant.portal or ""), rules.people.get(grant.person_id or "")
    if portal is None:
        return False
    joins_zones = rules.zone_map.sides(portal.name, grant.direction) is not None
    is_special = portal.name in rules.threat_at or (person is not None and person.escort)
    return joins_zones or is_special or portal.people > 1 or any(groups_of(portal.name, rules))
