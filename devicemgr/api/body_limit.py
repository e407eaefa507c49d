"""Bounds on what a caller may send, enforced before anything is parsed."""

import re
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from devicemgr.api.problems import problem

MAX_BODY = 64 * 1024 * 1024
# A file that is not held in memory.
FIRMWARE_BYTES = 256 * 1024 * 1024
_FIRMWARE = re.compile(r"/api/v1/devices/[^/]+/firmware\Z")
# A picture of a webcam, of 640 px or less.
PICTURE_BYTES = 300 * 1024
PICTURE_TYPE = "image/jpeg"
_FACE_CHECK = "/api/v1/faces/check"
# An archive of photos, which waits in memory.
IMPORT_BYTES = 128 * 1024 * 1024
_IMPORTS = "/api/v1/imports"
MOST_KEY = "devicemgr.most_body"
"""In a request's scope: a lower bound for this one."""


class TooLarge(Exception):
    """The body went over the bound while it was being read."""


class BodyLimit:
    """ASGI middleware: refuses bodies over MAX_BODY bytes, or over the route's own bound, announced or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its bytes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = scope.get(MOST_KEY) or _most(scope)
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > most:
            await _refuse(most, scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise TooLarge
            return message

        async def guarded(message: Message) -> None:
            # The framework turns the exception into an answer of its own, which is not the one to give.
            if seen <= most:
                await send(message)

        with suppress(TooLarge):
            await self._app(scope, counted, guarded)
        if seen > most:
            await _refuse(most, scope, receive, send)


def _most(scope: Scope) -> int:
    """Return the bound of a request by its route, and by the type of its body."""
    if scope["method"] == "PUT" and _FIRMWARE.match(scope["path"]):
        return FIRMWARE_BYTES
    if scope["method"] == "POST" and scope["path"] == _IMPORTS:
        return IMPORT_BYTES
    kind = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
    return PICTURE_BYTES if scope["path"] == _FACE_CHECK and kind == PICTURE_TYPE.encode() else MAX_BODY


async def _refuse(most: int, scope: Scope, receive: Receive, send: Send) -> None:
    size = f"{most / 1024 / 1024:.4g} MB" if most >= 1024 * 1024 else f"{most / 1024:.4g} KB"
    answer = problem(413, "too-large", f"the request is over {size}; send less at a time")
    await answer(scope, receive, send)
