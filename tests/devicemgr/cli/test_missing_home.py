"""A home that does not exist: nothing makes one but `init` (and `restore`), and each command says so in one line."""

import json
import shutil
import subprocess
import sys

import pytest

from devicemgr.errors import NotInitialized
from tests.devicemgr.cli.test_app import ROOT
from tests.support.hints import hint_of

COMMANDS = [
    ("run",),
    ("status",),
    ("events", "--follow"),
    ("person", "list"),
    ("person", "add", "X", "--badge", "1"),
    ("audit", "verify"),
    ("key", "rotate", "--yes"),
    ("recover", "--from-snapshot"),
    ("operator", "list"),
    ("export",),
    ("device", "list"),
    ("clock",),
    ("enroll", "calibrate"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("place", ["nothing", "empty"])
def test_each_command_names_init_and_makes_nothing(cli, tmp_path, monkeypatch, command, place):
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr("devicemgr.daemon.service.Daemon", lambda *_: pytest.fail("a daemon began"))
    ran = cli("--home", tmp_path / place, *command)
    assert (ran.code, ran.out) == (1, "")
    assert "`devicemgr init`" in ran.error
    assert "--home" in ran.error
    assert not (tmp_path / "nothing").exists()
    assert list((tmp_path / "empty").iterdir()) == []


def test_the_daemon_of_a_mistyped_home_ends(home, tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "cli", "--home", f"{home.path}x", "run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert f"there is no home in {home.path}x" in ran.stderr
    assert not (tmp_path / "homex").exists()


def test_doctor_names_init(cli, tmp_path):
    ran = cli("--home", tmp_path / "nothing", "doctor", "--json")
    assert ran.code == 4
    assert "devicemgr init" in [check["fix"] for check in ran.json["checks"]]


def test_a_home_that_lost_its_database_is_one(home, monkeypatch):
    from devicemgr.daemon.startup import require_home

    require_home(home)
    home.database.unlink()
    require_home(home)  # its seals say that it had one
    shutil.rmtree(home.path / "keys")
    with pytest.raises(NotInitialized) as refused:
        require_home(home)
    assert hint_of(refused) == "make_home"


def test_init_prints_the_audit_key_each_time(cli, tmp_path):
    place = tmp_path / "home"
    root = json.loads((cli("--home", place, "init") and place / "keys" / "seal.key").read_text())["root"]
    for _ in range(2):
        ran = cli("--home", place, "init")
        assert ran.code == 0
        assert root in ran.out
    assert cli("--home", place, "init", "--json").json["audit_root"] == root


def test_init_says_that_the_audit_key_is_gone(cli, home):
    home.seal_key.unlink()
    ran = cli("init")
    assert ran.code == 0
    assert str(home.seal_key) in ran.err
