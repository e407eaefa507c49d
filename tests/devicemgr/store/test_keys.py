"""The key: rotated in one go, whatever kills it; as a credential of systemd; nothing secret where it should not be."""

import os
import shutil
import signal
import sqlite3

import pytest

from devicemgr.errors import KeyMissing, StorageFailed
from devicemgr.security import approvals, key_rotation
from devicemgr.site import site as sites
from devicemgr.store.people import people
from devicemgr.store.site import devices as device_store, provisioning
from devicemgr.vault import Vault


@pytest.fixture
def staff(entrance, done, photo, monkeypatch, tmp_path):
    """Badge 7 with a face, a device with a password, and a backup, so that there is a key of each kind."""
    monkeypatch.setenv("PW", "corr3ct-horse")
    done("device", "edit", "cam-in", "--password-env", "PW")
    done("person", "add", "Aigul", "--badge", "7", "--level", "staff")
    done("person", "add", "Keyless", "--badge", "8")
    done("enroll", "photo", "7", photo("7.jpg", "face:aigul"), "--consent", "form-7")
    monkeypatch.setenv("PHRASE", "correct horse battery")
    done("backup", tmp_path / "a.dmb", "--passphrase-env", "PHRASE")


@pytest.fixture
def ask_and_approve(cli, home, parts):
    """The first try asks, and another admin approves it."""

    def run():
        ran = cli("key", "rotate", "--yes")
        assert (ran.code, "two admins" in ran.error) == (1, True)
        site = sites.open_site(home, parts)
        with site.database.read() as session:
            (waiting,) = approvals.waiting(session)
        approvals.approve(site, "operator:berik", waiting.id)
        site.close()

    return run


@pytest.fixture
def rotated(done, ask_and_approve):
    """rotated() replaces the key, as two admins do it."""
    return lambda: (ask_and_approve(), done("key", "rotate", "--yes"))[1]


def works(done, photo):
    """What needs the key: a face, and opening a device, which wants its password."""
    assert done("device", "test", "cam-in")
    return done("enroll", "identify", photo("probe.jpg", "face:aigul:2"))["badge"]


def sealed_in(home):
    with sqlite3.connect(home.database) as raw:
        found = [row[0] for row in raw.execute("select wrapped_key from people where wrapped_key is not null")]
        found += [row[0] for row in raw.execute("select sealed_password from devices where sealed_password not null")]
    raw.close()
    return found


def everything(folder):
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_a_new_key_opens_everything_and_the_old_one_nothing(staff, home, done, photo, cli, tmp_path, rotated):
    before, old = home.key.read_bytes(), sealed_in(home)
    found = rotated()
    assert (found["people"], found["devices"], found["files"], found["wiped"]) == (2, 1, 1, True)
    assert home.key.read_bytes() != before
    assert home.key.stat().st_mode & 0o777 == 0o600
    assert not home.new_key.exists()
    assert works(done, photo) == "7"
    content = everything(home.path)
    assert not any(sealed in content for sealed in old)
    assert before.strip() not in content
    home.key.write_bytes(before)
    assert "not this database's key" in cli("person", "list").error
    (event,) = [e for e in sqlite3.connect(home.database).execute("select body from events where kind like '%rotated'")]
    assert "uid:" in event[0]


def test_backups_and_peoples_keys_go_on(staff, home, done, photo, tmp_path, monkeypatch, rotated):
    rotated()
    assert done("person", "erase", "8", "--yes")["backups_closed"] is True
    done("backup", tmp_path / "b.dmb", "--passphrase-env", "PHRASE")
    for name in ("a", "b"):
        monkeypatch.setenv("DEVICEMGR_HOME", str(tmp_path / f"new-{name}"))
        done("restore", tmp_path / f"{name}.dmb", "--passphrase-env", "PHRASE")
        assert works(done, photo) == "7"
        assert [person["badge"] for person in done("person", "list")] == ["7"]


def test_the_running_daemons_vault_goes_on(staff, site):
    with site.database.read() as session:
        person = people.get(session, "7")
        old = person.wrapped_key
    profiles_before = site.vault
    with site.database.write() as session:
        provisioning.make_secret(session, site.vault, device_store.device(session, "cam-in").id, "operator")
        secret = provisioning.secret(session, site.vault, device_store.device(session, "cam-in").id, "operator")
    key_rotation.rotate(site, "test")
    assert site.vault is profiles_before
    with site.database.read() as session:
        row = people.get(session, "7")
        assert row.wrapped_key != old
        site.vault.data_key(row.id, row.wrapped_key)
        site.vault.data_key(row.id, old)  # of a reader who began before
        device = device_store.device(session, "cam-in")
        assert device_store.device_config(device, site.vault).password == "corr3ct-horse"
        assert provisioning.secret(session, site.vault, device.id, "operator") == secret


