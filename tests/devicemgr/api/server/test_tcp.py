"""The API on TCP: sessions, tokens, and what a browser could be misused for."""

import itertools
import json
import os
import sqlite3
from http.cookies import SimpleCookie

import httpx
import pytest

from devicemgr.api import authorization
from devicemgr.api.stream import follower
from devicemgr.domain.model import Role
from devicemgr.security import rate_limit, sessions

PASSWORD = "correct horse battery"


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD) -> dict:
    """Sign in and send the CSRF token from then on."""
    answer = client.post("/session", json={"operator": name, "password": password})
    assert answer.status_code == 201, answer.text
    client.headers["x-csrf-token"] = answer.json()["csrf"]
    return answer.json()


def kinds(http) -> list[str]:
    return [event["kind"] for event in http.get("/events").json()]


def check(answer: httpx.Response, status: int, slug: str) -> None:
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:devicemgr:problem:{slug}"), answer.text


def test_without_signing_in_there_is_nothing(web):
    client = web()
    check(client.get("/status"), 401, "not-signed-in")
    check(client.post("/people", json={"name": "A", "badge": "1"}), 401, "not-signed-in")
    check(client.get("/openapi.json"), 401, "not-signed-in")
    assert client.get("/status").headers["www-authenticate"] == "Bearer"
    assert client.get(f"http://127.0.0.1:{client.base_url.port}/healthz").text == "ok\n"


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client", "Authorization"])
def test_nobody_is_a_user_of_the_box_whatever_is_sent(web, header):
    check(web().get("/status", headers={header: "uid:0"}), 401, "not-signed-in")
    check(web().get("/status", headers={header: "for=uid:0"}), 401, "not-signed-in")


def test_a_session_from_sign_in_to_sign_out(web, operator, http):
    operator("aigul", "admin")
    client = web()
    told = sign_in(client, "aigul")
    assert (told["actor"], told["roles"]) == ("operator:aigul", ["admin"])
    assert client.get("/session").json()["csrf"] == told["csrf"]
    assert client.post("/people", json={"name": "A", "badge": "1"}).status_code == 201
    assert http.get("/events").json()[-1]["actor"] == "operator:aigul"
    assert client.delete("/session").status_code == 200
    assert client.cookies == httpx.Cookies()
    check(client.get("/status"), 401, "not-signed-in")
    assert kinds(http) == ["admin.operator_added", "admin.signed_in", "admin.person_added", "admin.signed_out"]


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(web, operator):
    operator("aigul", "guard")
    answer = web().post("/session", json={"operator": "aigul", "password": PASSWORD})
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Strict", "/", "")
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("sent", [None, "", "0" * 64, "é"])
def test_a_change_without_the_csrf_token_is_refused(web, operator, http, sent):
    operator("aigul", "admin")
    client = web()
    sign_in(client, "aigul")
    del client.headers["x-csrf-token"]
    headers = {} if sent is None else {"x-csrf-token": sent.encode()}
    check(client.post("/people", json={"name": "A", "badge": "1"}, headers=headers), 403, "not-allowed")
    check(client.delete("/session", headers=headers), 403, "not-allowed")
    assert client.get("/people").json() == []


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example", "panel.example, x"])
def test_another_host_name_is_misdirected(web, token, operator, host):
    """A page whose name was pointed here (DNS rebinding) names itself."""
    key = token(operator("aigul", "guard"), "guard")
    check(web(authorization=f"Bearer {key}").get("/status", headers={"host": host}), 421, "misdirected")
    check(web().post("/session", json={}, headers={"host": host}), 421, "misdirected")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "panel.example", "panel.example:8443"])
