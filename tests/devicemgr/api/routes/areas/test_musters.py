"""Musters as guards run them: started, marked, shown and ended; without a daemon, by what the ledger says."""

import pytest

from devicemgr.domain.model import Direction, Role
from devicemgr.domain.rules.musters.roll import digest

pytestmark = pytest.mark.usefixtures("staffed")


@pytest.fixture
def building(http, passes):
    """Anna and Berik are in the building, and a muster runs; returns its id."""
    passes("1")
    passes("2")
    answer = http.post("/musters", json={"zone": "building"})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def by_badge(found, state):
    return [one["badge"] for one in found[state]]


def test_a_muster_lists_who_is_inside_with_names(http, building):
    found = http.get(f"/musters/{building}").json()
    assert (found["state"], found["zone"], found["drill"], found["unnamed"]) == ("running", "building", False, 0)
    assert [(one["badge"], one["name"], one["zone"]) for one in found["missing"]] == [
        ("1", "Anna", "building"),
        ("2", "Berik", "building"),
    ]
    assert (found["safe"], found["out"], found["not_here"]) == ([], [], [])


def test_its_beginning_is_recorded_by_count_and_digest_and_without_names(http, building, person_id):
    (event,) = http.get("/events", params={"kind": "muster_started"}).json()
    detail = event["detail"]
    assert detail == {
        "muster": building,
        "zone": "building",
        "drill": False,
        "count": 2,
        "digest": digest([person_id("1"), person_id("2")]),
        "unnamed": 0,
    }
    assert "Anna" not in str(event)
    assert event["person"] is None


def test_marks_and_passages_are_found_and_the_end_has_totals(http, building, passes):
    body = {"badge": "1", "mark": "not_here", "reason": "on a business trip"}
    (marked,) = http.post("/musters/marks", json=body).json()
    assert marked["totals"] == {"missing": 1, "safe": 0, "out": 0, "not_here": 1}
    passes("2", Direction.EXIT)
    ended = http.post(f"/musters/{building}/end").json()
    assert (ended["state"], by_badge(ended, "not_here"), by_badge(ended, "out")) == ("ended", ["1"], ["2"])
    (mark,) = http.get("/events", params={"kind": "muster_marked"}).json()
    assert (mark["person"], mark["detail"]["mark"], mark["detail"]["reason"]) == ("1", "not_here", "on a business trip")
    (event,) = http.get("/events", params={"kind": "muster_ended"}).json()
    assert event["detail"]["totals"] == {"missing": 0, "safe": 0, "out": 1, "not_here": 1, "unnamed": 0}


def test_an_ended_muster_stays_as_it_was(http, building, passes):
    http.post("/musters/marks", json={"badge": "1", "mark": "safe"})
    ended = http.post(f"/musters/{building}/end").json()
    passes("2", Direction.EXIT)
    assert http.get(f"/musters/{building}").json() == ended
    assert http.post(f"/musters/{building}/end").status_code == 404
    assert http.post("/musters/marks", json={"badge": "2", "mark": "safe"}).status_code == 404
    assert [one["id"] for one in http.get("/musters").json()] == [building]


def test_who_is_not_here_needs_a_reason(http, building):
    answer = http.post("/musters/marks", json={"badge": "1", "mark": "not_here", "reason": " "})
    assert (answer.status_code, answer.json()["code"]) == (422, "reason_required")
    assert http.get("/events", params={"kind": "muster_marked"}).json() == []


def test_a_mark_that_waited_counts_from_its_time_and_is_recorded_once(http, building):
    started = http.get(f"/musters/{building}").json()["started"]
    for _ in range(2):
        body = {"badge": "1", "mark": "safe", "at": started}
        assert http.post("/musters/marks", json=body).json()[0]["totals"]["safe"] == 1
    (event,) = http.get("/events", params={"kind": "muster_marked"}).json()
    assert event["time"] >= event["detail"].get("at", started) == started
    (anna,) = http.get(f"/musters/{building}").json()["safe"]
    assert [(one["mark"], one["at"]) for one in anna["marks"]] == [("safe", started)]


def test_one_takes_ones_own_mark_back(http, building):
    http.post("/musters/marks", json={"badge": "1", "mark": "safe"})
    (short,) = http.post("/musters/marks", json={"badge": "1", "mark": "missing"}).json()
    assert short["totals"]["missing"] == 2
    anna = http.get(f"/musters/{building}").json()["missing"][0]
    assert [one["mark"] for one in anna["marks"]] == ["safe", "missing"]


def test_two_who_contradict_each_other_are_both_shown_and_safe_wins(http, building, as_role):
    guard = as_role(Role.GUARD)
    guard.post("/musters/marks", json={"badge": "1", "mark": "safe"})
    http.post("/musters/marks", json={"badge": "1", "mark": "not_here", "reason": "at home"})
    http.post("/musters/marks", json={"badge": "1", "mark": "missing"})
    (anna,) = http.get(f"/musters/{building}").json()["safe"]
    assert [one["mark"] for one in anna["marks"]] == ["safe", "not_here", "missing"]


