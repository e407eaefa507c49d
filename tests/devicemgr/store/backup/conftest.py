"""A site with two people to back up, and a machine to restore it on."""

import shutil
import time

import pytest

from devicemgr.recovery import backup_stream

NAME = "Қарлығаш Нұрпейісова"
PASSPHRASE = "correct horse battery"


@pytest.fixture
def safe(tmp_path, monkeypatch):
    """Where backups go; the passphrase is in PHRASE."""
    monkeypatch.setenv("PHRASE", PASSPHRASE)
    folder = tmp_path / "safe"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """As few kilobytes as Argon2 takes: its strength is not what is tested here."""
    monkeypatch.setattr(backup_stream, "_MEMORY_KIB", 32)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    return tmp_path_factory.mktemp("staff") / "home"


@pytest.fixture
def staff(home, request, made_once):
    """Badges 7 and 8 with faces and cards, a device with a password."""
    if made_once.exists():
        shutil.copytree(made_once, home.path, dirs_exist_ok=True)
    else:
        request.getfixturevalue("entrance")
        make_staff(*(request.getfixturevalue(name) for name in ("done", "photo", "monkeypatch")))
        shutil.copytree(home.path, made_once)


def make_staff(done, photo, monkeypatch):
    monkeypatch.setenv("PW", "corr3ct-horse")
    done("device", "edit", "cam-in", "--password-env", "PW")
    for badge, name, who in (("7", NAME, "qarlygash"), ("8", "Bolat", "bolat")):
        done("person", "add", name, "--badge", badge, "--level", "staff")
        done("enroll", "photo", badge, photo(f"{badge}.jpg", f"face:{who}"), "--consent", f"form-{badge}")
        done("card", "assign", badge, f"80:{badge}")


@pytest.fixture
def backup(done, safe):
    """backup("a") writes safe/a."""
    return lambda name, *more: done("backup", safe / name, "--passphrase-env", "PHRASE", *more)


@pytest.fixture
def restored(done, safe, tmp_path, monkeypatch):
    """restored("a") makes a new home of safe/a, which the command uses from then on."""

    def run(name, *more):
        target = tmp_path / f"new-{time.monotonic_ns()}"
        monkeypatch.setenv("DEVICEMGR_HOME", str(target))
        return done("restore", safe / name, "--passphrase-env", "PHRASE", *more) | {"path": target}

    return run
