"""/plans: pictures and what stands on them."""

import base64
import hashlib
import os
import time

import pytest

from devicemgr.domain.model import Role
from devicemgr.site.plans import files

DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300"><rect width="400" height="300"/></svg>'
OTHER = DRAWING.replace(b"300", b"200")
MAIN = {"kind": "portal", "name": "main", "x": 10.0, "y": 20.0, "rotation": 0.0}
GATE = {"kind": "device", "name": "gate-1", "x": 90.5, "y": 0.0, "rotation": 45.0}
HALL = {"kind": "zone", "name": "hall", "x": 50.0, "y": 50.0, "rotation": 0.0}
AREA = HALL | {"points": [[10, 10], [90, 10], [90, 90]]}


@pytest.fixture
def ground(http):
    """A plan, and a portal, a device and a zone to place on it."""
    assert http.post("/devices", json={"name": "gate-1", "driver": "fake_gate", "address": "/dev/a"}).is_success
    assert http.post("/portals", json={"name": "main", "gate": "gate-1"}).is_success
    assert http.post("/zones", json={"name": "hall"}).is_success
    answer = http.put("/plans/ground", content=DRAWING)
    assert answer.status_code == 201, answer.text
    return answer.json()


def place(http, *placements, **more):
    return http.put("/plans/ground/placements", json={"placements": list(placements), **more})


def pictures_of(home):
    return sorted(home.plans.iterdir()) if home.plans.exists() else []


def test_a_picture_is_kept_in_the_home_under_a_name_of_our_own(http, ground, home):
    (file,) = pictures_of(home)
    assert (len(file.name), file.stat().st_mode & 0o777) == (32, 0o600)
    shown = http.get("/plans/ground/picture")
    assert shown.content == file.read_bytes()
    assert (shown.headers["content-type"], shown.headers["x-content-type-options"]) == ("image/svg+xml", "nosniff")
    assert shown.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert ground["picture"] == {
        "type": "image/svg+xml",
        "width": 400,
        "height": 300,
        "sha256": hashlib.sha256(shown.content).hexdigest(),
        "source_sha256": hashlib.sha256(DRAWING).hexdigest(),
    }
    (listed,) = http.get("/plans").json()
    assert listed == {"name": "ground", "revision": 1, "picture": ground["picture"], "placed": 0}


def test_another_picture_erases_the_one_before_and_keeps_what_stands_on_it(http, ground, home):
    (before,) = pictures_of(home)
    place(http, MAIN)
    answer = http.put("/plans/ground", content=OTHER, params={"revision": 2})
    assert (answer.status_code, answer.json()["placements"], answer.json()["revision"]) == (200, [MAIN], 3)
    (after,) = pictures_of(home)
    assert before != after
    assert b'height="200"' in after.read_bytes()


def test_a_removed_plan_leaves_nothing(http, ground, home):
    assert http.delete("/plans/ground").json() == {"name": "ground", "removed": True}
    assert pictures_of(home) == []
    assert http.get("/plans/ground").json()["code"] == "plan_not_found"
    (event,) = http.get("/events", params={"kind": "admin.plan_removed"}).json()
    assert event["detail"]["before"]["picture"] == ground["picture"]["sha256"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"<html/>", "not SVG"), (b"\x89PNG\r\n\x1a\n", "PNG|damaged"), (b"", "empty"), (b"x" * (8 << 20) + b"x", "8 MB")],
)
def test_what_is_no_picture_is_refused_and_leaves_no_file(http, home, content, words):
    answer = http.put("/plans/ground", content=content)
    assert answer.status_code == 422
    assert any(word in answer.json()["detail"] for word in words.split("|"))
    assert pictures_of(home) == []
    assert http.get("/plans").json() == []


def test_a_change_that_fails_leaves_no_file(http, ground, home):
    kept = pictures_of(home)
    for params in ({"revision": 7}, {"revision": 0}):
        refused = http.put("/plans/ground", content=OTHER, params=params)
        assert (refused.status_code, refused.json()["code"]) == (412, "plan_changed")
    assert http.put("/plans/Ground!", content=OTHER).status_code == 422
    assert http.put("/plans/ground", content=OTHER, headers={"If-Match": '"1"'}).status_code == 412
    assert pictures_of(home) == kept


def test_what_a_kill_left_is_deleted_after_an_hour(http, ground, home):
    old, young = (home.plans / (letter * 32) for letter in "ab")
    for file in (old, young):
        file.write_bytes(DRAWING)
    os.utime(old, (time.time() - 7200,) * 2)
    http.put("/plans/first", content=OTHER)
    assert not old.exists()
    assert young.exists()
    assert http.get("/plans/ground/picture").is_success


def test_a_lost_picture_is_said_so(http, ground, home):
    for file in pictures_of(home):
        file.unlink()
    lost = http.get("/plans/ground/picture")
    assert (lost.status_code, lost.json()["code"]) == (404, "plan_picture_not_found")


def test_a_name_of_a_file_never_leads_out_of_the_folder(home):
    with pytest.raises(files.NotFound):
        files.read(home, "ground", "../keys/master.key")
    files.remove(home, ["../devicemgr.db"])
    assert home.database.exists()


def test_things_are_placed_moved_and_taken_away(http, ground):
    placed = place(http, MAIN, GATE, AREA, revision=1)
    assert placed.json()["placements"] == [MAIN, GATE, AREA] == http.get("/plans/ground").json()["placements"]
    assert place(http, MAIN, GATE, AREA, revision=2).json()["revision"] == 2
    moved = MAIN | {"x": 11.126, "rotation": 359.99}
    assert place(http, moved, GATE, revision=2).json()["placements"][0] == MAIN | {"x": 11.13, "rotation": 0.0}
    (edit, first) = http.get("/events", params={"kind": "admin.plan_edited"}).json()[::-1]
    assert first["detail"]["after"]["placements"] == [MAIN, GATE, AREA]
    assert edit["detail"] == {
        "plan": "ground",
        "before": {"placements": [MAIN, AREA]},
        "after": {"placements": [MAIN | {"x": 11.13}]},
    }
    assert edit["actor"].startswith("uid:")


