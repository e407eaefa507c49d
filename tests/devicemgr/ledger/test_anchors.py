"""Anchors: what may be one, what is written to, and that none explains away a home that was put back."""

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from devicemgr.domain import anchor_address
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.ledger_seals import Seal
from devicemgr.errors import InvalidInput
from devicemgr.ledger import anchors, restorations
from devicemgr.operations import audit
from devicemgr.site.site import Site
from devicemgr.store.database import set_meta
from devicemgr.store.ledger import events as ledger_rows
from devicemgr.store.site import settings
from devicemgr.store.site.settings import Settings

SEAL = Seal(1, 2, "ab" * 32, "2026-11-29T00:00:00Z", "cd" * 32, "ef" * 64)
ROOT = "12" * 32


def name(site: Site, *places: str) -> None:
    """Store anchors as version 0.1.0 did, without a look at them."""
    with site.database.write() as session:
        set_meta(session, "settings", json.dumps({"anchors": places, "retention_days": 9}))


def record(site: Site, count: int = 3) -> None:
    with site.database.write(changes_site=False) as session:
        site.ledger.append(session, [Fact("test.event", datetime.now(UTC)) for _ in range(count)])
    site.sealer.seal()


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1.evil.example/seals",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1:80@evil.example/",
        "http://[::1].evil.example/",
        "http://127.0.0.1\\@evil.example/",
        "http://localhost.evil.example/",
        "http://evil.example/",
        "https://",
        "https:///path",
        "https://user:word@audit.example/",
        "https:audit.example",
        "file:relative",
        "file:/",
        "file://host/path",
        "file:/srv/",
        "ftp://audit.example/",
        "syslog:x",
        "",
        "/srv/x",
        "https://audit.example/\n",
        "https://audit.example:99999/",
        "file:/srv/\0x",
        "HTTP://192.0.2.1/",
    ],
)
def test_what_is_no_anchor(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        anchor_address.parse(text)
    with pytest.raises(ValueError, match=r"anchor"):
        Settings(anchors=(text,))


@pytest.mark.parametrize(
    ("text", "path", "url"),
    [
        ("syslog:", None, None),
        ("file:/srv/a.seals", "/srv/a.seals", None),
        ("file:///srv/a", "/srv/a", None),
        ("https://audit.example.org/seals", None, "https://audit.example.org/seals"),
        ("http://127.0.0.1:8000/x", None, "http://127.0.0.1:8000/x"),
        ("http://[::1]/x", None, "http://[::1]/x"),
        ("https://127.0.0.1.audit.example/", None, "https://127.0.0.1.audit.example/"),
    ],
)
def test_what_is_an_anchor(text: str, path: str | None, url: str | None) -> None:
    assert anchor_address.parse(text) == anchor_address.Anchor(Path(path) if path else None, url)
    assert Settings(anchors=(text,)).anchors == (text,)


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A port on this box, and what was posted to it."""
    posted: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, posted
    server.shutdown()
    server.server_close()


def test_a_url_gets_the_seal_and_a_false_one_of_0_1_0_gets_none_and_costs_no_other_setting(
    site: Site, listener: tuple[int, list[bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    port, posted = listener
    # Both were taken by 0.1.0: the second one leads to another host, which here is this box too.
    name(site, f"http://127.0.0.1:{port}/a", f"http://127.0.0.1:1@localhost:{port}/b")
    record(site)
    assert [json.loads(line)["number"] for line in posted] == [2]
    with site.database.read() as session:
        assert settings.load(session) == Settings(anchors=(f"http://127.0.0.1:{port}/a",), retention_days=9)
    assert "stored anchor" in caplog.text


def into_home(site: Site, folder: Path) -> tuple[str, Path]:
    return f"file:{site.home.key}", site.home.key


def by_dots(site: Site, folder: Path) -> tuple[str, Path]:
    return f"file:{folder}/../{site.home.path.name}/keys/new", site.home.path / "keys" / "new"


def by_link(site: Site, folder: Path) -> tuple[str, Path]:
    (folder / "link").symlink_to(site.home.path / "keys")
    return f"file:{folder}/link/fresh", site.home.path / "keys" / "fresh"


def linked_file(site: Site, folder: Path) -> tuple[str, Path]:
    (folder / "soft").symlink_to(site.home.key)
    return f"file:{folder}/soft", site.home.key


def hard_link(site: Site, folder: Path) -> tuple[str, Path]:
    os.link(site.home.key, folder / "hard")
    return f"file:{folder}/hard", site.home.key


def other_file(site: Site, folder: Path) -> tuple[str, Path]:
    (folder / "authorized_keys").write_text("ssh-ed25519 AAAA somebody\n")
    return f"file:{folder}/authorized_keys", folder / "authorized_keys"


def json_file(site: Site, folder: Path) -> tuple[str, Path]:
    (folder / "config.json").write_text('{"root": "/srv"}')
    return f"file:{folder}/config.json", folder / "config.json"


@pytest.mark.parametrize("place", [into_home, by_dots, by_link, linked_file, hard_link, other_file, json_file])
def test_only_a_file_of_seals_outside_the_home_is_written(
    site: Site, tmp_path: Path, place: Callable[[Site, Path], tuple[str, Path]], caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "outside"
    folder.mkdir()
    text, target = place(site, folder)
    before = target.read_bytes() if target.exists() else None
    name(site, text)
    record(site)
    assert (target.read_bytes() if target.exists() else None) == before
    assert "Failed to write the seal" in caplog.text or "Failed to send the seal" in caplog.text


def test_a_torn_line_stays_alone_and_a_file_goes_on(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "seals"
    file.touch()
    name(site, f"file:{file}")
    record(site)
    with file.open("a") as torn:
        torn.write('{"number": 3, "se')
    record(site)
    record(site)
    assert [one.seal.number for one in anchors.read(file)] == [2, 3, 4]
    assert audit.verify(site)["ok"]


def test_an_anchor_inside_the_home_is_refused_when_it_is_set(site: Site, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(site.home.path)
    for place in (site.home.path / "x", tmp_path / "link" / "x", tmp_path / "link" / ".." / "home" / "x"):
        with pytest.raises(InvalidInput, match="home folder"):
            anchors.require_outside((f"file:{place}",), site.home.path)
    anchors.require_outside((f"file:{tmp_path}/home-2/x", "syslog:", "https://a.example/"), site.home.path)


@pytest.fixture
def put_back(site: Site, tmp_path: Path) -> Callable[[], Site]:
    """put_back() takes the whole home, keys and all, to what it was before two seals that the anchor knows of."""
    file = tmp_path / "elsewhere.seals"
    with site.database.write() as session:
        settings.save(session, Settings(anchors=(f"file:{file}",)))
    record(site)
    site.database.close()
    shutil.copytree(site.home.path, tmp_path / "copy")

    def run() -> Site:
        for _ in range(2):
            record(site)
        assert audit.verify(site)["ok"]
        site.database.close()
        shutil.rmtree(site.home.path)
        shutil.copytree(tmp_path / "copy", site.home.path)
        return site

    return run


def test_sealing_on_does_not_hide_that_a_home_was_put_back(put_back: Callable[[], Site]) -> None:
    site = put_back()
    for _ in range(5):
        record(site)
    found = audit.verify(site)
    assert not found["ok"]
    assert "elsewhere.seals" in found["why"]


def forged_restore(site: Site) -> Fact:
    with site.database.read() as session:
        events, _ = ledger_rows.head(session)
    detail = {"backup": "b", "made": "2026-01-01T00:00:00Z", "events": events, "seal": 1, "people": 0, "left_out": 0}
    return Fact(restorations.RESTORED, datetime.now(UTC), actor="uid:0", detail=detail)


def restore_with_a_proof_of_its_own(site: Site) -> Fact:
    """Whoever writes events may commit to a secret too, but only behind the copy of the time before."""
    proof = restorations.new_proof()
    begun = Fact(restorations.BACKUP_BEGUN, datetime.now(UTC), detail={"id": "b", "commitment": "00" * 32})
    with site.database.write(changes_site=False) as session:
        ledger_rows.append(session, [begun])
    fact = forged_restore(site)
    return Fact(fact.kind, fact.time, actor="uid:0", detail={**fact.detail, "proof": proof})


def forged_recovery(site: Site) -> Fact:
    detail = {
        "why": "",
        "snapshot": "2026-01-01T00:00:00Z",
        "events": 4,
        "root_before": "00" * 32,
        "root": "11" * 32,
        "sealed": {"number": 99, "seq": 99, "head": "", "at": ""},
        "handover": "00" * 64,
    }
    return Fact(restorations.RECOVERED, datetime.now(UTC), actor="uid:0", detail=detail)


def recovery_with_the_old_key(site: Site) -> Fact:
    """The key that lies in the copy signs, which is not the key behind the newest seal that the anchor knows."""
    with site.database.write(changes_site=False) as session:
        begun = site.sealer.begin_new_chain(session)
        detail = {"why": "", "snapshot": "2026-01-01T00:00:00Z", "events": ledger_rows.head(session)[0], **begun}
    return Fact(restorations.RECOVERED, datetime.now(UTC), actor="uid:0", detail=detail)


@pytest.mark.parametrize(
    "forge", [forged_restore, restore_with_a_proof_of_its_own, forged_recovery, recovery_with_the_old_key]
)
def test_a_forged_event_does_not_explain_a_home_that_was_put_back(
    put_back: Callable[[], Site], forge: Callable[[Site], Fact]
) -> None:
    site = put_back()
    fact = forge(site)
    with site.database.write(changes_site=False) as session:
        ledger_rows.append(session, [fact])
    site.sealer.seal()
    found = audit.verify(site)
    assert not found["ok"]
    assert "elsewhere.seals" in found["why"]


def test_a_true_recovery_is_explained_by_its_handover(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.seals"
    with site.database.write() as session:
        settings.save(session, Settings(anchors=(f"file:{file}",)))
    record(site)
    kept = file.read_text()
    fact = recovery_with_the_old_key(site)
    with site.database.write(changes_site=False) as session:
        ledger_rows.append(session, [fact])
    site.sealer.seal()
    assert file.read_text() != kept
    assert audit.verify(site)["ok"]


def test_what_proves_a_restore() -> None:
    proof = restorations.new_proof()
    begun = {"seq": 3, "detail": {"id": "b", "commitment": restorations.commitment(proof)}}
    event = {"seq": 6, "detail": {"backup": "b", "events": 5, "proof": proof}}
    assert restorations.is_proven(event, [begun])
    assert not restorations.is_proven({**event, "seq": 7}, [begun])
    assert not restorations.is_proven(event, [{**begun, "seq": 6}])
    assert not restorations.is_proven(event, [{"seq": 3, "detail": {"id": "c", "commitment": "x"}}])
    for wrong in (None, "", restorations.new_proof(), 5):
        assert not restorations.is_proven({"seq": 6, "detail": {**event["detail"], "proof": wrong}}, [begun])
