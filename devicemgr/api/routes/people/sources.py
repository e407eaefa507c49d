"""/sources: tables that people come from by themselves, read from the drop folder."""

from typing import Any

from fastapi import APIRouter, Response

from devicemgr.api.authorization import require_source
from devicemgr.api.context import Context, Ctx, Who
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import IfMatch, set_etag
from devicemgr.api.routes.people.source_models import (
    Source,
    SourceCreate,
    SourcePlan,
    SourceRemoved,
    SourceReplace,
    SourceSync,
    SourceUpdate,
    source_body,
)
from devicemgr.api.routes.people.tables import require_rights
from devicemgr.people.sources import drop_folder, run
from devicemgr.site.sources import changes, fields as source_fields
from devicemgr.store.database import Session
from devicemgr.store.people import sources as rows
from devicemgr.store.tables import SourceRow

router = APIRouter(prefix="/sources", tags=["people"])


def _json(context: Context, session: Session, row: SourceRow) -> dict[str, Any]:
    return source_body(rows.source_json(session, row), source_fields.fields_of(row), str(context.site.home.inbox))


@router.post("", status_code=201, response_model=Source)
def add_source(body: SourceCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a source; who may not make its changes by hand may not add it."""
    fields = source_fields.checked_fields(body.model_dump(exclude={"name"}))
    require_source(caller, body.name, fields.stated())
    drop_folder.make(context.site.home)
    with context.change(caller) as work:
        return _json(context, work.session, changes.add_source(work, body.name, fields))


@router.get("", response_model=list[Source])
def list_sources(context: Ctx, _: Who, page: Paged, response: Response) -> list[dict[str, Any]]:
    """List sources by name."""
    with context.site.database.read() as session:
        set_etag(response, session)
        found = page.cut(rows.sources(session), key=lambda row: row.name, text=lambda row: (row.name,))
        return [_json(context, session, row) for row in found]


@router.get("/{name}", response_model=Source)
def show_source(name: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one source, and how its last run ended."""
    with context.site.database.read() as session:
        set_etag(response, session)
        return _json(context, session, rows.source(session, name))


@router.put("/{name}", response_model=Source, responses={201: {"model": Source, "description": "Added."}})
def replace_source(
    name: str, body: SourceReplace, context: Ctx, caller: Who, response: Response, precondition: IfMatch
) -> dict[str, Any]:
    """Add the source, or make it exactly this; the same again does nothing."""
    fields = source_fields.checked_fields(body.model_dump())
    require_source(caller, name, fields.stated())
    drop_folder.make(context.site.home)
    with context.change(caller) as work:
        precondition.require(work.session)
        row, is_new = changes.put_source(work, name, fields)
        response.status_code = 201 if is_new else 200
        return _json(context, work.session, row)


@router.patch("/{name}", response_model=Source)
def edit_source(name: str, body: SourceUpdate, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Change what a source states; what waited for an admin is compared again."""
    with context.change(caller) as work:
        precondition.require(work.session)
        row = rows.source(work.session, name)
        given = body.model_dump(exclude_unset=True)
        stated = {field: value for field, value in {**row.stated, **given}.items() if value is not None}
        fields = source_fields.checked_fields(stated)
        require_source(caller, name, fields.stated())
        return _json(context, work.session, changes.put_source(work, name, fields)[0])


@router.delete("/{name}", response_model=SourceRemoved)
def remove_source(name: str, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Remove a source; its people stay as they are, and are the site's own."""
    with context.change(caller) as work:
        precondition.require(work.session)
        return {"name": name, "removed": True, "people": changes.remove_source(work, name)}


@router.post("/{name}/plan", response_model=SourcePlan)
def plan_source(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Read a source and show what it would change; changes nothing."""
    found = run.compare(context.site, name)
    require_rights(caller, found.plan)
    return found.as_json() | {"name": name, "applied": False}


@router.post("/{name}/sync", response_model=SourcePlan)
def sync_source(name: str, body: SourceSync, context: Ctx, caller: Who) -> dict[str, Any]:
    """Read a source now and make all of its changes, or none; each needs the role that it needs by itself.

    A plan that takes rights from unusually many people is held until it comes again with its digest under `accept`.
    """
    found = run.sync(
        context.site,
        context.runtime,
        name,
        by=caller.actor,
        accept=body.accept,
        require=lambda plan: require_rights(caller, plan),
    )
    return found | {"name": name}