REFUSED = [
    ([MAIN | {"name": "mian"}], "which is not there"),
    ([MAIN, MAIN | {"x": 3}], "twice"),
    ([MAIN | {"kind": "person"}], "portal"),
    ([MAIN | {"x": 100.1}], "100"),
    ([MAIN | {"y": -1}], "0"),
    ([MAIN | {"rotation": 360}], "360"),
    ([HALL | {"points": [[1, 1], [2, 2]]}], "three corners"),
    ([HALL | {"points": [[1, 1], [2, 2], [3, 101]]}], "100"),
    ([MAIN | {"html": "<b>"}], "html"),
    ([MAIN] * 1001, "1000"),
]


def test_a_placement_that_can_not_be_is_refused(http, ground):
    for placements, words in REFUSED:
        refused = place(http, *placements)
        assert refused.status_code == 422
        assert words in refused.text
    assert http.get("/plans/ground").json()["placements"] == []


def test_two_editors_do_not_overwrite_each_other(http, ground):
    assert place(http, MAIN, revision=1).is_success
    late = place(http, GATE, revision=1)
    assert (late.status_code, late.json()["code"], late.json()["args"]["revision"]) == (412, "plan_changed", 2)
    assert http.get("/plans/ground").json()["placements"] == [MAIN]


@pytest.mark.parametrize(("path", "left"), [("portals/main", [GATE, HALL]), ("zones/hall", [MAIN, GATE])])
def test_what_is_removed_from_the_site_is_on_no_plan(http, ground, path, left):
    place(http, MAIN, GATE, HALL)
    assert http.delete(f"/{path}").is_success
    assert http.get("/plans/ground").json()["placements"] == left
    (event,) = http.get("/events", params={"kind": "admin.plan_edited", "limit": 1}).json()
    assert event["detail"]["after"]["placements"] == []


def test_a_removed_device_is_on_no_plan(http, ground):
    place(http, MAIN, GATE)
    http.delete("/portals/main")
    assert http.delete("/devices/gate-1").is_success
    assert http.get("/plans/ground").json()["placements"] == []


@pytest.mark.parametrize("role", [Role.GUARD, Role.TECHNICIAN, Role.AUDITOR, Role.ADMIN])
def test_all_roles_read_and_technicians_edit(http, ground, as_role, role):
    client = as_role(role)
    edits = role in (Role.TECHNICIAN, Role.ADMIN)
    assert [client.get(f"/plans{path}").is_success for path in ("", "/ground", "/ground/picture")] == [True] * 3
    assert place(client, MAIN).is_success is edits
    assert client.put("/plans/other", content=OTHER).is_success is edits
    assert client.delete("/plans/ground").is_success is edits


FILE = """
[plans.ground]
picture = "plan-ground.svg"
sha256 = "{}"
placements = [{{ kind = "portal", name = "main", x = 10.0, y = 20.0 }}]
"""


def test_a_file_is_applied_with_its_picture_once(http, ground, home):
    body = {"toml": FILE.format(hashlib.sha256(OTHER).hexdigest())}
    pictures = {"pictures": {"ground": base64.b64encode(OTHER).decode()}}
    before = pictures_of(home)
    planned = http.post("/site/apply", json=body | pictures | {"plan": True}).json()
    assert set(planned["changes"][0]["fields"]) == {"sha256", "placements"}
    assert (planned["without_picture"], pictures_of(home)) == ([], before)
    applied = http.post("/site/apply", json=body | pictures).json()
    assert applied["changes"] == planned["changes"]
    assert b'height="200"' in http.get("/plans/ground/picture").content
    assert len(pictures_of(home)) == 1
    assert http.post("/site/apply", json=body | {"plan": True}).json()["changes"] == []
    exported = http.get("/site").json()["toml"]
    assert http.post("/site/apply", json={"toml": exported, "plan": True, "prune": True}).json()["changes"] == []


def test_a_missing_picture_is_said_and_all_else_is_applied(http, ground):
    digest = hashlib.sha256(OTHER).hexdigest()
    answer = http.post("/site/apply", json={"toml": FILE.format(digest)}).json()
    assert answer["without_picture"] == [{"name": "ground", "picture": "plan-ground.svg", "sha256": digest}]
    assert [change["fields"].keys() for change in answer["changes"]] == [{"placements"}]
    plan = http.get("/plans/ground").json()
    assert (plan["placements"], plan["picture"]) == ([MAIN], ground["picture"])


@pytest.mark.parametrize(
    ("pictures", "words"),
    [
        ({"ground": base64.b64encode(DRAWING).decode()}, "another file"),
        ({"first": base64.b64encode(OTHER).decode()}, "plan 'first'"),
        ({"ground": "§"}, "base64"),
    ],
)
def test_a_picture_that_is_not_the_files_is_refused(http, ground, pictures, words):
    toml = FILE.format(hashlib.sha256(OTHER).hexdigest())
    refused = http.post("/site/apply", json={"toml": toml, "pictures": pictures})
    assert refused.status_code == 422
    assert words in refused.json()["detail"]
    assert http.get("/plans/ground").json() == ground


def test_a_pruned_plan_is_erased(http, ground, home):
    assert http.post("/site/apply", json={"toml": "[plans]\n", "prune": True}).is_success
    assert http.get("/plans").json() == []
    assert pictures_of(home) == []
