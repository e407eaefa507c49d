"""/audit: is the record whole, and a copy that others can check."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from devicemgr import audit
from devicemgr.api.context import Ctx, Who
from devicemgr.errors import InvalidInput

router = APIRouter(prefix="/audit", tags=["audit"])


class Bundle(BaseModel):
    """Where the bundle is written, on the daemon's box."""

    model_config = ConfigDict(extra="forbid")
    file: str


@router.get("/verify")
def verify(context: Ctx, _: Who, root: str | None = None) -> dict[str, Any]:
    """Check chain, seals and anchors; names the first bad row."""
    return audit.verify(context.site, root)


@router.post("/export")
def export(body: Bundle, context: Ctx, caller: Who) -> dict[str, Any]:
    """Write a sealed bundle of all events; it holds random ids and no names."""
    path = Path(body.file)
    if not path.is_absolute():
        raise InvalidInput("give the bundle's whole path")
    with context.site.database.write(changes_site=False) as session:
        context.record(session, "admin.audit_exported", caller, {})
    context.site.sealer.seal()
    return audit.export(context.site, path)
