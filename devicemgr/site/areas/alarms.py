"""Use cases of alarms: acknowledge one, and escalate what no one has acknowledged."""

from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import JsonValue
from devicemgr.domain.rules.alarms import ALARM_KINDS, Acknowledgment, Alarm
from devicemgr.errors import AlarmChanged, Hint, InvalidInput, NotFound
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.database import Session
from devicemgr.store.ledger import alarms as rows
from devicemgr.store.site import settings
from devicemgr.text import rfc3339, safe

# Information does not call anyone.
_MAX_ESCALATED_PRIORITY = 4


def alarm_json(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm as it is shown."""
    taken = alarm.acknowledged
    return {
        "id": alarm.id,
        "kind": alarm.kind,
        "subject": alarm.subject,
        "device": alarm.device,
        "priority": alarm.priority,
        "state": "active" if alarm.active else "over",
        "acknowledged": {"by": taken.by, "at": taken.at, "comment": taken.comment} if taken else None,
        "needs_comment": ALARM_KINDS[alarm.kind].needs_comment,
        "escalated": alarm.escalated,
        "count": alarm.count,
        "since": alarm.since,
        "seq": alarm.seq,
        "cause": alarm.cause,
    }


def acknowledge(work: UnitOfWork, alarm_id: str, comment: str, seen: int | None = None) -> Alarm:
    """Record that the operator has taken note of an alarm; no door changes by that.

    `seen` is the seq of the beginning that the operator has seen: AlarmChanged where it has begun again since, or
    another acknowledgment was first. NotFound for what is not listed, InvalidInput where a comment is required.
    """
    alarm = rows.find(work.session, alarm_id)
    if seen is not None:
        _require_seen(work.session, alarm_id, alarm, seen)
    if alarm is None:
        raise not_listed(alarm_id)
    if alarm.acknowledged is not None:
        return alarm
    if ALARM_KINDS[alarm.kind].needs_comment and not comment.strip():
        raise InvalidInput(
            f"{alarm.kind} is not acknowledged without a comment; write what was found", code="comment_required"
        )
    detail = {"alarm": alarm.kind, "subject": alarm.subject, "comment": comment.strip()}
    fact = Fact(Kind.ALARM_ACKNOWLEDGED, datetime.now(UTC), detail=detail, actor=work.actor)
    work.site.ledger.append(work.session, [fact])
    return rows.find(work.session, alarm_id) or alarm


def _require_seen(session: Session, alarm_id: str, alarm: Alarm | None, seen: int) -> None:
    """Raise AlarmChanged unless the alarm is still the one that was seen, without an acknowledgment."""
    if alarm is not None and alarm.seq != seen:
        raise AlarmChanged(
            f"{safe(alarm_id, 120)} has begun again since; look at it once more",
            code="alarm_repeated",
            facts={"count": alarm.count, "since": alarm.since},
        )
    taken = alarm.acknowledged if alarm is not None else _acknowledgment_after(session, alarm_id, seen)
    if taken is not None:
        raise AlarmChanged(
            f"{safe(alarm_id, 120)} was acknowledged by {taken.by} already; your comment is not recorded",
            code="alarm_acknowledged",
            facts={"by": taken.by, "at": taken.at, "comment": taken.comment},
        )


def _acknowledgment_after(session: Session, alarm_id: str, seq: int) -> Acknowledgment | None:
    """Return who has acknowledged an alarm that has left the list by that."""
    for event in rows.history(session, alarm_id, 1000):
        if event["kind"] == Kind.ALARM_ACKNOWLEDGED and event["seq"] > seq:
            return Acknowledgment(str(event["actor"]), str(event["time"]), str(event["detail"].get("comment") or ""))
    return None


def not_listed(alarm_id: str) -> NotFound:
    """Return the error for an alarm that is not listed, or not for the caller."""
    return NotFound(f"there is no alarm '{safe(alarm_id, 120)}'", hint=Hint("list_alarms"))


def duress_alarms(session: Session) -> list[dict[str, Any]]:
    """Return the duress signals that no one has acknowledged, as `status` shows them to those who may know of them."""
    return [
        {
            "kind": alarm.kind,
            **({"portal": alarm.subject} if alarm.subject != alarm.device else {}),
            **({"device": alarm.device} if alarm.device else {}),
            "cause": alarm.cause or "a person was forced to open",
            "since": alarm.since,
        }
        for alarm in rows.listed(session)
        if alarm.kind == Kind.DURESS_SIGNALLED
    ]


def escalate(site: Site) -> int:
    """Record which alarms no one has acknowledged in the time that the site sets; return how many."""
    with site.database.read() as session:
        waits = settings.load(session).escalate_after
        waiting = [one for one in rows.listed(session) if one.acknowledged is None and not one.escalated]
    before = rfc3339(datetime.now(UTC) - timedelta(seconds=waits))
    due = [one for one in waiting if waits and one.priority <= _MAX_ESCALATED_PRIORITY and one.since <= before]
    for alarm in due:
        detail: dict[str, JsonValue] = {
            "alarm": alarm.kind,
            "subject": alarm.subject,
            "priority": alarm.priority,
            "since": alarm.since,
        }
        site.ledger.submit(Fact(Kind.ALARM_ESCALATED, datetime.now(UTC), device=alarm.device, detail=detail))
    return len(due)
