"""Why a person may pass or was refused: every check of a supposed request, or of a decision that is on record."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devicemgr.domain.ledger_events import Kind, Reason, reason_named
from devicemgr.domain.model import Factor, Person, Portal
from devicemgr.domain.rules.decision.advice import Advice, advise
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.factors import SUFFICIENT, WITHOUT_CONSENT
from devicemgr.domain.rules.policy import Explanation
from devicemgr.domain.rules.threats.lockdown import requirements_at, threat_at
from devicemgr.errors import Hint, NotFound
from devicemgr.store.database import Session
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.text import safe

DECISIONS = (Kind.ACCESS_GRANTED, Kind.ACCESS_DENIED)
# What may change a decision, by the beginning of its kind; sign-ins, backups and the like do not.
_RIGHTS = (
    "person_",
    "level_",
    "schedule_",
    "calendar_",
    "portal_",
    "zone_",
    "interlock_",
    "threat_",
    "card_",
    "pin_",
    "consent_",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Granted or the reason why not, what each check says of it, and what would help."""

    granted: bool
    reason: str | None
    checks: Sequence[Mapping[str, Any]]
    helps: Sequence[Advice]

    def as_json(self) -> dict[str, Any]:
        """Return the answer as INTERFACES has it."""
        return {
            "granted": self.granted,
            "reason": self.reason,
            "checks": [dict(check) for check in self.checks],
            "helps": [one.text for one in self.helps],
            "advice": [{"code": one.code, "args": dict(one.args)} for one in self.helps],
        }


def factors_for(portal: Portal, person: Person, snapshot: Snapshot) -> frozenset[Factor]:
    """Return what a person would present at a portal: the fewest factors that suffice there now."""
    shown: frozenset[Factor] = frozenset()
    for require in requirements_at(portal, threat_at(portal.name, snapshot)):
        sets = (SUFFICIENT if person.face_consent else WITHOUT_CONSENT)[require]
        with_card = [one for one in sets if Factor.CARD in one]
        shown |= (with_card or list(sets))[0] if not person.face_consent else sets[0]
    return shown


def answer_of(
    explanations: Sequence[Explanation], snapshot: Snapshot, portal: str, at: datetime, *, names_levels: bool
) -> Answer:
    """Return what the checks say; `names_levels` tells also of levels that the person does not hold."""
    first = next((one for one in explanations if one.objected), None)
    return Answer(
        first is None,
        str(first.reason) if first else None,
        [_check_json(one, names_levels) for one in explanations],
        advise(explanations, snapshot, portal, at, names_levels=names_levels),
    )


def _check_json(one: Explanation, names_levels: bool) -> dict[str, Any]:
    hidden = frozenset[str]() if names_levels else frozenset({"levels_of_portal", "opens_with", "allow"})
    facts = {name: value for name, value in one.facts.items() if name not in hidden}
    if one.rule is not None:
        facts = {"rule": one.rule, **facts}
    return {
        "check": str(one.reason if one.objected else one.check.reason),
        "code": one.check.code,
        "when": one.check.when,
        "objected": one.objected,
        "recorded": one.violated,
        "facts": facts,
    }


def find_decision(session: Session, event: str, *, names: bool) -> dict[str, Any]:
    """Return the recorded decision that a seq or a request names; NotFound where there is none."""
    found = _of_seq(session, int(event), names) if event.isdecimal() and len(event) < 19 else None
    if found is not None and found["kind"] in DECISIONS:
        return found
    request = event if found is None else found["request"]
    of_request = events.find(session, EventFilter(request=request), 100, names=names) if request else []
    for one in of_request:
        if one["kind"] in DECISIONS:
            return one
    raise NotFound(f"'{safe(event, 60)}' is no decision that is on record", hint=Hint("list_decisions"))


def _of_seq(session: Session, seq: int, names: bool) -> dict[str, Any] | None:
    found = events.find(session, EventFilter(after=seq - 1), 1, names=names)
    return found[0] if found and found[0]["seq"] == seq else None


def have_rights_changed(session: Session, seq: int) -> bool:
    """Return True if people, rights or portals were changed after an event."""
    return events.has_any_after(session, seq, [f"admin.{name}" for name in _RIGHTS])


def factors_shown(event: Mapping[str, Any]) -> frozenset[Factor]:
    """Return the factors that a recorded decision went by."""
    evidence = event["evidence"] or {}
    return frozenset(factor for factor in Factor if evidence.get(str(factor)) not in (None, False))


def recorded_answer(event: Mapping[str, Any], checks: Iterable[Mapping[str, Any]], helps: Sequence[Advice]) -> Answer:
    """Return a recorded decision with its own reason and facts, and what the other checks say."""
    granted, reason, detail = event["kind"] == Kind.ACCESS_GRANTED, event["reason"], event["detail"] or {}
    facts = dict(detail.get("facts") or {}) | ({"rule": detail["rule"]} if detail.get("rule") else {})
    if detail.get("cause"):
        facts["cause"] = detail["cause"]
    shown, was_found = [], False
    for check in checks:
        is_reason = not granted and not was_found and check["check"] == reason
        was_found = was_found or is_reason
        own = {**check["facts"], **facts} if is_reason else check["facts"]
        shown.append({**check, "objected": is_reason or (check["objected"] and not granted), "facts": own})
    if not granted and not was_found:
        evidence = event["evidence"] or {}
        is_of_evidence = reason_named(str(reason)) in _OF_EVIDENCE
        words = "what was presented" if is_of_evidence else "what was decided then"
        found = {"check": reason, "code": "presented" if is_of_evidence else "decided_then", "when": words}
        shown.insert(0, found | {"objected": True, "recorded": False, "facts": facts | evidence})
    return Answer(granted, reason, shown, [] if granted else helps)


_OF_EVIDENCE = frozenset(
    {
        Reason.UNKNOWN_FACE,
        Reason.AMBIGUOUS_FACE,
        Reason.LOW_QUALITY,
        Reason.LIVENESS_FAILED,
        Reason.UNKNOWN_CREDENTIAL,
        Reason.STALE_EVIDENCE,
    }
)
