"""A source needs the right of each change that it would make, by its own routes and by a site's file."""

import pytest

from devicemgr.api import authorization
from devicemgr.domain.model import Role

STATED = {"kind": "csv", "file": "staff.csv", "map": {"Office": "staff"}, "erase_after_days": 30}
TOML = '[sources.hr]\nkind = "csv"\nfile = "staff.csv"\nmap = { Office = "staff" }\nerase_after_days = 30\n'
PARTS = ["add", "edit", "suspend", "resume", "levels", "cards", "remove"]


@pytest.fixture
def admin(entrance, operator, token, web):
    return web(authorization=f"Bearer {token(operator('boss', 'admin'), 'admin')}")


def forbid(monkeypatch, part):
    allowed = authorization.PEOPLE_CHANGES | {part: frozenset({Role.AUDITOR})}
    monkeypatch.setattr(authorization, "PEOPLE_CHANGES", allowed)


@pytest.mark.parametrize("part", PARTS)
def test_who_may_not_make_a_change_may_not_let_a_source_make_it(admin, http, monkeypatch, part):
    forbid(monkeypatch, part)
    answers = [
        admin.post("/sources", json=STATED | {"name": "hr"}),
        admin.put("/sources/hr", json=STATED),
        admin.post("/site/apply", json={"toml": TOML}),
        admin.post("/site/apply", json={"toml": TOML, "plan": True}),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert http.get("/sources").json() == []
    monkeypatch.undo()
    assert admin.post("/sources", json=STATED | {"name": "hr"}).status_code == 201
    forbid(monkeypatch, part)
    assert admin.patch("/sources/hr", json={"file": "other.csv"}).status_code == 403
    assert admin.post("/site/apply", json={"toml": TOML.replace("staff.csv", "other.csv")}).status_code == 403
    assert http.get("/sources/hr").json()["file"] == "staff.csv"


def test_a_run_needs_the_right_of_each_of_its_changes(admin, http, home, monkeypatch):
    admin.post("/sources", json=STATED | {"name": "hr"})
    (home.inbox / "staff.csv").write_text("badge,name,levels\n1,A,Office\n")
    for part in ("add", "levels"):
        forbid(monkeypatch, part)
        assert admin.post("/sources/hr/plan").status_code == 403
        assert admin.post("/sources/hr/sync", json={}).status_code == 403
        assert admin.post("/sources/hr/sync", json={"accept": "0" * 12}).status_code == 403
        monkeypatch.undo()
    assert http.get("/people").json() == []
    assert http.get("/sources/hr").json().get("failed") is None, "a refusal is no failure of the source"
    assert len(admin.post("/sources/hr/sync", json={}).json()["changes"]) == 1


@pytest.mark.parametrize("role", ["guard", "technician", "auditor"])
def test_no_one_but_an_admin_sets_up_or_runs_a_source(entrance, http, operator, token, web, home, role):
    http.post("/sources", json=STATED | {"name": "hr"})
    (home.inbox / "staff.csv").write_text("badge,name\n1,A\n")
    client = web(authorization=f"Bearer {token(operator('someone', role), role)}")
    answers = [
        client.post("/sources", json=STATED | {"name": "more"}),
        client.put("/sources/hr", json=STATED),
        client.patch("/sources/hr", json={"missing": "keep", "erase_after_days": None}),
        client.delete("/sources/hr"),
        client.post("/sources/hr/plan"),
        client.post("/sources/hr/sync", json={}),
        client.post("/site/apply", json={"toml": TOML.replace("hr", "more")}),
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert client.get("/sources").status_code == (403 if role == "guard" else 200)
    assert (http.get("/people").json(), [one["name"] for one in http.get("/sources").json()]) == ([], ["hr"])


def test_fields_are_checked_and_null_gives_a_default(entrance, http):
    assert http.post("/sources", json=STATED | {"name": "hr"}).status_code == 201
    for wrong in ({"file": "/etc/passwd"}, {"every": "1s"}, {"map": {"X": "nowhere"}}, {"path": "x.csv"}):
        answer = http.patch("/sources/hr", json=wrong)
        assert (answer.status_code, "detail" in answer.json()) == (422, True), wrong
    found = http.patch("/sources/hr", json={"erase_after_days": None, "map": None}).json()
    assert (found.get("erase_after_days"), found["map"]) == (None, {})
    assert http.put("/sources/hr", json=STATED).json()["map"] == {"Office": "staff"}
    revision = http.get("/sources/hr").headers["etag"]
    assert http.put("/sources/hr", json=STATED, headers={"If-Match": revision}).status_code == 200
    assert http.delete("/sources/hr", headers={"If-Match": '"0"'}).status_code == 412
