"""/discoveries: what is on the network and plugged in, and is not added yet."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from devicemgr.api.context import Ctx, Who
from devicemgr.api.routes.devices.models import Discovery
from devicemgr.errors import InvalidInput
from devicemgr.provisioning import discovery
from devicemgr.store.site import devices as device_store

router = APIRouter(tags=["devices"])


class DiscoveryRequest(BaseModel):
    """How long to look, for which kind, and which addresses and ranges to ask besides those that answer a broadcast."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    seconds: float = Field(5.0, ge=0.2, le=60)
    kind: str | None = None
    hosts: list[str] = Field([], max_length=64)
    line: str | None = Field(None, max_length=300, description="look on this serial line or serial server alone")


@router.post("/discoveries", response_model=Discovery)
def discover_devices(body: DiscoveryRequest, context: Ctx, _: Who) -> dict[str, Any]:
    """Look now; nothing is added, and no password is sent."""
    with context.site.database.read() as session:
        rows = device_store.devices(session)
        known = {row.name: (row.address, str(row.options.get("unit", 0))) for row in rows}
    catalog = context.site.parts.catalog
    if body.line is None:
        return discovery.discover(catalog, known, body.seconds, body.hosts, body.kind)
    if body.hosts:
        raise InvalidInput("give either a line or hosts to look at")
    return discovery.scan_line(catalog, known, body.seconds, body.line, body.kind)
