"""`recover` and what all other commands say while the database is set aside."""

import json

import pytest


@pytest.fixture
def damaged(home, site, done):
    """Anna was added, a snapshot taken, Bolat added; then the database lost its bytes."""
    done("person", "add", "Anna", "--badge", "A1")
    site.snapshots.take()
    done("person", "add", "Bolat", "--badge", "B1")
    site.database.close()
    home.database.write_bytes(b"")
    return home


def test_every_command_says_what_to_do_and_changes_nothing(damaged, cli):
    for command in (("person", "add", "X", "--badge", "X1"), ("init",), ("person", "erase", "A1", "--yes")):
        ran = cli(*command)
        assert ran.code == 1
        assert "recover --from-snapshot" in ran.error
    assert damaged.database.stat().st_size == 0


def test_what_is_known_can_be_looked_at(damaged, cli):
    listed = cli("person", "list", "--json")
    assert [person["badge"] for person in listed.json] == ["A1"]
    assert "recover --from-snapshot" in listed.err
    found = cli("status", "--json")
    assert found.code == 3
    assert "database_quarantined" in [alarm["kind"] for alarm in found.json["alarms"]]
    checked = cli("doctor", "--json")
    assert checked.code == 4
    (database,) = [check for check in checked.json["checks"] if check["check"] == "database"]
    assert not database["ok"]
    assert "it is empty" in database["detail"]


def test_recover_goes_on_from_the_snapshot(damaged, cli, done):
    before = cli("audit", "verify", "--json").json["root"]
    assert cli("recover").code == 1
    found = done("recover", "--from-snapshot", "--yes")
    assert found["why"] == "it is empty"
    assert found["root_before"] == before
    assert [person["badge"] for person in done("person", "list")] == ["A1"]
    events = cli("events", "--json").lines
    assert [event["kind"] for event in events] == ["admin.person_added", "admin.database_recovered"]
    assert events[-1]["detail"]["events"] == 1
    assert done("audit", "verify")["root"] == found["root"]
    assert json.loads(cli("doctor", "--json").out)["checks"]
    assert "quarantine" in [c["check"] for c in cli("doctor", "--json").json["checks"] if not c["ok"]]
    done("person", "add", "Bolat", "--badge", "B1")
    assert cli("recover", "--from-snapshot", "--yes").code == 1


def test_a_backup_is_not_made_of_a_database_that_was_set_aside(damaged, cli, tmp_path, monkeypatch):
    monkeypatch.setenv("PHRASE", "correct horse battery")
    damaged.quarantine.mkdir()
    damaged.database.unlink()
    ran = cli("backup", tmp_path / "b", "--passphrase-env", "PHRASE")
    assert ran.code == 1
    assert "was quarantined" in ran.error
