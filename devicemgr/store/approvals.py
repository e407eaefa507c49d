"""What one admin asked for and another must approve."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from devicemgr.errors import NotFound
from devicemgr.store.people import now_text
from devicemgr.store.tables import ApprovalRow
from devicemgr.text import safe


def since(session: Session, earliest: str) -> Sequence[ApprovalRow]:
    """Those asked for at `earliest` or later and not used yet, newest first."""
    wanted = select(ApprovalRow).where(ApprovalRow.asked >= earliest, ApprovalRow.asked <= now_text())
    return session.scalars(wanted.where(ApprovalRow.used.is_(None)).order_by(ApprovalRow.asked.desc())).all()


def add(session: Session, action: str, subject: str, asked_by: str) -> ApprovalRow:
    """A new one."""
    row = ApprovalRow(
        id=str(uuid.uuid4())[:8], action=action, subject=subject, asked_by=asked_by, asked=now_text(),
        approved_by=None, used=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def get(session: Session, approval: str, earliest: str) -> ApprovalRow:
    """An open one, or NotFound."""
    found = next((row for row in since(session, earliest) if row.id == approval), None)
    if found is None:
        raise NotFound(f"no open request '{safe(approval, 60)}'; `devicemgr operator requests` shows them")
    return found


def as_json(row: ApprovalRow) -> dict[str, Any]:
    """For lists."""
    return {
        "id": row.id, "action": row.action, "subject": row.subject, "asked_by": row.asked_by, "asked": row.asked,
        "approved_by": row.approved_by,
    }  # fmt: skip
