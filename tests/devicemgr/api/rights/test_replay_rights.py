"""A replay takes the rights of both its parts: to change the site, and to read events."""

import pytest

from devicemgr.domain.model import Role

PLAN = {"toml": "[portals]\n", "plan": True, "replay": "30d", "people": True}


@pytest.mark.parametrize(
    ("roles", "status"),
    [
        ([Role.ADMIN], 200),
        ([Role.TECHNICIAN], 403),
        ([Role.GUARD], 403),
        ([Role.AUDITOR], 403),
        ([Role.TECHNICIAN, Role.GUARD], 200),
        ([Role.TECHNICIAN, Role.AUDITOR], 200),
    ],
)
def test_who_may_replay_a_plan(operator, token, web, roles, status):
    http = web(authorization=f"Bearer {token(operator('someone', *roles), *roles)}")
    answer = http.post("/site/apply", json=PLAN)
    assert answer.status_code == status, answer.text
    if Role.TECHNICIAN in roles and status == 403:
        assert "replay recorded requests" in answer.json()["detail"]
        assert http.post("/site/apply", json=PLAN | {"replay": ""}).status_code == 200


def test_a_replay_goes_with_a_plan(http):
    answer = http.post("/site/apply", json=PLAN | {"plan": False})
    assert answer.status_code == 422
    assert "goes with a plan" in answer.json()["detail"]


def test_people_are_listed_where_the_call_says_so(http):
    found = http.post("/site/apply", json=PLAN | {"people": False}).json()["replay"]
    assert (found["losses"], found["totals"]["losses"]["requests"]) == ([], 0)
