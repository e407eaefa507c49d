"""/devices/{name}/info: what a device has said of itself, and which known vulnerabilities that means."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from devicemgr.api.context import Ctx, Who
from devicemgr.api.routes.devices.models import DeviceInventory
from devicemgr.provisioning.firmware_advisories import judge, known
from devicemgr.store.site import devices as device_store
from devicemgr.text import rfc3339, safe

router = APIRouter(tags=["devices"])
_LONGEST = 80


@router.get("/devices/{name}/info", response_model=DeviceInventory)
def device_info(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """As the running daemon read it when it last connected, or read now; InvalidInput for a bad list."""
    entries = known(context.site.home.path, context.site.parts.catalog)
    with context.site.database.read() as session:
        kind = device_store.device(session, name).driver
    info, read = context.runtime.device_info(name)
    shown = {field: safe(value, _LONGEST) for field, value in asdict(info).items()}
    found = [asdict(finding) for finding in judge(info, entries)]
    return {"name": name, "kind": kind} | shown | {"read_at": rfc3339(read), "vulnerable": found}
