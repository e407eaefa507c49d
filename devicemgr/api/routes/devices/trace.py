"""/devices/{name}/trace: the latest bytes on a device's line."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter

from devicemgr.api.context import Ctx, Who
from devicemgr.api.routes.devices.models import LineTrace
from devicemgr.store.site import devices as device_store
from devicemgr.text import rfc3339

router = APIRouter(tags=["devices"])


@router.get("/devices/{name}/trace", response_model=LineTrace)
def trace_device(name: str, context: Ctx, _: Who, after: float = 0.0) -> dict[str, Any]:
    """Return what went over the line since CLOCK_MONOTONIC second `after`, oldest first.

    `way` is rx or tx, `bytes` hex.
    """
    with context.site.database.read() as session:
        place = device_store.device(session, name).address
    found = context.runtime.trace_device(name)
    now, ticks = datetime.now(UTC), time.monotonic()
    shown = [
        {"time": rfc3339(now - timedelta(seconds=ticks - at)), "at": at, "way": way, "bytes": data.hex(" ")}
        for at, way, data in found
        if at > after
    ]
    return {"name": name, "address": place, "live": context.runtime.running, "trace": shown}
