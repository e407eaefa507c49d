"""Requests of one admin that another must approve."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from devicemgr.errors import Hint, NotFound
from devicemgr.store.people.people import now_text
from devicemgr.store.tables import ApprovalRow
from devicemgr.text import safe


def since(session: Session, earliest: str, latest: str) -> Sequence[ApprovalRow]:
    """Return those requested between `earliest` and `latest` and not used yet, newest first."""
    wanted = select(ApprovalRow).where(ApprovalRow.asked >= earliest, ApprovalRow.asked <= latest)
    return session.scalars(wanted.where(ApprovalRow.used.is_(None)).order_by(ApprovalRow.asked.desc())).all()


def add(session: Session, action: str, subject: str, asked_by: str, asked: str) -> ApprovalRow:
    """Add a request made at `asked`."""
    row = ApprovalRow(
        id=str(uuid.uuid4())[:8],
        action=action,
        subject=subject,
        asked_by=asked_by,
        asked=asked,
        approved_by=None,
        used=None,
    )
    session.add(row)
    session.flush()
    return row


def void(session: Session) -> None:
    """End all that were not used."""
    session.execute(update(ApprovalRow).where(ApprovalRow.used.is_(None)).values(used=now_text()))


def get(session: Session, approval: str, earliest: str, latest: str) -> ApprovalRow:
    """Return an open one, or NotFound."""
    found = next((row for row in since(session, earliest, latest) if row.id == approval), None)
    if found is None:
        raise NotFound(f"no open request '{safe(approval, 60)}'", hint=Hint("list_approvals"))
    return found


def as_json(row: ApprovalRow) -> dict[str, Any]:
    """For lists."""
    return {
        "id": row.id,
        "action": row.action,
        "subject": row.subject,
        "asked_by": row.asked_by,
        "asked": row.asked,
        "approved_by": row.approved_by,
    }
