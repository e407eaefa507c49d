"""The record's page: events by filter, one event, verification that names a bad row, a bundle, seals."""

import io
import re
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import HOLDERS, UNKNOWN_CARD
from tests.support.browser import Desk


@pytest.fixture
def denied(site: Any, wait_for: Callable[..., Any]) -> int:
    """A denial at the lobby; its seq."""
    before = site.head()
    site.show("lobby", UNKNOWN_CARD)
    (event,) = wait_for(lambda: site.api.get("/events", after=before, kind="access_denied"), "the denial")
    return int(event["seq"])


def test_events_are_found_by_filter_and_the_address_keeps_it(
    open_desk: Callable[..., Desk], site: Any, denied: int
) -> None:
    desk = open_desk("auditor", page="record")
    desk.find(f'[data-row="{denied}"]').wait_for()
    desk.find("select[name=kind]").select_option("access_denied")
    desk.find("select[name=portal]").select_option("lobby")
    desk.find("select[name=reason]").select_option("unknown_credential")
    desk.find("[data-apply]").click()
    desk.find("[data-row]:not(.bad)").first.wait_for(state="detached")
    assert "kinds=access_denied" in desk.page.url
    desk.page.reload()
    desk.find(f'[data-row="{denied}"]').wait_for()
    assert desk.find('[data-kind="access_denied"]').count() == 1
    assert desk.find("[data-row]:not(.bad)").count() == 0
    desk.find("input[name=to]").fill("2001-01-01T00:00")
    desk.find("[data-apply]").click()
    desk.find(".empty", has_text="No event matches").wait_for()
    desk.page.go_back()
    desk.find(f'[data-row="{denied}"]').wait_for()
    desk.find("[data-clear]").click()
    desk.find("[data-row]:not(.bad)").first.wait_for()


def test_an_event_is_shown_whole_and_by_badge_alone(open_desk: Callable[..., Desk], site: Any, denied: int) -> None:
    desk = open_desk("auditor", page=f"record/event/{denied}")
    event = desk.find(f'[data-event="{denied}"]')
    event.wait_for()
    assert "Access denied" in event.inner_text()
    assert "unknown card or code" in event.inner_text()
    desk.find("[data-previous]").click()
    desk.find(f'[data-event="{denied - 1}"]').wait_for()
    desk.page.goto(f"{site.address}#/record/event/99999999")
    desk.find(".empty", has_text="not in the record").wait_for()


def test_older_events_come_by_pages_without_gaps(open_desk: Callable[..., Desk], site: Any) -> None:
    rows = [{"name": "Page", "badge": f"PG-{number}", "line": 1} for number in range(110)]
    site.api.post("/people/import", {"rows": rows})
    desk = open_desk("auditor", page="record?kinds=admin.*")
    desk.find("[data-row]").nth(99).wait_for()
    desk.find("button[data-older]").click()
    desk.find("[data-row]").nth(101).wait_for()
    shown = [int(seq) for seq in desk.find("[data-row]").evaluate_all("rows => rows.map(row => row.dataset.row)")]
    expected = [event["seq"] for event in site.api.get("/events", kind="admin.*", limit=len(shown))][::-1]
    assert shown == expected


def test_verify_says_that_the_record_holds(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("auditor", page="record/check")
    desk.find("[data-verify]").click()
    desk.find("[data-result=good]").wait_for()
    assert re.search(r"[\d,]+ events, the chain holds", desk.find("[data-result=good]").inner_text())
    desk.find("input[name=root]").fill("00" * 32)
    desk.find("[data-verify]").click()
    desk.find("[data-result=bad]").wait_for()


@pytest.fixture
def tampered(site: Any) -> Iterator[int]:
    """An event whose body was changed behind the daemon's back, and is put back afterwards; its seq."""
    database = next(site._folder.rglob("*.db"))
    seq = site.head() - 3

    def write(body: str) -> None:
        with sqlite3.connect(database, timeout=30) as opened:
            assert opened.execute("UPDATE events SET body = ? WHERE seq = ?", (body, seq)).rowcount == 1
        opened.close()

    with sqlite3.connect(database, timeout=30) as opened:
        ((before,),) = opened.execute("SELECT body FROM events WHERE seq = ?", (seq,)).fetchall()
    opened.close()
    write(before.replace('"kind":"', '"kind":"x'))
    yield seq
    write(before)


def test_the_first_bad_row_of_a_tampered_record_is_named(open_desk: Callable[..., Desk], tampered: int) -> None:
    desk = open_desk("auditor", page="record/check")
    desk.find("[data-verify]").click()
    desk.find("[data-bad-row]").wait_for()
    assert f"event {tampered:,}" in desk.find("[data-bad-row]").inner_text()
    assert desk.findings() == []
    desk.find("[data-export]").click()
    desk.find(".trouble").wait_for()
    desk.find("[data-bad-row]").click()
    desk.find(f'[data-event="{tampered}"]').wait_for()


def test_the_export_is_saved_as_a_file(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("auditor", page="record/check")
    with desk.page.expect_download() as saved:
        desk.find("[data-export]").click()
    assert saved.value.suggested_filename.startswith("devicemgr-record-")
    with zipfile.ZipFile(io.BytesIO(saved.value.path().read_bytes())) as bundle:
        assert {"events.jsonl", "seals.jsonl", "verify.py"} <= set(bundle.namelist())


def test_work_that_is_cancelled_ends(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("auditor", page="record/check")
    desk.page.route("**/audit/verify*", lambda route: None)
    desk.find("[data-verify]").click()
    desk.find("[data-cancel]").click()
    desk.find("[data-verify]:enabled").wait_for()
    assert desk.find(".trouble, [data-result]").count() == 0


def test_seals_are_listed(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = open_desk("auditor", page="record/seals")
    desk.find("[data-row]").first.wait_for()
    assert "No anchor is set" in desk.find(".page.record").inner_text()


def test_hostile_text_in_filters_and_addresses_is_text(open_desk: Callable[..., Desk]) -> None:
    hostile = '"><img src=x onerror=window.pwned=1>'
    desk = open_desk("auditor", page=f"record?portal={hostile}&kinds={hostile}&person={hostile}")
    desk.find(".trouble, .empty").first.wait_for()
    assert desk.find(".chip.chosen").inner_text().startswith(hostile)
    assert desk.page.evaluate("window.pwned") is None
    assert desk.find("desk-app img").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("part", ["?kinds=access_denied,admin.*&portal=lobby&seq=200", "/check", "/seals"])
def test_axe_finds_nothing_and_nothing_is_too_wide(open_desk: Callable[..., Desk], part: str, theme: str) -> None:
    desk = open_desk("admin", page=f"record{part}", color_scheme=theme, locale="kk-KZ")
    desk.find(".page.record :is([data-apply], [data-verify], [data-row])").first.wait_for()
    assert desk.findings() == []
    for width in (360, 768, 1280, 3840) if theme == "light" else ():
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, width


def test_a_person_of_an_event_leads_admins_to_their_page(open_desk: Callable[..., Desk], site: Any) -> None:
    (event,) = site.api.get("/events", person=HOLDERS[0].badge, kind="admin.person_added")
    desk = open_desk("admin", page=f"record/event/{event['seq']}")
    assert desk.find(f'a[href="#/people/{HOLDERS[0].badge}"]').inner_text().endswith(HOLDERS[0].name)