@pytest.mark.parametrize("when", ["new key written", "before the commit", "after the commit"])
def test_a_kill_leaves_a_home_that_opens(staff, home, parts, done, photo, when, rotated):
    child = os.fork()
    if child == 0:  # dies by its own hand, as kill -9 would do it
        die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
        site = sites.open_site(home, parts)
        if when == "new key written":
            key_rotation._reseal = die
        elif when == "before the commit":
            site.vault.adopt = die
        else:
            key_rotation.sync_folder = key_rotation.suppress = die
        key_rotation.rotate(site, "test")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert home.new_key.exists()
    assert works(done, photo) == "7"
    assert home.new_key.exists() is (when != "after the commit")
    assert rotated()["people"] == 2
    assert works(done, photo) == "7"
    assert not home.new_key.exists()


def test_a_failure_leaves_the_old_key_in_force(staff, site, home, monkeypatch, done, photo):
    before = home.key.read_bytes()

    def fail(*_):
        raise StorageFailed("full")

    monkeypatch.setattr(device_store, "reseal_passwords", fail)
    with pytest.raises(StorageFailed):
        key_rotation.rotate(site, "test")
    assert (home.key.read_bytes(), home.new_key.exists()) == (before, False)
    with site.database.read() as session:
        row = people.get(session, "7")
        site.vault.data_key(row.id, row.wrapped_key)
    assert works(done, photo) == "7"


@pytest.fixture
def credential(home, tmp_path, monkeypatch):
    """The key as systemd hands it over: in a folder of its own, with an access list that shows in the group's bits."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    shutil.copy(home.key, folder / "devicemgr.key")
    (folder / "devicemgr.key").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder / "devicemgr.key"


def test_the_key_may_be_a_credential(staff, home, credential, done, photo, monkeypatch, cli, tmp_path):
    home.key.unlink()
    assert works(done, photo) == "7"
    assert sites.initialize(home) is False
    (check,) = [check for check in cli("doctor", "--json").json["checks"] if check["check"] == "keys"]
    assert (check["ok"], "credential" in check["detail"]) == (True, True)
    done("backup", tmp_path / "b.dmb", "--passphrase-env", "PHRASE")
    credential.chmod(0o444)
    assert "open to other users" in cli("person", "list").error
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert "cannot read the key file" in cli("person", "list").error


def test_rotating_beside_a_credential_says_what_to_do(staff, home, credential, done, photo, cli, ask_and_approve):
    home.key.unlink()
    ask_and_approve()
    ran = cli("key", "rotate", "--json", "--yes")
    assert (ran.code, ran.json["credential"], "systemd-creds" in ran.err) == (0, True, True)
    assert works(done, photo) == "7", "the file's key fits, the credential is of before"


def test_a_new_home_takes_the_credential_for_its_key(tmp_path, credential, parts):
    fresh = sites.Home(tmp_path / "fresh")
    assert sites.initialize(fresh) is True
    assert not fresh.key.exists()
    sites.open_site(fresh, parts).close()


def test_a_key_that_others_can_read_is_refused_beside_a_good_one(staff, home, cli):
    home.key.chmod(0o604)
    assert "open to other users" in cli("person", "list").error
    with pytest.raises(KeyMissing):
        Vault.load(home.key)


def test_no_secret_in_export_log_process_list_or_plain_files(staff, home, done, cli, caplog, photo, rotated):
    """The device's password, the passphrase and the keys, after all that was done with them."""
    caplog.set_level(0)
    rotated()
    works(done, photo)
    told = cli("export").out + cli("device", "list", "--json").out + cli("events", "--json").out
    with open("/proc/self/cmdline", "rb") as line:
        told += line.read().decode()
    told += caplog.text
    key = home.key.read_text().strip()
    outside = b"".join(f.read_bytes() for f in home.path.rglob("*") if f.is_file() and f.parent.name != "keys")
    for secret in ("corr3ct-horse", "correct horse battery", key):
        assert secret not in told
        assert secret.encode() not in outside
    for thing in (sites.Vault.load(home.key), Vault.fresh()):
        assert repr(thing) == "Vault(…)"
