"""Around every command: the home and what is wrong with it, JSON anywhere on the line, exit codes, a full disk."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from devicemgr.home import Home
from devicemgr.vault import Vault

ROOT = Path(__file__).resolve().parents[3]


def run_process(*arguments, **more):
    command = [sys.executable, "-m", "cli", *map(str, arguments)]
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60, **more)


def test_a_home_is_made_private_and_made_once(cli, tmp_path):
    place = tmp_path / "new" / "home"
    first = cli("--home", place, "init", "--json")
    assert (first.code, first.json["created"]) == (0, True)
    assert [oct(p.stat().st_mode & 0o777) for p in (place, place / "keys" / "master.key", place / "devicemgr.db")] == [
        "0o700",
        "0o600",
        "0o600",
    ]
    again = cli("init", f"--home={place}", "--json")
    assert (again.code, again.json["created"]) == (0, False)


def test_a_home_without_database_says_what_to_run(cli, tmp_path):
    for command in (("person", "list"), ("status",), ("events",), ("portal", "open", "x")):
        ran = cli("--home", tmp_path / "nothing", *command)
        assert ran.code == 1
        assert "devicemgr init" in ran.error
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("option", [["--home"], ["--home", ""], ["--home="]])
def test_an_empty_home_is_not_the_usual_one(home, cli, option):
    ran = cli("person", "list", *option)
    assert ran.code == 2
    assert "--home needs a folder" in ran.err


def test_a_home_that_can_not_be_made(cli, tmp_path):
    (tmp_path / "file").touch()
    ran = cli("--home", tmp_path / "file" / "home", "init")
    assert ran.code == 1
    assert "--home" in ran.error


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda key: key.chmod(0o644), "chmod 600"),
        (lambda key: key.unlink(), "restore it from its backup"),
        (lambda key: key.write_bytes(b"not base64!\n"), "is damaged"),
        (lambda key: key.write_bytes(b"c2hvcnQ=\n"), "is damaged"),
        (lambda key: (key.unlink(), Vault.create(key)), "not this database's key"),
        (lambda key: (key.rename(key.with_name("k")), key.symlink_to("k")), "cannot read the key file"),
    ],
    ids=["open", "absent", "garbled", "short", "another", "link"],
)
def test_a_key_file_that_is_not_as_it_should_be(home, cli, spoil, words):
    spoil(home.key)
    for command in (("person", "list"), ("person", "add", "A", "--badge", "1"), ("status",)):
        ran = cli(*command)
        assert ran.code == 1
        assert words in ran.error


def test_a_database_that_init_has_not_finished(home, cli):
    with sqlite3.connect(home.database) as database:
        database.execute("DELETE FROM alembic_version")
    database.close()
    ran = cli("person", "list")
    assert ran.code == 1
    assert "run `devicemgr init`" in ran.error


def test_a_newer_database_is_left_alone(home, cli):
    with sqlite3.connect(home.database) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    before = home.database.read_bytes()
    for command in (("init",), ("person", "list"), ("status",)):
        ran = cli(*command)
        assert ran.code == 1
        assert "version 9999, newer than this program" in ran.error
    assert home.database.read_bytes() == before


def test_a_file_that_is_no_database(home, cli):
    home.database.write_bytes(b"what is this" * 1000)
    ran = cli("person", "list")
    assert ran.code == 1
    assert "database" in ran.error


def test_json_stands_anywhere_and_after_two_dashes_nowhere(home, cli):
    assert cli("--json", "person", "list").json == []
    assert cli("person", "--json", "list").json == []
    assert cli("person", "add", "--badge", "1", "--", "--json").out.startswith("added --json")


def test_status_answers_without_a_daemon_and_ends_with_3(entrance, cli):
    ran = cli("status", "--json")
    assert ran.code == 3
    assert set(ran.json) == {"daemon", "devices", "portals", "gallery", "ledger", "alarms", "threats", "outlets"}
    assert ran.json["daemon"]["running"] is False
    assert {device["state"] for device in ran.json["devices"]} == {"unknown"}
    assert set(ran.json["devices"][0]) == {
        "name",
        "kind",
        "state",
        "cause",
        "since",
        "revoked",
        "hint",
        "threat_pending",
    }
    assert set(ran.json["gallery"]) == {"people", "templates", "model", "threshold"}


def test_doctor_ends_with_4_and_says_what_to_do(home, cli):
    ran = cli("doctor", "--json")
    assert ran.code == 4
    (daemon,) = (check for check in ran.json["checks"] if check["check"] == "daemon")
    assert "systemctl start" in daemon["fix"]


def test_audit_verify_names_the_first_bad_row(entrance, cli, done, home):
    assert done("audit", "verify")["ok"] is True
    with sqlite3.connect(home.database) as database:
        database.execute("UPDATE events SET body = replace(body, 'gate-1', 'gate-9') WHERE seq = 1")
    database.close()
    ran = cli("audit", "verify", "--json")
    assert (ran.code, ran.json["ok"], ran.json["first_bad_seq"]) == (4, False, 1)


def test_interrupted_is_one_line(home, cli, monkeypatch):
    from devicemgr.cli.people import people

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(people, "api", interrupted)
    ran = cli("person", "list")
    assert ran.code == 1
    assert "interrupted" in ran.error


def test_the_real_command_from_outside(tmp_path):
    place = {**os.environ, "DEVICEMGR_HOME": str(tmp_path / "home")}
    assert run_process("init", env=place).returncode == 0
    assert (
        run_process("person", "add", "Әсел", "--badge", "7", env=place | {"LC_ALL": "C", "LANG": "C"}).returncode == 0
    )
    listed = run_process("person", "list", "--json", env=place)
    assert '"Әсел"' in listed.stdout
    assert run_process("bogus", env=place).returncode == 2
    refused = run_process("person", "show", "8", env=place)
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (1, "", 1)


def test_a_full_disk_is_one_line_and_nothing_is_half_done(home, cli, done):
    """RLIMIT_FSIZE stands in for the disk: no file of the process may grow beyond it."""
    done("person", "add", "Before", "--badge", "1")

    def small_disk():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    full = run_process("person", "add", "After", "--badge", "2", preexec_fn=small_disk)
    assert full.returncode == 1, full.stderr
    assert full.stdout == ""
    (line,) = full.stderr.splitlines()
    assert "free space" in line
    assert [person["badge"] for person in done("person", "list")] == ["1"]
    assert done("audit", "verify")["ok"] is True


def test_init_on_a_full_disk_leaves_no_home_that_seems_whole(tmp_path, cli):
    place = Home(tmp_path / "home")

    def small_disk():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    full = run_process("--home", place.path, "init", preexec_fn=small_disk)
    assert full.returncode == 1
    assert "free space" in full.stderr
    assert cli("--home", place.path, "person", "list").code == 1
    assert cli("--home", place.path, "init").code == 0
    assert cli("--home", place.path, "person", "list").code == 0
