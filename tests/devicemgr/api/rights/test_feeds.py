"""Who may make this computer read a calendar from where; refused before anything is called."""

from datetime import date, timedelta

import pytest

from devicemgr.domain.model import Role
from tests.support.calendar_server import CalendarServer, answer, ics


@pytest.fixture(scope="module")
def calendar_server(tmp_path_factory):
    found = CalendarServer(tmp_path_factory.mktemp("server"))
    found.reply = answer(ics((date.today() + timedelta(days=60)).isoformat()))
    yield found
    found.close()


@pytest.fixture
def as_role(operator, token, web):
    """A client with the API token of an operator in one role."""
    return lambda role: web(authorization=f"Bearer {token(operator(f'the-{role}', role), role)}")


def test_an_admin_of_the_api_does_not_reach_the_local_network(calendar_server, as_role, http):
    feed = {"url": calendar_server.url, "tls_ca": calendar_server.ca.read_text()}
    private = feed | {"allow_private": True}
    toml = f'[calendars.kz]\nurl = "{feed["url"]}"\nallow_private = true\n'
    admin, technician = as_role(Role.ADMIN), as_role(Role.TECHNICIAN)
    tries = [
        (admin.post("/calendars", json={"name": "kz", **feed}), 502, "must be allowed by its owner"),
        (admin.post("/calendars", json={"name": "kz", **private}), 403, "the owner of the host may"),
        (admin.put("/calendars/kz", json=private), 403, "the owner of the host may"),
        (admin.post("/site/apply", json={"toml": toml, "plan": True}), 403, "the owner of the host may"),
        (technician.post("/site/apply", json={"toml": toml, "plan": True}), 403, "it is for: admin"),
        (technician.post("/calendars", json={"name": "kz", **feed}), 403, "it is for: admin"),
    ]
    assert [(found.status_code, words in found.text) for found, _, words in tries] == [
        (status, True) for _, status, _ in tries
    ]
    assert (calendar_server.requests, http.get("/calendars").json()) == ([], [])
    assert http.post("/calendars", json={"name": "kz", **private}).status_code == 201
    asked = len(calendar_server.requests)
    other = calendar_server.url.replace("days", "admin-panel")
    refused = [
        admin.patch("/calendars/kz", json={"url": other}),
        admin.post("/schedules/plan", json={"calendars": [{"name": "kz", "url": other}]}),
        technician.post("/calendars/kz/refresh", json={}),
    ]
    assert [found.status_code for found in refused] == [403, 403, 403]
    assert len(calendar_server.requests) == asked
    assert admin.patch("/calendars/kz", json={"every": "12h"}).json()["feed"]["every"] == "12h"
    assert admin.post("/calendars/kz/refresh", json={"plan": True}).status_code == 200
    assert len(calendar_server.requests) == asked + 1
