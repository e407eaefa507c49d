"""A home, a site file and a backup that version 0.1.0 made go on loading.

tests/fixtures/first_release.tar.xz was made by the commands of 0.1.0 (commit 4a4d144): two people, of whom both hold
one card under two notations, a PIN, a device with a password, a portal, a level and a schedule.
"""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli import app, load_parts
from devicemgr.cli import app as frame
from devicemgr.cli.context import Session

ROOT = Path(__file__).resolve().parents[3]
FIXTURE = ROOT / "tests" / "fixtures" / "first_release.tar.xz"
PASSPHRASE = "first-release"

Run = Callable[..., str]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.fixture
def run(made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """run("person", "list") is the command with all its parts, in this process; what it prints."""
    monkeypatch.setenv("PASSPHRASE", PASSPHRASE)

    def call(*words: str, home: str = "home") -> str:
        monkeypatch.setenv("DEVICEMGR_HOME", str(made / home))
        capsys.readouterr()
        code = frame.run(app, Session(load_parts), list(words))
        printed = capsys.readouterr()
        assert code == 0, (words, printed)
        return printed.out

    return call


def answer(run: Run, *words: str, **options: Any) -> Any:
    return json.loads(run("--json", *words, **options))


def badges(people: list[dict[str, Any]]) -> list[str]:
    return sorted(person["badge"] for person in people)


def test_the_home_is_migrated_and_its_record_holds(run: Run) -> None:
    run("init")
    assert badges(answer(run, "person", "list")) == ["1001", "1002"]
    shown = answer(run, "person", "show", "1001")
    assert (shown["kind"], shown["department"], shown["host"]) == ("staff", None, None)
    assert answer(run, "portal", "show", "lobby")["require"] == "card"
    assert answer(run, "audit", "verify")["ok"] is True


def test_its_site_file_changes_nothing(run: Run, made: Path) -> None:
    run("init")
    run("apply", str(made / "site.toml"), "--plan")
    run("apply", str(made / "site.toml"))


def test_the_card_that_two_people_hold_is_removed_whole(run: Run) -> None:
    run("init")
    removed = answer(run, "card", "remove", "1001", "80:58400")["removed"]
    assert sorted(card["badge"] for card in removed) == ["1001", "1002"]


def test_its_backup_is_restored(run: Run, made: Path) -> None:
    (made / "new").mkdir()
    run("restore", str(made / "site.backup"), "--passphrase-env", "PASSPHRASE", home="new")
    assert badges(answer(run, "person", "list", home="new")) == ["1001", "1002"]
