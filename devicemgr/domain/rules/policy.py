"""The decision at a portal: one request against one snapshot of rights, without clock, disk or network.

The checks stand in CHECKS_OF_EVIDENCE, CHECKS_OF_RIGHTS and CHECKS_OF_AREAS, in the order in which they are made. The
first that objects gives the reason; when none objects, and only then, access is granted. What is missing objects: an
unknown portal, person, schedule or zone, and a number that is not a number, keep the gate closed. Only a place that is
not known does not: who is recorded nowhere is let in.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import JsonValue, Person
from devicemgr.domain.rules.areas.facts import NO_FACTS, Facts, Objection
from devicemgr.domain.rules.decision.area_checks import (
    CHECK_OF_ESCORTS,
    CHECKS_OF_AREAS,
    AreaCheck,
    leaves_by_egress,
    objections_of,
)
from devicemgr.domain.rules.decision.checks import Check
from devicemgr.domain.rules.decision.evidence_checks import CHECKS_OF_EVIDENCE, is_stale
from devicemgr.domain.rules.decision.held_levels import at_request, lapsed_grant, use_taken
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.rights_checks import CHECKS_OF_RIGHTS, REASONS_OF_RIGHTS, opening_levels
from devicemgr.domain.rules.decision.snapshot import NO_PERSON, Snapshot
from devicemgr.domain.rules.quorum import escort_objections
from devicemgr.domain.rules.threats.lockdown import is_locked_out, lockdown_reading, threat_at


class Violation(NamedTuple):
    """A rule that was violated and granted all the same, since it is soft or waived; `rule` is a zone."""

    reason: Reason
    rule: str
    facts: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Decision:
    """Granted, or why not; `person_id` as far as a person was identified and is known.

    `rule` is the zone, interlock or lapsed grant that refused, `facts` what was read for that; `violations` come with
    a grant, and `use_of` is the level of which the passage takes a use. `revision` is the version of the rights by
    which it was decided.
    """

    granted: bool
    reason: Reason | None
    person_id: str | None
    rule: str | None = None
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    revision: int | None = field(default=None, compare=False)
    use_of: str | None = None


class Explanation(NamedTuple):
    """What one check says of a request.

    `objected` when it refuses by itself, for `reason`; `violated` when it only records. `facts` are what it read.
    """

    check: Check | AreaCheck
    objected: bool
    reason: Reason
    violated: bool
    rule: str | None
    facts: Mapping[str, JsonValue]


class _Finding(NamedTuple):
    """What a check finds: `reason` None where it does not refuse; `is_identified` where the person is known."""

    check: Check | AreaCheck
    reason: Reason | None
    is_identified: bool = True
    objections: list[Objection] | None = None


CONSOLE_REFUSED = Check(
    Reason.UNKNOWN_CREDENTIAL,
    "the console itself refused, for a reason of its own where the rights give none",
    lambda request, _, __: request.console is not None and request.console.refused,
    case="console_refused",
)


def decide(request: AccessRequest, snapshot: Snapshot, facts: Facts = NO_FACTS) -> Decision:
    """Grant when no check objects, else deny with the reason of the first that does; pure; never raises."""
    person = _person(request, snapshot, facts)
    violations: tuple[Violation, ...] = ()
    for finding in _findings(request, person, snapshot, facts):
        if finding.reason is not None:
            rule, read = _rule_of(finding, request, person, snapshot)
            if rule is None and (lapsed := lapsed_grant(finding.reason, request, person, snapshot)) is not None:
                rule, read = lapsed.rule, lapsed.facts
            return Decision(
                granted=False,
                reason=finding.reason,
                person_id=(person.id or None) if finding.is_identified else None,
                rule=rule,
                facts=read,
                revision=snapshot.version,
            )
        if finding.objections:
            reason = finding.check.reason
            violations += tuple(Violation(reason, one.rule, one.facts) for one in finding.objections)
    return Decision(
        granted=True,
        reason=None,
        person_id=person.id,
        violations=violations,
        revision=snapshot.version,
        use_of=use_taken(request, person, opening_levels(request, person, snapshot)) if person.grants else None,
    )


def explain(request: AccessRequest, snapshot: Snapshot, facts: Facts = NO_FACTS) -> list[Explanation]:
    """Return what every check says, in order; `decide` denies for the first that objected."""
    person = _person(request, snapshot, facts)
    return [
        Explanation(
            finding.check,
            finding.reason is not None,
            finding.reason or finding.check.reason,
            finding.reason is None and bool(finding.objections),
            _rule_of(finding, request, person, snapshot)[0],
            _facts_read(finding, request, person, snapshot, facts),
        )
        for finding in _findings(request, person, snapshot, facts)
    ]


def violations_of(request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts) -> list[Violation]:
    """Return what the checks of zones, company and interlocks object to where a device has decided already."""
    person = at_request(person, request, snapshot, facts)
    standing = threat_at(request.portal, snapshot)
    is_barred = standing is not None and is_locked_out(person, standing, snapshot)
    found = []
    if standing is not None and is_barred and standing.in_force.since <= request.at:
        reading = lockdown_reading(request, person, snapshot)
        found = [Violation(Reason.LOCKDOWN, standing.threat.name, reading)]
    return found + [
        Violation(check.reason, one.rule, one.facts)
        for check in (CHECK_OF_ESCORTS, *CHECKS_OF_AREAS)
        for one in objections_of(check, request, person, snapshot, facts)
    ]


def _rule_of(
    finding: _Finding, request: AccessRequest, person: Person, snapshot: Snapshot
) -> tuple[str | None, Mapping[str, JsonValue]]:
    """Return the rule that refuses, or else was found violated, and what it read of that."""
    check = finding.check
    if isinstance(check, Check):
        if finding.reason is None or check.names is None or check.reads is None:
            return None, {}
        return check.names(request, snapshot), check.reads(request, person, snapshot)
    first = _first_hard(finding.objections) or next(iter(finding.objections or ()), None)
    return (first.rule, first.facts) if first is not None else (None, {})


def _facts_read(
    finding: _Finding, request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts
) -> Mapping[str, JsonValue]:
    check = finding.check
    if isinstance(check, Check):
        return check.reads(request, person, snapshot) if check.reads is not None else {}
    return {**check.reads(request, person, snapshot, facts), **_rule_of(finding, request, person, snapshot)[1]}


# What most checks find is nothing, which is always the same.
_EVIDENCE = tuple(
    (
        check.objects,
        _Finding(check, None, is_identified=False),
        _Finding(check, check.reason, is_identified=False),
    )
    for check in CHECKS_OF_EVIDENCE
)
_RIGHTS = tuple((check.objects, _Finding(check, None), _Finding(check, check.reason)) for check in CHECKS_OF_RIGHTS)
_ESCORTED = _Finding(CHECK_OF_ESCORTS, None)
_AREAS = tuple(_Finding(check, None) for check in CHECKS_OF_AREAS)


def _findings(request: AccessRequest, person: Person, snapshot: Snapshot, facts: Facts) -> Iterator[_Finding]:
    """Yield what each check finds; the one implementation of the order in which they are made."""
    console = request.console
    for objects, passed, failed in _EVIDENCE:
        yield failed if objects(request, person, snapshot) else passed
        if console is not None:  # behind the first check, which is whether all this is of now
            yield _Finding(CONSOLE_REFUSED, _refusal_of_console(request, person, snapshot))
            console = None
    excused = _excused(request, snapshot)
    times = [replace(request, at=at) for at in request.also_at]
    for objects, passed, failed in _RIGHTS:
        if failed.reason is Reason.WRONG_PIN:
            yield _finding_of_escort([request, *times], person, snapshot, facts, excused)
        refuses = objects(request, person, snapshot) or (times and any(objects(at, person, snapshot) for at in times))
        yield failed if refuses and failed.reason not in excused else passed
    if not snapshot.has_area_rules:
        yield from _AREAS
        return
    for check in CHECKS_OF_AREAS:
        objections = _at_any(check, [request, *times], person, snapshot, facts)
        yield _Finding(check, check.reason if _first_hard(objections) else None, objections=objections)


def _finding_of_escort(
    requests: list[AccessRequest], person: Person, snapshot: Snapshot, facts: Facts, excused: frozenset[Reason]
) -> _Finding:
    """Return whether a visitor lacks an escort, which a fire does not change."""
    if not person.escort or Reason.ESCORT_REQUIRED in excused:
        return _ESCORTED
    found = [one for at in requests for one in escort_objections(at, person, snapshot, facts)]
    return _Finding(CHECK_OF_ESCORTS, Reason.ESCORT_REQUIRED, objections=found[:1]) if found else _ESCORTED


def _at_any(
    check: AreaCheck, requests: list[AccessRequest], person: Person, snapshot: Snapshot, facts: Facts
) -> list[Objection]:
    """Return what a check objects to at the time at which it refuses, else at which it finds anything."""
    found: list[Objection] = []
    for request in requests:
        objections = objections_of(check, request, person, snapshot, facts)
        if _first_hard(objections):
            return objections
        found = found or objections
    return found


def _first_hard(objections: list[Objection] | None) -> Objection | None:
    return next((one for one in objections if one.is_hard), None) if objections else None


_NOTHING: frozenset[Reason] = frozenset()
_EXCUSED_BY_EGRESS = frozenset(
    {
        Reason.LOCKDOWN,
        Reason.PORTAL_LOCKED,
        Reason.ESCORT_REQUIRED,
        Reason.WRONG_PIN,
        Reason.SECOND_FACTOR_REQUIRED,
    }
)
_EXCUSED_WITHOUT_READER = _EXCUSED_BY_EGRESS | {Reason.NO_ACCESS_LEVEL, Reason.OUTSIDE_SCHEDULE}


def _excused(request: AccessRequest, snapshot: Snapshot) -> frozenset[Reason]:
    """Return what objects to nothing at a way of escape; a site that puts a reader there wants a right to leave."""
    if not leaves_by_egress(request, snapshot):
        return _NOTHING
    points = snapshot.portals[request.portal].access_points
    has_reader = any(point.direction is request.direction for point in points)
    return _EXCUSED_BY_EGRESS if has_reader else _EXCUSED_WITHOUT_READER


def _refusal_of_console(request: AccessRequest, person: Person, snapshot: Snapshot) -> Reason | None:
    if request.console is None or not request.console.refused or is_stale(request):
        return None
    reported = request.console.reason
    if reported is Reason.UNKNOWN_CREDENTIAL and request.console.person_id is None and request.card is not None:
        reported = None  # it does not hold the card, perhaps because its holder may not pass now
    return exact_reason(reported, request, person, snapshot) or Reason.UNKNOWN_CREDENTIAL


def exact_reason(reported: Reason | None, request: AccessRequest, person: Person, snapshot: Snapshot) -> Reason | None:
    """Return why a device's refusal is right: our own reason where it is one of rights and the rights are ours to know.

    A device that refuses for what it saw (a wrong PIN, another face) is taken at its word.
    """
    if person is NO_PERSON or (reported is not None and reported not in REASONS_OF_RIGHTS):
        return reported
    checks = (check for check in CHECKS_OF_RIGHTS if check.reason in REASONS_OF_RIGHTS)
    return next((check.reason for check in checks if check.objects(request, person, snapshot)), reported)


def _person(request: AccessRequest, snapshot: Snapshot, facts: Facts) -> Person:
    """Return who is identified, with the levels that count for this request."""
    shown = request.card or request.face or request.console
    if shown is None or shown.person_id is None:
        return NO_PERSON
    return at_request(snapshot.people.get(shown.person_id, NO_PERSON), request, snapshot, facts)
