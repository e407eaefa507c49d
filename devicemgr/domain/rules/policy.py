"""The decision at a portal: one request against one snapshot of rights, without clock, disk or network.

The checks stand in CHECKS_OF_EVIDENCE and CHECKS_OF_RIGHTS, in the order in which they are made. The first that
objects gives the reason; when none objects, and only then, access is granted. What is missing objects: an unknown
portal, person, schedule or zone, and a number that is not a number, keep the gate closed.
"""

from dataclasses import dataclass, replace

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Person
from devicemgr.domain.rules.decision.evidence_checks import CHECKS_OF_EVIDENCE, is_stale
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.rights_checks import CHECKS_OF_RIGHTS, REASONS_OF_RIGHTS
from devicemgr.domain.rules.decision.snapshot import NO_PERSON, Snapshot


@dataclass(frozen=True, slots=True)
class Decision:
    """Granted, or why not; `person_id` as far as a person was identified and is known."""

    granted: bool
    reason: Reason | None
    person_id: str | None


def decide(request: AccessRequest, snapshot: Snapshot) -> Decision:
    """Grant when no check objects, else deny with the reason of the first that does; pure; never raises."""
    person = _person(request, snapshot)
    if request.console is not None and request.console.refused and not is_stale(request):
        reason = exact_reason(request.console.reason, request, person, snapshot) or Reason.UNKNOWN_CREDENTIAL
        return Decision(granted=False, reason=reason, person_id=person.id or None)
    for check in CHECKS_OF_EVIDENCE:
        if check.objects(request, person, snapshot):
            return Decision(granted=False, reason=check.reason, person_id=None)
    at_each_time = [request, *(replace(request, at=at) for at in request.also_at)]
    for check in CHECKS_OF_RIGHTS:
        if any(check.objects(reading, person, snapshot) for reading in at_each_time):
            return Decision(granted=False, reason=check.reason, person_id=person.id)
    return Decision(granted=True, reason=None, person_id=person.id)


def exact_reason(reported: Reason | None, request: AccessRequest, person: Person, snapshot: Snapshot) -> Reason | None:
    """Return why a device's refusal is right: our own reason where it is one of rights and the rights are ours to know.

    A device that refuses for what it saw (a wrong PIN, another face) is taken at its word.
    """
    if person is NO_PERSON or (reported is not None and reported not in REASONS_OF_RIGHTS):
        return reported
    checks = (check for check in CHECKS_OF_RIGHTS if check.reason in REASONS_OF_RIGHTS)
    return next((check.reason for check in checks if check.objects(request, person, snapshot)), reported)


def _person(request: AccessRequest, snapshot: Snapshot) -> Person:
    shown = request.card or request.face or request.console
    if shown is None or shown.person_id is None:
        return NO_PERSON
    return snapshot.people.get(shown.person_id, NO_PERSON)
