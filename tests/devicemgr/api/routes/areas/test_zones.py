"""/zones and /interlocks, portals that join zones, and levels with waivers."""

import pytest

from devicemgr.access.policy_cache import Rulebook
from devicemgr.domain.zones import Enforcement, Waiver


@pytest.fixture
def building(http):
    answer = http.post("/zones", json={"name": "building", "anti_passback": "hard", "max": 40, "warn_at": [36, 30]})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_zone_has_defaults_for_what_is_not_stated(http, building):
    assert building == http.get("/zones/building").json() == http.get("/zones").json()[0]
    assert building["warn_at"] == [30, 36]
    assert (building["parent"], building["exit_check"], building["when_unsure"]) == (None, "off", "soft")
    assert (building["min"], building["forget_at"], building["portals"]) == (None, None, [])


def test_an_edit_changes_what_is_given_and_null_is_the_default(http, building):
    edited = http.patch("/zones/building", json={"max": None, "warn_at": None, "exit_check": "soft"}).json()
    assert edited == {**building, "max": None, "warn_at": [], "exit_check": "soft"}
    assert http.patch("/zones/building", json={"exit_check": "soft"}).json() == edited
    assert [event["kind"] for event in events(http)] == ["admin.zone_added", "admin.zone_edited"]
    (edit,) = events(http, "admin.zone_edited")
    assert edit["detail"]["before"] == {"max": 40, "warn_at": [30, 36], "exit_check": "off"}
    assert edit["detail"]["after"] == {"max": None, "warn_at": [], "exit_check": "soft"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"max": 10, "min": 11}, "min is above max"),
        ({"max": 10, "warn_at": [11]}, "warn_at is above max"),
        ({"when_unsure": "off"}, "when_unsure is soft or hard"),
        ({"while_present": True}, "while_present needs opens_with"),
        ({"forget_at": "4 am"}, "04:00"),
        ({"forget_at": "04:00:30"}, "04:00"),
        ({"forget_at": "04:00"}, "of which zone"),
        ({"forget_at": "04:00", "timezone": "Asia/Alma-Ata-2"}, "time zone"),
        ({"opens_with": ["bosses"]}, "level 'bosses', which is not there"),
        ({"parent": "lab"}, "lies in zone"),
        ({"max": 0}, "greater than or equal to 1"),
        ({"again_after_minutes": 1441}, "less than or equal to 1440"),
    ],
)
def test_a_zone_that_contradicts_itself_is_refused(http, building, fields, words):
    assert http.post("/zones", json={"name": "lab", "parent": "building"}).status_code == 201
    for answer in (http.patch("/zones/building", json=fields), http.put("/zones/building", json=fields)):
        assert answer.status_code == 422
        assert words in answer.json()["detail"] + str(answer.json().get("errors", ""))
    assert http.get("/zones/building").json() == building


def test_an_edit_must_fit_what_stays(http, building):
    answer = http.patch("/zones/building", json={"max": 20})
    assert answer.status_code == 422
    assert "warn_at is above max" in answer.json()["detail"]


def test_zones_are_removed_from_the_leaves_up(http, building):
    http.post("/zones", json={"name": "lab", "parent": "building"})
    assert "zone 'lab' lies in zone 'building'" in http.delete("/zones/building").json()["detail"]
    assert http.delete("/zones/lab").json() == {"name": "lab", "removed": True}
    assert http.delete("/zones/building").status_code == 200
    assert http.get("/zones").json() == []


@pytest.mark.parametrize("name", ["outside", "a zone", "../x", ""])
def test_a_name_that_is_no_name_is_refused(http, name):
    assert http.post("/zones", json={"name": name}).status_code == 422


def test_a_portal_joins_two_zones_or_none(http, building, add_portal):
    add_portal("main")
    for sides, words in (
        ({"inside": "building"}, "two zones or none"),
        ({"inside": "building", "outside": "building"}, "on both its sides"),
        ({"inside": "lab", "outside": "outside"}, "no zone 'lab'"),
    ):
        answer = http.patch("/portals/main", json=sides)
        assert answer.status_code in (404, 422)
        assert words in answer.json()["detail"]
    joined = http.patch("/portals/main", json={"inside": "building", "outside": "outside", "egress": True}).json()
    assert (joined["outside"], joined["inside"], joined["egress"]) == ("outside", "building", True)
    assert http.get("/zones/building").json()["portals"] == ["main"]
    assert "portal 'main' leads to zone 'building'" in http.delete("/zones/building").json()["detail"]
    left = http.patch("/portals/main", json={"inside": None, "outside": None}).json()
    assert (left["outside"], left["inside"]) == (None, None)
    assert http.delete("/zones/building").status_code == 200


