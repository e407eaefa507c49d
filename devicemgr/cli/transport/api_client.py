"""Calls to the API: over the daemon's socket when a daemon runs, else to the same app in this process."""

import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, urlencode

from devicemgr.cli.hints import hint_in, joined, spell_out
from devicemgr.cli.transport.remote_http import RemoteDaemon, RemoteTransport
from devicemgr.cli.transport.unix_http import Request, Response, UnixTransport
from devicemgr.errors import DaemonUnreachable, DevicemgrError
from devicemgr.home import SHARED_SOCKET, Home, socket_address
from devicemgr.store.ledger.sudo_claim import headers as sudo_headers
from devicemgr.text import safe

if TYPE_CHECKING:  # a third of a second that a command over the socket need not pay
    from fastapi import FastAPI

_PREFIX = "/api/v1"
_TIMEOUT_S = 60.0
_CHUNK_BYTES = 64 * 1024


class ApiProblem(DevicemgrError):
    """The API refused; carries its problem document."""

    def __init__(self, document: dict[str, Any]) -> None:
        hint = hint_in(document)
        super().__init__(safe(joined(str(document.get("detail", "the request failed")), hint), 1000))
        self.document = document
        self.exit_code = int(document.get("exit_code", 1))
        self.slug = str(document.get("type", "")).removeprefix("urn:devicemgr:problem:")


def path(*parts: str) -> str:
    """Return a path of the API from names that people typed."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def daemon_answers(home: Home) -> bool:
    """Return whether something listens on the home's socket."""
    try:
        return _listens(home.socket)
    except PermissionError:
        return False


def _listens(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(2.0)
        try:
            line.connect(socket_address(place))
        except TimeoutError:
            return True  # it is there, and busy
        except PermissionError:
            raise
        except OSError:
            return False
    return True


def _socket_of(home: Home) -> Path | None:
    """Return where the daemon listens for this user, None when none runs. Operators can't read the home."""
    try:
        return home.socket if _listens(home.socket) else None
    except PermissionError:
        shared = os.environ.get(SHARED_SOCKET)
        if shared:
            with suppress(PermissionError):
                if _listens(Path(shared)):
                    return Path(shared)
        raise DaemonUnreachable(
            f"this user can't read {home.path}; operators need a running daemon and membership of the group "
            "devicemgr: sudo usermod -aG devicemgr USER"
        ) from None


class Api:
    """Calls that return the response's JSON, or raise ApiProblem or DaemonUnreachable."""

    def __init__(self, home: Home, make_app: Callable[[], "FastAPI"], remote: RemoteDaemon | None = None) -> None:
        """Find the daemon of `home`, else make the app in this process; with `remote`, use that daemon instead."""
        place = None if remote else _socket_of(home)
        self.remote = remote is not None or place is not None
        self._send: Callable[[Request], AbstractContextManager[Response]]
        if remote is not None:
            self._send = RemoteTransport(remote).send
        elif place is not None:
            self._send = UnixTransport(place).send
        else:
            self._send = _in_process(make_app())

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        content: BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = _TIMEOUT_S,
    ) -> Any:
        """Send one request and return the document of its response; `timeout` in seconds, None waits forever."""
        request = _compose(method, path, json, params, content, headers, timeout)
        with self._send(request) as response:
            return _read_document(response)

    def download(self, method: str, path: str, file: BinaryIO, *, timeout: float | None = _TIMEOUT_S) -> None:
        """Send one request and write the body of its response into an open file, as it comes."""
        with self._send(_compose(method, path, None, None, None, None, timeout)) as response:
            if not response.is_success:
                _read_document(response)
            while chunk := response.read(_CHUNK_BYTES):
                file.write(chunk)

    def get(self, path: str, **params: Any) -> Any:
        """GET with query parameters; those of None are left out."""
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """POST a JSON body."""
        return self.call("POST", path, json=body, **more)


def _in_process(app: "FastAPI") -> Callable[[Request], Any]:
    from devicemgr.cli.transport.asgi_client import AsgiTransport  # noqa: PLC0415 - httpx, which the socket does not need

    return AsgiTransport(app).send


def _compose(
    method: str,
    path: str,
    document: Any,
    params: Mapping[str, Any] | None,
    content: BinaryIO | None,
    headers: Mapping[str, str] | None,
    timeout: float | None,
) -> Request:
    query = urlencode([(name, _as_text(one)) for name, value in (params or {}).items() for one in _each(value)])
    target = f"{_PREFIX}{path}{'?' if query else ''}{query}"
    headers = sudo_headers() | dict(headers or {})
    if document is None:
        return Request(method, target, headers, content, timeout)
    body = json.dumps(document, allow_nan=False, separators=(",", ":")).encode("ascii")
    return Request(method, target, {"Content-Type": "application/json"} | headers, body, timeout)


def _each(value: Any) -> Sequence[Any]:
    """Return the values of a query parameter: each of a list, none for None."""
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_document(response: Response) -> Any:
    body = response.read()
    if response.is_success:
        return spell_out(json.loads(body))
    try:
        document = json.loads(body)
    except ValueError:
        document = {"detail": f"the daemon answered {response.status}"}
    raise ApiProblem(document if isinstance(document, dict) else {})
