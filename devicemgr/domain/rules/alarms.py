"""Alarms with a life: each begins, is repeated, acknowledged and escalated, and ends, by events of the ledger.

An alarm is one kind at one subject (a portal, a device, a zone …). It is active until an event reports its end; where
no end is ever reported, it is over from its beginning. It is listed until it is over and acknowledged. Another
beginning counts up and asks for a new acknowledgment. IEC 60839-11-1 §6.3 asks for kind, place and time of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from devicemgr.domain.ledger_events import Kind

Event = Mapping[str, Any]
"""The body of an event."""


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """A kind of event that begins an alarm; `priority` from 1, the highest, to 5.

    `lasts` when an event reports the end, `needs_comment` when it is not acknowledged without one.
    """

    priority: int
    lasts: bool = True
    needs_comment: bool = False


ALARM_KINDS: Mapping[str, AlarmKind] = {
    Kind.FIRE_RELEASE: AlarmKind(1),
    Kind.DURESS_SIGNALLED: AlarmKind(1, lasts=False, needs_comment=True),
    Kind.PORTAL_FORCED: AlarmKind(2, needs_comment=True),
    Kind.TAMPER: AlarmKind(2, needs_comment=True),
    Kind.THREAT_SET: AlarmKind(2),
    Kind.PORTAL_HELD_OPEN: AlarmKind(3),
    Kind.INTERLOCK_BROKEN: AlarmKind(3, lasts=False, needs_comment=True),
    Kind.PASSAGE_TAILGATED: AlarmKind(3, lasts=False),
    Kind.PASSAGE_CLIMBED: AlarmKind(3, lasts=False),
    Kind.OCCUPANCY_BELOW_MINIMUM: AlarmKind(3, lasts=False),
    Kind.VISIT_OVERDUE: AlarmKind(3),
    Kind.VISITOR_ASTRAY: AlarmKind(3, lasts=False),
    Kind.VISITOR_LEFT_BEHIND: AlarmKind(3, lasts=False),
    Kind.DEVICE_OFFLINE: AlarmKind(4),
    Kind.DEVICE_DEGRADED: AlarmKind(4),
    Kind.STORAGE_FAILED: AlarmKind(4),
    Kind.DECISION_DISPUTED: AlarmKind(4, lasts=False),
    Kind.OUTLET_FAILING: AlarmKind(4),
    Kind.OCCUPANCY_REACHED: AlarmKind(5, lasts=False),
    Kind.OUTLET_GAP: AlarmKind(5, lasts=False),
    Kind.CLOCK_JUMPED: AlarmKind(5, lasts=False),
    Kind.CALENDAR_HELD: AlarmKind(5),
    Kind.CALENDAR_STALE: AlarmKind(5),
    "admin.sync_held": AlarmKind(5, lasts=False),
    "admin.sync_failed": AlarmKind(5, lasts=False),
}
"""What begins an alarm."""

_ENDED_BY: Mapping[str, tuple[str, ...]] = {
    Kind.DEVICE_ONLINE: (Kind.DEVICE_OFFLINE, Kind.DEVICE_DEGRADED),
    Kind.DEVICE_OFFLINE: (Kind.DEVICE_DEGRADED,),
    Kind.DEVICE_DEGRADED: (Kind.DEVICE_OFFLINE,),
    Kind.STORAGE_RESTORED: (Kind.STORAGE_FAILED,),
    Kind.VISIT_ENDED: (Kind.VISIT_OVERDUE,),
    Kind.OUTLET_RESTORED: (Kind.OUTLET_FAILING,),
    Kind.THREAT_ENDED: (Kind.THREAT_SET,),
}
ENDERS = frozenset(_ENDED_BY)
"""Kinds of events that end alarms, beside ALARM_ENDED."""

_NAMED_IN_DETAIL: Mapping[str, str] = {
    Kind.OCCUPANCY_REACHED: "rule",
    Kind.OCCUPANCY_BELOW_MINIMUM: "rule",
    Kind.INTERLOCK_BROKEN: "rule",
    Kind.VISIT_OVERDUE: "visit",
    Kind.THREAT_SET: "threat",
    Kind.CALENDAR_HELD: "calendar",
    Kind.CALENDAR_STALE: "calendar",
    Kind.OUTLET_FAILING: "outlet",
    Kind.OUTLET_GAP: "outlet",
    "admin.sync_held": "source",
    "admin.sync_failed": "source",
}
# A gate that is away is urgent like a door that stands open, and above a camera.
_GATE_AWAY_PRIORITY = 3
DEVICE_REMOVED = "admin.device_removed"
SITE = "site"


@dataclass(frozen=True, slots=True)
class Acknowledgment:
    """Who took note of an alarm, when (RFC 3339), and what they wrote."""

    by: str
    at: str
    comment: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm of `kind` at `subject` since the beginning of this occurrence; `seq` is of its last beginning."""

    kind: str
    subject: str
    priority: int
    active: bool
    since: str
    count: int
    seq: int
    cause: str = ""
    device: str | None = None
    acknowledged: Acknowledgment | None = None
    escalated: bool = False

    @property
    def id(self) -> str:
        """Return what operators call it by."""
        return f"{self.kind}:{self.subject}"

    @property
    def is_listed(self) -> bool:
        """Return True until it is over and acknowledged."""
        return self.active or self.acknowledged is None


