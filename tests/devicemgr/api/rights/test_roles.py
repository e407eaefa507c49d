"""The table of roles: whole, and enforced for each route and each role."""

import asyncio

import httpx
import pytest

from devicemgr.api import authorization
from devicemgr.api.authentication import Entry
from devicemgr.api.context import Caller
from devicemgr.domain.model import ALL_ROLES, Role

HIDDEN = {("GET", "/metrics"), ("GET", "/openapi.json")}


@pytest.fixture
def routes(app) -> list[tuple[str, str]]:
    """Every (method, path) that the app answers, as the table names them."""
    document = app.openapi()
    found = {
        (method.upper(), path.removeprefix(authorization.PREFIX))
        for path, methods in document["paths"].items()
        for method in methods
    }
    return sorted(found | HIDDEN)


def test_the_table_names_no_route_that_is_gone(routes):
    """That none is missing is tested in tests/test_docs.py."""
    assert not set(authorization.TABLE) - set(routes)
    assert all(authorization.TABLE.values())


def test_no_hidden_route_escapes(app):
    """What is kept out of the OpenAPI document is known here."""

    def walk(router):
        for route in router.routes:
            inner = getattr(route, "original_router", None)
            if inner is not None:
                yield from walk(inner)
            elif not getattr(route, "include_in_schema", True):
                yield from ((method, route.path.removeprefix(authorization.PREFIX)) for method in route.methods)

    assert set(walk(app.router)) == HIDDEN


def test_an_admin_may_what_others_may_and_owners_need_no_table():
    assert [route for route, may in authorization.TABLE.items() if Role.ADMIN not in may] == []
    assert authorization.TABLE["POST", "/portals/{name}/open"] == {Role.GUARD, Role.ADMIN}
    assert authorization.TABLE["PATCH", "/devices/{name}"] == {Role.TECHNICIAN, Role.ADMIN}
    assert authorization.TABLE["GET", "/audit/verify"] == {Role.AUDITOR, Role.ADMIN}


@pytest.fixture
def as_role(app, caller, monkeypatch):
    """A client whom the entry takes for an operator with these roles."""

    def become(*held: Role) -> httpx.Client:
        monkeypatch.setattr(Entry, "_identify", lambda self, scope: Caller("operator:x", frozenset(held)))
        return caller("nobody")

    return become


@pytest.mark.parametrize("role", [*Role, None])
def test_the_matrix_is_exact(routes, as_role, site, role):
    """Each route with each role and with none: what is allowed gets to its handler, everything else is a 403."""
    http = as_role(*([role] if role else []))
    wrong = []
    for method, path in routes:
        if path == "/events/stream":
            continue  # it does not end; see below
        allowed = role in authorization.TABLE[method, path]
        # A body that none wants: nothing is done, and nothing looked for on the network.
        answer = http.request(method, url(path), json="x" if method != "GET" else None)
        if allowed == (answer.status_code in (401, 403)) or (not allowed and answer.status_code != 403):
            wrong.append((method, path, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", [*Role, None])
def test_the_stream_too(as_role, role, monkeypatch):
    monkeypatch.setattr("devicemgr.daemon.offline_runtime.DirectRuntime.stopping", True)
    answer = as_role(*([role] if role else [])).get("/events/stream")
    assert answer.status_code == (200 if role in authorization.TABLE["GET", "/events/stream"] else 403)


def url(path: str) -> str:
    """A path of the table with names filled in that nothing has."""
    outside = path in ("/healthz", "/metrics")
    return f"http://devicemgr{'' if outside else authorization.PREFIX}{path}".replace("{", "").replace("}", "")


def test_a_refusal_says_who_may(as_role):
    document = as_role(Role.GUARD).post("/people", json={"name": "A", "badge": "1"}).json()
    assert document["detail"] == "operator:x may not do this; it is for: admin"
    assert document["status"] == 403


def test_a_route_outside_the_table_is_the_owners_alone(as_role, http, monkeypatch):
    monkeypatch.setattr(authorization, "TABLE", {})
    assert http.get("/status").status_code == 200
    refused = as_role(*ALL_ROLES).get("/status")
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "operator:x may not do this; it is for: the owner of the host",
    )


@pytest.mark.parametrize(("host", "status"), [("192.0.2.1", 401), ("uid:99999", 403), ("a guard", 403)])
def test_who_may_not_is_refused_before_their_body_is_read(app, as_role, host, status):
    told = []
    if host == "a guard":
        as_role(Role.GUARD)

    async def receive():
        raise AssertionError("the body was read")

    async def send(message):
        told.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/people",
        "raw_path": b"/api/v1/people",
        "query_string": b"",
        "headers": [],
        "client": (host, 1),
        "server": ("x", 1),
        "scheme": "http",
        "root_path": "",
    }
    asyncio.run(app(scope, receive, send))
    assert told[0]["status"] == status