def test_its_own_names_are_fine(web, token, operator, host):
    key = token(operator("aigul", "guard"), "guard")
    assert web(authorization=f"Bearer {key}").get("/status", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost", "https://{host}", ""])
def test_a_page_of_another_site_is_refused_with_cookie_and_without(web, operator, origin):
    operator("aigul", "admin")
    client = web()
    sign_in(client, "aigul")
    host = f"127.0.0.1:{client.base_url.port}"
    headers = {"origin": origin.format(host=host)}
    check(client.post("/people", json={"name": "A", "badge": "1"}, headers=headers), 403, "not-allowed")
    check(client.get("/events/stream", headers=headers), 403, "not-allowed")
    body = {"operator": "aigul", "password": PASSWORD}
    check(web().post("/session", json=body, headers=headers), 403, "not-allowed")
    ours = {"origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    assert client.post("/people", json={"name": "A", "badge": "1"}, headers=ours).status_code == 201
    check(client.get("/status", headers={"sec-fetch-site": "cross-site"}), 403, "not-allowed")


def test_a_token_needs_neither_cookie_nor_csrf_and_has_its_own_roles(web, operator, token, http):
    operator("panel", "admin", "guard")
    client = web(authorization=f"Bearer {token('panel', 'admin')}")
    assert client.post("/people", json={"name": "A", "badge": "1"}).status_code == 201
    assert http.get("/events").json()[-1]["actor"] == "token:panel"
    narrow = web(authorization=f"bearer {token('panel', 'guard')}")
    assert narrow.get("/status").status_code == 200
    check(narrow.get("/people"), 403, "not-allowed")
    check(http.post("/operators/panel/tokens", json={"roles": ["auditor"], "days": 1}), 422, "invalid-input")


def test_tokens_that_expired_or_were_removed_are_worth_nothing(web, operator, token, http, home):
    operator("panel", "guard")
    first, second = token("panel", "guard"), token("panel", "guard")
    clients = [web(authorization=f"Bearer {key}") for key in (first, second)]
    assert [client.get("/status").status_code for client in clients] == [200, 200]
    ids = [made["id"] for made in http.get("/operators").json()[0]["tokens"]]
    assert http.delete(f"/operators/panel/tokens/{ids[0]}").status_code == 200
    with sqlite3.connect(home.database) as raw:
        raw.execute("UPDATE api_tokens SET expires = '2020-01-01T00:00:00.000Z'")
    raw.close()
    for client in clients:
        check(client.get("/status"), 401, "not-signed-in")
    # A clock that is put back revives none.
    assert http.get("/operators").json()[0]["tokens"] == []
    assert kinds(http)[-1] == "admin.token_expired"


@pytest.mark.parametrize("sent", ["Bearer", "Bearer x", "Bearer dm_" + "A" * 43, "Basic YTpi", "", "Bearer é"])
def test_a_wrong_token_is_refused_even_beside_a_good_session(web, operator, sent):
    operator("aigul", "guard")
    client = web()
    sign_in(client, "aigul")
    check(client.get("/status", headers={"authorization": sent.encode()}), 401, "not-signed-in")


def test_what_is_stored_opens_nothing(web, operator, token, home):
    operator("aigul", "guard")
    key = token("aigul", "guard")
    sign_in(web(), "aigul")
    with sqlite3.connect(home.database) as raw:
        dump = "\n".join(raw.iterdump())
    raw.close()
    assert key not in dump
    assert PASSWORD not in dump
    assert "$argon2id$" in dump


def test_a_session_ends_with_operator_password_and_role(web, operator, http):
    for name in ("one", "two", "three"):
        operator(name, "guard")
    clients = {name: web() for name in ("one", "two", "three")}
    for name, client in clients.items():
        sign_in(client, name)
    assert http.delete("/operators/one").status_code == 200
    assert http.put("/operators/two/password", json={"password": "another good one"}).status_code == 200
    check(clients["one"].get("/status"), 401, "not-signed-in")
    check(clients["two"].get("/status"), 401, "not-signed-in")
    assert clients["three"].get("/status").status_code == 200


def test_sessions_end_when_idle_and_after_half_a_day(app, web, operator):
    assert sessions.IDLE_SECONDS <= 15 * 60
    now = [1000.0]
    app.state.signins._clock = lambda: now[0]
    operator("aigul", "guard")
    client = web()
    sign_in(client, "aigul")
    for _ in range(3):
        now[0] += sessions.IDLE_SECONDS - 1
        assert client.get("/status").status_code == 200
    now[0] += sessions.IDLE_SECONDS + 1
    check(client.get("/status"), 401, "not-signed-in")
    sign_in(client, "aigul")
    end = now[0] + sessions.SESSION_SECONDS
    while now[0] + 800 < end:
        now[0] += 800
        assert client.get("/status").status_code == 200
    now[0] = end
    check(client.get("/status"), 401, "not-signed-in")


@pytest.mark.parametrize(("as_whom", "settled"), [("cookie", True), ("token", False), ("another", False)])
def test_a_password_that_another_set_is_noted(web, operator, token, http, home, as_whom, settled):
    """A token of theirs counts as another: who made it has it too."""
    operator("aigul", "admin")
    operator("berik", "admin")
    if as_whom == "cookie":
        client = web()
        sign_in(client, "aigul")
    else:
        name = "aigul" if as_whom == "token" else "berik"
        client = web(authorization=f"Bearer {token(name, 'admin')}")
    assert client.put("/operators/aigul/password", json={"password": "another good one"}).status_code == 200
    with sqlite3.connect(home.database) as raw:
        ((reset,),) = raw.execute("SELECT password_reset FROM operators WHERE name = 'aigul'").fetchall()
    raw.close()
    assert (reset is None) is settled


def test_the_same_answer_for_unknown_accounts(web, operator, http, caplog):
    operator("aigul", "guard")
    http.post("/operators", json={"name": "panel", "roles": ["guard"]})
    tries = [("aigul", "wrong password!"), ("nobody", "wrong password!"), ("panel", ""), ("Ә' or 1=1", "x")]
    answers = [web().post("/session", json={"operator": n, "password": p}) for n, p in tries]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    failed = [event for event in http.get("/events").json() if event["kind"] == "admin.sign_in_failed"]
    assert [event["detail"]["operator"] for event in failed] == ["aigul", None, "panel", None]
    assert {event["detail"]["address"] for event in failed} == {"127.0.0.1"}
    assert "wrong password" not in caplog.text + json.dumps(failed)


def test_five_tries_a_minute_of_an_account_and_then_even_the_right_one_waits(web, operator, app, http):
    now = [1000.0]
    for limit in (app.state.signins._addresses, app.state.signins._accounts, app.state.signins._recorded):
        limit._clock = lambda: now[0]
    operator("aigul", "guard")
    client = web()
    body = {"operator": "aigul", "password": "wrong password!"}
    answers = [client.post("/session", json=body).status_code for _ in range(30)]
    assert answers == [401] * 5 + [429] * 25
    check(client.post("/session", json=body | {"password": PASSWORD}), 429, "too-many-tries")
    assert kinds(http).count("admin.sign_in_failed") == 10
    now[0] += rate_limit.FAILURE_WINDOW_S
    sign_in(client, "aigul")
    assert client.post("/session", json=body).status_code == 401
    assert http.get("/events").json()[-1]["detail"]["more_before"] == 21


def sign_in_from(web, port: int, host: str, body: dict) -> int:
    """The status of a sign-in that comes from another address of the loopback net."""
    transport = httpx.HTTPTransport(local_address=host)
    with httpx.Client(transport=transport, base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30) as client:
        return client.post("/session", json=body).status_code


def test_nobody_is_locked_out_by_tries_from_another_address(web, operator, tcp):
    operator("aigul", "guard")
    wrong = {"operator": "aigul", "password": "wrong password!"}
    for host in ("127.0.0.2", "127.0.0.3"):
        assert [sign_in_from(web, tcp.port, host, wrong) for _ in range(6)] == [401] * 5 + [429]
    assert sign_in_from(web, tcp.port, "127.0.0.2", wrong | {"password": PASSWORD}) == 429
    assert sign_in_from(web, tcp.port, "127.0.0.4", wrong | {"password": PASSWORD}) == 201


def test_an_account_is_not_locked_out_by_tries_of_another_at_the_same_desk(web, operator, tcp):
    operator("aigul", "guard")
    operator("berik", "guard")
    wrong = {"operator": "berik", "password": "wrong password!"}
    assert [sign_in_from(web, tcp.port, "127.0.0.2", wrong) for _ in range(6)] == [401] * 5 + [429]
    assert sign_in_from(web, tcp.port, "127.0.0.2", {"operator": "aigul", "password": PASSWORD}) == 201


def test_an_address_has_so_many_tries_of_all_accounts(web, tcp, app, monkeypatch):
    monkeypatch.setattr(app.state.signins._addresses, "_most", 7)
    wrong = [{"operator": f"name-{number}", "password": "wrong password!"} for number in range(9)]
    assert [sign_in_from(web, tcp.port, "127.0.0.2", body) for body in wrong] == [401] * 7 + [429] * 2
    assert sign_in_from(web, tcp.port, "127.0.0.3", wrong[0]) == 401


def test_a_sign_in_is_small(web):
    answer = web().post("/session", json={"operator": "a", "password": "x" * 9000})
    check(answer, 413, "too-large")


def test_a_second_sign_in_replaces_the_first(web, operator):
    operator("aigul", "guard")
    client = web()
    sign_in(client, "aigul")
    (old,) = client.cookies.jar
    del client.headers["x-csrf-token"]
    sign_in(client, "aigul")
    check(web(cookie=f"devicemgr={old.value}").get("/status"), 401, "not-signed-in")


def test_the_stream_of_events_by_cookie_and_by_token_ends_with_them(web, operator, token, http, monkeypatch):
    monkeypatch.setattr(follower, "_LOOK_SECONDS", 0.1)
    operator("aigul", "guard")
    operator("panel", "auditor")
    by_cookie, by_token = web(), web(authorization=f"Bearer {token('panel', 'auditor')}")
    sign_in(by_cookie, "aigul")
    for client, name in ((by_cookie, "aigul"), (by_token, "panel")):
        with client.stream("GET", "/events/stream") as stream:
            lines = stream.iter_lines()
            assert next(lines) == ": waiting"
            http.post("/people", json={"name": "A", "badge": name})
            assert any("admin.person_added" in line for line in lines)
            assert http.delete(f"/operators/{name}").status_code == 200
            for _ in lines:
                pass  # to its end, which comes


def test_an_open_stream_does_not_keep_a_session_that_nobody_uses(app, web, operator, monkeypatch):
    monkeypatch.setattr(follower, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(follower, "_ALIVE_SECONDS", 0.1)
    now = [1000.0]
    app.state.signins._clock = lambda: now[0]
    operator("aigul", "guard")
    client = web()
    sign_in(client, "aigul")
    with client.stream("GET", "/events/stream") as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": waiting"
        for _ in range(3):
            now[0] += sessions.IDLE_SECONDS / 3 + 1
            next(lines, None)
        for _ in itertools.islice(lines, 100):
            pass  # to its end, which comes
    check(client.get("/status"), 401, "not-signed-in")


def test_the_socket_knows_no_sessions(client, operator):
    operator("aigul", "guard")
    check(client.post("/session", json={"operator": "aigul", "password": PASSWORD}), 422, "invalid-input")
    check(client.delete("/session"), 422, "invalid-input")
    shown = client.get("/session").json()
    assert {name: shown[name] for name in ("actor", "roles", "owner")} == {
        "actor": f"uid:{os.getuid()}",
        "roles": ["admin", "auditor", "duress", "guard", "technician"],
        "owner": True,
    }
    assert "csrf" not in shown


def test_a_session_names_what_its_roles_allow_and_nothing_else(web, operator):
    """Menus go by this; the server decides all the same."""
    operator("aigul", "guard")
    client = web()
    signed_in = sign_in(client, "aigul")
    shown = client.get("/session").json()
    allowed = {f"{method} {path}" for (method, path), roles in authorization.TABLE.items() if Role.GUARD in roles}
    assert set(shown["features"]) == allowed
    assert "POST /portals/{name}/open" in allowed
    assert "POST /operators" not in allowed
    assert (shown["language"], signed_in["features"]) == ("en", shown["features"])
