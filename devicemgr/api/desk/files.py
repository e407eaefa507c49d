"""The built desk: its files in memory, and the answers with their policy.

They hold no data, so they are given to callers who have not signed in. A request names a file of the list that was read
at the start, never a path.
"""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from devicemgr.api import csrf
from devicemgr.api.conventions.compression import takes_gzip
from devicemgr.api.problems import answer_to
from devicemgr.errors import DevicemgrError

BUILT = Path(__file__).resolve().parents[2] / "web" / "dist"
BASE = "/web/"
"""Where the desk's own files are; the page itself is /."""

_INDEX = "index.html"
# Vite puts what has its hash in its name here.
_HASHED = "assets/"
_METHODS = ("GET", "HEAD")
_NOT_BUILT = "The desk is not built on this computer. Run `make desk` where devicemgr was set up, and start it again.\n"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "media-src blob:",
        "font-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types lit-html",
    )
)
_HEADERS = {
    "content-security-policy": POLICY,
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
    "vary": "Accept-Encoding",
}


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file of the desk, and the same compressed by the build."""

    body: bytes
    compressed: bytes | None
    media_type: str
    etag: str
    is_hashed: bool


def read_built(folder: Path = BUILT) -> dict[str, BuiltFile]:
    """Return the built desk's files by their path below `folder`, empty where it is not built."""
    found: dict[str, BuiltFile] = {}
    for place in sorted(folder.rglob("*")):
        name = place.relative_to(folder).as_posix()
        if place.suffix == ".gz" or not place.is_file():
            continue
        body, packed = place.read_bytes(), place.with_name(place.name + ".gz")
        found[name] = BuiltFile(
            body,
            packed.read_bytes() if packed.is_file() else None,
            mimetypes.guess_type(name)[0] or "application/octet-stream",
            f'"{hashlib.sha256(body).hexdigest()[:32]}"',
            name.startswith(_HASHED),
        )
    return found


class Desk:
    """ASGI middleware before all others: answers for / and /web/, passes on everything else."""

    def __init__(self, app: ASGIApp, files: Mapping[str, BuiltFile] | None = None) -> None:
        self._app = app
        self._files = read_built() if files is None else files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a file, or pass the request on."""
        if scope["type"] != "http" or not _is_of_desk(scope["path"]) or scope["method"] not in _METHODS:
            await self._app(scope, receive, send)
            return
        door: csrf.Door | None = scope.get(csrf.DOOR)
        headers = csrf.headers_of(scope)
        send = csrf.with_headers(send, door)
        try:
            if door is not None:
                csrf.check_host(door, scope, headers)
        except DevicemgrError as error:
            await answer_to(error)(scope, receive, send)
            return
        await self._answer(scope["path"], headers)(scope, receive, send)

    def _answer(self, path: str, headers: Mapping[str, str]) -> Response:
        if not self._files:
            return PlainTextResponse(_NOT_BUILT, 503, _HEADERS)
        file = self._files.get(_INDEX if path == "/" else path.removeprefix(BASE))
        if file is None:
            return PlainTextResponse("There is no such file of the desk.\n", 404, _HEADERS)
        kept = "public, max-age=31536000, immutable" if file.is_hashed else "no-cache"
        answered = {**_HEADERS, "etag": file.etag, "cache-control": kept}
        if file.etag in (tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers=answered)
        if file.compressed is not None and takes_gzip(headers.get("accept-encoding", "")):
            return Response(file.compressed, 200, {**answered, "content-encoding": "gzip"}, file.media_type)
        return Response(file.body, 200, answered, file.media_type)


def _is_of_desk(path: str) -> bool:
    return path == "/" or path.startswith(BASE)
