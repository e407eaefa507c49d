"""The mode that a portal has by everything that is in force there, and what it is because of."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from devicemgr.domain.model import Portal, PortalMode
from devicemgr.domain.rules.areas.facts import Facts
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.schedules import is_open, open_windows
from devicemgr.domain.rules.threats.threat import FreePortals


class Why(StrEnum):
    """What a mode is because of."""

    FIRE = "fire"
    GUARD = "guard"
    THREAT = "threat"
    SCHEDULE = "schedule"
    DEFAULT = "default"


class Because(NamedTuple):
    """What a mode is because of; `rule` names the threat or the schedule."""

    why: Why
    rule: str | None = None


class Effective(NamedTuple):
    """A mode that is in force, and what it is because of."""

    mode: PortalMode
    because: Because

    def as_json(self) -> dict[str, str | None]:
        """Return it as status and portals show it."""
        return {"effective_mode": str(self.mode), "because": str(self.because.why), "rule": self.because.rule}


NORMAL = Effective(PortalMode.NORMAL, Because(Why.DEFAULT))


def effective(portal: Portal, at: datetime, snapshot: Snapshot, facts: Facts) -> Effective:
    """Return the mode in force at a portal: in a fire it is free, and nothing of ours holds it shut."""
    if snapshot.fire_active:
        return Effective(PortalMode.FREE, Because(Why.FIRE))
    return without_fire(portal, at, snapshot, facts)


def without_fire(portal: Portal, at: datetime, snapshot: Snapshot, facts: Facts) -> Effective:
    """Return the mode in force apart from a fire; the first of these holds.

    A guard's lock, which is the most restrictive; a threat in force, in which those whom it allows pass; a guard's
    free, also one that was given in spite of the threat; the schedule's free time; normal.
    """
    mode = snapshot.modes.get(portal.name, portal.mode)
    if mode is PortalMode.LOCKED:
        return Effective(PortalMode.LOCKED, Because(Why.GUARD))
    standing = snapshot.threat_at.get(portal.name)
    if standing is not None and standing.threat.free is not FreePortals.KEEP:
        if mode is PortalMode.FREE and portal.name in standing.in_force.freed:
            return Effective(PortalMode.FREE, Because(Why.GUARD))
        return Effective(PortalMode.NORMAL, Because(Why.THREAT, standing.threat.name))
    if mode is PortalMode.FREE:
        return Effective(PortalMode.FREE, Because(Why.GUARD))
    if _is_free_time(portal, at, snapshot, facts):
        return Effective(PortalMode.FREE, Because(Why.SCHEDULE, portal.free))
    return NORMAL


def _is_free_time(portal: Portal, at: datetime, snapshot: Snapshot, facts: Facts) -> bool:
    """Return True if a window of the portal's free times is open, and the first person of it has passed if one must."""
    schedule = snapshot.schedules.get(portal.free) if portal.free is not None else None
    if schedule is None or not is_open(schedule, at):
        return False
    if not portal.free_after:
        return True
    passed = facts.whereabouts.first_people.get(portal.name)
    suspended = facts.whereabouts.suspended.get(portal.name)
    if passed is None or (suspended is not None and passed <= suspended):
        return False
    return passed <= at and bool(open_windows(schedule, passed) & open_windows(schedule, at))
