"""/audit: verified with progress, seals and anchors shown, and a bundle that a browser can save."""

import io
import json
import sqlite3
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from devicemgr.api.routes.system import audit as routes
from devicemgr.api.stream.progress import Cancelled
from devicemgr.domain.ledger_events import Fact
from devicemgr.operations import audit
from devicemgr.site.site import Site
from devicemgr.store.site import settings

FOLLOWED = {"accept": "text/event-stream"}


def record(site: Site, count: int) -> None:
    with site.database.write(changes_site=False) as session:
        site.ledger.append(session, [Fact(f"test.{n}", datetime.now(UTC)) for n in range(count)])


def messages(answer: httpx.Response) -> list[tuple[str, Any]]:
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in answer.text.strip().split("\n\n")]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


def test_verify_says_how_far_it_is_and_then_what_it_found(http: httpx.Client, site: Site) -> None:
    record(site, 30)
    site.sealer.seal()
    answer = http.get("/audit/verify", headers=FOLLOWED)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *before, (name, found) = messages(answer)
    assert {kind for kind, _ in before} == {"progress"}
    assert before[0][1]["total"] in (0, 30)
    assert name == "result"
    assert found == http.get("/audit/verify").json()
    assert (found["ok"], found["events"], found["sealed"]["seq"]) == (True, 30, 30)


def test_the_first_bad_row_of_a_tampered_copy_is_named(http: httpx.Client, site: Site) -> None:
    record(site, 50)
    site.sealer.seal()
    with sqlite3.connect(site.home.database) as database:
        for seq in (23, 31):
            changed = "UPDATE events SET body = replace(body, 'test.', 'best.') WHERE seq = ?"
            assert database.execute(changed, (seq,)).rowcount == 1
    database.close()
    name, found = messages(http.get("/audit/verify", headers=FOLLOWED))[-1]
    assert (name, found["ok"], found["events"], found["first_bad_seq"]) == ("result", False, 22, 23)
    assert "changed after it was recorded" in found["why"]
    name, refused = messages(http.post("/audit/bundles", headers=FOLLOWED))[-1]
    assert (name, refused["status"]) == ("problem", 422)


def test_each_batch_is_reported_and_can_end_the_work(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devicemgr.ledger.writer._BATCH", 10)
    record(site, 35)
    heard: list[tuple[int, int]] = []
    audit.verify(site, on_progress=lambda done, total: heard.append((done, total)))
    assert heard == [(0, 35), (10, 35), (20, 35), (30, 35)]

    def end(done: int, _: int) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        audit.verify(site, on_progress=end)


def test_a_caller_who_leaves_ends_the_work(client: httpx.Client, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    began, ended = threading.Event(), threading.Event()

    def endless(_site: Site, _root: str | None, on_progress: Any) -> None:
        try:
            while True:
                on_progress(1, 2)
                began.set()
                ended.wait(0.01)
        except Cancelled:
            ended.set()
            raise

    monkeypatch.setattr(audit, "verify", endless)
    with client.stream("GET", "/audit/verify", headers=FOLLOWED) as answer:
        assert next(answer.iter_lines()) == "event: progress"
        assert began.wait(20)
    assert ended.wait(20)
    assert routes._TURN.acquire(timeout=20)
    routes._TURN.release()


def test_one_runs_at_a_time(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_PATIENCE_S", 0.01)
    with routes._turn():
        assert http.get("/audit/verify").json()["code"] == "audit_running"
        assert messages(http.get("/audit/verify", headers=FOLLOWED))[-1][1]["code"] == "audit_running"
        assert http.post("/audit/export").status_code == 429


def test_a_defect_ends_as_a_problem(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "verify", lambda *_: 1 / 0)
    name, document = messages(http.get("/audit/verify", headers=FOLLOWED))[-1]
    assert (name, document["code"], "division" in str(document)) == ("problem", "internal", False)


def test_a_bundle_waits_for_the_one_who_made_it(http: httpx.Client, site: Site, as_role: Any) -> None:
    record(site, 5)
    *_, (name, made) = messages(http.post("/audit/bundles", headers=FOLLOWED))
    assert (name, made["events"]) == ("result", 6)  # and that it was exported
    answer = http.get(f"/audit/bundles/{made['id']}")
    assert answer.headers["content-disposition"] == f'attachment; filename="{made["name"]}"'
    assert len(answer.content) == made["bytes"] == int(answer.headers["content-length"])
    with zipfile.ZipFile(io.BytesIO(answer.content)) as bundle:
        assert len(bundle.read("events.jsonl").splitlines()) == 6
    assert as_role("auditor").get(f"/audit/bundles/{made['id']}").json()["code"] == "bundle_not_found"
    another = http.post("/audit/bundles").json()
    assert http.get(f"/audit/bundles/{made['id']}").status_code == 404
    assert http.get(f"/audit/bundles/{another['id']}").status_code == 200


@pytest.fixture
def anchored(site: Site, tmp_path: Path) -> Path:
    path = tmp_path / "anchor"
    with site.database.write() as session:
        places = (f"file:{path}", "syslog:", "http://127.0.0.1:9/seals")
        settings.save(session, settings.load(session).model_copy(update={"anchors": places}))
    return path


def test_seals_are_shown_with_what_anchors_remember(http: httpx.Client, site: Site, anchored: Path) -> None:
    for count in (3, 2, 4):
        record(site, count)
        site.sealer.seal()
    found = http.get("/audit/seals", params={"limit": 2}).json()
    assert [one["number"] for one in found["seals"]] == [4, 3]
    assert found["sealed"] == found["events"] == found["seals"][0]["seq"]
    assert [one["number"] for one in http.get("/audit/seals", params={"before": 2}).json()["seals"]] == [1]
    file, syslog, url = found["anchors"]
    assert (file["kind"], file["seal"], file["agrees"], file["cause"]) == ("file", 4, True, None)
    assert [(one["kind"], one["agrees"]) for one in (syslog, url)] == [("syslog", None), ("url", None)]
    lines = anchored.read_text(encoding="utf-8").splitlines()
    anchored.write_text(lines[-1].replace('"seq":', '"seq":1') + "\n", encoding="utf-8")
    assert http.get("/audit/seals").json()["anchors"][0]["agrees"] is False
    anchored.unlink()
    gone = http.get("/audit/seals").json()["anchors"][0]
    assert gone["agrees"] is False
    assert "put its file back" in gone["cause"]


def test_the_box_is_shown_without_paths(http: httpx.Client, site: Site) -> None:
    found = http.get("/box").json()
    assert 0 < found["disk_free_bytes"] <= found["disk_total_bytes"]
    assert (found["backup_made"], found["clock_behind_s"], found["clock_ahead_s"]) == (None, 0.0, 0.0)
    assert str(site.home.path) not in json.dumps(found)
