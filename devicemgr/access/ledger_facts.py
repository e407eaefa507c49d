"""Ledger events of requests, releases and passages."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from devicemgr.access.evidence.pins import PinChecked
from devicemgr.access.release import Opening, Outcome, _detail
from devicemgr.domain.ledger_events import Fact, Kind, Reason
from devicemgr.domain.model import AccessPoint, Direction, Factor, JsonValue, Portal
from devicemgr.domain.ports.device import ReleaseTimes
from devicemgr.domain.rules.decision.requests import AccessRequest, FaceEvidence
from devicemgr.domain.rules.passage_state import PassageFact
from devicemgr.domain.rules.policy import Decision, Violation
from devicemgr.domain.trusted_clock import JUMP_S
from devicemgr.errors import OutcomeUnknown
from devicemgr.text import rfc3339


def decision_fact(request: AccessRequest, decision: Decision, decided: float, timings_ms: Mapping[str, float]) -> Fact:
    """access_granted or access_denied, with its evidence and the revision of the rights that it was decided by."""
    revision: dict[str, JsonValue] = {} if decision.revision is None else {"revision": decision.revision}
    use: dict[str, JsonValue] = {} if decision.use_of is None else {"use_of": decision.use_of}
    waited = (decided - request.captured) * 1000
    return Fact(
        kind=Kind.ACCESS_GRANTED if decision.granted else Kind.ACCESS_DENIED,
        time=datetime.now(UTC),
        portal=request.portal,
        direction=request.direction,
        device=request.device,
        person_id=decision.person_id,
        reason=decision.reason,
        request=request.id,
        evidence=_evidence_json(request),
        latency_ms=_latency(capture_to_decision=waited),
        detail=_detail(request, timings_ms) | _rule_detail(decision.rule, decision.facts) | revision | use,
    )


def pin_fact(point: AccessPoint, checked: PinChecked, request: str) -> Fact:
    """Return the event that follows each PIN that is right on a site with duress PINs: the one or the other."""
    return Fact(
        Kind.DURESS_SIGNALLED if checked.is_duress else Kind.PIN_VERIFIED,
        datetime.now(UTC),
        portal=point.portal,
        direction=point.direction,
        device=point.device,
        person_id=checked.person_id,
        request=request,
    )


def violation_facts(request: AccessRequest, decision: Decision) -> list[Fact]:
    """Return the events of the rules that a grant violates, to be recorded before it."""
    at = Fact(
        Kind.RULE_VIOLATED,
        datetime.now(UTC),
        portal=request.portal,
        direction=request.direction,
        device=request.device,
        person_id=decision.person_id,
        request=request.id,
    )
    return [violation_fact(at, violation) for violation in decision.violations]


def violation_fact(grant: Fact, violation: Violation, *, offline: bool = False) -> Fact:
    """Return the event of a rule that a grant violates; `offline` where a device decided while it was away."""
    detail = _rule_detail(violation.rule, violation.facts) | ({"offline": True} if offline else {})
    return Fact(
        Kind.RULE_VIOLATED,
        grant.time,
        portal=grant.portal,
        direction=grant.direction,
        device=grant.device,
        person_id=grant.person_id,
        reason=violation.reason,
        request=grant.request,
        detail=detail,
    )


def _rule_detail(rule: str | None, facts: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {"rule": rule, "facts": dict(facts)} if rule is not None else {}


def reached_detail(reached: datetime) -> dict[str, JsonValue]:
    """Return the time that rights go by where this computer's clock is behind it, for what counts from then on."""
    behind = (reached - datetime.now(UTC)).total_seconds()
    return {"reached": rfc3339(reached)} if behind >= JUMP_S else {}


def _evidence_json(request: AccessRequest) -> dict[str, JsonValue] | None:
    shown: dict[str, JsonValue] = {"face": _face_json(request.face)} if request.face else {}
    shown |= {"card": True} if request.card else {}
    shown |= {"pin": request.pin} if request.pin is not None else {}
    if (console := request.console) is not None:
        shown |= {str(factor): True for factor in (Factor.FINGER, Factor.QR) if factor in console.factors}
        shown["console"] = {"vendor": console.vendor, "method": console.method}
    return shown or None


