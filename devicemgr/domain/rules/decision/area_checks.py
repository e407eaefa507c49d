"""Checks of zones and interlocks, which read who is where and which portals are shut."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Direction, JsonValue, Person
from devicemgr.domain.rules.areas.anti_passback import passback_objections, passback_reading
from devicemgr.domain.rules.areas.facts import Facts, Objection
from devicemgr.domain.rules.areas.first_person import first_person_objections, first_person_reading
from devicemgr.domain.rules.areas.interlock import interlock_objections, interlock_reading
from devicemgr.domain.rules.areas.occupancy import occupancy_objections, occupancy_reading
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.quorum import escort_objections, escort_reading, quorum_objections, quorum_reading


@dataclass(frozen=True, slots=True)
class AreaCheck:
    """A row of the table below: deny with `reason` for a hard objection, record a soft one and grant.

    `objections` gives them in the order in which they count, and `reads` what is looked at, for an explanation.
    """

    reason: Reason
    when: str
    objections: Callable[[AccessRequest, Person, Snapshot, Facts], list[Objection]]
    reads: Callable[[AccessRequest, Person, Snapshot, Facts], Mapping[str, JsonValue]]

    @property
    def code(self) -> str:
        """Return what stands for `when` in clients that have words of their own."""
        return str(self.reason)


# fmt: off
CHECKS_OF_AREAS = (
    AreaCheck(Reason.ANTI_PASSBACK,
              "the person is recorded inside already, or comes from another zone, or is back too soon",
              passback_objections, passback_reading),
    AreaCheck(Reason.OCCUPANCY, "the zone is full", occupancy_objections, occupancy_reading),
    AreaCheck(Reason.FIRST_PERSON_REQUIRED, "no one of the levels that open the zone has come in yet, or is inside",
              first_person_objections, first_person_reading),
    AreaCheck(Reason.SECOND_PERSON_REQUIRED, "not enough different people present together",
              quorum_objections, quorum_reading),
    AreaCheck(Reason.INTERLOCK, "another portal of the interlock is not shut",
              interlock_objections, interlock_reading),
)
# fmt: on


CHECK_OF_ESCORTS = AreaCheck(
    Reason.ESCORT_REQUIRED, "a visitor without an escort at the same side", escort_objections, escort_reading
)
"""It stands between the checks of rights, before those of what was presented."""

REASONS_OF_AREAS = frozenset(check.reason for check in CHECKS_OF_AREAS)


def objections_of(
    check: AreaCheck, request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts
) -> list[Objection]:
    """Return what a check objects to: nothing in a fire; at a way of escape only what is recorded and not refused."""
    if snapshot.fire_active:
        return []
    found = check.objections(request, person, snapshot, facts)
    if not found or not leaves_by_egress(request, snapshot):
        return found
    return [Objection(one.rule, one.facts, is_hard=False) for one in found if check.reason is Reason.ANTI_PASSBACK]


def leaves_by_egress(request: AccessRequest, snapshot: Snapshot) -> bool:
    """Return True for an exit through a portal that is a way of escape."""
    portal = snapshot.portals.get(request.portal)
    return portal is not None and portal.egress and request.direction is Direction.EXIT