def test_an_interlock_is_between_portals_that_are_there(http, add_portal):
    add_portal("trap-in")
    body = {"name": "trap", "portals": ["trap-in", "trap-out"]}
    assert "no portal 'trap-out'" in http.post("/interlocks", json=body).json()["detail"]
    twice = http.post("/interlocks", json={"name": "trap", "portals": ["trap-in", "trap-in"]})
    assert "two portals or more" in twice.json()["detail"]
    add_portal("trap-out", channel=2)
    added = http.post("/interlocks", json=body)
    assert added.json() == {"name": "trap", "portals": ["trap-in", "trap-out"], "settle_seconds": 3.0}
    assert "in interlock 'trap'" in http.delete("/portals/trap-in").json()["detail"]
    changed = http.put("/interlocks/trap", json={"portals": body["portals"], "settle_seconds": 5})
    assert changed.json() == http.get("/interlocks/trap").json() == http.get("/interlocks").json()[0]
    assert http.put("/interlocks/trap", json={"portals": body["portals"], "settle_seconds": 5}).status_code == 200
    assert len(events(http, "admin.interlock_edited")) == 1
    assert http.delete("/interlocks/trap").status_code == 200
    assert http.delete("/portals/trap-in").status_code == 200


def test_the_rules_in_force_know_zones_interlocks_and_waivers(http, site, building, add_portal):
    add_portal("trap-in", outside="outside", inside="building", egress=True)
    add_portal("trap-out", channel=2)
    http.post("/interlocks", json={"name": "trap", "portals": ["trap-in", "trap-out"]})
    level = {"name": "guards", "portals": ["trap-in"], "waives": ["occupancy", "anti_passback"]}
    assert http.post("/levels", json=level).json()["waives"] == ["anti_passback", "occupancy"]
    rules = Rulebook(site.database, site.parts.catalog).refresh()
    assert rules.zones["building"].anti_passback is Enforcement.HARD
    assert rules.zones["building"].max_people == 40
    assert rules.interlocks["trap"].portals == {"trap-in", "trap-out"}
    assert rules.levels["guards"].waives == {Waiver.ANTI_PASSBACK, Waiver.OCCUPANCY}
    assert (rules.portals["trap-in"].inside, rules.portals["trap-in"].egress) == ("building", True)


def test_waivers_stay_unless_they_are_given(http, add_portal):
    add_portal("main")
    http.post("/levels", json={"name": "guards", "portals": ["main"], "waives": ["lockdown"]})
    assert http.patch("/levels/guards", json={"portals": ["main"]}).json()["waives"] == ["lockdown"]
    assert http.patch("/levels/guards", json={"waives": []}).json()["waives"] == []
    (edit,) = events(http, "admin.level_edited")
    assert (edit["detail"]["before"], edit["detail"]["after"]) == ({"waives": ["lockdown"]}, {"waives": []})
    assert http.patch("/levels/guards", json={"waives": ["everything"]}).status_code == 422


def test_a_level_that_opens_a_zone_is_not_removed(http, building, add_portal):
    add_portal("main")
    http.post("/levels", json={"name": "bosses", "portals": ["main"]})
    assert http.patch("/zones/building", json={"opens_with": ["bosses"]}).status_code == 200
    assert "zone 'building' opens with level 'bosses'" in http.delete("/levels/bosses").json()["detail"]
    assert http.patch("/zones/building", json={"opens_with": []}).status_code == 200
    assert http.delete("/levels/bosses").status_code == 200


SITE = """
[zones.lab]
parent = "building"
opens_with = ["bosses"]

[zones.building]
anti_passback = "soft"

[portals.main]
gate = "gate-1"
outside = "outside"
inside = "building"

[portals.side]
gate = "gate-1"
channel = 2

[interlocks.trap]
portals = ["main", "side"]

[levels.bosses]
portals = ["main"]
waives = ["lockdown"]
"""


def test_a_site_file_holds_zones_in_any_order_and_gives_them_back(http, add_portal):
    add_portal("main")
    applied = http.post("/site/apply", json={"toml": SITE})
    assert applied.status_code == 200, applied.text
    exported = http.get("/site").json()
    assert list(exported["site"]["zones"]) == ["building", "lab"]
    assert exported["site"]["portals"]["main"]["inside"] == "building"
    assert "inside" not in exported["site"]["portals"]["side"]
    assert exported["site"]["levels"]["bosses"]["waives"] == ["lockdown"]
    again = http.post("/site/apply", json={"toml": exported["toml"], "plan": True, "prune": True}).json()
    assert again["changes"] == []
    gone = "[zones]\n[interlocks]\n[levels]\n[portals.main]\ngate = 'gate-1'\n"
    pruned = http.post("/site/apply", json={"toml": gone, "prune": True})
    assert pruned.status_code == 200, pruned.text
    assert http.get("/zones").json() == http.get("/interlocks").json() == []


def test_a_site_file_whose_zone_opens_with_no_level_is_refused_whole(http, add_portal):
    add_portal("main")
    toml = '[zones.building]\nopens_with = ["bosses"]\n'
    assert "which is not there" in http.post("/site/apply", json={"toml": toml}).json()["detail"]
    circle = '[zones.a]\nparent = "b"\n[zones.b]\nparent = "a"\n'
    assert http.post("/site/apply", json={"toml": circle}).status_code in (404, 422)
    assert http.get("/zones").json() == []


def events(http, kind=None):
    found = http.get("/events", params={"limit": 100} | ({"kind": kind} if kind else {})).json()
    rows = found if isinstance(found, list) else found["events"]
    return [event for event in rows if kind or event["kind"].startswith("admin.zone")]
