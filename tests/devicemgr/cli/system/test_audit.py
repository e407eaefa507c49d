"""`devicemgr audit export`: the client writes the file, the daemon no path of a caller."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import zipfile
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from devicemgr.api.app import create_app
from devicemgr.api.context import Context
from devicemgr.api.routes.system import bundles
from devicemgr.api.server import ApiServer
from devicemgr.daemon.offline_runtime import DirectRuntime


@pytest.fixture
def daemon(site, home):
    """The API on the home's socket."""
    running = ApiServer(create_app(Context(site, DirectRuntime(site), os.getuid())), home.socket)
    running.start()
    yield running
    running.stop()


@pytest.fixture(params=["with the daemon", "without"])
def either(request):
    return request.getfixturevalue("daemon") if request.param == "with the daemon" else None


@pytest.fixture(autouse=True)
def recorded(home, done):
    done("person", "add", "Aigul", "--badge", "1")


def drafts(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*") if not path.name.startswith(".lock")]


def test_the_bundle_is_written_by_the_client_and_verifies(either, done, cli, tmp_path):
    found = done("audit", "export", tmp_path / "a.zip")
    assert found["file"] == str(tmp_path / "a.zip")
    assert (tmp_path / "a.zip").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(tmp_path / "a.zip") as bundle:
        bundle.extract("verify.py", tmp_path)
        assert json.loads(bundle.read("manifest.json"))["events"] == found["events"] > 0
    command = [sys.executable, "-I", "-S", tmp_path / "verify.py", tmp_path / "a.zip", found["root"]]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert "python3 verify.py" in cli("audit", "export", tmp_path / "b.zip").out
    assert drafts(tmp_path) == []


def test_it_takes_no_other_files_place(either, cli, home, tmp_path):
    before = home.key.read_bytes()
    (tmp_path / "link").symlink_to(home.key)
    for taken in (home.key, home.database, tmp_path / "link"):
        assert "is there already" in cli("audit", "export", taken).error
    assert "no folder" in cli("audit", "export", tmp_path / "none" / "a.zip").error
    assert home.key.read_bytes() == before
    assert drafts(home.path) == []


@pytest.mark.parametrize("body", [None, {}, {"file": "keys/master.key.new"}])
def test_the_daemon_answers_with_the_bundle_and_writes_no_path(daemon, home, tmp_path, body):
    victim = home.path / "keys" / "master.key.new"
    if body:
        body = {"file": str(victim)}
    before = sorted(str(path) for path in home.path.rglob("*"))
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(home.socket)), base_url="http://x/api/v1") as http:
        answer = http.post("/audit/export", json=body) if body is not None else http.post("/audit/export")
    assert answer.status_code == (422 if body else 200)
    if not body:
        assert answer.headers["content-type"] == "application/zip"
        assert len(answer.content) == int(answer.headers["content-length"])
        (tmp_path / "a.zip").write_bytes(answer.content)
        assert zipfile.ZipFile(tmp_path / "a.zip").testzip() is None
    assert not victim.exists()
    assert {path for path in before if "cache" not in path} >= {
        str(path) for path in home.path.rglob("*") if "cache" not in str(path)
    }
    assert not list((home.path / "cache").rglob("tmp*"))


def test_what_does_not_hold_is_not_exported(either, cli, home, tmp_path):
    with sqlite3.connect(home.database) as raw:
        raw.execute("UPDATE events SET body = body || ' ' WHERE seq = 1")
    raw.close()
    assert "does not hold" in cli("audit", "export", tmp_path / "a.zip").error
    assert list(tmp_path.glob("*.zip")) + drafts(tmp_path) == []


def test_a_download_that_breaks_off_leaves_nothing(daemon, cli, tmp_path, monkeypatch):
    """The daemon's end, in the middle of the body."""
    halfway = threading.Event()

    def broken(descriptor):
        with os.fdopen(descriptor, "rb") as file:
            yield file.read(100)
            halfway.set()
            raise OSError("gone")

    monkeypatch.setattr(bundles, "_pieces", broken)
    ran = cli("audit", "export", tmp_path / "a.zip")
    assert halfway.is_set()
    assert (ran.code, "connection to the daemon broke" in ran.error) == (3, True)
    assert list(tmp_path.glob("*.zip")) + drafts(tmp_path) == []


@pytest.mark.parametrize("column", ["body", "hash", "kind"])
def test_a_byte_that_is_no_text_is_exit_4_with_its_row(either, cli, done, home, column):
    """Version 0.1.0 ended with "could not decode", exit 1."""
    done("person", "add", "Berik", "--badge", "2")
    with closing(sqlite3.connect(home.database)) as raw, raw:
        (before,) = raw.execute(f"SELECT CAST({column} AS BLOB) FROM events WHERE seq = 2").fetchone()
        changed = before[:3] + bytes([before[3] ^ 0x80]) + before[4:]
        raw.execute(f"UPDATE events SET {column} = CAST(? AS TEXT) WHERE seq = 2", (changed,))
    ran = cli("audit", "verify", "--json")
    assert (ran.code, ran.json["ok"], ran.json["first_bad_seq"]) == (4, False, 2)
    assert "event 2 is bad" in cli("audit", "verify").out


@pytest.mark.parametrize("snapshot", [True, False])
def test_a_database_that_cannot_be_used_is_exit_4_and_stays_as_it_is(cli, done, home, site, snapshot):
    """Without a daemon the snapshot alone would have been verified, and found whole."""
    site.sealer.seal()
    if snapshot:
        site.snapshots.take()
    site.database.close()
    with closing(sqlite3.connect(home.database)) as raw, raw:
        raw.execute("UPDATE events SET hash = CAST(x'ff' || CAST(substr(hash, 2) AS BLOB) AS TEXT) WHERE seq = 1")
    before = home.database.read_bytes()
    ran = cli("audit", "verify", "--json")
    assert (ran.code, ran.json["ok"], ran.json["first_bad_seq"]) == (4, False, 1)
    assert home.database.read_bytes() == before
    home.database.write_bytes(b"")
    ran = cli("audit", "verify", "--json")
    assert (ran.code, ran.json["first_bad_seq"]) == (4, 0)
    assert home.database.read_bytes() == b""
