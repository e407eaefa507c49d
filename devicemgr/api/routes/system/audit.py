"""/audit: is the record whole, its seals, and a copy that others can check."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.routes.system.bundles import MEDIA_TYPE, Bundle, Bundles
from devicemgr.api.routes.system.models import AuditBundle, AuditResult, AuditSeals
from devicemgr.api.stream import progress
from devicemgr.errors import StorageFailed, TooManyTries
from devicemgr.home import Home
from devicemgr.operations import audit, seals

router = APIRouter(prefix="/audit", tags=["audit"])

# One at a time: each takes a core for as long as it lasts, and the entrances need the other.
_TURN = threading.Lock()
_PATIENCE_S = 30.0
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}


class AuditExport(BaseModel):
    """Nothing to choose: the bundle is the answer, and no path of a caller is written."""

    model_config = ConfigDict(extra="forbid")


@router.get("/verify", response_model=AuditResult, responses=progress.DESCRIPTION)
def verify(context: Ctx, _: Who, request: Request, root: str | None = None) -> Any:
    """Check chain, seals and anchors; names the first bad row. Streams its progress on request."""

    def work(on_progress: progress.OnProgress) -> dict[str, Any]:
        with _turn():
            return audit.verify(context.site, root, on_progress)

    if progress.is_wanted(request):
        return progress.streamed(work, lambda: context.runtime.stopping)
    return work(lambda _done, _total: None)


@router.get("/seals", response_model=AuditSeals)
def list_seals(
    context: Ctx,
    _: Who,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Seals before this number.")] = None,
) -> dict[str, Any]:
    """List the newest seals, and what each anchor remembers of them."""
    return seals.overview(context.site, limit, before)


@router.post("/export", response_class=StreamingResponse, responses=_ZIP)
def export(context: Ctx, caller: Who, _: AuditExport | None = None) -> StreamingResponse:
    """Answer with a sealed bundle of all events; it holds random ids and no names."""
    with _turn():
        file, _found = _made(context, caller, lambda _done, _total: None)
    bundle = Bundle(caller.actor, file)
    return StreamingResponse(bundle.chunks(closing=True), media_type=MEDIA_TYPE, headers=bundle.headers())


@router.post("/bundles", status_code=201, response_model=AuditBundle, responses={201: progress.DESCRIPTION[200]})
def make_bundle(context: Ctx, caller: Who, request: Request, _: AuditExport | None = None) -> Any:
    """Make a sealed bundle of all events, to be fetched within ten minutes; streams its progress on request."""
    bundles: Bundles = request.app.state.bundles

    def work(on_progress: progress.OnProgress) -> dict[str, Any]:
        with _turn():
            file, found = _made(context, caller, on_progress)
        return bundles.keep(Bundle(caller.actor, file)) | {"events": found["events"], "root": found["root"]}

    if progress.is_wanted(request):
        return progress.streamed(work, lambda: context.runtime.stopping)
    return work(lambda _done, _total: None)


@router.get("/bundles/{bundle}", response_class=StreamingResponse, responses=_ZIP)
def fetch_bundle(bundle: str, caller: Who, request: Request) -> Response:
    """Answer with a bundle that the caller has made."""
    found: Bundle = request.app.state.bundles.of(bundle, caller.actor)
    return StreamingResponse(found.chunks(), media_type=MEDIA_TYPE, headers=found.headers())


@contextmanager
def _turn() -> Iterator[None]:
    if not _TURN.acquire(timeout=_PATIENCE_S):
        raise TooManyTries("the record is being verified or exported; try again in a minute", code="audit_running")
    try:
        yield
    finally:
        _TURN.release()


def _made(context: Context, caller: Caller, on_progress: progress.OnProgress) -> tuple[BinaryIO, dict[str, Any]]:
    with context.site.database.write(changes_site=False) as session:
        context.record(session, "admin.audit_exported", caller, {})
    context.site.sealer.seal()
    file = _nameless(context.site.home)
    try:
        return file, audit.export(context.site, file, on_progress)
    except BaseException:
        file.close()
        raise


def _nameless(home: Home) -> BinaryIO:
    """Open a file without a name, which is gone with the process or the answer, whichever ends first."""
    try:
        home.cache.mkdir(mode=0o700, exist_ok=True)
        return tempfile.TemporaryFile(dir=home.cache)
    except OSError as error:
        raise StorageFailed(
            f"the bundle could not be made ({error.strerror}); check the disk of the home folder"
        ) from error
