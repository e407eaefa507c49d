"""The API in process as any caller, and on a real socket."""

import asyncio
import os
from collections.abc import Callable, Iterator

import httpx
import pytest

from devicemgr.api.app import create_app
from devicemgr.api.context import Context
from devicemgr.api.listeners import read
from devicemgr.api.server import ApiServer
from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.domain.model import Role
from devicemgr.site.site import Site
from tests.support.certificates import self_signed

BASE = "http://devicemgr/api/v1"


class InProcess(httpx.BaseTransport):
    """Runs the app for each request, as a peer whom the server calls `host`."""

    def __init__(self, app, host: str) -> None:
        self._inner = httpx.ASGITransport(app, client=(host, 1), raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._handle(request))

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        async def body():
            for part in request.stream:
                yield part

        sent = httpx.Request(request.method, request.url, headers=request.headers, content=body())
        answer = await self._inner.handle_async_request(sent)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


@pytest.fixture
def app(site: Site):
    return create_app(Context(site, DirectRuntime(site), os.getuid()))


@pytest.fixture
def caller(app) -> Callable[[str], httpx.Client]:
    return lambda host: httpx.Client(transport=InProcess(app, host), base_url=BASE)


@pytest.fixture
def http(caller) -> httpx.Client:
    """Requests as the daemon's own user; paths below /api/v1."""
    return caller(f"uid:{os.getuid()}")


@pytest.fixture
def server(app, home) -> Iterator[ApiServer]:
    """The API on the home's Unix socket."""
    running = ApiServer(app, home.socket)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def client(server, home) -> Iterator[httpx.Client]:
    """Requests over that socket."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(home.socket)), base_url=BASE, timeout=30) as found:
        yield found


PASSWORD = "correct horse battery"


@pytest.fixture
def tcp(app, home) -> Iterator[ApiServer]:
    """The API on loopback TCP too."""
    running = ApiServer(app, home.socket, read("127.0.0.1:0", None, None, ["panel.example"]))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def web(tcp) -> Iterator[Callable[..., httpx.Client]]:
    """web(header="value") gives a client over TCP."""
    clients = []

    def make(**headers: str) -> httpx.Client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        clients.append(httpx.Client(base_url=f"http://127.0.0.1:{tcp.port}/api/v1", headers=named, timeout=30))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def operator(http) -> Callable[..., str]:
    """operator("aigul", "guard") adds one, with a password."""

    def add(name: str, *roles: str) -> str:
        body = {"name": name, "roles": list(roles), "password": PASSWORD}
        answer = http.post("/operators", json=body)
        assert answer.status_code == 201, answer.text
        return name

    return add


@pytest.fixture
def token(http) -> Callable[..., str]:
    """token("panel", "guard") makes an API token of an operator."""

    def make(name: str, *roles: str) -> str:
        answer = http.post(f"/operators/{name}/tokens", json={"roles": list(roles), "days": 1})
        assert answer.status_code == 201, answer.text
        return answer.json()["token"]

    return make


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for box.example and *.in.example, with its key."""
    return self_signed(tmp_path, ["box.example", "*.in.example"])


@pytest.fixture
def as_role(operator, token, web):
    """A client with the API token of an operator in one role."""

    def become(role: Role) -> httpx.Client:
        name = f"the-{role}"
        return web(authorization=f"Bearer {token(operator(name, role), role)}")

    return become
