"""`zone …`, `interlock …`, portals that join zones and levels with waivers, as a technician types them."""


def test_a_zone_is_added_joined_edited_and_removed(entrance, done, cli):
    added = done("zone", "add", "building", "--anti-passback", "soft", "--max", "40", "--warn-at", "36")
    assert (added["anti_passback"], added["max"], added["warn_at"]) == ("soft", 40, [36])
    joined = done("portal", "edit", "main", "--outside", "outside", "--inside", "building", "--egress")
    assert (joined["outside"], joined["inside"], joined["egress"]) == ("outside", "building", True)
    assert "from outside to building, a way of escape" in cli("portal", "show", "main").out
    listed = cli("zone", "list").out
    assert "anti-passback soft" in listed
    assert "main" in listed
    edited = done("zone", "edit", "building", "--max", "0", "--warn-at", "0", "--anti-passback", "hard")
    assert (edited["max"], edited["warn_at"], edited["anti_passback"]) == (None, [], "hard")
    shown = cli("zone", "show", "building").out
    assert "hard" in shown
    assert "max" not in shown
    refused = cli("zone", "remove", "building", "--yes")
    assert refused.code == 1
    assert "portal 'main' leads to zone 'building'" in refused.err
    done("portal", "edit", "main", "--outside", "", "--inside", "")
    assert done("zone", "remove", "building", "--yes")["removed"]
    assert done("zone", "list") == []


def test_what_can_not_be_is_refused_in_one_line(entrance, cli, done):
    done("zone", "add", "building")
    for command, words, code in (
        (("zone", "edit", "building"), "nothing to change", 2),
        (("zone", "edit", "building", "--forget-at", "4 am"), "04:00", 1),
        (("zone", "edit", "building", "--opens-with", "bosses"), "which is not there", 1),
        (("zone", "edit", "lab", "--max", "3"), "devicemgr zone list", 1),
        (("zone", "show", "lab"), "no zone 'lab'", 1),
        (("interlock", "show", "trap"), "devicemgr interlock list", 1),
        (("interlock", "add", "trap", "--portal", "main"), "two portals or more", 2),
        (("portal", "edit", "main", "--inside", "building"), "two zones or none", 1),
    ):
        answer = cli(*command)
        assert (answer.code, words in answer.err) == (code, True), (command, answer.err)
        assert len([line for line in answer.err.splitlines() if line.startswith("error")]) == (1 if code == 1 else 0)


def test_an_interlock_is_added_edited_and_removed(entrance, done, cli):
    done("portal", "add", "side", "--gate", "gate-1:3")
    added = done("interlock", "add", "trap", "--portal", "main", "--portal", "side")
    assert added == {"name": "trap", "portals": ["main", "side"], "settle_seconds": 3.0}
    assert done("interlock", "edit", "trap", "--settle-seconds", "5")["settle_seconds"] == 5.0
    assert "main, side" in cli("interlock", "list").out
    assert "5 s" in cli("interlock", "show", "trap").out
    assert cli("interlock", "edit", "trap").code == 2
    assert done("interlock", "remove", "trap", "--yes")["removed"]
    assert done("interlock", "list") == []


def test_a_levels_waivers_are_set_kept_and_dropped(entrance, done, cli):
    assert done("level", "edit", "staff", "--waive", "anti_passback")["waives"] == ["anti_passback"]
    assert "anti_passback" in cli("level", "show", "staff").out
    assert done("level", "edit", "staff", "--portal", "main")["waives"] == ["anti_passback"]
    assert done("level", "edit", "staff", "--no-waive")["waives"] == []
    assert cli("level", "edit", "staff", "--waive", "lockdown", "--no-waive").code == 2
