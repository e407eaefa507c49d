"""Requests that are carried out once, however often they are sent: the header Idempotency-Key.

After the IETF's draft-ietf-httpapi-idempotency-key-header: who sends a request again under the same key gets the answer
of the first one, also while that is under way, and 422 for a key with another request.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable

from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from devicemgr.api.conventions.kept_answers import MAX_ANSWER_BYTES, Answer, Entry, KeptAnswers
from devicemgr.api.csrf import SAFE_METHODS, headers_of
from devicemgr.api.problems import answer_to, problem
from devicemgr.errors import DevicemgrError, InvalidInput

HEADER = "Idempotency-Key"
REPLAYED = (b"idempotency-replayed", b"true")

_PREFIX = "/api/v1"
NOT_KEPT = (
    # Their answers are secrets, pictures or measures of faces, or a file; their bodies may be a file.
    ("POST", "/session"),
    ("POST", "/session/kiosk"),
    ("PUT", "/outlets/{name}/secret"),
    ("PUT", "/plans/{name}"),
    ("PUT", "/plans/{name}/placements"),
    ("POST", "/operators/{name}/tokens"),
    ("POST", "/devices/{name}/snapshot"),
    ("POST", "/devices/{name}/record"),
    ("PUT", "/devices/{name}/firmware"),
    ("POST", "/faces/check"),
    ("POST", "/faces/identify"),
    ("POST", "/audit/export"),
)
"""Operations without answers that are kept: a key changes nothing there."""

_PATTERNS = [(method, compile_path(_PREFIX + path)[0]) for method, path in NOT_KEPT]
# A string of structured fields (RFC 9651), or the same without quotation marks.
_KEY = re.compile(r'"?([A-Za-z0-9._~+/=:-]{1,128})"?')
_DROPPED_HEADERS = frozenset({b"set-cookie", b"date"})


class Idempotency:
    """ASGI middleware: behind the one that finds out who calls, since keys are each caller's own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept = KeptAnswers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer as it was answered before."""
        caller = scope.get("state", {}).get("caller")
        given = headers_of(scope).get(HEADER.lower()) if scope["type"] == "http" else None
        if given is None or caller is None or not _is_kept(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            return
        who = caller.actor if caller.session is None else hashlib.sha256(caller.session.encode()).hexdigest()
        try:
            entry, is_first = self._kept.begin(who, _key(given), _fingerprint(scope, body))
        except DevicemgrError as error:
            await answer_to(error)(scope, receive, send)
            return
        if is_first:
            await self._carry_out(entry, body, (scope, receive, send))
        else:
            answer = await asyncio.shield(asyncio.wrap_future(entry.answer))
            await _send(answer, send, (*answer.headers, REPLAYED))

    async def _carry_out(self, entry: Entry, body: bytes, connection: tuple[Scope, Receive, Send]) -> None:
        scope, receive, send = connection
        recorder = _Recorder(send)
        try:
            await self._app(scope, _again(body, receive), recorder)
        finally:
            # What failed without an answer may have been carried out: it is not tried again under this key.
            self._kept.end(entry, recorder.answer() or _FAILED)


class _Recorder:
    """A `send` that also keeps the answer, as long as it is small."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""
        self._is_whole = False
        self._is_large = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._is_large |= len(self._body) + len(message.get("body", b"")) > MAX_ANSWER_BYTES
            self._body = b"" if self._is_large else self._body + message.get("body", b"")
            self._is_whole = not message.get("more_body", False)
        await self._send(message)

    def answer(self) -> Answer | None:
        """Return the answer; None if it was not completed."""
        if self._start is None or not self._is_whole:
            return None
        if self._is_large:
            return _TOO_LARGE
        headers = tuple((name, value) for name, value in self._start["headers"] if name not in _DROPPED_HEADERS)
        return Answer(self._start["status"], headers, self._body)


def _is_kept(method: str, path: str) -> bool:
    if method in SAFE_METHODS or not path.startswith(_PREFIX):
        return False
    return not any(method == one and pattern.match(path) for one, pattern in _PATTERNS)


def _key(given: str) -> str:
    found = _KEY.fullmatch(given.strip())
    if found is None:
        raise InvalidInput(f"{HEADER} is 1 to 128 letters, digits or ._~+/=:-", code="malformed_key")
    return found[1]


def _fingerprint(scope: Scope, body: bytes) -> bytes:
    """Return what names a request: the same one has the same method, address, precondition and body."""
    headers = headers_of(scope)
    parts = [scope["method"].encode(), scope["path"].encode(), scope["query_string"]]
    parts += [headers.get(name, "").encode() for name in ("if-match", "content-type")]
    return hashlib.sha256(b"\0".join(parts) + b"\0" + body).digest()


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body; None if the client has gone."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def _again(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Return a `receive` that gives the body that was read, then what comes next."""
    waiting = [body]

    async def receiving() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return receiving


async def _send(answer: Answer, send: Send, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": answer.body})


def _of_problem(status: int, slug: str, detail: str, code: str) -> Answer:
    found = problem(status, slug, detail, code=code)
    return Answer(status, tuple(found.raw_headers), bytes(found.body))


_FAILED = _of_problem(500, "internal", "the program failed unexpectedly; its log holds the cause", "internal")
_TOO_LARGE = _of_problem(
    409, "answer-not-kept", "the request was carried out, and its answer was too large to be kept", "answer_not_kept"
)
