"""Applying a site's file as it was planned: the plan's digest names file and revision."""

import pytest

from devicemgr.domain.model import Role

FILE = '[schedules.office]\nwindows = ["mon-fri 08:00-18:00"]\ntimezone = "Asia/Almaty"\n'
OTHER = FILE.replace("18:00", "19:00")


@pytest.fixture
def digest(http) -> str:
    return str(http.post("/site/apply", json={"toml": FILE, "plan": True}).json()["digest"])


def test_a_plan_is_applied_by_its_digest_once(http, digest):
    applied = http.post("/site/apply", json={"toml": FILE, "digest": digest})
    assert (applied.status_code, applied.json()["applied"]) == (200, True)
    again = http.post("/site/apply", json={"toml": FILE, "digest": digest})
    assert (again.status_code, again.json()["code"]) == (409, "plan_outdated")


def test_the_same_plan_has_the_same_digest(http, digest):
    assert http.post("/site/apply", json={"toml": FILE, "plan": True}).json()["digest"] == digest
    assert http.post("/site/apply", json={"toml": FILE, "plan": True, "replay": "1d"}).json()["digest"] == digest


@pytest.mark.parametrize("body", [{"toml": OTHER}, {"toml": FILE, "prune": True}, {"toml": FILE, "digest": "0" * 32}])
def test_another_file_than_the_planned_one_is_refused(http, digest, body):
    refused = http.post("/site/apply", json={"digest": digest} | body)
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_outdated")
    assert http.get("/schedules").json() == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/zones/hall", {}),
        ("POST", "/people", {"name": "Dana", "badge": "1001"}),
        ("POST", "/site/apply", {"toml": OTHER}),
    ],
)
def test_a_plan_of_a_site_that_was_changed_since_is_refused(http, digest, method, path, body):
    assert http.request(method, path, json=body).is_success
    refused = http.post("/site/apply", json={"toml": FILE, "digest": digest})
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_outdated")
    assert "plan again" in refused.json()["detail"]


def test_a_digest_gives_no_right(http, as_role):
    toml = '[schedules.night]\nwindows = ["mon-fri 20:00-23:00"]\ntimezone = "Asia/Almaty"\n'
    digest = http.post("/site/apply", json={"toml": toml, "plan": True}).json()["digest"]
    assert as_role(Role.TECHNICIAN).post("/site/apply", json={"toml": toml, "digest": digest}).status_code == 403


def test_without_a_digest_a_file_is_applied_as_before(http):
    assert http.post("/site/apply", json={"toml": FILE}).json()["applied"] is True


def test_the_file_can_be_saved_and_applied_again(http):
    assert http.post("/site/apply", json={"toml": FILE}).is_success
    answer = http.get("/site", params={"format": "toml"})
    assert answer.headers["content-type"].startswith("application/toml")
    assert answer.headers["content-disposition"] == 'attachment; filename="site.toml"'
    assert answer.text == http.get("/site").json()["toml"]
    assert http.post("/site/apply", json={"toml": answer.text, "plan": True}).json()["changes"] == []
