"""The list of all people in few fields, its tag, and what has changed in it."""

import base64
import gzip
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import Request

from devicemgr.api.routes.people.lists.roster import packed
from devicemgr.people.lists.editions import as_json
from devicemgr.store.database import revision
from devicemgr.store.people.lists.roster import Line

FIELDS = {
    *("badge", "name", "kind", "suspended", "levels", "department", "department_levels"),
    *("valid_from", "valid_to", "face", "cards"),
}


@pytest.fixture
def people(http: Any, photo: Any) -> Any:
    """Three people, of whom Anna has a face and a card."""
    http.post("/devices", json={"name": "gate", "driver": "fake_gate", "address": "/dev/gate"})
    http.post("/portals", json={"name": "main", "gate": "gate"})
    http.post("/levels", json={"name": "staff", "portals": ["main"]})
    http.post("/levels", json={"name": "lab", "portals": ["main"]})
    http.put("/departments/Lab", json={"levels": ["lab"]})
    for badge, name, more in (
        ("7", "Anna", {"levels": ["staff"]}),
        ("8", "Әсел", {"department": "Lab"}),
        ("9", "Ким", {}),
    ):
        assert http.post("/people", json={"badge": badge, "name": name, **more}).status_code == 201
    http.post("/people/7/cards", json={"number": "80:58400"})
    photos = [base64.b64encode(photo("a.jpg", "face:a").read_bytes()).decode()]
    assert http.post("/people/7/face", json={"photos": photos, "consent": "form"}).status_code == 201
    return http


def lines(answer: Any) -> dict[str, Any]:
    return {one["badge"]: one for one in answer.json()}


