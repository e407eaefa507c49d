"""What the desk's page of visitors calls: hosts that can be named, and refusals that it can translate."""

import pytest

from devicemgr.domain.model import Role

END = "2099-12-31"


@pytest.fixture
def hosts(http):
    """Aigul and Ёлка give `office`; Ivan is suspended; `vault` is not given to visitors."""
    assert http.post("/devices", json={"name": "g", "driver": "fake_gate", "address": "/dev/g"}).status_code == 201
    assert http.post("/portals", json={"name": "main", "gate": "g"}).status_code == 201
    for level in ({"name": "office"}, {"name": "vault", "visitors": False}):
        assert http.post("/levels", json={**level, "portals": ["main"]}).status_code == 201
    for badge, name, levels in (
        ("1001", "Aigul Serik", ["vault", "office"]),
        ("1002", "Дарья Ёлкина", ["office"]),
        ("1003", "Ivan Aigulov", []),
    ):
        assert http.post("/people", json={"badge": badge, "name": name, "levels": levels}).status_code == 201


@pytest.fixture
def expected(http, hosts):
    """A visitor of Aigul's."""
    body = {"name": "Aigul Gast", "host": "1001", "valid_to": END}
    return http.post("/visitors", json=body).json()["badge"]


def found(http, text):
    return [(one["badge"], one["levels"]) for one in http.get("/visitors/hosts", params={"q": text}).json()]


@pytest.mark.usefixtures("expected")
def test_a_host_is_found_by_any_part_of_name_or_badge_with_the_levels_that_they_can_give(http):
    assert found(http, "aigul") == [("1001", ["office"]), ("1003", [])]
    assert found(http, "1002") == found(http, "елкина") == [("1002", ["office"])]
    assert found(http, "IGUL") == [("1001", ["office"]), ("1003", [])]
    assert found(http, "no one") == []
    assert http.get("/visitors/hosts", params={"q": ""}).status_code == 422


def test_who_is_not_valid_now_is_no_host(http, hosts):
    http.post("/people/1003/suspend")
    assert found(http, "aigul") == [("1001", ["office"])]


@pytest.mark.usefixtures("hosts")
def test_guards_find_hosts_and_see_no_more_of_people(as_role):
    (one,) = as_role(Role.GUARD).get("/visitors/hosts", params={"q": "ёлк"}).json()
    assert set(one) == {"badge", "name", "levels"}
    assert as_role(Role.AUDITOR).get("/visitors/hosts", params={"q": "a"}).status_code == 403


def test_visits_are_listed_in_any_of_several_states(http, expected):
    http.post(f"/visitors/{expected}/arrive")
    body = {"name": "Later", "host": "1001", "valid_to": END}
    later = http.post("/visitors", json=body).json()["badge"]
    states = [("state", "expected"), ("state", "arrived")]
    assert [one["badge"] for one in http.get("/visitors", params=states).json()] == [expected, later]
    assert [one["badge"] for one in http.get("/visitors", params={"state": "arrived"}).json()] == [expected]


def test_refusals_have_codes_of_their_own(http, expected):
    http.post("/people/1002/cards", json={"number": "4711"})
    taken = http.post(f"/visitors/{expected}/arrive", json={"card": "4711"}).json()
    assert (taken["code"], taken["args"]) == ("card_taken", {"number": "4711", "badge": "1002"})
    http.post(f"/visitors/{expected}/arrive", json={"card": "4712"})
    again = http.post(f"/visitors/{expected}/arrive").json()
    assert (again["code"], again["args"]) == ("visit_state", {"badge": expected, "state": "arrived"})
    new = {"name": "N", "host": "1001", "valid_to": END}
    for change, code in (
        ({"host": expected}, "host_is_visitor"),
        ({"levels": ["vault"]}, "level_not_for_visitors"),
        ({"host": "1003", "levels": ["office"]}, "level_not_held"),
        ({"valid_to": "2020-01-01"}, "visit_over"),
    ):
        assert http.post("/visitors", json=new | change).json()["code"] == code
    http.post("/people/1003/suspend")
    assert http.post("/visitors", json=new | {"host": "1003"}).json()["code"] == "host_not_valid"
    waiting = http.post("/visitors", json=new).json()["badge"]
    http.post("/people/1001/suspend")
    assert http.post(f"/visitors/{waiting}/arrive").json()["code"] == "host_problem"


@pytest.mark.parametrize("typed", ["0014725378", "80:58400"])
def test_what_a_reader_types_is_a_card(http, expected, typed):
    assert http.post(f"/visitors/{expected}/arrive", json={"card": typed}).status_code == 200


def test_the_number_of_a_visit_is_no_card(http, expected):
    """It stands in the printed badge's QR code, which opens nothing by itself."""
    assert http.post("/people/1002/cards", json={"number": expected}).status_code == 422
