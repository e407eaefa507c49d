"""Kills, full disks and damage while a backup is made or restored: nothing half done."""

import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from devicemgr.errors import InvalidInput
from devicemgr.recovery import backup_stream, home_swap

PASSPHRASE = "correct horse battery"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:9000] + bytes([data[9000] ^ 1]) + data[9001:],
        lambda data: data.replace(b'"by":"devicemgr', b'"by":"devicemgt', 1),
        lambda data: b"not a backup",
    ],
    ids=["half", "end", "more", "bit", "head", "other"],
)
def test_a_damaged_backup_changes_nothing(staff, backup, cli, home, safe, spoil):
    backup("a.dmb")
    (safe / "a.dmb").write_bytes(spoil((safe / "a.dmb").read_bytes()))
    before = home.database.read_bytes()
    ran = cli("restore", safe / "a.dmb", "--passphrase-env", "PHRASE", "--replace", "--yes")
    assert ran.code == 1
    assert ran.error
    assert home.database.read_bytes() == before
    assert not list(home.path.glob(".rest*"))


def test_a_kill_in_the_middle_of_the_swap_goes_forward(staff, backup, done, home, safe, monkeypatch, cli):
    backup("a.dmb")
    done("person", "add", "Later", "--badge", "9")

    class Killed(BaseException):
        pass

    real, calls = home_swap._move, []

    def die(*given, **more):
        calls.append(given)
        if len(calls) == 2:
            raise Killed
        real(*given, **more)

    monkeypatch.setattr(home_swap, "_move", die)
    with pytest.raises(Killed):
        cli("restore", safe / "a.dmb", "--passphrase-env", "PHRASE", "--replace", "--yes")
    monkeypatch.undo()
    monkeypatch.setenv("DEVICEMGR_HOME", str(home.path))
    assert not home.database.exists()
    assert home_swap.is_under_way(home)
    assert [person["badge"] for person in done("person", "list")] == ["7", "8"]
    assert not home_swap.is_under_way(home)


def test_a_disk_that_fills_leaves_nothing(staff, cli, backup, safe, home, monkeypatch):
    backup("a.dmb")
    before = (safe / "a.dmb").read_bytes()
    real = backup_stream._write_chunk

    def full(file, *given, **more):
        real(file, *given, **more)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup_stream, "_write_chunk", full)
    ran = cli("backup", safe / "a.dmb", "--passphrase-env", "PHRASE")
    assert (ran.code, "No space left" in ran.error) == (1, True)
    assert (safe / "a.dmb").read_bytes() == before
    assert sorted(path.name for path in safe.iterdir()) == ["a.dmb", "people.keys"]
    assert not list(home.path.glob(".copy*"))


def test_a_real_full_disk_and_a_size_limit_are_told(staff, home, safe):
    """RLIMIT_FSIZE makes the kernel refuse: the command says so, and what was begun is gone."""
    command = f"ulimit -f 100; exec {sys.executable} -m cli backup {safe}/a.dmb --passphrase-env PHRASE"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1, ran.stderr
    assert ran.stderr.startswith("error: ")
    assert not (safe / "a.dmb").exists()
    assert [path.name for path in safe.iterdir() if path.name != "people.keys"] == []
    assert not list(home.path.glob(".copy*"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing(staff, home, safe, how):
    """Asked for while the passphrase is awaited: from then on nothing was begun, or all of it is undone."""
    with sqlite3.connect(home.database) as raw:
        raw.execute("create table ballast (x blob)")
        raw.execute("insert into ballast values (randomblob(200000000))")
    raw.close()
    command = [sys.executable, "-m", "cli", "backup", safe / "a.dmb", "--passphrase-env", "PHRASE"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while not list(safe.glob(".a.dmb*.part")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(how)
        _, words = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "nothing is left half done" in words
    assert [path.name for path in safe.iterdir()] == ["people.keys"]
    assert not list(home.path.glob(".copy*"))


def test_a_kill_leaves_no_copy_of_the_database_and_the_next_backup_clears_the_draft(staff, backup, home, safe):
    with sqlite3.connect(home.database) as raw:
        raw.execute("create table ballast (x blob)")
        raw.execute("insert into ballast values (randomblob(100000000))")
    raw.close()
    command = [sys.executable, "-m", "cli", "backup", safe / "a.dmb", "--passphrase-env", "PHRASE"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not list(safe.glob(".a.dmb*.part")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not list(home.path.glob(".copy*")), "not even for a moment has it a name while people are in it"
    assert len(list(safe.glob(".*.part"))) == 1
    with sqlite3.connect(home.database) as raw:
        raw.execute("drop table ballast")
    raw.close()
    (safe / ".somebody-elses.01234567.part").write_text("not ours")
    backup("b.dmb")
    assert sorted(path.name for path in safe.iterdir()) == [".somebody-elses.01234567.part", "b.dmb", "people.keys"]


def test_it_is_whole_while_others_write(staff, backup, restored, site, done):
    """What is recorded meanwhile is in the backup wholly or not at all, and the live home goes on."""
    import threading

    from devicemgr.domain.ledger_events import Fact

    stop, wrote = threading.Event(), []

    def write():
        from datetime import UTC, datetime

        while not stop.is_set():
            with site.database.write(changes_site=False) as session:
                wrote.append(site.ledger.append(session, [Fact("test.x", datetime.now(UTC))] * 20))
            site.sealer.seal()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [backup(f"{n}.dmb") for n in range(3)]
    finally:
        stop.set()
        writer.join()
    assert len(wrote) > 3
    assert made[0]["events"] < made[2]["events"]
    assert done("audit", "verify")["ok"]
    assert restored("1.dmb")["events"] == made[1]["events"]
    assert done("audit", "verify")["ok"]


def test_a_file_that_is_no_backup_is_never_replaced(home, cli, safe):
    (safe / "site.toml").write_text("[site]\n")
    ran = cli("backup", safe / "site.toml", "--passphrase-env", "PHRASE")
    assert (ran.code, "no backup" in ran.error) == (1, True)
    assert (safe / "site.toml").read_text() == "[site]\n"
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    held = {os.readlink(link) for link in links if os.path.lexists(link)}
    assert str(home.database) not in held, "a refused backup leaves the database open"


def test_a_head_that_asks_for_too_much_memory_is_refused():
    about = {"kdf": {"name": "argon2id", "salt": "00" * 16, "passes": 3, "memory_kib": 2**30, "lanes": 4}, "key": "00"}
    with pytest.raises(InvalidInput):
        backup_stream.open_head(about, PASSPHRASE)


def test_staging_on_a_disk_that_is_full_changes_nothing(staff, backup, cli, home, safe, monkeypatch):
    backup("a.dmb")
    from devicemgr.recovery import restore

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(restore, "write_durably", full)
    before = home.database.read_bytes()
    ran = cli("restore", safe / "a.dmb", "--passphrase-env", "PHRASE", "--replace", "--yes")
    assert (ran.code, "No space left" in ran.error) == (1, True)
    assert home.database.read_bytes() == before
    assert not list(home.path.glob(".rest*"))