def subject_of(event: Event) -> str:
    """Return what an event is about: a zone or interlock, a portal, a device, else the site."""
    detail = event.get("detail") or {}
    if event["kind"] == Kind.FIRE_RELEASE and detail.get("input"):
        return f"{event.get('device')}/{detail['input']}"
    if name := _NAMED_IN_DETAIL.get(str(event["kind"])):
        return str(detail.get(name) or SITE)
    return str(event.get("portal") or event.get("device") or SITE)


def is_about_a_person(kind: str) -> bool:
    """Return True for a kind of alarm whose subject is a person's badge number, and no part of the site."""
    return _NAMED_IN_DETAIL.get(kind) == "visit"


def begins(event: Event) -> str | None:
    """Return the kind of alarm that an event begins; None for all others."""
    kind = str(event["kind"])
    if kind not in ALARM_KINDS:
        return None
    if kind == Kind.FIRE_RELEASE and not (event.get("detail") or {}).get("active"):
        return None
    return kind


def ends(event: Event) -> tuple[str, ...]:
    """Return the kinds of alarms that an event ends at its subject."""
    kind, detail = str(event["kind"]), event.get("detail") or {}
    if kind == Kind.ALARM_ENDED:
        return (str(detail.get("alarm")),)
    if kind == Kind.FIRE_RELEASE and not detail.get("active"):
        return (Kind.FIRE_RELEASE,)
    return _ENDED_BY.get(kind, ())


def kinds_about(kind: str) -> frozenset[str]:
    """Return the kinds of events that an alarm of this kind may begin, go on or end by."""
    enders = {ender for ender, ended in _ENDED_BY.items() if kind in ended}
    return frozenset({kind, *enders, Kind.ALARM_ENDED, Kind.ALARM_ACKNOWLEDGED, Kind.ALARM_ESCALATED})


def is_about(event: Event, kind: str, subject: str) -> bool:
    """Return True if an event begins, repeats, acknowledges, escalates or ends the alarm of that kind and subject."""
    detail = event.get("detail") or {}
    if event["kind"] in (Kind.ALARM_ACKNOWLEDGED, Kind.ALARM_ESCALATED):
        return (detail.get("alarm"), detail.get("subject")) == (kind, subject)
    is_of_kind = begins(event) == kind or kind in ends(event)
    return is_of_kind and subject_of({**event, "kind": kind}) == subject


def changes_alarms(event: Event) -> bool:
    """Return True for an event after which the list of alarms may be another one."""
    is_about_one = event["kind"] in (Kind.ALARM_ACKNOWLEDGED, Kind.ALARM_ESCALATED, DEVICE_REMOVED)
    return is_about_one or begins(event) is not None or bool(ends(event))


def begin(before: Alarm | None, event: Event) -> Alarm:
    """Return the alarm that an event begins, or repeats: it counts up and is to be acknowledged again."""
    kind, detail = ALARM_KINDS[str(event["kind"])], event.get("detail") or {}
    cause = str(detail.get("cause") or detail.get("reason") or "")
    portals = detail.get("portals") if event["kind"] == Kind.DEVICE_OFFLINE else None
    if portals:
        cause = f"nothing opens at {', '.join(map(str, portals))}" + (f": {cause}" if cause else "")
    return Alarm(
        kind=str(event["kind"]),
        subject=subject_of(event),
        priority=_GATE_AWAY_PRIORITY if portals else kind.priority,
        active=kind.lasts,
        since=before.since if before is not None and before.active else str(event["time"]),
        count=1 if before is None else before.count + 1,
        seq=int(event["seq"]),
        cause=cause,
        device=event.get("device"),
        # A duress signal goes out at once; another event about it would show to everyone that there was one.
        escalated=event["kind"] == Kind.DURESS_SIGNALLED,
    )


def end(alarm: Alarm) -> Alarm:
    """Return an alarm that is over."""
    return replace(alarm, active=False)


def acknowledge(alarm: Alarm, event: Event) -> Alarm:
    """Return an alarm that an operator has taken note of; nothing else changes by that."""
    comment = str((event.get("detail") or {}).get("comment") or "")
    return replace(alarm, acknowledged=Acknowledgment(str(event.get("actor")), str(event["time"]), comment))


def escalate(alarm: Alarm) -> Alarm:
    """Return an alarm whose want of an acknowledgment was reported."""
    return replace(alarm, escalated=True)
