"""/session: who one is, and signing in and out over TCP."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from devicemgr.api import csrf
from devicemgr.api.context import Caller, Ctx, Who, caller_of
from devicemgr.errors import InvalidInput
from devicemgr.security.sessions import IDLE_SECONDS, SESSION_SECONDS, Identity, SignIns, csrf_of

router = APIRouter(prefix="/session", tags=["session"])


class SignIn(BaseModel):
    """An operator's name and password."""

    model_config = ConfigDict(extra="forbid")
    operator: str = Field(max_length=64)
    password: SecretStr


@router.get("")
def show_session(caller: Who) -> dict[str, Any]:
    """Who the caller is; a browser's session also gets its CSRF token again."""
    return _described(caller)


@router.post("", status_code=201)
def sign_in(body: SignIn, request: Request, response: Response) -> dict[str, Any]:
    """Begin a session: a cookie, and the token that changes must repeat in X-CSRF-Token."""
    door: csrf.Door | None = request.scope.get(csrf.DOOR)
    if door is None:
        raise InvalidInput("on the Unix socket the caller is known already; sessions are for TCP")
    before = caller_of(request)
    address = request.client.host if request.client else ""
    secret, found = _signins(request).sign_in(body.operator, body.password.get_secret_value(), address)
    if before is not None and before.session:
        _signins(request).sign_out(before.session)
    response.headers.append("set-cookie", door.set_cookie(secret))
    return _described(_caller(found, secret))


@router.delete("")
def sign_out(request: Request, response: Response, context: Ctx, caller: Who) -> dict[str, Any]:
    """End the session."""
    door: csrf.Door | None = request.scope.get(csrf.DOOR)
    if door is None or caller.session is None:
        raise InvalidInput("there is no session to end; tokens are removed by `devicemgr operator token`")
    _signins(request).sign_out(caller.session)
    with context.site.database.write(changes_site=False) as session:
        context.record(session, "admin.signed_out", caller, {})
    response.headers.append("set-cookie", door.set_cookie(""))
    return {"signed_out": True}


def _signins(request: Request) -> SignIns:
    found = request.app.state.signins
    assert isinstance(found, SignIns)
    return found


def _caller(found: Identity, secret: str) -> Caller:
    return Caller(found.actor, found.roles, session=secret)


def _described(caller: Caller) -> dict[str, Any]:
    answer: dict[str, Any] = {"actor": caller.actor, "roles": sorted(caller.roles), "owner": caller.is_owner}
    if caller.session is None:
        return answer
    return answer | {"csrf": csrf_of(caller.session), "idle_s": IDLE_SECONDS, "absolute_s": SESSION_SECONDS}
