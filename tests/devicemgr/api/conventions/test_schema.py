"""schemathesis over the OpenAPI document, each case sent by each role: nothing makes the program fail or lets in.

On real sockets: the roles by their tokens over TCP, the owner over the Unix socket. `make faults` sends more.
"""

import dataclasses
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from devicemgr.api import authorization
from devicemgr.domain.model import Role
from enrollment.matching.calibration import calibrate

KNOWN = {"name": ["gate-1", "cam-in", "main", "staff", "office", "aigul"], "badge": ["1"], "level": ["staff"]}
# Whoever is known may still not know the password.
ANYBODY = {("POST", "/session"), ("POST", "/session/kiosk")}
# Endless, and tested in test_tcp.py.
LEFT_OUT = {("GET", "/events/stream")}

DOCUMENTED = (status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture
def parts(parts: Any) -> Any:
    return dataclasses.replace(parts, calibrate=calibrate)


@pytest.fixture(autouse=True)
def nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that comes out of the dice must not be asked."""
    monkeypatch.setattr("devicemgr.provisioning.discovery.discover", lambda *_: {"found": [], "notes": []})


@pytest.fixture
def furnished(http: httpx.Client) -> None:
    """Something that the paths can name."""
    for path, body in (
        ("/devices", {"name": "gate-1", "driver": "fake_gate", "address": "/dev/gate"}),
        ("/devices", {"name": "cam-in", "driver": "fake_camera", "address": "rtsp://192.0.2.1/x"}),
        ("/portals", {"name": "main", "gate": "gate-1", "entry": ["cam-in"]}),
        ("/levels", {"name": "staff", "portals": ["main"]}),
        ("/schedules", {"name": "office", "windows": ["mon-fri 08:00-18:00"], "timezone": "UTC"}),
        ("/people", {"name": "A", "badge": "1", "levels": ["staff"]}),
        ("/operators", {"name": "aigul", "roles": ["guard"]}),
    ):
        assert http.post(path, json=body).status_code == 201, path


@pytest.fixture
def clients(
    furnished: None, tcp: Any, home: Any, web: Callable[..., httpx.Client], operator: Any, token: Any
) -> Iterator[dict[str, httpx.Client]]:
    """Those who may least come first, so that what they are refused is still there."""
    found = {
        str(role): web(authorization=f"Bearer {token(operator(f'a-{role}', role), role)}")
        for role in (Role.GUARD, Role.AUDITOR, Role.TECHNICIAN, Role.ADMIN)
    }
    transport = httpx.HTTPTransport(uds=str(home.socket))
    with httpx.Client(transport=transport, base_url="http://devicemgr", timeout=30) as owner:
        yield found | {"owner": owner}


@pytest.mark.timeout(600)
def test_nothing_that_is_sent_makes_it_fail(app: Any, clients: dict[str, httpx.Client]) -> None:
    attack(app, clients, examples=2)


@pytest.mark.faults
def test_nothing_of_much_more_either(app: Any, clients: dict[str, httpx.Client]) -> None:
    attack(app, clients, examples=30)


def attack(app: Any, clients: dict[str, httpx.Client], examples: int) -> None:
    """Each route with so many cases, each from everybody."""
    failed: list[str] = []
    sent: set[tuple[str, str]] = set()
    for found in schemathesis.openapi.from_dict(app.openapi()).get_all_operations():
        operation = found.ok()
        route = (operation.method.upper(), operation.path.removeprefix(authorization.PREFIX))
        if route not in LEFT_OUT:
            sent.add(route)
            fire(operation, route, clients, failed, examples)
    assert not failed, "\n".join(failed)
    assert sent == set(authorization.TABLE) - LEFT_OUT - {("GET", "/metrics"), ("GET", "/openapi.json")}


def fire(
    operation: Any, route: tuple[str, str], clients: dict[str, httpx.Client], failed: list[str], examples: int
) -> None:
    # What fits the document, and what does not.
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode])

    @seed(1)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, dice=st.randoms(use_true_random=False))
    def one(case: Any, dice: Any) -> None:
        for name in case.path_parameters or ():
            if name in KNOWN and dice.random() < 0.6:
                case.path_parameters[name] = dice.choice(KNOWN[name])
        for who, client in clients.items():
            answer = send(client, case)
            allowed = who == "owner" or Role(who) in authorization.TABLE[route]
            refused = answer.status_code in (401, 403) and route not in ANYBODY
            if answer.status_code >= 500 or refused == allowed or (refused and answer.status_code != 403):
                failed.append(f"{who} {' '.join(route)}: {answer.status_code} {answer.text} {case.path_parameters}")
            if undocumented := undocumented_answer(case, answer):
                failed.append(f"{who} {' '.join(route)}: {answer.status_code} {undocumented}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one()


def undocumented_answer(case: Any, answer: httpx.Response) -> str:
    """Return how an answer differs from the document: an undeclared status or media type, or another shape."""
    try:
        case.validate_response(answer, checks=DOCUMENTED)
    except (FailureGroup, Failure) as error:
        return " | ".join(str(inner) for inner in getattr(error, "exceptions", [error]))
    return ""


def send(client: httpx.Client, case: Any) -> httpx.Response:
    made = case.as_transport_kwargs(base_url=str(client.base_url).partition("/api/")[0].rstrip("/"))
    headers = {name: value.encode("utf-8", "replace") for name, value in made.pop("headers").items() if value}
    if "data" in made:
        made["content"] = made.pop("data")
    try:
        return client.request(headers=headers, **made)
    except httpx.RemoteProtocolError:  # a kept connection that was idle too long on a busy machine
        return client.request(headers=headers, **made)
