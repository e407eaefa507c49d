"""/clock: the time by which rights are judged, and the word that this computer's clock is right."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter

from devicemgr.api.context import Context, Ctx, Who
from devicemgr.host_clock import synchronised
from devicemgr.store import clock_mark
from devicemgr.text import rfc3339

router = APIRouter(prefix="/clock", tags=["system"])


@router.get("")
def show(context: Ctx, _: Who) -> dict[str, Any]:
    """This computer's clock, the time by which rights are judged, and how far they are apart."""
    return _shown(context)


@router.post("/accept")
def accept(context: Ctx, caller: Who) -> dict[str, Any]:
    """Judge by this computer's clock from now on, although it is behind a time that was reached."""
    behind = context.site.clock.behind_s
    with context.site.database.write(changes_site=False) as session:
        context.record(session, "admin.clock_accepted", caller, {"behind_s": round(behind, 1)})
        clock_mark.put(session, datetime.now(UTC))
    context.site.clock.accept()
    return _shown(context)


def _shown(context: Context) -> dict[str, Any]:
    clock = context.site.clock
    return {
        "clock": rfc3339(datetime.now(UTC)), "judged_at": rfc3339(clock.now()), "behind_s": round(clock.behind_s, 1),
        "jumped_ahead_s": round(clock.ahead_s, 1), "synchronised": synchronised(),
    }  # fmt: skip
