"""The way to the API: over the daemon's socket when it answers, else the same app in this process."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

import httpx

from devicemgr.errors import DaemonUnreachable, DevicemgrError
from devicemgr.home import SHARED_SOCKET, Home, socket_address
from devicemgr.store.ledger.sudo_claim import headers
from devicemgr.text import safe

if TYPE_CHECKING:  # a third of a second that a command over the socket need not pay
    from fastapi import FastAPI

_ANSWER_SECONDS = 60.0


class ApiProblem(DevicemgrError):
    """The API refused; carries what its problem document said."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(safe(str(document.get("detail", "the request failed")), 1000))
        self.document = document
        self.exit_code = int(document.get("exit_code", 1))
        self.slug = str(document.get("type", "")).removeprefix("urn:devicemgr:problem:")


class _InProcess(httpx.BaseTransport):
    """Runs the ASGI app for each request, as the user of this process."""

    def __init__(self, app: "FastAPI") -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._handle(request))

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        transport = httpx.ASGITransport(
            self._app, client=(f"uid:{os.getuid()}", os.getpid()), raise_app_exceptions=False
        )
        inner = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        answer = await transport.handle_async_request(inner)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


def path(*parts: str) -> str:
    """A path of the API from names that people typed."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def daemon_answers(home: Home) -> bool:
    """True when something listens on the home's socket."""
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
    """Where the daemon listens for this user; None when none runs. Operators may not look into the home."""
    try:
        return home.socket if _listens(home.socket) else None
    except PermissionError:
        shared = os.environ.get(SHARED_SOCKET)
        if shared:
            with suppress(PermissionError):
                if _listens(Path(shared)):
                    return Path(shared)
        raise DaemonUnreachable(
            f"this user may not look into {home.path}; operators need the daemon running, and to be in the group "
            "devicemgr: sudo usermod -aG devicemgr USER"
        ) from None


class Api:
    """Calls that give the answer's JSON, or raise ApiProblem or DaemonUnreachable."""

    def __init__(self, home: Home, make_app: Callable[[], "FastAPI"]) -> None:
        place = _socket_of(home)
        self.remote = place is not None
        transport = httpx.HTTPTransport(uds=socket_address(place)) if place else _InProcess(make_app())
        self._http = httpx.Client(
            transport=transport, base_url="http://devicemgr/api/v1", timeout=_ANSWER_SECONDS, headers=headers()
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def call(self, method: str, path: str, **more: Any) -> Any:
        """One request; `more` as httpx takes it (json=, params=, timeout=)."""
        try:
            answer = self._http.request(method, path, **more)
        except httpx.TimeoutException as error:
            raise DaemonUnreachable("the daemon did not answer in time; see its log") from error
        except httpx.TransportError as error:
            raise DaemonUnreachable(f"the connection to the daemon broke ({error}); is it still running?") from error
        _require_success(answer)
        return answer.json()

    def download(self, method: str, path: str, file: BinaryIO, **more: Any) -> None:
        """One request whose answer's body goes into an open file, as it comes."""
        try:
            with self._http.stream(method, path, **more) as answer:
                if not answer.is_success:
                    answer.read()
                _require_success(answer)
                for chunk in answer.iter_bytes():
                    file.write(chunk)
        except httpx.TimeoutException as error:
            raise DaemonUnreachable("the daemon did not answer in time; see its log") from error
        except httpx.TransportError as error:
            raise DaemonUnreachable(f"the connection to the daemon broke ({error}); is it still running?") from error

    def get(self, path: str, **params: Any) -> Any:
        """GET with query parameters, those of None left out."""
        return self.call("GET", path, params={name: value for name, value in params.items() if value is not None})

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """POST a JSON body."""
        return self.call("POST", path, json=body, **more)


def _require_success(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        document = answer.json()
    except ValueError:
        document = {"detail": f"the daemon answered {answer.status_code}"}
    raise ApiProblem(document if isinstance(document, dict) else {})
