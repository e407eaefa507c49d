"""A table of people needs the right of each of its changes, and is refused whole without one of them."""

import pytest

from devicemgr.api import authorization
from devicemgr.domain.model import Role

CHANGES = {
    "add": {"line": 2, "badge": "9", "name": "New"},
    "edit": {"line": 2, "badge": "1", "department": "IT"},
    "levels": {"line": 2, "badge": "1", "levels": ["staff"]},
    "department": {"line": 2, "badge": "1", "department": "Kitchen"},
    "cards": {"line": 2, "badge": "1", "cards": ["80:58400"]},
    "suspend": {"line": 2, "badge": "1", "suspended": "yes"},
    "resume": {"line": 2, "badge": "2", "suspended": "no"},
}


@pytest.fixture
def people(entrance, http):
    for badge in ("1", "2", "3"):
        assert http.post("/people", json={"badge": badge, "name": f"Person {badge}"}).status_code == 201
    http.post("/people/2/suspend")
    return http


@pytest.fixture
def admin(people, operator, token, web):
    return web(authorization=f"Bearer {token(operator('hr', 'admin'), 'admin')}")


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_without_its_right_refuses_the_whole_table(people, admin, monkeypatch, change):
    rows = [{"line": 1, "badge": "3", "note": "changed"}, CHANGES[change]]
    before = people.get("/people").json()
    allowed = authorization.PEOPLE_CHANGES | {change: frozenset({Role.AUDITOR})}
    monkeypatch.setattr(authorization, "PEOPLE_CHANGES", allowed)
    answer = admin.post("/people/import", json={"rows": rows, "update": True})
    assert (answer.status_code, "may not" in answer.json()["detail"]) == (403, True)
    assert people.get("/people").json() == before
    monkeypatch.undo()
    assert len(admin.post("/people/import", json={"rows": rows, "update": True}).json()["changes"]) == 2


def test_removing_needs_the_right_to_erase(people, admin, monkeypatch):
    body = {"rows": [{"line": 1, "badge": "1"}, {"line": 2, "badge": "2"}], "missing": "remove"}
    allowed = authorization.PEOPLE_CHANGES | {"remove": frozenset({Role.AUDITOR})}
    monkeypatch.setattr(authorization, "PEOPLE_CHANGES", allowed)
    assert admin.post("/people/import", json=body).status_code == 403
    assert len(people.get("/people").json()) == 3


@pytest.mark.parametrize("role", ["guard", "technician", "auditor"])
def test_only_admins_may_send_a_table(people, operator, token, web, role):
    client = web(authorization=f"Bearer {token(operator('someone', role), role)}")
    body = {"rows": [CHANGES["add"]], "plan": True}
    assert client.post("/people/import", json=body).status_code == 403


def test_rights_of_a_table_are_those_of_the_single_routes():
    table = authorization.TABLE
    assert authorization.PEOPLE_CHANGES["levels"] <= table["PUT", "/people/{badge}/levels/{level}"]
    assert authorization.PEOPLE_CHANGES["cards"] <= table["DELETE", "/people/{badge}/cards/{number}"]
    assert authorization.PEOPLE_CHANGES["remove"] == table["DELETE", "/people/{badge}"]


def test_a_storage_failure_in_the_middle_keeps_what_is_done_and_the_same_table_does_the_rest(people, monkeypatch):
    from devicemgr.errors import StorageFailed
    from devicemgr.people.tables import apply

    rows = [{"line": n, "badge": f"{100 + n}", "name": "New"} for n in range(40)]
    real, count = apply.add_people, iter(range(10_000))

    def failing(work, added):
        real(work, added)
        if next(count) == 1:
            raise StorageFailed("the disk is full")

    monkeypatch.setattr(apply, "add_people", failing)
    assert people.post("/people/import", json={"rows": rows}).status_code == 503
    done = len(people.get("/people").json()) - 3
    assert 0 < done < 40
    monkeypatch.undo()
    assert len(people.post("/people/import", json={"rows": rows}).json()["changes"]) == 40 - done
    assert len(people.get("/people").json()) == 43


def test_a_row_of_a_wrong_type_is_refused_with_its_place(people):
    rows = [{"line": 2, "badge": "8", "name": "New"}, {"line": 3, "badge": "9", "name": ["New"]}]
    refused = people.post("/people/import", json={"rows": rows})
    assert refused.status_code == 422
    assert "rows.1.name" in refused.text
    assert len(people.get("/people").json()) == 3
