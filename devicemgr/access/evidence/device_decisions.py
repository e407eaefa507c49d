"""Record what devices decided by themselves, once, with their own times, checked and never acted on."""

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from devicemgr.access.policy_cache import point_of, portal_at
from devicemgr.domain.device_events import DeviceDecided, DeviceReported
from devicemgr.domain.ledger_events import Cursor, Fact, Kind, Reason, reason_named
from devicemgr.domain.model import Direction, Factor, JsonValue, PortalMode
from devicemgr.domain.rules.decision.area_checks import REASONS_OF_AREAS
from devicemgr.domain.rules.decision.requests import AccessRequest, ConsoleEvidence, FaceEvidence
from devicemgr.domain.rules.decision.rights_checks import REASONS_OF_RIGHTS
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Decision, decide

# More than the inbox and the ledger can hold unwritten: older ones are behind the cursor on disk.
_REMEMBERED = 32_768

Report = DeviceDecided | DeviceReported


class DeviceLog:
    """For the dispatcher's thread only; `id_of` leads from a device's name to the id that its cursor is kept by."""

    def __init__(self, id_of: Callable[[str], str | None]) -> None:
        self._id_of = id_of
        self._seen: OrderedDict[tuple[str, str, int, datetime], None] = OrderedDict()

    def facts(self, device: str, report: Report, rules: Snapshot) -> list[Fact]:
        """Return what to record: nothing for a repetition, and a dispute too where the rules here say otherwise."""
        key = (device, report.log, report.serial, report.at)
        if key in self._seen:
            return []
        self._seen[key] = None
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        if isinstance(report, DeviceReported):
            return [self._reported(device, report, rules)]
        return self._decided(device, report, rules)

    def _cursor(self, device: str, report: Report) -> Cursor | None:
        known = self._id_of(device)
        return Cursor(known, report.serial, report.log) if known is not None else None

    def _reported(self, device: str, report: DeviceReported, rules: Snapshot) -> Fact:
        portal = portal_at(rules, device, report.channel)
        return Fact(
            report.kind,
            _usable(report.at),
            portal=portal.name if portal else None,
            device=device,
            detail=_detail(report),
            cursor=self._cursor(device, report),
        )

    def _decided(self, device: str, report: DeviceDecided, rules: Snapshot) -> list[Fact]:
        point = point_of(rules, device, report.channel)
        portal = portal_at(rules, device, report.channel)
        where = point.portal if point else portal.name if portal else None
        direction = report.direction or (point.direction if point else None)
        person = _person_of(report, rules)
        request = str(uuid.uuid4())
        here = None if report.is_history else _check(report, where, direction, person, rules)
        reason = None if report.granted else _reason(report, person, here)
        if reason is not None and not report.is_history:
            # It is no one's there since it was blocked here, or has ended.
            reason = rules.card_read(report.names).refusal(datetime.now(UTC)) or reason
        fact = Fact(
            Kind.ACCESS_GRANTED if report.granted else Kind.ACCESS_DENIED,
            _usable(report.at),
            portal=where,
            direction=direction,
            device=device,
            person_id=person,
            reason=reason,
            request=request,
            evidence=dict(report.evidence) if report.evidence else None,
            detail=_detail(report) | {"decided_by": "console", "revision": rules.version},
            cursor=self._cursor(device, report),
        )
        if here is None or here.granted == report.granted or _saw_otherwise(report):
            return [fact]
        detail: dict[str, JsonValue] = {
            "there": "granted" if report.granted else "denied",
            "here": "granted" if here.granted else str(here.reason),
        }
        disputed = Fact(
            Kind.DECISION_DISPUTED,
            datetime.now(UTC),
            portal=where,
            direction=direction,
            device=device,
            person_id=person,
            reason=here.reason,
            request=request,
            detail=detail,
        )
        return [fact, disputed]


def _person_of(report: DeviceDecided, rules: Snapshot) -> str | None:
    if report.badge is not None and (found := rules.badges.get(report.badge)) is not None:
        return found
    return rules.card_read(report.names).person_id


def _check(
    report: DeviceDecided, portal: str | None, direction: Direction | None, person: str | None, rules: Snapshot
) -> Decision | None:
    """Return what the rules here say, the device's evidence taken as it is; None where they have no say."""
    if portal is None or (person is None and not report.granted):
        return None
    now = time.monotonic()
    factors = _factors(report)
    face = FaceEvidence(None, 0.0, None, 1, person_id=person, vendor="device") if Factor.FACE in factors else None
    read = rules.card_read(report.names)
    card = replace(read, person_id=person) if Factor.CARD in factors else None
    console = ConsoleEvidence("device", factors=factors, person_id=person)
    request = AccessRequest(
        "",
        portal,
        direction or Direction.ENTRY,
        "",
        _usable(report.at),
        now,
        now,
        face=face,
        card=card,
        console=console,
    )
    decision = decide(request, rules)
    if decision.reason is Reason.PORTAL_LOCKED and not report.live:  # locked now, which says nothing of then
        decision = decide(request, replace(rules, modes={**rules.modes, portal: PortalMode.NORMAL}))
    standing = rules.threat_at.get(portal)
    if decision.reason is Reason.LOCKDOWN and standing is not None and standing.in_force.since > request.at:
        decision = decide(request, replace(rules, threats_in_force={}))
    # Which factors it required, and whether the face was alive, is the device's own business; who is where, and who
    # else was there, is recorded as a violation.
    own = (Reason.ESCORT_REQUIRED, Reason.SECOND_FACTOR_REQUIRED, Reason.LIVENESS_FAILED, *REASONS_OF_AREAS)
    is_let_in = report.granted and decision.reason is Reason.LOCKDOWN
    return Decision(True, None, person) if is_let_in or decision.reason in own else decision


def _factors(report: DeviceDecided) -> frozenset[Factor]:
    """Return what the device says that it went by; where it does not say, what could have been, a face or none."""
    evidence = report.evidence or {}
    found = frozenset(factor for factor in Factor if factor in evidence)
    by_face = report.badge is not None and not report.names and "code" not in evidence
    return found or frozenset({Factor.FACE if by_face else Factor.CARD})


def _saw_otherwise(report: DeviceDecided) -> bool:
    """Return True if the device refused for what it saw, such as a wrong PIN, of which the rights here say nothing."""
    named = reason_named(report.why)
    return not report.granted and named is not None and named not in REASONS_OF_RIGHTS


def _reason(report: DeviceDecided, person: str | None, here: Decision | None) -> Reason | None:
    """Our own reason where the rights are the cause, else that of the device's words; those stand in the detail."""
    named = reason_named(report.why)
    # A card that it does not hold any more, since its holder may not pass now, is unknown there.
    is_not_held = named is Reason.UNKNOWN_CREDENTIAL and report.badge is None and bool(report.names)
    is_of_rights = named is None or named in REASONS_OF_RIGHTS or is_not_held
    if here is not None and here.reason in REASONS_OF_RIGHTS and is_of_rights:
        return here.reason
    if named is None and person is None and report.badge is None and not report.names:
        return Reason.UNKNOWN_FACE
    return named


def _detail(report: Report) -> dict[str, JsonValue]:
    detail: dict[str, JsonValue] = {"device_serial": report.serial}
    return detail | ({"cause": report.why} if report.why else {})


def _usable(at: datetime) -> datetime:
    return at if at.utcoffset() is not None else at.replace(tzinfo=UTC)
