"""/plans: drawings of the site with its portals, devices and zones."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.conventions.models import Removed
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import IfMatch, Precondition, set_etag
from devicemgr.api.routes.areas.plan_models import Placements, Plan, PlanSummary
from devicemgr.errors import InvalidInput
from devicemgr.site.plans import entries, files, service
from devicemgr.site.plans.picture import MAX_BYTES, clean_picture
from devicemgr.store.areas import plans as rows
from devicemgr.text import slug

router = APIRouter(prefix="/plans", tags=["plans"])

# It may be opened by itself as well: then nothing in it runs, and it has no rights of our origin.
_PICTURE_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_PICTURES = dict.fromkeys(rows.SUFFIXES, _BINARY)

Revision = Annotated[
    int | None, Query(ge=0, description="The plan's revision when it was opened: refused when it was changed since.")
]


@router.get("", response_model=list[PlanSummary])
def list_plans(context: Ctx, _: Who, page: Paged, response: Response) -> list[dict[str, Any]]:
    """List the plans by name."""
    with context.site.database.read() as session:
        set_etag(response, session)
        found = page.cut(rows.plans(session), key=lambda row: row.name, text=lambda row: (row.name,))
        return [_summary(rows.plan_json(row)) for row in found]


def _summary(plan: dict[str, Any]) -> dict[str, Any]:
    placements = plan.pop("placements")
    return plan | {"placed": len(placements)}


@router.get("/{name}", response_model=Plan)
def show_plan(name: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one plan, with what stands on it."""
    with context.site.database.read() as session:
        set_etag(response, session)
        return rows.plan_json(rows.plan(session, name))


@router.get(
    "/{name}/picture",
    response_class=Response,
    responses={200: {"content": _PICTURES, "description": "The picture, made safe to show."}},
)
def show_picture(
    name: str,
    context: Ctx,
    _: Who,
    _version: Annotated[str, Query(alias="v", max_length=64, description="Makes an address for each version.")] = "",
) -> Response:
    """Return the picture of a plan."""
    with context.site.database.read() as session:
        row = rows.plan(session, name)
        file, media = row.file, row.media
    return Response(files.read(context.site.home, name, file), media_type=media, headers=_PICTURE_HEADERS)


@router.put(
    "/{name}",
    response_model=Plan,
    responses={201: {"model": Plan, "description": "Added."}},
    openapi_extra={"requestBody": {"required": True, "content": _PICTURES}},
)
async def replace_picture(
    name: str,
    request: Request,
    response: Response,
    context: Ctx,
    caller: Who,
    precondition: IfMatch,
    revision: Revision = None,
) -> dict[str, Any]:
    """Add a plan, or give an existing one another picture: PNG, JPEG or WebP up to 8 MB, SVG up to 1 MB.

    The picture is made again of its pixels, a drawing of its shapes and texts; what stands on the plan stays.
    """
    slug("plan", name)
    content = await _received(request.stream())
    found, is_new = await run_in_threadpool(_put, name, content, context, caller, precondition, revision)
    response.status_code = 201 if is_new else 200
    return found


async def _received(stream: AsyncIterator[bytes]) -> bytes:
    content = bytearray()
    async for data in stream:
        content += data
        if len(content) > MAX_BYTES:
            raise InvalidInput("the picture is over 8 MB; make it smaller", code="picture_too_big")
    return bytes(content)


def _put(
    name: str, content: bytes, context: Context, caller: Caller, precondition: Precondition, revision: int | None
) -> tuple[dict[str, Any], bool]:
    pictures = {name: clean_picture(content)}
    with entries.written(context.site, pictures, is_plan=False) as new, context.change(caller) as work:
        precondition.require(work.session)
        row, is_new = service.put_picture(work, name, new[name], revision)
        return rows.plan_json(row), is_new


@router.put("/{name}/placements", response_model=Plan)
def replace_placements(name: str, body: Placements, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Place exactly these things on a plan; the same again does nothing."""
    with context.change(caller) as work:
        precondition.require(work.session)
        return rows.plan_json(service.set_placements(work, name, body.placements, body.revision))


@router.delete("/{name}", response_model=Removed)
def remove_plan(
    name: str, context: Ctx, caller: Who, precondition: IfMatch, revision: Revision = None
) -> dict[str, Any]:
    """Remove a plan and erase its picture."""
    with context.change(caller) as work:
        precondition.require(work.session)
        service.remove_plan(work, name, revision)
    return {"name": name, "removed": True}
