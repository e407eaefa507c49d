"""POST /faces/check with a webcam's picture: its size, and how many of them a session may send."""

import json

import pytest

from devicemgr.api.body_limit import PICTURE_BYTES
from devicemgr.api.routes.people import faces
from devicemgr.security.rate_limit import TryLimit
from tests.devicemgr.api.conftest import PASSWORD

JPEG = {"content-type": "image/jpeg"}


@pytest.fixture
def clock(app):
    """The clock of the limit, which stands still until a test moves it."""
    now = [100.0]
    app.state.face_checks = TryLimit(faces.MAX_CHECKS_PER_S, 1.0, clock=lambda: now[0])
    return now


@pytest.fixture
def session(operator, web):
    """Return a function that signs an admin in, and a client with the session's cookie and CSRF token."""

    def sign_in(name):
        operator(name, "admin")
        client = web()
        answer = client.post("/session", json={"operator": name, "password": PASSWORD})
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client

    return sign_in


def test_a_picture_is_taken_as_it_is(http):
    assert http.post("/faces/check", content=b"face:a:1", headers=JPEG).json()["ok"] is True
    assert http.post("/faces/check", content=b"bad:blurred", headers=JPEG).json()["reasons"] == ["blurred"]
    typed = {"content-type": "Image/JPEG; q=1"}
    assert http.post("/faces/check", content=b"bad:too_dark", headers=typed).json()["reasons"] == ["too_dark"]


def test_only_a_picture_gets_the_quick_look(http, site, monkeypatch):
    asked = []
    real = site.parts.faces.check
    monkeypatch.setattr(site.parts.faces, "check", lambda photo, **how: (asked.append(how), real(photo, **how))[1])
    http.post("/faces/check", content=b"face:a:1", headers=JPEG)
    http.post("/faces/check", json={"photo": "ZmFjZTphOjE="})
    assert asked == [{"is_glance": True}, {"is_glance": False}]


def test_a_picture_of_more_than_300_kb_is_refused_announced_or_not(http):
    answer = http.post("/faces/check", content=b"x" * (PICTURE_BYTES + 1), headers=JPEG)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "300 KB" in answer.json()["detail"]
    pieces = (b"x" * 1024 for _ in range(PICTURE_BYTES // 1024 + 1))
    assert http.post("/faces/check", content=pieces, headers=JPEG).status_code == 413
    assert http.post("/faces/check", content=b"x" * PICTURE_BYTES, headers=JPEG).json()["ok"] is False
    photo = json.dumps({"photo": "QUJD" * 100_000})
    assert http.post("/faces/check", content=photo).json()["reasons"] == ["unreadable_image"]


@pytest.mark.parametrize(
    ("kind", "content", "field"),
    [
        ("application/json", b"{}", "photo"),
        ("application/json", b"face", ""),
        ("application/json", b'{"photo": "YQ==", "more": 1}', "more"),
        ("application/json", b'{"photo": "?"}', None),
        ("text/plain", b"face:a:1", None),
        ("image/png", b"face:a:1", None),
    ],
)
def test_other_bodies_are_refused(http, kind, content, field):
    answer = http.post("/faces/check", content=content, headers={"content-type": kind})
    assert answer.status_code == 422
    assert answer.json()["args"].get("field") == field


def test_a_session_may_check_four_pictures_a_second(session, clock):
    first, second = session("anna"), session("boris")
    for _ in range(4):
        assert first.post("/faces/check", content=b"face:a:1", headers=JPEG).status_code == 200
    refused = first.post("/faces/check", content=b"face:a:1", headers=JPEG)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "too_many_tries"
    assert first.post("/faces/check", json={"photo": "ZmFjZTphOjE="}).status_code == 429
    assert second.post("/faces/check", content=b"face:a:1", headers=JPEG).status_code == 200
    clock[0] += 1.0
    assert first.post("/faces/check", content=b"face:a:1", headers=JPEG).status_code == 200


def test_the_command_line_is_not_limited(http, clock):
    for _ in range(12):
        assert http.post("/faces/check", content=b"face:a:1", headers=JPEG).status_code == 200


@pytest.mark.parametrize("role", ["guard", "technician", "auditor"])
def test_only_admins_may_check(operator, token, web, role):
    client = web(authorization=f"Bearer {token(operator('someone', role), role)}")
    assert client.post("/faces/check", content=b"face:a:1", headers=JPEG).status_code == 403


def test_the_wait_after_too_many_sign_ins_is_named(web):
    client = web()
    for _ in range(5):
        client.post("/session", json={"operator": "nobody", "password": "wrong"})
    refused = client.post("/session", json={"operator": "nobody", "password": "wrong"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
