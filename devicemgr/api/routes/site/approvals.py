"""/approvals: what one admin requested and another must approve."""

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from devicemgr.api.context import Caller, Ctx, Who
from devicemgr.api.conventions.models import ResponseBody, Time
from devicemgr.security import approvals as two_person
from devicemgr.store.database import Session
from devicemgr.store.people import people
from devicemgr.store.site import approvals
from devicemgr.store.tables import ApprovalRow
from devicemgr.text import rfc3339

router = APIRouter(prefix="/approvals", tags=["operators"])


class Approval(ResponseBody):
    """A request of one admin that another must approve."""

    id: str
    action: str = Field(examples=["new admin"])
    subject: str = Field(examples=["berik"])
    asked_by: str = Field(examples=["operator:aigul"])
    asked: Time
    approved_by: str | None
    own: bool = Field(description="Requested by the caller, so that another admin must approve it.")
    ends: Time = Field(description="It counts for nothing from then on.")


@router.get("", response_model=list[Approval])
def list_approvals(context: Ctx, caller: Who) -> list[dict[str, Any]]:
    """List what waits for a second admin, or was approved and not done yet, newest first."""
    with context.site.database.read() as session:
        return [_approval_json(session, row, caller) for row in two_person.waiting(session)]


@router.post("/{approval}", response_model=Approval)
def approve(approval: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Approve what another admin requested."""
    row = two_person.approve(context.site, caller.actor, approval)
    with context.site.database.read() as session:
        return _approval_json(session, row, caller)


@router.delete("/{approval}", response_model=Approval)
def refuse(approval: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Refuse what another admin requested, or take back what the caller requested."""
    row = two_person.refuse(context.site, caller.actor, approval)
    with context.site.database.read() as session:
        return _approval_json(session, row, caller)


def _approval_json(session: Session, row: ApprovalRow, caller: Caller) -> dict[str, Any]:
    """Return a request for display: people are stored by their random id and shown by badge."""
    return approvals.as_json(row) | {
        "subject": people.badge_of(session, row.subject) or row.subject,
        "own": two_person.is_own(row, caller.actor),
        "ends": rfc3339(datetime.fromisoformat(row.asked) + timedelta(minutes=two_person.MINUTES)),
    }
