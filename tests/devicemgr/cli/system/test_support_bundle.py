"""What leaves in a support bundle: enough to help, and nothing of people, faces or secrets."""

import json
import logging
import stat
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devicemgr import logging as logs
from devicemgr.operations.support_bundle import BLANK, redacted_address

PLANTED = [
    "Zarina Plantagenet",
    "Zarina",
    "Plantagenet",
    "B-77123",
    "80:58499",
    "58499",
    "form-secretref",
    "hunter2-pass",
    "camuser9",
]


@pytest.fixture
def furnished(entrance: Any, done: Any, photo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "hunter2-pass")
    done("person", "add", "Zarina Plantagenet", "--badge", "B-77123", "--level", "staff")
    done("card", "assign", "B-77123", "80:58499")
    done("enroll", "photo", "B-77123", photo("z.jpg", "face:zarina"), "--consent", "form-secretref")
    done(
        "device",
        "add",
        "cam-9",
        "--driver",
        "fake_camera",
        "--address",
        "rtsp://192.0.2.9/live?channel=1&password=hunter2-pass",
    )
    done(
        "device",
        "add",
        "gate-9",
        "--driver",
        "fake_gate",
        "--address",
        "/dev/gate/b",
        "--username",
        "camuser9",
        "--password-env",
        "PW",
    )
    log = logging.getLogger("devicemgr.test")
    log.addHandler(logs.kept)
    for word in PLANTED[:6]:
        log.warning("the device says that %s stands there", word)
    log.warning("the arm sticks")
    log.removeHandler(logs.kept)


def contents(file: Path) -> dict[str, str]:
    with tarfile.open(file) as tar:
        return {m.name.rpartition("/")[2]: tar.extractfile(m).read().decode() for m in tar.getmembers()}  # type: ignore[union-attr]


def test_the_bundle_helps_and_holds_nobody(furnished: None, site: Any, done: Any, tmp_path: Path) -> None:
    file = tmp_path / "s.tar.gz"
    done("support-bundle", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = contents(file)
    assert set(found) == {
        "versions.json",
        "status.json",
        "doctor.json",
        "config.json",
        "facts.json",
        "home.json",
        "log.jsonl",
        "metrics.txt",
    }
    everything = "\n".join(found.values())
    for planted in PLANTED:
        assert planted.casefold() not in everything.casefold(), planted
    with site.database.read() as session:
        from devicemgr.store.tables import PersonRow

        assert session.query(PersonRow).one().id not in everything, "not even the random id"
    for key in (site.home.key, site.home.seal_key):
        assert key.read_bytes().strip()[:32].decode("latin-1") not in everything
    vector = np.random.default_rng(1).normal(size=3)
    assert str(vector[0]) not in everything

    assert json.loads(found["versions.json"])["packages"]["fastapi"]
    assert {check["check"] for check in json.loads(found["doctor.json"])} >= {"keys", "disk", "clock", "database"}
    (camera,) = (device for device in json.loads(found["config.json"])["devices"] if device["name"] == "cam-9")
    assert camera["address"] == f"rtsp://192.0.2.9/live?channel=1&password={BLANK}"
    facts = json.loads(found["facts.json"])
    assert "admin.person_added" in {fact["kind"] for fact in facts}
    assert not {"person", "actor", "evidence", "request"} & set(facts[0])
    messages = [json.loads(line)["message"] for line in found["log.jsonl"].splitlines()]
    assert "the arm sticks" in messages
    assert f"the device says that {BLANK} stands there" in messages
    assert any(entry["path"] == "devicemgr.db" for entry in json.loads(found["home.json"]))


def test_a_home_that_does_not_open_is_what_it_is_for(home: Any, cli: Any, done: Any, tmp_path: Path) -> None:
    home.key.unlink()
    file = tmp_path / "s.tar.gz"
    done("support-bundle", file)
    assert set(contents(file)) == {"versions.json", "doctor.json", "home.json"}
    ran = cli("support-bundle", file)
    assert ran.code == 1
    assert "give another name" in ran.error


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("serial:/dev/gate/a?baudrate=9600&parity=N", "serial:/dev/gate/a?baudrate=9600&parity=N"),
        ("http://admin:x@192.0.2.1:80/p", f"http://{BLANK}@192.0.2.1:80/p"),
        ("http://192.0.2.1/p?auth=c2VjcmV0", f"http://192.0.2.1/p?auth={BLANK}"),
        ("http://[broken", BLANK),
        ("/dev/gate/a", "/dev/gate/a"),
    ],
)
def test_an_address_keeps_what_helps(address: str, shown: str) -> None:
    assert redacted_address(address) == shown
