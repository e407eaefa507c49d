"""Kiosk tokens: a display sees what guards see, changes nothing, and outlives the daemon, at its address alone."""

import os

import httpx
import pytest

from devicemgr.api import authorization
from devicemgr.api.app import create_app
from devicemgr.api.context import Context
from devicemgr.api.listeners import read
from devicemgr.api.server import ApiServer
from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.domain.model import Role

HERE = "127.0.0.1"


@pytest.fixture
def kiosk(http, operator):
    """kiosk(address=None, **more) makes a display's token; the answer."""
    operator("wall", "guard", "admin")

    def make(address=None, **more):
        body = {"roles": ["guard"], "days": 30, "kiosk": True, "address": address} | more
        return http.post("/operators/wall/tokens", json=body)

    return make


@pytest.fixture
def display(web, kiosk):
    """A display that is signed in, as its browser, and its token."""
    token = kiosk().json()["token"]
    client = web()
    answer = client.post("/session/kiosk", json={"token": token})
    assert answer.status_code == 201, answer.text
    client.headers["x-csrf-token"] = answer.json()["csrf"]
    return client, token


def test_a_display_shows_what_guards_see_and_is_not_ended_by_idleness(display):
    client, _ = display
    session = client.get("/session").json()
    assert (session["actor"], session["roles"], session["kiosk"]) == ("token:wall", ["guard"], True)
    assert session["idle_s"] is None
    assert session["absolute_s"] > 29 * 86_400
    assert client.get("/events").status_code == 200
    guards = {key for key, roles in authorization.TABLE.items() if Role.GUARD in roles}
    shown = {tuple(operation.split(" ")) for operation in session["features"]}
    assert {key for key in guards if key[0] == "GET"} <= shown
    assert {key for key in shown if key[0] != "GET"} == authorization._KIOSK_CALLS


@pytest.mark.parametrize("by", ["cookie", "bearer"])
def test_it_changes_nothing_whatever_the_role_may(display, web, by):
    client, token = display
    if by == "bearer":
        client = web(authorization=f"Bearer {token}")
    for method, path in authorization.TABLE:
        if method == "GET" or (method, path) in authorization._KIOSK_CALLS:
            continue
        answer = client.request(method, f"/{path[1:]}".replace("{", "").replace("}", ""), json="x")
        assert answer.status_code == 403, (method, path, answer.text)
    answer = client.post("/portals/lobby/open", json={"direction": "entry"}).json()
    assert (answer["code"], answer["detail"]) == (
        "kiosk_only_shows",
        "token:wall is a kiosk, which only shows; sign in to do this",
    )
    assert client.get("/people").status_code == 403


def test_the_browser_keeps_it_over_restarts_of_both(display, site, home):
    client, token = display
    cookie = client.get("/session").headers["set-cookie"]
    assert "Max-Age=25" in cookie  # 30 days, in seconds
    assert "HttpOnly" in cookie
    again = create_app(Context(site, DirectRuntime(site), os.getuid()))
    running = ApiServer(again, home.path / "second.sock", read("127.0.0.1:0", None, None, []))
    running.start()
    try:
        address = f"http://{HERE}:{running.port}/api/v1"
        with httpx.Client(base_url=address, cookies={"devicemgr": token}) as kept:
            assert kept.get("/session").json()["actor"] == "token:wall"
    finally:
        running.stop()


def test_it_is_bound_to_the_address_that_signs_in_first(display, http, web):
    _, token = display
    (listed,) = http.get("/operators").json()[0]["tokens"]
    assert (listed["kiosk"], listed["address"]) == (True, HERE)
    signed_in = http.get("/events").json()[-1]
    assert (signed_in["kind"], signed_in["actor"]) == ("admin.signed_in", "token:wall")
    assert signed_in["detail"]["kiosk"] == listed["id"]
    assert token not in str(http.get("/events").json())


def test_from_another_address_it_is_worth_nothing(kiosk, web):
    token = kiosk("192.0.2.7").json()["token"]
    refused = web().post("/session/kiosk", json={"token": token})
    assert (refused.status_code, refused.json()["detail"]) == (
        401,
        "this kiosk token is bound to another address; make one for this display",
    )
    assert "set-cookie" not in refused.headers
    assert web(authorization=f"Bearer {token}").get("/events").status_code == 401
    assert web(cookie=f"devicemgr={token}").get("/events").status_code == 401


def test_a_token_that_was_revoked_ends_the_display(display, http):
    client, _ = display
    (listed,) = http.get("/operators").json()[0]["tokens"]
    assert http.delete(f"/operators/wall/tokens/{listed['id']}").status_code == 200
    assert client.get("/session").status_code == 401


def test_signing_out_ends_the_browsers_part_alone(display, web):
    client, token = display
    assert client.delete("/session").status_code == 200
    assert client.get("/session").status_code == 401
    assert web().post("/session/kiosk", json={"token": token}).status_code == 201


def test_no_other_token_signs_a_browser_in(web, operator, token):
    operator("aigul", "guard")
    plain = token("aigul", "guard")
    assert web().post("/session/kiosk", json={"token": plain}).status_code == 401
    assert web(cookie=f"devicemgr={plain}").get("/events").status_code == 401
    assert web().post("/session/kiosk", json={"token": "dm_wrong"}).status_code == 401


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"roles": ["admin"]}, "has the role guard and no other"),
        ({"roles": ["guard", "admin"]}, "has the role guard and no other"),
        ({"address": "wall"}, "is not an address"),
        ({"kiosk": False, "address": "192.0.2.7"}, "only a kiosk token is bound"),
    ],
)
def test_what_a_kiosk_token_is_not_made_with(kiosk, more, words):
    answer = kiosk(**more)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_wrong_tokens_are_limited_and_recorded(web, http):
    statuses = [web().post("/session/kiosk", json={"token": f"dm_{n}"}).status_code for n in range(22)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert http.get("/events").json()[-1]["kind"] == "admin.sign_in_failed"