def _face_json(face: FaceEvidence) -> dict[str, JsonValue]:
    def rounded(value: float | None) -> float | None:
        return round(value, 5) if value is not None and math.isfinite(value) else None

    vendor: dict[str, JsonValue] = {"vendor": face.vendor} if face.vendor else {}
    return vendor | {
        "score": rounded(face.score),
        "threshold": rounded(face.threshold),
        "margin": rounded(face.margin),
        "frames": face.frames,
        "liveness": rounded(face.liveness),
    }


def _latency(**known: float) -> dict[str, JsonValue]:
    names = ("capture_to_decision", "decision_to_record", "record_to_unlock", "total")
    return {name: round(known[name], 2) if name in known else None for name in names}


def manual_fact(opening: Opening, detail: Mapping[str, JsonValue] | None = None) -> Fact:
    """Return the event of a portal that a guard opens."""
    return Fact(
        "admin.portal_open",
        datetime.now(UTC),
        portal=opening.portal.name,
        direction=opening.direction,
        request=opening.request,
        detail=detail or {},
        actor=opening.actor,
    )


def unrecorded_fact(opening: Opening) -> Fact:
    """Return the denial that stands for a grant which could not be recorded."""
    return Fact(
        Kind.ACCESS_DENIED,
        datetime.now(UTC),
        portal=opening.portal.name,
        direction=opening.direction,
        person_id=opening.person_id,
        reason=Reason.STORAGE_FAILED,
        request=opening.request,
        actor=opening.actor,
    )


def outcome_fact(outcome: Outcome, reached: datetime | None = None) -> Fact:
    """portal_unlocked (outcome confirmed, sent or unknown) or portal_unlock_failed, with the way's latencies.

    A gate that senses no passage lets the person pass by this event; `reached` is the time that rights go by.
    """
    opening, error = outcome.opening, outcome.error
    failed = error is not None and not isinstance(error, OutcomeUnknown)
    detail: dict[str, JsonValue] = {"outcome": outcome.word}
    if error is not None:
        detail["cause"] = str(error)[:300]
    if not failed and not outcome.senses_passage:
        detail |= {"senses_passage": False} | (reached_detail(reached) if reached else {})
    if not failed and outcome.times is not None:
        detail |= _kept_by_gate(outcome.times, opening.portal.release_seconds)
    return Fact(
        kind=Kind.PORTAL_UNLOCK_FAILED if failed else Kind.PORTAL_UNLOCKED,
        time=datetime.now(UTC),
        portal=opening.portal.name,
        direction=opening.direction,
        device=opening.portal.gate,
        person_id=opening.person_id,
        request=opening.request,
        latency_ms=_latency(
            capture_to_decision=(opening.decided - opening.captured) * 1000,
            decision_to_record=(outcome.recorded - opening.decided) * 1000,
            record_to_unlock=(outcome.ended - outcome.recorded) * 1000,
            total=(outcome.ended - opening.captured) * 1000,
        ),
        detail=detail,
        actor=opening.actor,
    )


def _kept_by_gate(times: ReleaseTimes, release_seconds: float) -> dict[str, JsonValue]:
    """Return how long the gate itself keeps a release, where that is not as the portal says."""
    detail: dict[str, JsonValue] = {"waits_s": times.waits_s} if times.waits_s != release_seconds else {}
    return detail | ({"passage_s": times.passage_s} if times.passage_s is not None else {})


def unconfirmed_fact(opening: Mapping[str, Any]) -> Fact:
    """Return the event for an opening with this recorded body whose daemon ended before the answer: outcome unknown."""
    return Fact(
        Kind.PORTAL_UNLOCK_UNCONFIRMED,
        datetime.now(UTC),
        portal=opening["portal"],
        direction=Direction(opening["direction"]) if opening["direction"] else None,
        person_id=opening["person_id"],
        request=opening["request"],
    )


def passage_fact(
    portal: Portal, fact: PassageFact, person_id: str | None = None, reached: datetime | None = None
) -> Fact:
    """Return a step of a passage, with the request that released it and its person; why stands in the detail."""
    detail: dict[str, JsonValue] = {"cause": str(fact.reason)} if fact.reason else {}
    if reached is not None and fact.kind is Kind.PASSAGE_COMPLETED:
        detail |= reached_detail(reached)
    return Fact(
        fact.kind,
        datetime.now(UTC),
        portal=portal.name,
        direction=fact.direction,
        device=portal.gate,
        person_id=person_id,
        request=fact.request,
        detail=detail,
    )