@pytest.mark.parametrize("at", ["yesterday", "", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_is_refused(http, building, at):
    assert http.post("/musters/marks", json={"badge": "1", "mark": "safe", "at": at}).status_code == 422


def test_who_is_not_on_the_list_is_not_marked(http, building):
    assert http.post("/musters/marks", json={"badge": "3", "mark": "safe"}).status_code == 404
    assert http.post("/musters/marks", json={"badge": "9", "mark": "safe"}).status_code == 404


def test_several_musters_run_at_once_one_for_each_zone(http, passes, building):
    again = http.post("/musters", json={"zone": "building"})
    assert (again.status_code, again.json()["code"]) == (409, "muster_runs")
    whole = http.post("/musters", json={}).json()
    assert whole["zone"] is None
    marked = http.post("/musters/marks", json={"badge": "1", "mark": "safe"}).json()
    assert {one["id"] for one in marked} == {building, whole["id"]}
    (only,) = http.post("/musters/marks", json={"badge": "2", "mark": "safe", "muster": building}).json()
    assert (only["id"], only["totals"]["missing"]) == (building, 0)
    assert by_badge(http.get(f"/musters/{whole['id']}").json(), "missing") == ["2"]
    assert {one["state"] for one in http.get("/musters").json()} == {"running"}


def test_a_muster_ends_a_drill_that_runs_there_but_no_drill_ends_another(http, passes):
    passes("1")
    drill = http.post("/musters", json={"zone": "building", "drill": True}).json()
    assert http.post("/musters", json={"zone": "building", "drill": True}).status_code == 409
    real = http.post("/musters", json={"zone": "building"}).json()
    states = {one["id"]: one["state"] for one in http.get("/musters").json()}
    assert states == {drill["id"]: "ended", real["id"]: "running"}
    assert http.post("/musters", json={"zone": "building", "drill": True}).status_code == 409


@pytest.mark.parametrize(("body", "status"), [({"zone": "attic"}, 404), ({"zone": "outside"}, 404)])
def test_only_zones_of_the_site_are_mustered(http, body, status):
    assert http.post("/musters", json=body).status_code == status
    assert http.get("/events", params={"kind": "muster_started"}).json() == []


def test_without_zones_it_says_that_no_ones_place_is_known(http):
    assert http.patch("/portals/main", json={"inside": None, "outside": None}).status_code == 200
    assert http.delete("/zones/building").status_code == 200
    answer = http.post("/musters", json={})
    assert (answer.status_code, answer.json()["code"]) == (422, "no_zones")


def test_status_shows_a_muster_but_no_drill(http, building):
    def alarms():
        return [one for one in http.get("/status").json()["alarms"] if one["kind"] == "muster"]

    (alarm,) = alarms()
    assert (alarm["zone"], alarm["cause"]) == ("building", "muster of zone building: 2 of 2 missing")
    http.post(f"/musters/{building}/end")
    http.post("/musters", json={"zone": "building", "drill": True})
    assert alarms() == []


def test_a_suspended_person_is_on_the_list(http, passes):
    passes("1")
    assert http.post("/people/1/suspend").status_code == 200
    assert by_badge(http.post("/musters", json={"zone": "building"}).json(), "missing") == ["1"]


def test_an_erased_person_stays_on_the_list_without_badge_and_name(http, building):
    assert http.delete("/people/1").status_code == 200
    (erased, berik) = http.get(f"/musters/{building}").json()["missing"]
    assert (erased["badge"], erased["name"], berik["badge"]) == (None, None, "2")


def test_arming_is_kept_and_recorded_once(http):
    assert http.put("/musters/armed", json={"zone": "building"}).json() == {"zones": ["building"]}
    assert http.put("/musters/armed", json={"zone": "building"}).json() == {"zones": ["building"]}
    assert http.put("/musters/armed", json={}).json() == {"zones": [None, "building"]}
    assert http.put("/musters/armed", json={"zone": "attic"}).status_code == 404
    assert http.delete("/musters/armed").json() == {"zones": ["building"]}
    assert http.delete("/musters/armed", params={"zone": "building"}).json() == {"zones": []}
    assert len(http.get("/events", params={"kind": "admin.muster_armed"}).json()) == 2
    assert len(http.get("/events", params={"kind": "admin.muster_disarmed"}).json()) == 2
    assert http.get("/events", params={"kind": "muster_started"}).json() == []


@pytest.mark.parametrize("role", list(Role))
def test_guards_run_musters_and_auditors_read_them_by_badge(as_role, building, role):
    client = as_role(role)
    may = role in (Role.GUARD, Role.ADMIN)
    shown = client.get(f"/musters/{building}")
    assert shown.status_code == (200 if may or role is Role.AUDITOR else 403)
    if role is Role.AUDITOR:
        assert "name" not in shown.json()["missing"][0]
    assert client.post("/musters/marks", json={"badge": "1", "mark": "safe"}).status_code == (200 if may else 403)
    assert client.put("/musters/armed", json={}).status_code == (200 if may else 403)
    assert client.post(f"/musters/{building}/end").status_code == (200 if may else 403)
