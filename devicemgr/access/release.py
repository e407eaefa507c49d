"""Imperative requests to a gate; each is carried out at most once."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devicemgr.access.portals.indicators import answer_console
from devicemgr.domain.model import Direction, JsonValue, Portal, PortalMode
from devicemgr.domain.ports.device import Cancelable, Delivery, Device, Gate, ReleaseTimes, SelfTimed
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.errors import DeviceError, DevicemgrError, DeviceRefused, Hint, NotYet, OutcomeUnknown


@dataclass(frozen=True, slots=True)
class Release:
    """Let one person pass; void after `deadline` (CLOCK_MONOTONIC seconds)."""

    request: str
    channel: int
    direction: Direction
    seconds: float
    deadline: float


@dataclass(frozen=True, slots=True)
class SetMode:
    """Put a channel into normal, locked or free."""

    channel: int
    mode: PortalMode


GateCommand = Release | SetMode


# A release that could not leave within this time of its decision is void: the person may have walked away.
RELEASE_WITHIN_S = 2.0


# How long to wait before a release is sent again that the device has provably not carried out.
_NOT_YET_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Opening:
    """A permission to open; times are CLOCK_MONOTONIC seconds; `actor` for a guard's word instead of a face.

    `presented_at` is the device where it was requested, `question` the number of a console's question, and `use_of` the
    level of which the passage takes a use. `along` are the openings of people who go in by this release, and `answers`
    consoles with a question that its outcome answers.
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
    question: int | None = None
    use_of: str | None = None
    along: tuple["Opening", ...] = ()
    answers: tuple[tuple[str, int], ...] = ()


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


def notify_caller(outcome: Outcome) -> None:
    """Give a guard's client the outcome of their opening."""
    if outcome.opening.on_end:
        outcome.opening.on_end(outcome)


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
        raise DeviceRefused(
            f"'{opening.portal.gate}' is not a gate", hint=Hint("edit_portal_gate", name=opening.portal.name)
        )
    portal = opening.portal
    order = Release(
        opening.request, portal.channel, opening.direction, portal.release_seconds, opening.decided + RELEASE_WITHIN_S
    )
    if time.monotonic() > order.deadline:
        raise DeviceError("the release was not sent: it came too late after its decision")
    try:
        if opening.question is not None and opening.presented_at == portal.gate:
            # A console that asks opens by itself when the answer says so.
            answer_console(opening.question, True, device)
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


def _detail(request: AccessRequest, timings_ms: Mapping[str, float]) -> dict[str, JsonValue]:
    detail: dict[str, JsonValue] = {}
    if timings_ms:
        detail["timings_ms"] = {name: round(value, 1) for name, value in timings_ms.items()}
    if request.card is not None and request.card.unread:
        detail["cause"] = request.card.unread
    if request.console is not None and request.console.stale:
        detail["cause"] = request.console.stale
    elif request.console is not None and request.console.refused:
        detail["cause"] = "the console itself refused"
    return detail
