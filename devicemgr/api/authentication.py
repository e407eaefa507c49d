"""Who calls: found out before a byte of the body is read."""

import pwd
from collections.abc import Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from devicemgr.api import csrf
from devicemgr.api.authorization import OPEN, PREFIX, refuse_early, route_of
from devicemgr.api.body_limit import MOST_KEY
from devicemgr.api.context import Caller, Context
from devicemgr.api.problems import answer_to
from devicemgr.domain.model import ALL_ROLES
from devicemgr.errors import DevicemgrError, Hint, NotAllowed, NotSignedIn
from devicemgr.ledger.refusals import RefusedCalls
from devicemgr.security.passwords import TOKEN_START
from devicemgr.security.sessions import Identity, SignIns
from devicemgr.store.ledger.sudo_claim import HEADER, claimed
from devicemgr.store.site import operators

_MOST_OPEN = 8 * 1024
_REFUSED = {401: "not-signed-in", 403: "not-allowed", 421: "misdirected", 429: "too-many-tries"}


class Entry:
    """ASGI middleware: puts the Caller into the request's state; unknown ones get no further than OPEN."""

    def __init__(self, app: ASGIApp, context: Context, signins: SignIns, refusals: RefusedCalls) -> None:
        self._app = app
        self._refusals = refusals
        self._context = context
        self._signins = signins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its caller, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = self._noting(csrf.with_headers(send, scope.get(csrf.DOOR)), scope)
        is_open = (scope["method"], scope["path"]) in OPEN
        if is_open:
            scope[MOST_KEY] = _MOST_OPEN
        try:
            caller = await run_in_threadpool(self._identify, scope)
            scope.setdefault("state", {})["caller"] = caller
            refuse_early(caller, scope["method"], scope["path"])
        except DevicemgrError as error:
            # Who is not known, or no longer, may still sign in; a foreign page may not even try.
            if not (is_open and isinstance(error, NotSignedIn)):
                await answer_to(error)(scope, receive, send)
                return
        with claimed(_sudo_claim(scope)):
            await self._app(scope, receive, send)

    def _noting(self, send: Send, scope: Scope) -> Send:
        """Return a `send` that counts refusals by caller and route, to be recorded at a bounded rate."""

        async def sending(message: Message) -> None:
            # A failed sign-in has an event of its own (signin.py).
            is_sign_in = (scope["method"], scope["path"]) in OPEN or scope["path"] == f"{PREFIX}/session"
            if message["type"] == "http.response.start" and message["status"] in _REFUSED and not is_sign_in:
                caller: Caller | None = scope.get("state", {}).get("caller")
                host = str(scope["client"][0]) if scope.get("client") else None
                local = host if host is not None and csrf.DOOR not in scope else None  # uid:N, from the kernel
                call = f"{route_of(scope['method'], scope['path'])}: {_REFUSED[message['status']]}"
                self._refusals.note(caller.actor if caller else local, call, host if local is None else None)
            await send(message)

        return sending

    def _identify(self, scope: Scope) -> Caller:
        door: csrf.Door | None = scope.get(csrf.DOOR)
        if door is not None:
            return self._of_network(door, scope)
        who = scope["client"][0] if scope.get("client") else ""
        kind, _, number = who.partition(":")
        if kind != "uid" or not (number.isascii() and number.isdigit()):
            raise NotSignedIn("the caller is unknown; use the Unix socket in the home folder")
        return self._of_peer(int(number))

    def _of_peer(self, uid: int) -> Caller:
        """Return the peer's user, known by SO_PEERCRED; root and the daemon's own user own the box."""
        if uid in (0, self._context.owner_uid):
            return Caller(f"uid:{uid}", ALL_ROLES, is_owner=True)
        try:
            name = pwd.getpwuid(uid).pw_name
        except (KeyError, OverflowError):
            raise NotAllowed(f"user {uid} may not do this; run it as root or as the daemon's user") from None
        with self._context.site.database.read() as session:
            row = operators.of_os_user(session, name)
        if row is None:
            raise NotAllowed(
                f"user {uid} may not do this; an admin can make them an operator",
                hint=Hint("add_operator", os_user=name),
            )
        return Caller(f"operator:{row.name}", operators.roles_of(row))

    def _of_network(self, door: csrf.Door, scope: Scope) -> Caller:
        headers = csrf.headers_of(scope)
        csrf.check_origin(door, scope, headers)
        token, secret = csrf.bearer(headers), csrf.session_cookie(door, headers)
        host = str(scope["client"][0]) if scope.get("client") else ""
        if token is not None:
            return _caller(self._signins.of_token(token, host), lambda: self._signins.of_token(token, host))
        if secret is not None and secret.startswith(TOKEN_START):  # a display's: the token is its session
            return self._of_kiosk(secret, host, scope, headers)
        if secret is None:
            raise NotSignedIn("sign in first: POST /api/v1/session, or send an API token as Bearer")
        # An open event stream asks again and again whether its caller still may: that is no use of the session.
        found, again = self._signins.of_session(secret), lambda: self._signins.of_session(secret, is_use=False)
        caller = _caller(found, again, secret)
        if (scope["method"], scope["path"]) not in OPEN:  # another sign-in replaces the session, and is no misuse of it
            csrf.check_csrf(scope["method"], secret, headers)
        return caller

    def _of_kiosk(self, token: str, host: str, scope: Scope, headers: Mapping[str, str]) -> Caller:
        found = self._signins.of_token(token, host)
        if not found.is_kiosk:
            raise NotSignedIn("the session has ended; sign in again")
        if (scope["method"], scope["path"]) not in OPEN:
            csrf.check_csrf(scope["method"], token, headers)
        return _caller(found, lambda: self._signins.of_token(token, host), token)


def _sudo_claim(scope: Scope) -> str | None:
    """Return what the owner's command says of its sudo; no other caller's claim counts, nor one over the network."""
    caller: Caller | None = scope["state"].get("caller") if "state" in scope else None
    if caller is None or not caller.is_owner or csrf.DOOR in scope:
        return None
    found = csrf.headers_of(scope).get(HEADER.lower())
    return found if isinstance(found, str) else None


def _caller(found: Identity, again: Callable[[], Identity], session: str | None = None) -> Caller:
    def holds() -> bool:
        try:
            return again().roles == found.roles
        except NotSignedIn:
            return False

    return Caller(
        found.actor,
        found.roles,
        session=session,
        is_kiosk=found.is_kiosk,
        expires_s=found.expires_s,
        holds=holds,
    )
