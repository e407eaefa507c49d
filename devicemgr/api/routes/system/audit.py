"""/audit: is the record whole, and a copy that others can check."""

import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from devicemgr.api.context import Ctx, Who
from devicemgr.api.routes.system.models import AuditResult
from devicemgr.errors import StorageFailed
from devicemgr.home import Home
from devicemgr.operations import audit

router = APIRouter(prefix="/audit", tags=["audit"])

_CHUNK_BYTES = 256 * 1024


class AuditExport(BaseModel):
    """Nothing to choose: the bundle is the answer, and no path of a caller is written."""

    model_config = ConfigDict(extra="forbid")


@router.get("/verify", response_model=AuditResult)
def verify(context: Ctx, _: Who, root: str | None = None) -> dict[str, Any]:
    """Check chain, seals and anchors; names the first bad row."""
    return audit.verify(context.site, root)


@router.post(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}},
)
def export(context: Ctx, caller: Who, _: AuditExport | None = None) -> StreamingResponse:
    """Answer with a sealed bundle of all events; it holds random ids and no names."""
    with context.site.database.write(changes_site=False) as session:
        context.record(session, "admin.audit_exported", caller, {})
    context.site.sealer.seal()
    file = _nameless(context.site.home)
    try:
        audit.export(context.site, file)
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    headers = {"Content-Length": str(size), "Cache-Control": "no-store"}
    return StreamingResponse(_chunks(file), media_type="application/zip", headers=headers)


def _nameless(home: Home) -> BinaryIO:
    """Open a file without a name, which is gone with the process or the answer, whichever ends first."""
    try:
        home.cache.mkdir(mode=0o700, exist_ok=True)
        return tempfile.TemporaryFile(dir=home.cache)
    except OSError as error:
        raise StorageFailed(
            f"the bundle could not be made ({error.strerror}); check the disk of the home folder"
        ) from error


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
