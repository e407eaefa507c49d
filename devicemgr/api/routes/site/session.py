"""/session: who one is, and signing in and out over TCP."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import Field, SecretStr

from devicemgr.api import csrf
from devicemgr.api.authorization import features
from devicemgr.api.context import Caller, Context, Ctx, Who, caller_of
from devicemgr.api.conventions.models import RequestBody, ResponseBody
from devicemgr.clock.local_zone import local_zone
from devicemgr.errors import Hint, InvalidInput
from devicemgr.people.face_samples import shows_photos
from devicemgr.security.sessions import IDLE_SECONDS, SESSION_SECONDS, Identity, SignIns, csrf_of
from devicemgr.store.site import settings

router = APIRouter(prefix="/session", tags=["session"])


class SignIn(RequestBody):
    """An operator's name and password."""

    operator: str = Field(max_length=64, examples=["berik"])
    password: SecretStr


class KioskSignIn(RequestBody):
    """A display's token, which an operator's page or the command line has shown once."""

    token: SecretStr = Field(max_length=100)


class Session(ResponseBody):
    """Who the caller is; a browser's session also has its CSRF token and its limits."""

    actor: str = Field(examples=["operator:berik"])
    roles: list[str] = Field(examples=[["guard"]])
    owner: bool = Field(description="The owner of the host, who may do everything.")
    language: str = Field(examples=["kk"], description="The site's language: en, ru or kk.")
    timezone: str = Field(examples=["Asia/Almaty"], description="The site's time zone, in which a client shows times.")
    features: list[str] = Field(
        examples=[["GET /events", "POST /portals/{name}/open"]], description="The operations that the caller may call."
    )
    photos: bool = Field(description="The site shows kept faces beside decisions, by `GET /people/{badge}/photo`.")
    csrf: str | None = Field(None, description="To send as X-CSRF-Token with each change.")
    idle_s: float | None = Field(None, description="null for a kiosk, which no idleness ends.")
    absolute_s: float | None = None
    kiosk: bool = Field(False, description="A display, which only shows.")


class SignedOut(ResponseBody):
    """The end of a session."""

    signed_out: bool


@router.get("", response_model=Session)
def show_session(request: Request, response: Response, context: Ctx, caller: Who) -> dict[str, Any]:
    """Show who the caller is and what they may do; a browser's session also gets its CSRF token again."""
    if caller.is_kiosk and caller.session is not None:  # browsers forget a cookie that is not renewed in time
        _keep(request, response, caller.session, caller.expires_s)
    return _described(context, caller)


@router.post("", status_code=201, response_model=Session)
def sign_in(body: SignIn, request: Request, response: Response, context: Ctx) -> dict[str, Any]:
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
    return _described(context, _caller(found, secret))


@router.post("/kiosk", status_code=201, response_model=Session)
def sign_in_kiosk(body: KioskSignIn, request: Request, response: Response, context: Ctx) -> dict[str, Any]:
    """Begin the session of a display, which lasts until its token is revoked or expires, from this address alone."""
    if request.scope.get(csrf.DOOR) is None:
        raise InvalidInput("on the Unix socket the caller is known already; sessions are for TCP")
    before = caller_of(request)
    address = request.client.host if request.client else ""
    secret = body.token.get_secret_value()
    found = _signins(request).sign_in_kiosk(secret, address)
    if before is not None and before.session and not before.is_kiosk:
        _signins(request).sign_out(before.session)
    _keep(request, response, secret, found.expires_s)
    return _described(context, _caller(found, secret))


@router.delete("", response_model=SignedOut)
def sign_out(request: Request, response: Response, context: Ctx, caller: Who) -> dict[str, Any]:
    """End the session."""
    door: csrf.Door | None = request.scope.get(csrf.DOOR)
    if door is None or caller.session is None:
        raise InvalidInput("there is no session to end; a token is removed instead", hint=Hint("remove_token"))
    _signins(request).sign_out(caller.session)
    with context.change(caller, changes_site=False) as work:
        work.record("admin.signed_out", {})
    response.headers.append("set-cookie", door.set_cookie(""))
    return {"signed_out": True}


def _signins(request: Request) -> SignIns:
    found = request.app.state.signins
    assert isinstance(found, SignIns)
    return found


def _caller(found: Identity, secret: str) -> Caller:
    return Caller(found.actor, found.roles, session=secret, is_kiosk=found.is_kiosk, expires_s=found.expires_s)


def _keep(request: Request, response: Response, secret: str, seconds: float | None) -> None:
    door: csrf.Door = request.scope[csrf.DOOR]
    response.headers.append("set-cookie", door.set_cookie(secret, seconds))


def _described(context: Context, caller: Caller) -> dict[str, Any]:
    with context.site.database.read() as session:
        site = settings.load(session)
    answer: dict[str, Any] = {
        "actor": caller.actor,
        "roles": sorted(caller.roles),
        "owner": caller.is_owner,
        "language": site.language,
        "timezone": site.timezone or local_zone(),
        "features": features(caller),
        "photos": shows_photos(site),
    }
    if caller.session is None:
        return answer
    answer |= {"csrf": csrf_of(caller.session), "kiosk": caller.is_kiosk}
    if caller.is_kiosk:
        return answer | {"idle_s": None, "absolute_s": caller.expires_s}
    return answer | {"idle_s": IDLE_SECONDS, "absolute_s": SESSION_SECONDS}
