"""Whom a threat keeps out, and what it requires of the others."""

from devicemgr.domain.model import JsonValue, Person, Portal, Requirement
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.threats.threat import Standing
from devicemgr.domain.zones import Waiver
from devicemgr.text import rfc3339


def threat_at(portal: str, snapshot: Snapshot) -> Standing | None:
    """Return the threat that counts at a portal; none does in a fire."""
    return None if snapshot.fire_active else snapshot.threat_at.get(portal)


def is_locked_out(person: Person, standing: Standing, snapshot: Snapshot) -> bool:
    """Return True unless a level of the person is allowed by the threat or waives `lockdown`."""
    return not (person.levels & standing.threat.allow) and not snapshot.waives(person, Waiver.LOCKDOWN)


def is_in_lockdown(request: AccessRequest, person: Person, snapshot: Snapshot) -> bool:
    """Return True if a threat in force at the portal keeps the person out."""
    standing = threat_at(request.portal, snapshot)
    return standing is not None and is_locked_out(person, standing, snapshot)


def lockdown_reading(request: AccessRequest, _: Person, snapshot: Snapshot) -> dict[str, JsonValue]:
    """Return the threat in force at the portal and the levels that it allows, for the record and an explanation."""
    standing = threat_at(request.portal, snapshot)
    if standing is None:
        return {"threat": None}
    threat, in_force = standing
    return {
        "threat": threat.name,
        "order": threat.order,
        "since": rfc3339(in_force.since),
        "scope": list(sorted(in_force.scope)),
        "allow": list(sorted(threat.allow)),
    }


def threat_of(request: AccessRequest, snapshot: Snapshot) -> str | None:
    """Return the name of the threat in force at the portal."""
    standing = threat_at(request.portal, snapshot)
    return standing.threat.name if standing is not None else None


def requirements_at(portal: Portal, standing: Standing | None) -> tuple[Requirement, ...]:
    """Return what must be presented, all of it: what the portal requires, and what the threat does besides."""
    if standing is None or standing.threat.require in (Requirement.ANY, portal.require):
        return (portal.require,)
    return (portal.require, standing.threat.require)


def requirement_words(requirements: tuple[Requirement, ...]) -> str:
    """Return several requirements as one, in the words of one; `any` says nothing beside another."""
    stated = [str(one) for one in requirements if one is not Requirement.ANY] or [str(Requirement.ANY)]
    if len(stated) == 1:
        return stated[0]
    return "+".join(sorted({word for one in stated for word in one.split("+")}))
