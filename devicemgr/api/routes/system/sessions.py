"""/sessions: who is signed in over the network, and how a session is ended."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.models import ResponseBody, Time
from devicemgr.errors import NotFound
from devicemgr.security.sessions import OpenSession, SignIns
from devicemgr.text import rfc3339, safe

router = APIRouter(prefix="/sessions", tags=["operators"])


class SignedInSession(ResponseBody):
    """A session of a browser; those of the time before the daemon's start have ended."""

    id: str = Field(examples=["1f2e3d4c"])
    operator: str = Field(examples=["berik"])
    address: str = Field(examples=["192.0.2.7"], description="Of the network from which the operator signed in.")
    since: Time
    used: Time = Field(description="Of the last request.")
    own: bool = Field(description="The session of the caller.")


class SessionEnded(ResponseBody):
    """A session that was ended."""

    id: str = Field(examples=["1f2e3d4c"])
    operator: str = Field(examples=["berik"])
    ended: bool


@router.get("", response_model=list[SignedInSession])
def list_sessions(request: Request, caller: Who) -> list[dict[str, Any]]:
    """List the sessions that are open, the last used first."""
    return [_session_json(one) for one in _signins(request).all_open(caller.session)]


@router.delete("/{session}", response_model=SessionEnded)
def end_session(session: str, request: Request, context: Ctx, caller: Who) -> dict[str, Any]:
    """End a session; the operator may sign in again, unless removed or given another password."""
    operator = _signins(request).end(session)
    if operator is None:
        raise NotFound(f"no session '{safe(session, 60)}' is open", code="session_not_found")
    with context.change(caller, changes_site=False) as work:
        work.record("admin.session_ended", {"operator": operator})
    return {"id": session, "operator": operator, "ended": True}


def _session_json(one: OpenSession) -> dict[str, Any]:
    now, fields = datetime.now(UTC), asdict(one)
    since, used = (rfc3339(now - timedelta(seconds=fields.pop(name))) for name in ("age_s", "idle_s"))
    return fields | {"since": since, "used": used, "own": fields.pop("is_own")}


def _signins(request: Request) -> SignIns:
    found = request.app.state.signins
    assert isinstance(found, SignIns)
    return found
