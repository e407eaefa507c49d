"""Every failure is an RFC 9457 document; bodies are bounded; nothing tells of the inside."""

import logging

import pytest

from devicemgr.api import body_limit
from devicemgr.api.routes.people import people
from devicemgr.errors import StorageFailed

FIELDS = {"type", "title", "status", "detail", "exit_code", "code", "args"}


def check(answer, status, slug):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert set(document) >= FIELDS
    assert document["status"] == status
    assert document["type"] == f"urn:devicemgr:problem:{slug}"
    assert "\n" not in document["detail"]
    return document


def test_each_kind_of_failure_has_its_status(http):
    http.post("/people", json={"name": "A", "badge": "1"})
    check(http.get("/people/2"), 404, "not-found")
    check(http.post("/people", json={"name": "B", "badge": "1"}), 409, "already-exists")
    check(http.post("/people", json={"name": "", "badge": "2"}), 422, "invalid-input")
    check(http.post("/people", json={"name": "B"}), 422, "invalid-input")
    check(http.post("/people", json={"name": "B", "badge": "2", "admin": True}), 422, "invalid-input")
    check(http.post("/people", content=b"{not json"), 422, "invalid-input")
    check(http.put("/people", json={}), 405, "http-error")
    check(http.get("/nowhere"), 404, "http-error")


def test_a_refused_photo_carries_every_face(http):
    http.post("/people", json={"name": "A", "badge": "1"})
    body = {"photos": ["YmFkOmJsdXJyZWQ=", "ZmFjZTphOjE="], "consent": "form-1"}  # bad:blurred, face:a:1
    document = check(http.post("/people/1/face", json=body), 422, "photo-refused")
    assert [(face["photo"], face["reasons"]) for face in document["faces"]] == [(1, ["blurred"]), (2, [])]


@pytest.mark.parametrize("photo", ["not base64!", "YWJj\n", "é"])
def test_photos_must_be_base64(http, photo):
    check(http.post("/faces/check", json={"photo": photo}), 422, "invalid-input")


def test_storage_that_fails_is_a_503(http, monkeypatch):
    def full(*_, **__):
        raise StorageFailed("nothing could be stored; free space")

    monkeypatch.setattr(people.people, "search", full)
    assert check(http.get("/people"), 503, "storage-failed")["exit_code"] == 1


def test_a_defect_is_logged_and_not_told(http, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(people.people, "search", broken)
    with caplog.at_level(logging.ERROR):
        document = check(http.get("/people"), 500, "internal")
    assert "secret" not in str(document)
    assert "/secret/path" in caplog.text


def test_bodies_over_the_bound_are_refused_announced_or_not(http, monkeypatch):
    monkeypatch.setattr(body_limit, "MAX_BODY", 1000)
    check(http.post("/faces/check", content=b"x" * 1001), 413, "too-large")

    def unannounced():
        for _ in range(20):
            yield b"x" * 100

    check(http.post("/faces/check", content=unannounced()), 413, "too-large")
    assert http.post("/faces/check", json={"photo": "ZmFjZTph"}).status_code == 200


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999", "²"])
def test_lengths_that_lie(http, length):
    answer = http.post("/faces/check", content=b"x", headers={"content-length": length.encode()})
    assert answer.status_code in (400, 413)


def test_openapi_and_health(http):
    document = http.get("/openapi.json").json()
    assert "/api/v1/people/{badge}" in document["paths"]
    assert http.get("http://devicemgr/healthz").text == "ok\n"


@pytest.mark.parametrize("host", ["", "testclient", "127.0.0.1", "uid:", "uid:-1", "uid:0x0", "uid:99999"])
def test_callers_who_are_not_root_or_the_daemon(caller, host):
    stranger = caller(host)
    refused = (403, "not-allowed") if host == "uid:99999" else (401, "not-signed-in")
    for path in ("/people", "/status", "/events", "/drivers"):
        check(stranger.get(path), *refused)
    check(stranger.post("/people", json={"name": "A", "badge": "1"}), *refused)
