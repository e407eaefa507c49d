"""What devices that decide by themselves tell of: recorded once, with their own times, checked, never acted on."""

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime

from devicemgr.access.policy_cache import point_of, portal_at
from devicemgr.domain.device_events import DeviceDecided, DeviceReported
from devicemgr.domain.ledger_events import Fact, Kind, Reason, reason_named
from devicemgr.domain.model import Direction, Factor, JsonValue
from devicemgr.domain.rules.policy import (
    REASONS_OF_RIGHTS,
    AccessRequest,
    CardEvidence,
    ConsoleEvidence,
    Decision,
    FaceEvidence,
    Snapshot,
    decide,
)

# More than the inbox and the ledger can hold unwritten: older ones are behind the cursor on disk.
_REMEMBERED = 32_768
_CLOCK_AGREES_S = 5.0

Told = DeviceDecided | DeviceReported


class DeviceLog:
    """For the dispatcher's thread only; `id_of` leads from a device's name to the id that its cursor is kept by."""

    def __init__(self, id_of: Callable[[str], str | None]) -> None:
        self._id_of = id_of
        self._seen: OrderedDict[tuple[str, int, datetime], None] = OrderedDict()

    def facts(self, device: str, told: Told, rules: Snapshot) -> list[Fact]:
        """What to record: nothing for what was told before; a dispute too where the rules here say otherwise."""
        key = (device, told.serial, told.at)
        if key in self._seen:
            return []
        self._seen[key] = None
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        if isinstance(told, DeviceReported):
            return [self._reported(device, told, rules)]
        return self._decided(device, told, rules)

    def _cursor(self, device: str, serial: int) -> tuple[str, int] | None:
        known = self._id_of(device)
        return (known, serial) if known is not None else None

    def _reported(self, device: str, told: DeviceReported, rules: Snapshot) -> Fact:
        portal = portal_at(rules, device, told.channel)
        return Fact(
            told.kind,
            _usable(told.at),
            portal=portal.name if portal else None,
            device=device,
            detail=_detail(told),
            cursor=self._cursor(device, told.serial),
        )

    def _decided(self, device: str, told: DeviceDecided, rules: Snapshot) -> list[Fact]:
        point = point_of(rules, device, told.channel)
        portal = portal_at(rules, device, told.channel)
        where = point.portal if point else portal.name if portal else None
        direction = told.direction or (point.direction if point else None)
        person = _person_of(told, rules)
        request = str(uuid.uuid4())
        here = _check(told, where, direction, person, rules)
        reason = None if told.granted else _reason(told, person, here)
        fact = Fact(
            Kind.ACCESS_GRANTED if told.granted else Kind.ACCESS_DENIED,
            _usable(told.at),
            portal=where,
            direction=direction,
            device=device,
            person_id=person,
            reason=reason,
            request=request,
            evidence=dict(told.evidence) if told.evidence else None,
            detail=_detail(told) | {"decided_by": "console"},
            cursor=self._cursor(device, told.serial),
        )
        if here is None or here.granted == told.granted or _saw_otherwise(told):
            return [fact]
        detail: dict[str, JsonValue] = {
            "there": "granted" if told.granted else "denied",
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


def _person_of(told: DeviceDecided, rules: Snapshot) -> str | None:
    if told.badge is not None and (found := rules.badges.get(told.badge)) is not None:
        return found
    return next((rules.cards[name] for name in told.names if name in rules.cards), None)


def _check(
    told: DeviceDecided, portal: str | None, direction: Direction | None, person: str | None, rules: Snapshot
) -> Decision | None:
    """What the rules here say, the device's evidence taken as it is; None where they have no say."""
    if portal is None or (person is None and not told.granted):
        return None
    now = time.monotonic()
    factors = _factors(told)
    face = FaceEvidence(None, 0.0, None, 1, person_id=person, vendor="device") if Factor.FACE in factors else None
    card = CardEvidence(told.names, person) if Factor.CARD in factors else None
    console = ConsoleEvidence("device", factors=factors, person_id=person)
    request = AccessRequest(
        "", portal, direction or Direction.ENTRY, "", _usable(told.at), now, now, face=face, card=card, console=console
    )
    decision = decide(request, rules)
    # Which factors it asked for, and whether the face was alive, is the device's own business.
    own = (Reason.SECOND_FACTOR_REQUIRED, Reason.LIVENESS_FAILED)
    return Decision(True, None, person) if decision.reason in own else decision


def _factors(told: DeviceDecided) -> frozenset[Factor]:
    """What the device says that it went by; where it does not say, what could have been, a face or none."""
    evidence = told.evidence or {}
    found = frozenset(factor for factor in Factor if factor in evidence)
    by_face = told.badge is not None and not told.names and "code" not in evidence
    return found or frozenset({Factor.FACE if by_face else Factor.CARD})


def _saw_otherwise(told: DeviceDecided) -> bool:
    """Return True if the device refused for what it saw, such as a wrong PIN, of which the rights here say nothing."""
    named = reason_named(told.why)
    return not told.granted and named is not None and named not in REASONS_OF_RIGHTS


def _reason(told: DeviceDecided, person: str | None, here: Decision | None) -> Reason | None:
    """Our own reason where the rights are the cause, else that of the device's words; those stand in the detail."""
    named = reason_named(told.why)
    if here is not None and here.reason in REASONS_OF_RIGHTS and (named is None or named in REASONS_OF_RIGHTS):
        return here.reason
    if named is None and person is None and told.badge is None and not told.names:
        return Reason.UNKNOWN_FACE
    return named


def _detail(told: Told) -> dict[str, JsonValue]:
    detail: dict[str, JsonValue] = {"device_serial": told.serial}
    return detail | ({"cause": told.why} if told.why else {})


def _usable(at: datetime) -> datetime:
    return at if at.utcoffset() is not None else at.replace(tzinfo=UTC)
