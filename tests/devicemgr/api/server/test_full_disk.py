"""A disk that fills up in the middle of an enrollment: one line, nothing half done, and it works once there is room."""

import base64
import sqlite3
from typing import Any

import httpx
from sqlalchemy import event

from devicemgr.site.site import Site
from devicemgr.store.database import revision
from devicemgr.store.people import people

PHOTOS = [base64.b64encode(f"face:anna:{number}".encode()).decode() for number in range(10)]


def test_a_full_disk_leaves_nothing_half_enrolled(http: httpx.Client, site: Site) -> None:
    assert http.post("/people", json={"name": "Anna", "badge": "A1"}).is_success
    refused: list[bool] = []

    def no_more_pages(connection: Any, *_: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        refused.append(True)

    with site.database.read() as session:
        before = revision(session)
    site.database.close()
    with sqlite3.connect(site.home.database) as raw:
        raw.execute("VACUUM")  # or pages that migrations left free would do
    raw.close()
    event.listen(site.database.engine, "connect", no_more_pages)
    answer = http.post("/people/A1/face", json={"photos": PHOTOS, "consent": "form 1"})
    event.remove(site.database.engine, "connect", no_more_pages)
    site.database.close()

    assert refused
    assert answer.status_code == 503
    assert answer.json()["exit_code"] == 1
    assert "free space" in answer.json()["detail"]
    with site.database.read() as session:
        row = people.get(session, "A1")
        assert (list(row.templates), list(row.consents), row.wrapped_key) == ([], [], None)
        assert revision(session) == before
    assert [e["kind"] for e in http.get("/events").json()] == ["admin.person_added"]
    assert site.gallery.refresh().stats().templates == 0
    assert http.post("/people/A1/face", json={"photos": PHOTOS, "consent": "form 1"}).json()["templates"] == 10
    assert site.ledger.verify()[1] is None
