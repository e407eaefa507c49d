"""Who calls: found out before a byte of the body is read."""

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from devicemgr.api.context import Caller, Context
from devicemgr.api.problems import answer_to
from devicemgr.api.roles import OPEN
from devicemgr.errors import DevicemgrError, NotAllowed
from devicemgr.operators import ALL_ROLES


class Entry:
    """ASGI middleware: puts the Caller into the request's state; unknown ones get no further than OPEN."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its caller, or refuse it."""
        if scope["type"] == "http":
            try:
                scope.setdefault("state", {})["caller"] = await run_in_threadpool(self._identify, scope)
            except DevicemgrError as error:
                if (scope["method"], scope["path"]) not in OPEN:
                    await answer_to(error)(scope, receive, send)
                    return
        await self._app(scope, receive, send)

    def _identify(self, scope: Scope) -> Caller:
        """The peer's user, known by SO_PEERCRED; root and the daemon's own user own the box."""
        who = scope["client"][0] if scope.get("client") else ""
        kind, _, number = who.partition(":")
        if kind != "uid" or not number.isdigit():
            raise NotAllowed("the caller is unknown; use the Unix socket in the home folder")
        if int(number) not in (0, self._context.owner_uid):
            raise NotAllowed(f"user {number} may not do this; run it as root or as the daemon's user")
        return Caller(who, ALL_ROLES, is_owner=True)
