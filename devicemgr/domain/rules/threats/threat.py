"""Threats: states that a guard declares for a site or for zones, in which few people pass. Frozen, no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from devicemgr.domain.model import Portal, Requirement
from devicemgr.domain.rules.areas.zone_map import ZoneMap

# The scope of a threat that holds for every portal, also for those without zones.
SITE = "site"


class FreePortals(StrEnum):
    """What a threat does with portals that are free: close them, or leave them."""

    SUSPEND = "suspend"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Threat:
    """A threat as it is defined: of those in force at a portal, the one with the highest `order` counts.

    Only holders of one of the levels in `allow` pass, presenting at least what it may `require`. `scope` names zones,
    or the whole site. The defaults are those of a threat whose definition is not known: no level passes.
    """

    name: str
    order: int = 1
    require: Requirement = Requirement.ANY
    allow: frozenset[str] = frozenset()
    scope: frozenset[str] = frozenset({SITE})
    free: FreePortals = FreePortals.SUSPEND


@dataclass(frozen=True, slots=True)
class ThreatInForce:
    """A threat that a guard has set, for `scope`; `freed` are portals that a guard has freed since then."""

    name: str
    scope: frozenset[str]
    since: datetime
    reason: str = ""
    actor: str | None = None
    freed: frozenset[str] = frozenset()


class Standing(NamedTuple):
    """The threat that counts at a portal: its definition, and since when and why it is in force."""

    threat: Threat
    in_force: ThreatInForce


def is_in_scope(portal: Portal, scope: Iterable[str], zones: ZoneMap) -> bool:
    """Return True if a scope covers a portal: the whole site, or a zone on one of its sides or above that."""
    covered = frozenset(scope)
    if SITE in covered:
        return True
    return any(zone in covered for side in (portal.outside, portal.inside) for zone in zones.above(side))


def standing_threats(
    portals: Mapping[str, Portal],
    zones: ZoneMap,
    threats: Mapping[str, Threat],
    in_force: Mapping[str, ThreatInForce],
) -> dict[str, Standing]:
    """Return by portal the threat that counts there, as far as there is one."""
    found = [Standing(threats.get(name, Threat(name)), one) for name, one in in_force.items()]
    found.sort(key=lambda one: (one.threat.order, one.threat.name))
    return {
        name: one for one in found for name, portal in portals.items() if is_in_scope(portal, one.in_force.scope, zones)
    }
