"""/operators, /sessions and /approvals: roles, the last admin, who is signed in, and refusals."""

from typing import Any

import httpx
import pytest

from devicemgr.domain.model import Role
from tests.devicemgr.api.conftest import PASSWORD


@pytest.fixture
def signed_in(web: Any) -> Any:
    """signed_in("aigul") is a browser with a session."""

    def sign_in(name: str) -> httpx.Client:
        browser = web(origin="http://127.0.0.1")
        del browser.headers["origin"]
        answer = browser.post("/session", json={"operator": name, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        browser.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return browser

    return sign_in


def kinds(http: httpx.Client) -> list[str]:
    return [event["kind"] for event in http.get("/events", params={"kind": "admin.*"}).json()]


def test_sessions_are_listed_and_ended(http: httpx.Client, operator: Any, signed_in: Any) -> None:
    operator("aigul", "admin")
    operator("berik", "guard")
    admin, guard = signed_in("aigul"), signed_in("berik")
    found = {one["operator"]: one for one in admin.get("/sessions").json()}
    assert {name: one["own"] for name, one in found.items()} == {"aigul": True, "berik": False}
    assert found["berik"]["address"] == "127.0.0.1"
    assert guard.get("/sessions").status_code == 403
    assert admin.delete(f"/sessions/{found['berik']['id']}").json()["operator"] == "berik"
    assert guard.get("/session").status_code == 401
    assert admin.delete(f"/sessions/{found['berik']['id']}").json()["code"] == "session_not_found"
    (event,) = http.get("/events", params={"kind": "admin.session_ended"}).json()
    assert (event["actor"], event["detail"]["operator"]) == ("operator:aigul", "berik")
    assert found["berik"]["id"] not in str(event)


def test_sessions_of_another_password_are_not_listed(http: httpx.Client, operator: Any, signed_in: Any) -> None:
    operator("berik", "guard")
    signed_in("berik")
    assert len(http.get("/sessions").json()) == 1
    http.put("/operators/berik/password", json={"password": "another long password"})
    assert http.get("/sessions").json() == []


def test_the_last_admin_stays_one(http: httpx.Client, operator: Any, signed_in: Any, web: Any, token: Any) -> None:
    operator("aigul", "admin", "guard")
    admin = signed_in("aigul")
    for refused in (
        admin.delete("/operators/aigul"),
        admin.put("/operators/aigul/roles", json={"roles": ["guard"]}),
        web(authorization=f"Bearer {token('aigul', 'admin')}").delete("/operators/aigul"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (400, "last_admin")
        assert "add an admin first" in refused.json()["detail"]
    operator("dana", "admin")
    assert admin.put("/operators/aigul/roles", json={"roles": ["guard"]}).json()["roles"] == ["guard"]
    assert admin.get("/operators").status_code == 403
    assert http.delete("/operators/dana").status_code == 200  # the owner of the host may


def test_roles_are_replaced_and_recorded_and_make_no_admin(
    http: httpx.Client, operator: Any, token: Any, web: Any
) -> None:
    operator("berik", "guard")
    program = web(authorization=f"Bearer {token('berik', 'guard')}")
    assert http.put("/operators/berik/roles", json={"roles": ["guard"]}).status_code == 200
    changed = http.put("/operators/berik/roles", json={"roles": ["technician", "auditor"]})
    assert changed.json()["roles"] == ["auditor", "technician"]
    assert program.get("/visitors").status_code == 403
    refused = http.put("/operators/berik/roles", json={"roles": ["admin"]})
    assert (refused.status_code, refused.json()["code"]) == (400, "admin_is_added")
    (event,) = http.get("/events", params={"kind": "admin.operator_edited"}).json()
    assert event["detail"]["before"] == {"roles": ["guard"]}
    assert event["detail"]["after"] == {"roles": ["auditor", "technician"]}
    assert http.put("/operators/nobody/roles", json={"roles": [Role.GUARD]}).status_code == 404


def test_a_request_is_refused_by_another_or_taken_back(
    http: httpx.Client, operator: Any, signed_in: Any, web: Any, token: Any
) -> None:
    operator("aigul", "admin")
    operator("berik", "admin")
    aigul, berik = signed_in("aigul"), signed_in("berik")
    wanted = {"name": "dana", "roles": ["admin"], "password": PASSWORD}
    for refusing in (berik, aigul):
        assert aigul.post("/operators", json=wanted).json()["code"] == "approval_needed"
        (seen,) = berik.get("/approvals").json()
        (own,) = aigul.get("/approvals").json()
        assert (seen["own"], own["own"], seen["ends"] > seen["asked"]) == (False, True, True)
        assert aigul.post(f"/approvals/{own['id']}").json()["code"] == "own_request"
        program = web(authorization=f"Bearer {token('berik', 'admin')}")
        assert program.delete(f"/approvals/{own['id']}").status_code == 403
        assert refusing.delete(f"/approvals/{own['id']}").status_code == 200
        assert aigul.get("/approvals").json() == []
        assert refusing.delete(f"/approvals/{own['id']}").status_code == 404
    assert kinds(http).count("admin.approval_refused") == 2
    assert [one["name"] for one in http.get("/operators").json()] == ["aigul", "berik"]