def changes(http: Any, after: int) -> Any:
    answer = http.get(f"/people/changes?after={after}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_line_says_of_a_person_what_the_whole_answer_says(people: Any) -> None:
    whole, listed = lines(people.get("/people")), lines(people.get("/people?fields=list"))
    assert list(listed) == list(whole) == ["7", "8", "9"]
    for badge, line in listed.items():
        assert set(line) == FIELDS
        assert line["face"] == (whole[badge]["templates"] > 0)
        assert all(line[name] == whole[badge][name] for name in FIELDS - {"face"})
    assert listed["7"]["face"]
    assert listed["8"]["department_levels"] == ["lab"]


def test_filters_and_pages_go_with_it(people: Any) -> None:
    assert list(lines(people.get("/people?fields=list&level=lab"))) == ["8"]
    assert list(lines(people.get("/people?fields=list&q=80:58400"))) == ["7"]
    page = people.get("/people?fields=list&limit=2")
    assert list(lines(page)) == ["7", "8"]
    assert "fields=list" in page.headers["link"]
    assert people.get("/people?fields=lst").status_code == 422


def test_the_list_that_a_client_has_is_not_sent_again(people: Any, site: Any) -> None:
    before = people.get("/people?fields=list")
    tag = before.headers["etag"]
    with site.database.read() as session:
        assert tag == f'"{revision(session)}"'
    for known in (tag, f"W/{tag}", f'"x", {tag}'):
        again = people.get("/people?fields=list", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    people.post("/people/9/suspend")
    after = people.get("/people?fields=list", headers={"If-None-Match": tag})
    assert (after.status_code, lines(after)["9"]["suspended"]) == (200, True)


def test_the_tag_of_a_list_is_one_that_a_change_may_build_on(people: Any) -> None:
    tag = people.get("/people?fields=list").headers["etag"]
    assert people.patch("/people/9", json={"name": "Kim"}, headers={"If-Match": tag}).status_code == 200
    assert people.patch("/people/9", json={"name": "Kim 2"}, headers={"If-Match": tag}).status_code == 412


def test_a_grant_that_ends_by_itself_changes_tag_and_list(people: Any, site: Any, monkeypatch: Any) -> None:
    people.put("/people/9/levels/lab", json={"valid_to": "2027-01-01T00:00:00Z"})
    before = people.get("/people?fields=list")
    known = before.headers["etag"]
    assert lines(before)["9"]["levels"] == ["lab"]
    monkeypatch.setattr(site.database.clock, "now", lambda: datetime(2027, 1, 1, 1, tzinfo=UTC))
    after = people.get("/people?fields=list", headers={"If-None-Match": known})
    assert (after.status_code, lines(after)["9"]["levels"]) == (200, [])
    assert [one["badge"] for one in changes(people, int(known.strip('"')))["changed"]] == ["9"]


def test_changes_of_every_kind_are_listed_once(people: Any) -> None:
    at = changes(people, 0)
    assert (at["whole"], len(at["changed"])) == (True, 3)
    steps = {
        "name": lambda: people.patch("/people/9", json={"name": "Kim"}),
        "card": lambda: people.post("/people/9/cards", json={"number": "80:58401"}),
        "level": lambda: people.put("/people/9/levels/staff"),
        "suspension": lambda: people.post("/people/9/suspend"),
    }
    for what, step in steps.items():
        assert step().status_code in (200, 201), what
        found = changes(people, at["revision"])
        assert ([one["badge"] for one in found["changed"]], found["removed"], found["whole"]) == (["9"], [], False), (
            what
        )
        at = found
    people.put("/departments/Lab", json={"levels": ["staff"]})
    found = changes(people, at["revision"])
    assert [(one["badge"], one["department_levels"]) for one in found["changed"]] == [("8", ["staff"])]
    people.delete("/people/7/face")
    people.delete("/people/8")
    found = changes(people, found["revision"])
    assert [(one["badge"], one["face"]) for one in found["changed"]] == [("7", False)]
    assert found["removed"] == ["8"]
    assert changes(people, found["revision"])["changed"] == []


def test_the_answer_is_compressed_for_those_who_take_it(people: Any, client: Any) -> None:
    for number in range(60):
        people.post("/people", json={"badge": f"1{number:03}", "name": f"Person {number}"})
    for path in ("/people?fields=list", "/people/changes?after=0"):
        plain = client.get(path, headers={"Accept-Encoding": "identity"})
        packed = client.get(path, headers={"Accept-Encoding": "gzip"})
        assert ("content-encoding" in plain.headers, packed.headers["content-encoding"]) == (False, "gzip")
        assert packed.json() == plain.json()
        assert int(packed.headers["content-length"]) < len(plain.content) / 4
        assert "Accept-Encoding" in plain.headers["vary"]


def test_ten_thousand_people_fit_in_350_kb() -> None:
    names = ("Әсел Қожабекова", "Болат Нұрланұлы", "Дарья Ёлкина", "Mehmet Yıldız", "John Smith")
    many = [
        Line(
            *(
                str(10_000 + number),
                f"{names[number % 5]} {number * 7919 % 9973}",
                "staff",
                number % 50 == 0,
                ("staff",),
            ),
            *(f"Department {number % 30}", (), None, "2027-01-01T00:00:00.000Z", True),
            (f"{number * 31 % 256}:{number * 7919 % 65_536}",),
        )
        for number in range(10_000)
    ]
    request = Request({"type": "http", "headers": [(b"accept-encoding", b"gzip")]})
    answer = packed(request, as_json(many))
    assert len(gzip.decompress(answer.body)) > 2_000_000
    assert len(answer.body) <= 350_000


def test_no_new_person_is_called_as_the_list_of_changes(http: Any) -> None:
    for call in (
        http.post("/people", json={"badge": "changes", "name": "Anna"}),
        http.put("/people/changes", json={"name": "Anna"}),
    ):
        assert (call.status_code, "choose another badge" in call.json()["detail"]) == (422, True)


@pytest.mark.parametrize("after", ["", "-1", "x", "9" * 30])
def test_a_revision_is_a_number(http: Any, after: str) -> None:
    assert http.get(f"/people/changes?after={after}").status_code == 422
    assert http.get("/people/changes").status_code == 422
