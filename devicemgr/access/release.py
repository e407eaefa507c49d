"""An opening on its way from a recorded decision to a gate, and the facts that tell of it."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from devicemgr.access.commands import Release
from devicemgr.access.portals.indicators import answer_console
from devicemgr.domain.events import Fact, Kind, Reason
from devicemgr.domain.model import Direction, Factor, JsonValue, Portal
from devicemgr.domain.ports.device import Cancelable, Delivery, Device, Gate, ReleaseTimes, SelfTimed
from devicemgr.domain.rules.passage_state import PassageFact
from devicemgr.domain.rules.policy import AccessRequest, Decision, FaceEvidence
from devicemgr.errors import DeviceError, DevicemgrError, DeviceRefused, NotYet, OutcomeUnknown

# A release that could not leave within this time of its decision is void: the person may have walked away.
RELEASE_WITHIN_S = 2.0
# How long to wait before a release is sent again that the device has provably not carried out.
_NOT_YET_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Opening:
    """A permission to open; times are CLOCK_MONOTONIC seconds; `actor` for a guard's word instead of a face.

    `presented_at` is the device where it was asked for, `asked` the number of a console's question.
    """

    request: str
    portal: Portal
    direction: Direction
    captured: float
    decided: float
    person_id: str | None = None
    actor: str | None = None
    on_end: Callable[["Outcome"], None] | None = None
    presented_at: str | None = None
    asked: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an opening at its gate; `recorded` is when its record was durable."""

    opening: Opening
    recorded: float
    ended: float
    error: DevicemgrError | None
    senses_passage: bool
    delivery: Delivery = Delivery.SENT
    times: ReleaseTimes | None = None

    @property
    def word(self) -> str:
        """confirmed, sent, unknown or failed: `detail.outcome` of the record and of the answer."""
        if self.error is None:
            return str(self.delivery)
        return "unknown" if isinstance(self.error, OutcomeUnknown) else "failed"


@dataclass(frozen=True, slots=True)
class Sent:
    """A release that has left: whether the gate will report the passage; `unknown` when its answer was lost.

    `times` is how long the gate itself keeps it; None as the portal says.
    """

    senses_passage: bool
    unknown: OutcomeUnknown | None = None
    delivery: Delivery = Delivery.SENT
    times: ReleaseTimes | None = None


def release_gate(opening: Opening, device: Device) -> Sent:
    """Send the one release of an opening, on the gate's own thread."""
    if not isinstance(device, Gate):
        raise DeviceRefused(f"'{opening.portal.gate}' is not a gate; `devicemgr portal edit` names another")
    portal = opening.portal
    order = Release(
        opening.request, portal.channel, opening.direction, portal.release_seconds, opening.decided + RELEASE_WITHIN_S
    )  # fmt: skip
    if time.monotonic() > order.deadline:
        raise DeviceError("the release was not sent: it came too late after its decision")
    try:
        if opening.asked is not None and opening.presented_at == portal.gate:
            # A console that asks opens by itself when the answer says so.
            answer_console(opening.asked, True, device)
            delivery = Delivery.CONFIRMED
        else:
            delivery = _release(order, device)
    except OutcomeUnknown as error:
        return Sent(device.senses_passage, error, times=_times(portal, device))
    # A driver of another package may return nothing, and nothing is no proof.
    proven = Delivery.CONFIRMED if delivery is Delivery.CONFIRMED else Delivery.SENT
    return Sent(device.senses_passage, None, proven, _times(portal, device))


def _release(order: Release, device: Gate) -> Delivery:
    """Send it once; again, until its deadline, only if the device has proven that it did nothing."""
    while True:
        try:
            return device.release(order.channel, order.direction, order.seconds)
        except NotYet:
            if time.monotonic() + _NOT_YET_PAUSE_S > order.deadline:
                raise
            time.sleep(_NOT_YET_PAUSE_S)


def _times(portal: Portal, device: Device) -> ReleaseTimes | None:
    return device.release_times(portal.channel, portal.release_seconds) if isinstance(device, SelfTimed) else None


def cancel_release(portal: Portal, direction: Direction, device: Device) -> None:
    """Take back a release that the portal no longer waits for, on the gate's own thread."""
    if isinstance(device, Cancelable):
        device.cancel_release(portal.channel, direction)


def decision_fact(request: AccessRequest, decision: Decision, decided: float, timings_ms: Mapping[str, float]) -> Fact:
    """access_granted or access_denied, with its evidence."""
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
        detail=_detail(request, timings_ms),
    )


def _detail(request: AccessRequest, timings_ms: Mapping[str, float]) -> dict[str, JsonValue]:
    detail: dict[str, JsonValue] = {}
    if timings_ms:
        detail["timings_ms"] = {name: round(value, 1) for name, value in timings_ms.items()}
    if request.console is not None and request.console.stale:
        detail["cause"] = request.console.stale
    elif request.console is not None and request.console.refused:
        detail["cause"] = "the console itself refused"
    return detail


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


def manual_fact(opening: Opening) -> Fact:
    """The record that a guard's word opens a portal."""
    return Fact(
        "admin.portal_open", datetime.now(UTC), portal=opening.portal.name, direction=opening.direction,
        request=opening.request, actor=opening.actor,
    )  # fmt: skip


def unrecorded_fact(opening: Opening) -> Fact:
    """A grant that could not be recorded is a denial."""
    return Fact(
        Kind.ACCESS_DENIED, datetime.now(UTC), portal=opening.portal.name, direction=opening.direction,
        person_id=opening.person_id, reason=Reason.STORAGE_FAILED, request=opening.request, actor=opening.actor,
    )  # fmt: skip


def outcome_fact(outcome: Outcome) -> Fact:
    """portal_unlocked (outcome confirmed, sent or unknown) or portal_unlock_failed, with the way's latencies."""
    opening, error = outcome.opening, outcome.error
    failed = error is not None and not isinstance(error, OutcomeUnknown)
    detail: dict[str, JsonValue] = {"outcome": outcome.word}
    if error is not None:
        detail["cause"] = str(error)[:300]
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


def unconfirmed_fact(asked: Mapping[str, Any]) -> Fact:
    """Nobody knows what became of the opening with this recorded body: its daemon ended before the answer."""
    return Fact(
        Kind.PORTAL_UNLOCK_UNCONFIRMED, datetime.now(UTC), portal=asked["portal"],
        direction=Direction(asked["direction"]) if asked["direction"] else None,
        person_id=asked["person_id"], request=asked["request"],
    )  # fmt: skip


def passage_fact(portal: Portal, fact: PassageFact) -> Fact:
    """A step of a passage, with the request that released it; why stands in the detail."""
    return Fact(
        fact.kind, datetime.now(UTC), portal=portal.name, direction=fact.direction, device=portal.gate,
        request=fact.request, detail={"cause": str(fact.reason)} if fact.reason else {},
    )  # fmt: skip
