"""`plan …`, and the pictures of plans beside a site's file."""

import pytest

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300"><rect width="400" height="300"/></svg>'


@pytest.fixture
def drawing(tmp_path):
    file = tmp_path / "ground.svg"
    file.write_text(SVG)
    return file


@pytest.fixture
def ground(entrance, done, drawing):
    return done("plan", "add", "ground", drawing)


def test_a_plan_is_added_filled_shown_and_removed(ground, cli, done, drawing, tmp_path):
    assert (ground["picture"]["width"], ground["placements"]) == (400, [])
    done("plan", "place", "ground", "portal", "main", "--x", "10", "--y", "20")
    turned = done("plan", "place", "ground", "portal", "main", "--rotation", "90")
    assert turned["placements"] == [{"kind": "portal", "name": "main", "x": 10.0, "y": 20.0, "rotation": 90.0}]
    shown = cli("plan", "show", "ground").out
    assert "SVG 400 × 300" in shown
    assert "portal" in shown
    assert "ground" in cli("plan", "list").out
    done("zone", "add", "hall")
    area = done("plan", "place", "ground", "zone", "hall", "--area", "10,10 40,10 40,40")
    assert area["placements"][1]["points"] == [[10, 10], [40, 10], [40, 40]]
    assert done("plan", "place", "ground", "portal", "main", "--remove")["placements"] == area["placements"][1:]
    assert cli("plan", "export", "ground", tmp_path / "out.svg").code == 0
    assert done("plan", "add", "again", tmp_path / "out.svg")["picture"]["sha256"] == ground["picture"]["sha256"]
    assert cli("plan", "remove", "ground", "--yes").code == 0
    assert [plan["name"] for plan in done("plan", "list")] == ["again"]


@pytest.mark.usefixtures("ground")
def test_what_can_not_be_is_refused_in_one_line(cli, drawing, tmp_path):
    (tmp_path / "evil.svg").write_text("<!DOCTYPE svg [<!ENTITY a 'x'>]>" + SVG)
    (tmp_path / "big.png").write_bytes(b"x" * (8 * 1024 * 1024 + 1))
    for line, code, words in [
        (f"plan add Ground {drawing}", 1, "short name"),
        (f"plan add first {tmp_path}/none.png", 1, "can't be read"),
        (f"plan add first {tmp_path}", 1, "can't be read"),
        (f"plan add first {tmp_path}/evil.svg", 1, "document type"),
        (f"plan add first {tmp_path}/big.png", 1, "over 8 MB"),
        ("plan show grund", 1, "devicemgr plan list"),
        ("plan place ground portal mian", 1, "devicemgr portal list"),
        ("plan place ground door main", 2, "portal"),
        ("plan place ground portal main --x 101", 2, "--x"),
        ("plan place ground portal main --remove", 2, "is not on plan ground"),
        ("plan place ground zone hall --area 1,2,3", 2, "corners"),
        (f"plan export ground {drawing}", 1, "is there already"),
        ("plan remove ground", 1, "--yes"),
    ]:
        ran = cli(*line.split())
        assert (ran.code, words in ran.err) == (code, True), (line, ran.err)
        assert "Traceback" not in ran.err


@pytest.mark.usefixtures("entrance")
def test_an_empty_list_says_what_to_do(cli):
    assert "devicemgr plan add" in cli("plan", "list").out


@pytest.fixture
def exported(ground, done, tmp_path):
    """A folder with the site's file and the picture beside it."""
    done("plan", "place", "ground", "portal", "main")
    folder = tmp_path / "site"
    folder.mkdir()
    done("export", folder / "site.toml")
    return folder


def test_an_exported_site_is_applied_with_its_pictures(exported, cli, done, home):
    assert sorted(file.name for file in exported.iterdir()) == ["plan-ground.svg", "site.toml"]
    assert done("apply", exported / "site.toml", "--plan")["changes"] == []
    done("plan", "remove", "ground", "--yes")
    assert list(home.plans.iterdir()) == []
    applied = done("apply", exported / "site.toml")
    assert [(change["kind"], change["change"]) for change in applied["changes"]] == [("plans", "add")]
    assert len(list(home.plans.iterdir())) == 1
    again = cli("apply", exported / "site.toml", "--plan")
    assert (again.code, "as the file says" in again.out) == (0, True)
    refused = cli("export", exported / "site.toml")
    assert (refused.code, "is there already" in refused.err) == (1, True)


def test_an_export_to_the_terminal_says_where_pictures_go(exported, cli):
    printed = cli("export")
    assert "[plans.ground]" in printed.out
    assert "devicemgr export FILE" in printed.err


def test_a_picture_that_is_missing_is_named(exported, cli, done):
    done("plan", "remove", "ground", "--yes")
    (exported / "plan-ground.svg").unlink()
    planned = cli("apply", exported / "site.toml", "--plan")
    assert (planned.code, "plan-ground.svg" in planned.err) == (4, True)
    applied = cli("apply", exported / "site.toml")
    assert (applied.code, "plan-ground.svg" in applied.err) == (0, True)
    assert done("plan", "show", "ground")["picture"] is None
    assert "no picture" in cli("plan", "export", "ground", exported / "x.svg").err


@pytest.mark.usefixtures("entrance")
@pytest.mark.parametrize("way", ["../secret.svg", "/etc/hostname", "link.svg", "folder/../../secret.svg"])
def test_a_picture_outside_the_folder_is_never_read(cli, tmp_path, way):
    folder = tmp_path / "site"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "secret.svg").write_text(SVG)
    (folder / "link.svg").symlink_to(tmp_path / "secret.svg")
    (folder / "site.toml").write_text(f'[plans.ground]\npicture = "{way}"\n')
    refused = cli("apply", folder / "site.toml")
    assert (refused.code, "outside the folder" in refused.err) == (1, True), refused.err
    assert cli("plan", "list", "--json").out.strip() == "[]"


@pytest.mark.usefixtures("entrance")
def test_a_hand_written_plan_needs_no_digest(done, drawing, tmp_path):
    (tmp_path / "site.toml").write_text('[plans.ground]\npicture = "ground.svg"\n')
    assert len(done("apply", tmp_path / "site.toml")["changes"]) == 1
    assert done("plan", "show", "ground")["picture"]["width"] == 400
    assert done("apply", tmp_path / "site.toml")["changes"] == []
