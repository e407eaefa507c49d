"""The reports' page: table, chart, files made by the daemon, attendance that is off, and cancelling."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import HOLDERS, UNKNOWN_CARD
from tests.support.browser import Desk

SPAN = "from=2026-01-01&to=2199-12-31&make=1"


def test_denials_are_shown_as_table_and_chart_and_files(
    open_desk: Callable[..., Desk], site: Any, wait_for: Callable[..., Any]
) -> None:
    before = site.head()
    site.show("lobby", UNKNOWN_CARD)
    site.show("lab-door", HOLDERS[1].card)
    wait_for(lambda: len(site.api.get("/events", after=before, kind="access_denied")) == 2, "two denials")
    desk = open_desk("admin", page=f"reports/denials?{SPAN}")
    desk.find("[data-report=denials] [data-row]").nth(1).wait_for()
    shown = desk.find("[data-report=denials]").inner_text()
    assert "unknown card or code" in shown
    assert HOLDERS[1].name in shown
    desk.find("desk-chart canvas").wait_for()
    assert desk.find("desk-chart").get_attribute("aria-label") == "Chart: denials by reason"
    assert desk.findings() == []
    for form in ("csv", "xlsx"):
        with desk.page.expect_download() as saved:
            desk.find(f"[data-file={form}]").click()
        assert saved.value.suggested_filename == f"denials.{form}"
        assert saved.value.path().stat().st_size > 100


def test_attendance_that_is_off_says_what_to_switch_on(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("auditor", page="reports/hours")
    desk.find(".empty", has_text="Choose the time").wait_for()
    desk.find("[data-make]").click()
    desk.find("[data-attendance-off]", has_text="attendance = true").wait_for()
    assert desk.findings() == []


@pytest.fixture
def attendance(site: Any, wait_for: Callable[..., Any]) -> Iterator[None]:
    """A site that evaluates attendance, with a person who has entered."""
    site.api.post("/site/apply", {"toml": "[site]\nattendance = true\n"})
    before = site.head()
    site.show("lobby", HOLDERS[2].card)
    wait_for(lambda: site.api.get("/events", after=before, kind="passage_completed"), "the passage")
    yield
    site.api.post("/site/apply", {"toml": "[site]\nattendance = false\n"})


@pytest.mark.usefixtures("attendance")
def test_reports_of_times_are_made_and_recorded(open_desk: Callable[..., Desk], site: Any) -> None:
    before = site.head()
    desk = open_desk("admin", page="reports/hours")
    desk.find("input[name=person]").fill(HOLDERS[2].badge)
    desk.find("[data-make]").click()
    desk.find("[data-report=hours] [data-row]", has_text="no exit").first.wait_for()
    assert "without hours" in desk.find("[data-report=hours]").inner_text()
    (made,) = site.api.get("/events", after=before, kind="admin.report_made")
    assert made["person"] == HOLDERS[2].badge
    for kind in ("presence", "first-last"):
        desk.find(f"[data-tab={kind}]").click()
        desk.find("[data-make]").click()
        desk.find(f"[data-report={kind}] [data-row]", has_text=HOLDERS[2].name).first.wait_for()


def test_a_report_is_cancelled(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("auditor", page="reports/denials")
    desk.page.route("**/reports/denials*", lambda route: None)
    desk.find("[data-make]").click()
    desk.find("[data-cancel]").click()
    desk.find(".empty", has_text="was cancelled").wait_for()
    assert desk.find("[data-make]:enabled").count() == 1


def test_a_time_that_is_missing_or_wrong_is_said(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("auditor", page="reports/visitors")
    desk.find("input[name=from]").fill("")
    desk.find("[data-make]").click()
    assert desk.find("#from-error").inner_text() == "Choose the first day"
    desk.find("input[name=from]").fill("2030-01-02")
    desk.find("input[name=to]").fill("2030-01-01")
    desk.find("[data-make]").click()
    desk.find(".trouble", has_text="ends before it begins").wait_for()
    desk.find("input[name=to]").fill("2030-01-03")
    desk.find("[data-make]").click()
    desk.find(".empty", has_text="Nothing in this time").wait_for()
    desk.find("input[name=person]").fill("<img src=x onerror=window.pwned=1>")
    desk.find("[data-make]").click()
    desk.find(".trouble").wait_for()
    assert desk.page.evaluate("window.pwned") is None


def test_a_guard_has_reports_without_times_of_persons(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("guard", page="reports")
    desk.find("[data-tab=denials][aria-current]").wait_for()
    shown = desk.find("[data-tab]").evaluate_all("tabs => tabs.map(tab => tab.dataset.tab)")
    assert shown == ["denials", "visitors", "musters"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_too_wide(open_desk: Callable[..., Desk], theme: str) -> None:
    desk = open_desk("admin", page=f"reports/denials?{SPAN}", color_scheme=theme, locale="kk-KZ")
    desk.find("[data-report] .buttons").first.wait_for()
    assert desk.findings() == []
    for width in (360, 768, 1280, 3840):
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, width
