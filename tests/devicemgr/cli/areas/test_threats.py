"""`threat …`, free times of portals, and modes of all portals, as technicians and guards type them."""

import json

import pytest


@pytest.fixture
def lockdown(entrance, done):
    done("level", "add", "responders", "--portal", "main")
    return done("threat", "add", "lockdown", "--order", "9", "--allow", "responders", "--require", "card+pin")


def test_a_threat_is_added_shown_edited_and_removed(lockdown, cli, done):
    assert lockdown == {
        "name": "lockdown",
        "order": 9,
        "require": "card+pin",
        "allow": ["responders"],
        "scope": ["site"],
        "free": "suspend",
        "egress": "free",
        "in_force": None,
    }
    assert "responders" in cli("threat", "show", "lockdown").out
    assert "lockdown" in cli("threat", "list").out
    done("zone", "add", "lab")
    edited = done("threat", "edit", "lockdown", "--scope", "lab", "--allow", "", "--free", "keep")
    assert (edited["scope"], edited["allow"], edited["free"], edited["order"]) == (["lab"], [], "keep", 9)
    refused = cli("zone", "remove", "lab", "--yes")
    assert (refused.code, "threat 'lockdown' is for zone 'lab'" in refused.err) == (1, True)
    assert done("threat", "remove", "lockdown", "--yes")["removed"]
    assert done("threat", "list") == []
    assert "no threats yet" in cli("threat", "list").out


@pytest.mark.usefixtures("lockdown")
def test_a_guard_sets_and_ends_it(cli, done):
    answer = done("threat", "set", "lockdown", "--reason", "a drill")
    assert (answer["threat"], answer["in_force"], answer["portals"]) == ("lockdown", True, ["main"])
    assert "already in force for site" in cli("threat", "set", "lockdown", "--reason", "a drill").out
    (listed,) = done("threat", "list")
    assert (listed["in_force"]["reason"], listed["in_force"]["scope"]) == ("a drill", ["site"])
    assert "a drill" in cli("threat", "show", "lockdown").out
    status = cli("status")
    assert status.code == 3
    assert "threat lockdown is in force for site: a drill" in " ".join(status.out.split())
    assert [alarm["id"] for alarm in done("alarm", "list")] == ["threat_set:lockdown"]
    kept = cli("threat", "remove", "lockdown", "--yes")
    assert (kept.code, "devicemgr threat end lockdown" in kept.err) == (1, True)
    assert "has ended" in cli("threat", "end", "lockdown", "--comment", "all clear").out
    events = [json.loads(line) for line in cli("events", "--kind", "threat_*", "--json").out.splitlines()]
    assert [event["kind"] for event in events] == ["threat_set", "threat_ended"]
    assert events[1]["detail"]["comment"] == "all clear"


