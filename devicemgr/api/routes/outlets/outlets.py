"""/outlets: where events leave to, each by a cursor of its own over the record."""

from typing import Any

from fastapi import APIRouter, Response

from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import IfMatch, set_etag
from devicemgr.api.rights.site_changes import may_send_events, require_events
from devicemgr.api.routes.outlets.models import (
    Outlet,
    OutletCreate,
    OutletRemoved,
    OutletReplace,
    OutletReplay,
    OutletSecret,
    OutletSecretSet,
    OutletTest,
    OutletUpdate,
)
from devicemgr.outlets import runner
from devicemgr.site.outlets import changes, progress
from devicemgr.site.outlets.fields import checked_fields, fields_of
from devicemgr.site.outlets.signing import public_key_of
from devicemgr.store.database import Session
from devicemgr.store.outlets import rows
from devicemgr.store.outlets.tables import OutletRow

router = APIRouter(prefix="/outlets", tags=["outlets"])


def _json(session: Session, row: OutletRow) -> dict[str, Any]:
    return fields_of(row).model_dump(mode="json") | progress.outlet_json(session, row)


@router.post("", status_code=201, response_model=Outlet)
def add_outlet(body: OutletCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add an outlet; one whose events the caller may not see is paused until someone who may lets it go on."""
    fields = checked_fields(body.model_dump(exclude={"name"}))
    with context.change(caller) as work:
        row = changes.add_outlet(work, body.name, fields, is_paused=not may_send_events(caller, fields))
        return _json(work.session, row)


@router.get("", response_model=list[Outlet])
def list_outlets(context: Ctx, _: Who, page: Paged, response: Response) -> list[dict[str, Any]]:
    """List outlets by name."""
    with context.site.database.read() as session:
        set_etag(response, session)
        found = page.cut(rows.outlets(session), key=lambda row: row.name, text=lambda row: (row.name,))
        return [_json(session, row) for row in found]


@router.get("/{name}", response_model=Outlet)
def show_outlet(name: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one outlet, how far it has come and what is wrong."""
    with context.site.database.read() as session:
        set_etag(response, session)
        return _json(session, rows.outlet(session, name))


@router.put("/{name}", response_model=Outlet, responses={201: {"model": Outlet, "description": "Added."}})
def replace_outlet(
    name: str, body: OutletReplace, context: Ctx, caller: Who, response: Response, precondition: IfMatch
) -> dict[str, Any]:
    """Add the outlet, or make it exactly this; the same again does nothing."""
    fields = checked_fields(body.model_dump())
    with context.change(caller) as work:
        precondition.require(work.session)
        row, is_new = changes.put_outlet(work, name, fields, is_paused=not may_send_events(caller, fields))
        response.status_code = 201 if is_new else 200
        return _json(work.session, row)


@router.patch("/{name}", response_model=Outlet)
def edit_outlet(name: str, body: OutletUpdate, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Change what an outlet states; it tries again at once."""
    with context.change(caller) as work:
        precondition.require(work.session)
        row = rows.outlet(work.session, name)
        given = body.model_dump(exclude_unset=True)
        fields = checked_fields({key: value for key, value in {**row.stated, **given}.items() if value is not None})
        is_paused = not may_send_events(caller, fields)
        return _json(work.session, changes.put_outlet(work, name, fields, is_paused=is_paused)[0])


@router.delete("/{name}", response_model=OutletRemoved)
def remove_outlet(name: str, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Remove an outlet and its secrets."""
    with context.change(caller) as work:
        precondition.require(work.session)
        changes.remove_outlet(work, name)
        return {"name": name, "removed": True}


@router.put("/{name}/secret", response_model=OutletSecretSet)
def set_secret(name: str, body: OutletSecret, context: Ctx, caller: Who) -> dict[str, Any]:
    """Set the password at the receiver, or the secret that signs, or make a new one, which is shown this once."""
    with context.change(caller) as work:
        secret = changes.set_secret(work, name, body.secret, keeps_last=body.keep_last, is_asymmetric=body.asymmetric)
        public_key = public_key_of(secret)
        is_shown = body.secret is None and public_key is None
        return {"name": name, "secret": secret if is_shown else None, "public_key": public_key}


@router.post("/{name}/test", response_model=OutletTest)
def send_test(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """Send a message that is no event, also while the outlet is paused."""
    found = runner.try_out(context.site, name, lambda: context.runtime.stopping)
    return {"name": name, "delivered": found.cause is None, "cause": found.cause, "answer": found.answer}


@router.post("/{name}/pause", response_model=Outlet)
def pause_outlet(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Let an outlet wait; what is recorded in between leaves when it goes on."""
    with context.change(caller) as work:
        return _json(work.session, changes.pause(work, name, is_paused=True))


@router.post("/{name}/resume", response_model=Outlet)
def resume_outlet(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Let an outlet go on, also one that has stopped; the caller must be one who may see what leaves."""
    with context.change(caller) as work:
        require_events(caller, name, fields_of(rows.outlet(work.session, name)))
        return _json(work.session, changes.pause(work, name, is_paused=False))


@router.post("/{name}/replay", response_model=Outlet)
def replay_outlet(name: str, body: OutletReplay, context: Ctx, caller: Who) -> dict[str, Any]:
    """Give out once more all events from one on; the caller must be one who may see what leaves."""
    with context.change(caller) as work:
        require_events(caller, name, fields_of(rows.outlet(work.session, name)))
        return _json(work.session, changes.replay(work, name, body.seq))
