"""/approvals: what one admin asked for and another must approve."""

from typing import Any

from fastapi import APIRouter

from devicemgr.api.context import Ctx, Who
from devicemgr.security import approvals as two_person
from devicemgr.store.database import Session
from devicemgr.store.people import people
from devicemgr.store.site import approvals
from devicemgr.store.tables import ApprovalRow

router = APIRouter(prefix="/approvals", tags=["operators"])


@router.get("")
def list_approvals(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """What waits for a second admin, or was approved and not done yet."""
    with context.site.database.read() as session:
        return [_told(session, row) for row in two_person.waiting(session)]


@router.post("/{approval}")
def approve(approval: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Agree to what another admin asked for."""
    row = two_person.approve(context.site, caller.actor, approval)
    with context.site.database.read() as session:
        return _told(session, row)


def _told(session: Session, row: ApprovalRow) -> dict[str, Any]:
    """People are stored by their random id, and shown by badge."""
    return approvals.as_json(row) | {"subject": people.badge_of(session, row.subject) or row.subject}
