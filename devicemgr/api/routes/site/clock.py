"""/clock: the times by which rights are judged, and how an admin accepts this computer's clock."""

import time
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from devicemgr.api.context import Context, Ctx, Who
from devicemgr.api.conventions.models import ResponseBody, Time
from devicemgr.clock import mark
from devicemgr.clock.ntp import is_synchronized
from devicemgr.store.site import approvals
from devicemgr.text import rfc3339

router = APIRouter(prefix="/clock", tags=["system"])


class ClockState(ResponseBody):
    """This computer's clock, and the times by which rights are judged."""

    clock: Time
    judged_at: Time
    behind_s: float
    judged_also_at: Time | None = Field(
        description="While the clock may have jumped ahead: a right must hold then too."
    )
    jumped_ahead_s: float
    synchronized: bool | None


@router.get("", response_model=ClockState)
def show(context: Ctx, _: Who) -> dict[str, Any]:
    """Show this computer's clock, the times by which rights are judged, and how far they are apart."""
    return _shown(context)


@router.post("/accept", response_model=ClockState)
def accept(context: Ctx, caller: Who) -> dict[str, Any]:
    """Judge by this computer's clock alone from now on, although it is behind or ahead of the time that was reached.

    Approvals that wait are void: none of them comes to life again at a later time.
    """
    clock = context.site.clock
    detail = {"behind_s": round(clock.behind_s, 1), "ahead_s": round(clock.ahead_s, 1)}
    with context.site.database.write() as session:
        context.record(session, "admin.clock_accepted", caller, detail)
        approvals.void(session)
        mark.put(session, time.time() - time.monotonic())
    clock.accept()
    context.runtime.site_changed()
    return _shown(context)


def _shown(context: Context) -> dict[str, Any]:
    clock = context.site.clock
    return {
        "clock": rfc3339(datetime.now(UTC)),
        "judged_at": rfc3339(clock.now()),
        "behind_s": round(clock.behind_s, 1),
        "judged_also_at": rfc3339(clock.earliest()) if clock.ahead_s else None,
        "jumped_ahead_s": round(clock.ahead_s, 1),
        "synchronized": is_synchronized(),
    }
