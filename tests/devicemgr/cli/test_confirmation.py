"""Commands that destroy something: they name it, ask at a terminal, and refuse without one unless --yes."""

import os
import pty
import subprocess
import sys

import pytest

from devicemgr.store.ledger import events
from tests.devicemgr.cli.test_app import ROOT

COMMANDS = {
    "person erase": (("person", "erase", "7"), "Anna Schmidt (badge 7)"),
    "enroll withdraw": (("enroll", "withdraw", "7"), "Anna Schmidt (badge 7)"),
    "device remove": (("device", "remove", "spare"), "spare (fake_gate at"),
    "device reboot": (("device", "reboot", "spare"), "spare"),
    "device sync": (("device", "sync", "spare", "--prune"), "spare"),
    "portal remove": (("portal", "remove", "side"), "side (gate gate-1"),
    "level remove": (("level", "remove", "old"), "level old"),
    "schedule remove": (("schedule", "remove", "night"), "night (mon-fri 20:00-22:00)"),
    "operator remove": (("operator", "remove", "aigul"), "operator aigul"),
    "key rotate": (("key", "rotate"), "master.key"),
    "enroll migrate": (("enroll", "migrate", "--forget"), "all models but"),
    "recover": (("recover", "--from-snapshot"), "snapshot"),
}


@pytest.fixture
def furnished(home, done, monkeypatch):
    monkeypatch.setenv("PIN", "4711")
    done("schedule", "add", "night", "mon-fri 20:00-22:00")
    done("device", "add", "gate-1", "--driver", "fake_gate", "--address", "/dev/g")
    done("device", "add", "spare", "--driver", "fake_gate", "--address", "/dev/s")
    done("portal", "add", "side", "--gate", "gate-1:2")
    done("portal", "add", "main", "--gate", "gate-1")
    done("level", "add", "old", "--portal", "main")
    done("person", "add", "Anna Schmidt", "--badge", "7")
    done("card", "assign", "7", "80:58400")
    done("pin", "set", "7", "--pin-env", "PIN")
    done("operator", "add", "aigul", "--role", "guard", "--os-user", "nobody")
    return home


def head(site):
    with site.database.read() as session:
        return events.head(session)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("more", [(), ("--json",)], ids=["words", "json"])
def test_without_a_terminal_it_is_refused_and_named(furnished, cli, site, name, more):
    command, named = COMMANDS[name]
    before = head(site)
    ran = cli(*command, *more)
    assert (ran.code, ran.out) == (1, "")
    assert "add --yes" in ran.error
    assert named in ran.error
    assert head(site) == before


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.endswith("remove")] + ["person erase"])
def test_with_yes_it_is_done_and_named(furnished, cli, site, name):
    command, named = COMMANDS[name]
    before = head(site)
    ran = cli("--yes", *command)
    assert ran.code == 0, ran.err
    assert ran.err == ""
    for word in ("Anna Schmidt (badge 7)", command[2]):
        assert word in ran.out or word not in named
    assert head(site) != before


def test_a_file_that_removes_something_is_asked_about(furnished, cli, done, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(cli("export").out)
    assert cli("apply", file, "--prune").code == 0  # it removes nothing
    done("device", "add", "late", "--driver", "fake_gate", "--address", "/dev/l")
    ran = cli("apply", file, "--prune")
    assert ran.code == 1
    assert "devices late" in ran.error
    assert "--yes" in ran.error
    assert [d["name"] for d in done("device", "list")] == ["gate-1", "late", "spare"]
    assert done("apply", file, "--prune", "--yes")["changes"]
    assert [d["name"] for d in done("device", "list")] == ["gate-1", "spare"]


def test_a_restore_over_a_home_is_asked_about(furnished, cli, done, tmp_path, monkeypatch):
    monkeypatch.setenv("PHRASE", "a long enough passphrase")
    done("backup", tmp_path / "b.dmb", "--passphrase-env", "PHRASE")
    done("person", "edit", "7", "--name", "Anna Later")
    restore = ("restore", tmp_path / "b.dmb", "--passphrase-env", "PHRASE", "--replace")
    ran = cli(*restore)
    assert ran.code == 1
    assert str(furnished.path) in ran.error
    assert "--yes" in ran.error
    assert done("person", "show", "7")["name"] == "Anna Later"
    assert cli(*restore, "--yes").code == 0
    assert done("person", "show", "7")["name"] == "Anna Schmidt"
    monkeypatch.setenv("DEVICEMGR_HOME", str(tmp_path / "fresh"))
    assert cli(*restore).code == 0  # there was nothing to destroy


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 1, 1), ("", 1, 1), ("y", 0, 0)])
def test_at_a_terminal_it_asks(furnished, done, answer, code, left):
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "cli", "person", "erase", "7"],
            cwd=ROOT,
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert ran.returncode == code
    assert "Erase Anna Schmidt (badge 7) with face, cards and consents? This can't be undone." in ran.stderr
    assert len(done("person", "list")) == left


def test_a_lost_card_is_taken_away_without_a_question(furnished, cli):
    """What only takes a right away must stay quick, in a script too."""
    ran = cli("card", "remove", "7", "80:58400")
    assert (ran.code, "Anna Schmidt (badge 7) opens nothing any more" in ran.out) == (0, True)
    assert cli("pin", "remove", "7").code == 0
