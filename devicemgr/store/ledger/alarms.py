"""Rows of alarms, kept up to date in the transaction of each event that begins, ends or acknowledges one."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules import alarms as rules
from devicemgr.domain.rules.alarms import Acknowledgment, Alarm
from devicemgr.store.alarm_tables import AlarmRow
from devicemgr.store.ledger import events

_MAX_CAUSE = 300
_MAX_SUBJECT = 200
# Of the events that one alarm's kind is about, so many of the newest are looked through for those of its subject.
_MAX_LOOKED_AT = 10_000


def store(session: Session, event: Mapping[str, Any]) -> None:
    """Keep, change or remove the alarms that an event is about."""
    kind = rules.begins(event)
    if event["kind"] == rules.DEVICE_REMOVED:
        query = select(AlarmRow).where(AlarmRow.device == str(event["detail"].get("device")), AlarmRow.active)
        for row in session.scalars(query):
            _keep(session, rules.end(_alarm(row)))
    for ended in rules.ends(event):
        for row in _ended_rows(session, ended, event):
            _keep(session, rules.end(_alarm(row)))
    if kind is not None:
        _keep(session, rules.begin(find(session, f"{kind}:{rules.subject_of(event)}"), event))
    elif event["kind"] in (Kind.ALARM_ACKNOWLEDGED, Kind.ALARM_ESCALATED):
        detail = event["detail"]
        alarm = find(session, f"{detail['alarm']}:{detail['subject']}")
        if alarm is not None:
            is_taken = event["kind"] == Kind.ALARM_ACKNOWLEDGED
            _keep(session, rules.acknowledge(alarm, event) if is_taken else rules.escalate(alarm))


def listed(session: Session, *, with_duress: bool = True) -> list[Alarm]:
    """Return all alarms that are active or not acknowledged, the most urgent and oldest first."""
    query = select(AlarmRow).order_by(AlarmRow.priority, AlarmRow.since, AlarmRow.kind, AlarmRow.subject)
    if not with_duress:
        query = query.where(AlarmRow.kind != Kind.DURESS_SIGNALLED)
    return [_alarm(row) for row in session.scalars(query)]


def find(session: Session, alarm_id: str) -> Alarm | None:
    """Return the listed alarm of that id."""
    kind, _, subject = alarm_id.partition(":")
    row = _row(session, kind, subject)
    return _alarm(row) if row else None


def history(
    session: Session, alarm_id: str, limit: int, *, names: bool = False, shows_duress: bool = True
) -> list[dict[str, Any]]:
    """Return the newest events of one alarm, oldest first, as it is listed or was."""
    kind, _, subject = alarm_id.partition(":")
    kinds = sorted(rules.kinds_about(kind))
    found = events.newest_of_kinds(session, kinds, _MAX_LOOKED_AT, names=names, shows_duress=shows_duress)
    return [event for event in found if rules.is_about(event, kind, subject)][-limit:]


def _ended_rows(session: Session, kind: str, event: Mapping[str, Any]) -> Sequence[AlarmRow]:
    """Return the active alarm at an event's subject, or, where its portal has changed since, at its device."""
    subject = rules.subject_of({**event, "kind": kind})
    found = _row(session, kind, subject)
    if found is not None:
        return [found]
    if not event.get("device"):
        return []
    query = select(AlarmRow).where(AlarmRow.kind == kind, AlarmRow.device == event["device"], AlarmRow.active)
    return list(session.scalars(query))


def _row(session: Session, kind: str, subject: str) -> AlarmRow | None:
    return session.get(AlarmRow, (kind, subject[:_MAX_SUBJECT]))


def _keep(session: Session, alarm: Alarm) -> None:
    key = (alarm.kind, alarm.subject[:_MAX_SUBJECT])
    row = session.get(AlarmRow, key)
    if not alarm.is_listed:
        if row is not None:
            session.delete(row)
            session.flush()
        return
    taken = alarm.acknowledged
    session.merge(
        AlarmRow(
            kind=key[0],
            subject=key[1],
            priority=alarm.priority,
            active=alarm.active,
            since=alarm.since,
            count=alarm.count,
            seq=alarm.seq,
            cause=alarm.cause[:_MAX_CAUSE],
            device=alarm.device,
            acknowledged_by=taken.by if taken else None,
            acknowledged_at=taken.at if taken else None,
            comment=taken.comment if taken else None,
            escalated=alarm.escalated,
        )
    )


def _alarm(row: AlarmRow) -> Alarm:
    taken = None
    if row.acknowledged_at is not None:
        taken = Acknowledgment(row.acknowledged_by or "", row.acknowledged_at, row.comment or "")
    return Alarm(
        row.kind,
        row.subject,
        row.priority,
        row.active,
        row.since,
        row.count,
        row.seq,
        row.cause,
        row.device,
        taken,
        row.escalated,
    )
