"""What an event is to those who get mails: an alarm that begins, ends or waits, or something else."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.alarms import ALARM_KINDS, SITE, begin, begins, ends, subject_of

LOWEST_PRIORITY = 5


class Phase(StrEnum):
    """What has become of an alarm."""

    BEGUN = "begun"
    WAITS = "waits"
    OVER = "over"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class News:
    """An event as a mail names it: the kind of alarm, or of the event, at a subject.

    `group` names those that are collected together, `lead` the kind of event that is named before the alarm.
    `ended` are the ids of alarms that it ends, where they were on.
    """

    group: str
    kind: str
    subject: str
    phase: Phase
    priority: int
    lead: Kind | None = None
    alarm: str | None = None
    ended: tuple[str, ...] = ()


def news_of(event: Mapping[str, Any]) -> News:
    """Return what an event, as it leaves, is to those who get mails."""
    kind, subject = str(event["kind"]), subject_of(event)
    if begins(event) is not None:
        priority = begin(None, event).priority
        return News(kind, kind, subject, Phase.BEGUN, priority, alarm=f"{kind}:{subject}")
    detail = event.get("detail") or {}
    if kind in (Kind.ALARM_ACKNOWLEDGED, Kind.ALARM_ESCALATED):
        named, place = str(detail.get("alarm")), str(detail.get("subject") or SITE)
        phase = Phase.WAITS if kind == Kind.ALARM_ESCALATED else Phase.NONE
        return News(f"{kind}:{named}", named, place, phase, _priority(named), lead=Kind(kind))
    if over := ends(event):
        ids = tuple(f"{one}:{subject_of({**event, 'kind': one})}" for one in over)
        # Others, such as device_online, are named as themselves.
        is_named_by_alarm = kind in (Kind.ALARM_ENDED, Kind.FIRE_RELEASE)
        return News(
            group=f"{kind}:{over[0]}" if kind == Kind.ALARM_ENDED else kind,
            kind=over[0] if is_named_by_alarm else kind,
            subject=ids[0].partition(":")[2],
            phase=Phase.OVER,
            priority=min(map(_priority, over)),
            lead=Kind.ALARM_ENDED if is_named_by_alarm else None,
            ended=ids,
        )
    return News(kind, kind, subject, Phase.NONE, LOWEST_PRIORITY)


def _priority(kind: str) -> int:
    found = ALARM_KINDS.get(kind)
    return LOWEST_PRIORITY if found is None else found.priority
