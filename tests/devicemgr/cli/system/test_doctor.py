"""`doctor`: a table and exit 4 for whatever is wrong, and above all when the home does not open."""

import hashlib
import sqlite3
import types
from pathlib import Path
from typing import Any

import pytest

from devicemgr.cli import hints
from devicemgr.domain.face_model import FaceModel
from devicemgr.errors import DatabaseDamaged, DatabaseNewer, NotInitialized, StorageFailed
from devicemgr.operations import doctor_host
from devicemgr.store.people import face_models
from devicemgr.store.people.face_models import FaceModels


@pytest.fixture
def examined(cli: Any) -> Any:
    """examined("keys") gives that check's row; doctor must have ended with 4."""

    def examine(name: str) -> dict[str, Any]:
        ran = cli("doctor", "--json")
        assert (ran.code, ran.err, ran.json["ok"]) == (4, "", False)
        (row,) = (check for check in ran.json["checks"] if check["check"] == name)
        return row  # type: ignore[no-any-return]

    return examine


def test_a_home_that_was_never_initialized(cli: Any, examined: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("DEVICEMGR_HOME", str(tmp_path / "nowhere"))
    assert examined("database")["fix"] == "devicemgr init"
    assert examined("home")["ok"] is False
    words = cli("doctor")
    assert words.code == 4
    assert "PROBLEM" in words.out
    assert not (tmp_path / "nowhere").exists(), "a look changes nothing"


def test_a_key_that_is_gone_open_to_others_or_another_sites(home: Any, examined: Any) -> None:
    home.key.chmod(0o644)
    row = examined("keys")
    assert (row["ok"], row["fix"]) == (False, f"chmod 600 {home.key}")
    home.key.chmod(0o600)
    home.key.write_bytes(bytes(reversed(home.key.read_bytes())))
    assert examined("keys")["ok"] is False
    home.key.unlink()
    row = examined("keys")
    assert "is gone" in row["detail"]
    assert "copy of the key file" in row["fix"]


def test_a_seal_key_that_is_gone(home: Any, examined: Any) -> None:
    home.seal_key.unlink()
    assert "sealed no more" in examined("keys")["detail"]


def test_a_database_that_is_garbage(home: Any, examined: Any) -> None:
    home.database.write_bytes(b"what is this" * 1000)
    row = examined("database")
    assert row["ok"] is False
    assert row["fix"]


@pytest.mark.parametrize("name", ["database", "path"])
def test_files_that_others_can_read(home: Any, examined: Any, name: str) -> None:
    getattr(home, name).chmod(0o777)
    row = examined("home")
    assert (row["ok"], "open to others" in row["detail"]) == (False, True)


def test_a_face_model_that_was_swapped_or_is_gone(home: Any, site: Any, examined: Any, tmp_path: Path) -> None:
    file = tmp_path / "own.onnx"
    file.write_bytes(b"a network")
    own = FaceModel(
        name="own", path=str(file), dimension=128, sha256=hashlib.sha256(b"a network").hexdigest(), threshold=0.5
    )
    with site.database.write() as session:
        face_models.save(session, FaceModels(active=own))
    assert examined("face model")["ok"] is True
    file.write_bytes(b"another one")
    assert "swapped or is damaged" in examined("face model")["detail"]
    file.unlink()
    assert "can't be read" in examined("face model")["detail"]


def test_a_disk_that_is_nearly_full(home: Any, examined: Any, monkeypatch: Any) -> None:
    usage = types.SimpleNamespace(total=100 * 2**30, used=0, free=400 * 2**20)
    monkeypatch.setattr(doctor_host.shutil, "disk_usage", lambda _: usage)
    row = examined("disk")
    assert (row["ok"], row["detail"]) == (False, "only 400 MB are free")


@pytest.mark.parametrize(
    ("held", "container", "ok"), [(True, False, True), (False, False, False), (False, True, True), (None, False, True)]
)
def test_a_clock_that_no_time_server_holds(
    home: Any, examined: Any, monkeypatch: Any, held: bool | None, container: bool, ok: bool
) -> None:
    monkeypatch.setattr(doctor_host, "is_synchronized", lambda: held)
    monkeypatch.setattr(doctor_host, "in_container", lambda: container)
    row = examined("clock")
    assert row["ok"] is ok
    assert ("set-ntp" in (row["fix"] or "")) is not ok


def test_another_package_that_claims_a_name_of_ours(home: Any, examined: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(doctor_host, "packages_distributions", lambda: {"drivers": ["devicemgr", "somebodys-drivers"]})
    assert "somebodys-drivers" in examined("packages")["detail"]


@pytest.mark.parametrize("name", ["clock_skew_seconds", "clock_skew_s"])
def test_a_device_whose_clock_is_off_is_told_as_that(entrance: Any, parts: Any, examined: Any, name: str) -> None:
    device = type(parts.catalog.get("fake_gate").build(types.SimpleNamespace(name="x")))
    real = device.check
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "check", lambda self: real(self) | {name: -90.4})
        row = examined("device gate-1")
        assert (row["ok"], row["detail"]) == (False, "it answers, and its clock is 90 s behind")
        assert "time server" in row["fix"]
    assert examined("device gate-1")["ok"] is True


def test_a_newer_database_needs_the_newer_program(home: Any, cli: Any) -> None:
    with sqlite3.connect(home.database) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    (row,) = [row for row in cli("doctor", "--json").json["checks"] if row["check"] == "database"]
    assert "newer than this program" in row["detail"]
    assert row["fix"].startswith("install the newer devicemgr")
    assert "init" not in row["fix"]


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (DatabaseNewer("of version 9, newer than this program; install the newer devicemgr"), "install the newer"),
        (NotInitialized("of version 1, this program of 2"), "devicemgr init"),
        (
            StorageFailed("the database is held by another program", advice="stop it, or wait and try again"),
            "stop it, or wait",
        ),
        (StorageFailed("the database can't be written", advice="check who owns the home folder"), "check who owns"),
        (DatabaseDamaged("the database is damaged (page 3)"), "restore the last backup"),
    ],
)
def test_the_advice_follows_the_cause(home: Any, error: Any, fix: str) -> None:
    (row,) = [row for row in doctor_host.examine_closed(home, error) if row["check"] == "database"]
    assert (row["detail"], row["ok"]) == (str(error), False)
    (row,) = hints.spell_out([row])
    assert row["fix"].startswith(fix)


def test_an_exit_without_a_reader_from_a_zone_of_hard_anti_passback_is_named(entrance, done, cli):
    done("zone", "add", "building", "--anti-passback", "hard")
    done("portal", "edit", "main", "--outside", "outside", "--inside", "building")

    def zones():
        (found,) = [check for check in cli("doctor", "--json").json["checks"] if check["check"] == "zones"]
        return found

    found = zones()
    assert not found["ok"]
    assert "who leaves by main" in found["detail"]
    assert "add a reader at its exit" in found["fix"]
    done("zone", "edit", "building", "--anti-passback", "soft")
    assert zones()["ok"]
    done("zone", "edit", "building", "--anti-passback", "hard")
    done("device", "add", "reader-out", "--driver", "fake_camera", "--address", "rtsp://192.0.2.9/x")
    done("portal", "edit", "main", "--exit", "reader-out")
    assert zones()["ok"]