@pytest.mark.usefixtures("lockdown")
@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("threat set lockdwn --reason x", 1, "devicemgr threat list"),
        ("threat set lockdown", 2, "--reason"),
        ("threat set lockdown --reason x --zone attic", 1, "no zone 'attic'"),
        ("threat end lockdown --comment x", 1, "not in force"),
        ("threat end lockdown", 2, "--comment"),
        ("threat edit lockdown", 2, "nothing to change"),
        ("threat add lockdown", 1, "devicemgr threat edit lockdown"),
        ("threat add flood --allow swimmers", 1, "level 'swimmers', which is not there"),
        ("threat add flood --scope attic", 1, "no zone 'attic'"),
        ("threat add flood --order 100", 2, "--order"),
        ("level remove responders --yes", 1, "threat 'lockdown' allows level 'responders'"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(cli, line, code, words):
    ran = cli(*line.split())
    assert (ran.code, words in ran.err) == (code, True), ran.err
    assert "Traceback" not in ran.err


@pytest.mark.usefixtures("lockdown")
def test_a_guard_frees_in_a_threat_only_with_yes(cli, done):
    done("threat", "set", "lockdown", "--reason", "a drill")
    asked = cli("portal", "free", "main")
    assert (asked.code, "although lockdown is in force" in asked.err) == (1, True)
    freed = done("portal", "free", "main", "--yes")
    assert (freed["mode"], freed["effective_mode"], freed["because"]) == ("free", "free", "guard")
    assert "normal by threat lockdown" in cli("portal", "normal", "main").out
    everywhere = cli("portal", "free", "--all")
    assert (everywhere.code, "although lockdown is in force" in everywhere.err) == (1, True)


@pytest.mark.usefixtures("entrance")
def test_all_portals_at_once_ask_first(cli, done):
    asked = cli("portal", "lock", "--all")
    assert (asked.code, "add --yes" in asked.err) == (1, True)
    assert done("portal", "show", "main")["mode"] == "normal"
    assert "main is locked" in cli("portal", "lock", "--all", "--yes").out


@pytest.mark.usefixtures("entrance")
def test_free_times_are_set_shown_and_taken_away(cli, done):
    done("schedule", "add", "always", "daily 00:00-24:00", "--timezone", "UTC")
    edited = done("portal", "edit", "main", "--free", "always", "--free-after", "staff")
    assert (edited["free"], edited["free_after"]) == ("always", ["staff"])
    shown = done("portal", "show", "main")
    assert (shown["mode"], shown["effective_mode"], shown["because"], shown["rule"]) == (
        "normal",
        "normal",
        "default",
        None,
    )
    assert "schedule always, after staff" in cli("portal", "show", "main").out
    assert 'free = "always"' in cli("export").out
    refused = cli("schedule", "remove", "always", "--yes")
    assert (refused.code, "portal 'main' is free by schedule 'always'" in refused.err) == (1, True)
    done("portal", "edit", "main", "--free-after", "")
    assert done("portal", "list")[0]["because"] == "schedule"
    assert "free (schedule always)" in cli("portal", "list").out
    assert "and now free by schedule always" in cli("portal", "normal", "main").out
    assert done("portal", "edit", "main", "--free", "")["free"] is None
    assert "free" not in cli("export").out
    assert done("schedule", "remove", "always", "--yes")


@pytest.mark.usefixtures("entrance")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("portal edit main --free nights", "schedule 'nights', which is not there"),
        ("portal edit main --free-after staff", "name the schedule of its free times"),
        ("portal edit main --free office --free-after bosses", "level 'bosses', which is not there"),
        ("portal edit side --free office", "it is in interlock 'trap'"),
        ("interlock add second --portal main --portal free-door", "portal 'free-door' can't have free times"),
        ("interlock edit trap --portal side --portal free-door", "it is in interlock 'trap'"),
        ("portal edit free-door --people 2", "it lets people in only together (people = 2)"),
        ("portal add new --gate gate-1:6 --free nights", "schedule 'nights', which is not there"),
    ],
)
def test_free_times_that_can_not_be(cli, done, line, words):
    done("schedule", "add", "office", "mon-fri 08:00-18:00", "--timezone", "UTC")
    for number, name in enumerate(("side", "rear"), 3):
        done("portal", "add", name, "--gate", f"gate-1:{number}")
    done("portal", "add", "free-door", "--gate", "gate-1:5", "--free", "office")
    done("interlock", "add", "trap", "--portal", "side", "--portal", "rear")
    ran = cli(*line.split())
    assert (ran.code, words in ran.err) == (1, True), ran.err


FILE = """
[schedules.office]
windows = ["mon-fri 08:00-18:00"]
timezone = "UTC"
[zones.lab]
[portals.main]
gate = "gate-1"
channel = 2
entry = ["cam-in"]
outside = "outside"
inside = "lab"
free = "office"
free_after = ["staff"]
[levels.staff]
portals = ["main"]
[threats.lockdown]
order = 9
require = "card+pin"
allow = ["staff"]
scope = ["lab"]
"""


@pytest.mark.usefixtures("entrance")
def test_the_sites_file_has_both_and_applies_twice(cli, done, agreed, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(FILE)
    agreed("apply", file)
    assert done("apply", file)["changes"] == []
    assert cli("apply", file, "--plan").code == 0
    exported = cli("export").out
    assert exported.index("[levels.staff]") < exported.index("[threats.lockdown]")
    assert 'free_after = ["staff"]' in exported
    file.write_text(exported)
    assert done("apply", file)["changes"] == []
    file.write_text(FILE.replace('scope = ["lab"]', 'egress = "shut"'))
    assert "egress" in cli("apply", file).err
    both = FILE + '[portals.side]\ngate = "gate-1"\nchannel = 3\n[interlocks.trap]\nportals = ["main", "side"]\n'
    file.write_text(both)
    refused = cli("apply", file, "--yes")
    assert (refused.code, "it is in interlock 'trap'" in refused.err) == (1, True), refused.err
    file.write_text(both.replace('free = "office"\nfree_after = ["staff"]\n', ""))
    agreed("apply", file)


@pytest.mark.usefixtures("lockdown")
def test_access_try_presents_what_the_threat_requires_too(cli, done):
    done("person", "add", "Anna", "--badge", "1", "--level", "responders")
    done("person", "add", "Bert", "--badge", "2", "--level", "staff")
    done("threat", "set", "lockdown", "--reason", "a drill")
    assert done("access", "try", "1", "main")["granted"]
    alone = done("access", "try", "1", "main", "--with", "card")
    assert (alone["reason"], alone["helps"]) == ("second_factor_required", ["present card+pin"])
    refused = done("access", "try", "2", "main")
    assert refused["reason"] == "lockdown"
    assert refused["helps"] == ["wait for the end of threat lockdown, or a level that it allows: responders"]
    (check,) = [one for one in refused["checks"] if one["check"] == "lockdown"]
    assert (check["objected"], check["facts"]["rule"]) == (True, "lockdown")
