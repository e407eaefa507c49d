"""What the site is made of, added, changed and removed in the desk, by mouse and by keyboard."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.browser import Desk

LONG = "Қызметкерлер асханасының артқы есігі — жүк түсіретін аула жағы, екінші қабат"


@pytest.fixture
def clean(site: Any) -> Iterator[None]:
    """The site is as it was afterwards."""
    toml = site.api.get("/site")["toml"]
    yield
    site.api.post("/site/apply", {"toml": toml, "prune": True}, timeout=60)


def add_name(desk: Desk, field: str, name: str) -> None:
    """Type a name into a field of several and add it by Enter."""
    desk.find(f"input[name={field}]").fill(name)
    desk.find(f"input[name={field}]").press("Enter")


def saved(desk: Desk) -> None:
    desk.find("[data-save]").click()
    desk.find("[data-editor]").wait_for(state="detached")


def removed(desk: Desk) -> None:
    desk.find("[data-remove]").click()
    desk.find("[data-confirm-dialog] [data-confirm]").click()
    desk.find("[data-editor]").wait_for(state="detached")


def test_a_zone_is_added_changed_and_removed(open_desk: Callable[..., Desk], site: Any, clean: None) -> None:
    desk = open_desk("admin", page="site/zones")
    desk.find("[data-add]").click()
    desk.find("[data-save]").click()
    assert desk.find("#name-error").inner_text() == "This is needed"
    desk.find("input[name=name]").fill("Desk Yard")
    desk.find("[data-save]").click()
    assert "lobby-1" in desk.find("#name-error").inner_text()
    desk.find("input[name=name]").fill("desk-yard")
    desk.find("select[name=parent]").select_option("building")
    desk.find("input[name=max]").fill("2")
    desk.find("input[name=min]").fill("3")
    desk.find("[data-save]").click()
    assert desk.find("#min-error").is_visible()
    desk.find("input[name=min]").fill("2")
    saved(desk)
    row = desk.find('[data-row="desk-yard"]')
    assert "at least 2, at most 2" in row.inner_text()
    assert "in building" in row.inner_text()
    row.click()
    desk.find("select[name=anti_passback]").select_option("hard")
    saved(desk)
    found = site.api.get("/zones/desk-yard")
    assert (found["anti_passback"], found["parent"]) == ("hard", "building")
    desk.find('[data-row="desk-yard"]').press("Enter")
    removed(desk)
    row.wait_for(state="detached")


def test_what_another_has_changed_is_not_overwritten(open_desk: Callable[..., Desk], site: Any, clean: None) -> None:
    desk = open_desk("admin", page="site/zones/lab")
    desk.find("input[name=max]").fill("6")
    site.api.call("PATCH", "/zones/lab", json={"max": 5})
    desk.find("[data-save]").click()
    assert "Someone else" in desk.find("[data-editor] [data-refused]").inner_text()
    assert site.api.get("/zones/lab")["max"] == 5
    desk.find("[data-close]").click()
    desk.find('[data-row="lab"]').click()
    desk.find("input[name=max]").fill("7")
    site.api.call("PATCH", "/zones/building", json={"max": 41})
    saved(desk)
    assert site.api.get("/zones/lab")["max"] == 7


def test_an_interlock_a_threat_and_a_department(open_desk: Callable[..., Desk], site: Any, clean: None) -> None:
    desk = open_desk("admin", page="site/interlocks?new=1")
    desk.find("input[name=name]").fill("desk-trap")
    add_name(desk, "portals", "portal-010")
    add_name(desk, "portals", "nowhere")
    assert "nowhere" in desk.find("#portals-error").inner_text()
    desk.find("input[name=portals]").fill("portal-011")
    saved(desk)
    assert site.api.get("/interlocks/desk-trap")["portals"] == ["portal-010", "portal-011"]
    desk.visit("site/threats?new=1")
    desk.find("input[name=name]").fill("desk-drill")
    add_name(desk, "allow", "level-001")
    saved(desk)
    assert site.api.get("/threats/desk-drill")["allow"] == ["level-001"]
    desk.visit("site/departments?new=1")
    desk.find("input[name=name]").fill(LONG[:60])
    add_name(desk, "levels", "level-002")
    saved(desk)
    desk.find(".list", has_text=LONG[:20]).wait_for()
    site.api.call("DELETE", f"/departments/{quote(LONG[:60].strip())}")


def test_a_portal_is_changed(open_desk: Callable[..., Desk], site: Any, clean: None) -> None:
    desk = open_desk("technician", page="site/portals/portal-000")
    desk.find("select[name=outside]").select_option("outside")
    desk.find("[data-save]").click()
    assert desk.find("#inside-error").is_visible()
    desk.find("select[name=inside]").select_option("building")
    desk.find("select[name=require]").select_option("card+pin")
    desk.find("input[name=release_seconds]").fill("7.5")
    saved(desk)
    found = site.api.get("/portals/portal-000")
    assert (found["inside"], found["require"], found["release_seconds"]) == ("building", "card+pin", 7.5)
    desk.find('[data-row="portal-000"]', has_text="outside → building").wait_for()


def test_a_week_is_drawn_and_typed(open_desk: Callable[..., Desk], site: Any, clean: None) -> None:
    desk = open_desk("admin", page="site/schedules/office")
    cell = desk.find('[data-editor] [data-cell="5/18"]')
    cell.scroll_into_view_if_needed()
    begin, end = cell.bounding_box(), desk.find('[data-cell="5/21"]').bounding_box()
    desk.page.mouse.move(begin["x"] + 9, begin["y"] + 9)
    desk.page.mouse.down()
    desk.page.mouse.move(end["x"] + 9, end["y"] + 9, steps=3)
    desk.page.mouse.up()
    desk.find('[data-window="sat 09:00-11:00"]').wait_for()
    desk.find('[data-cell="5/20"]').focus()
    desk.page.keyboard.press("Shift+ArrowDown")
    desk.page.keyboard.press(" ")
    desk.find('[data-window="sat 09:00-10:00"]').wait_for()
    desk.find("[name=week-days]").select_option("6")
    desk.find("[name=week-from]").fill("22:15")
    desk.find("[name=week-to]").fill("01:10")
    desk.find("[data-open-span]").click()
    desk.find('[data-window="sun 22:15-01:10"]').wait_for()
    desk.find("[data-save]").click()
    assert "09:00-10:00" in desk.find("[data-editor] [data-hours]").inner_text()
    assert site.api.get("/schedules/office")["windows"] == ["mon-fri 08:00-18:00"]
    saved(desk)
    windows = site.api.get("/schedules/office")["windows"]
    assert windows == ["mon-fri 08:00-18:00", "sat 09:00-10:00", "sun 22:15-01:10"]


def test_a_week_is_drawn_by_finger(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("admin", page="site/schedules/night", viewport={"width": 360, "height": 740}, has_touch=True)
    cell = desk.find('[data-editor] [data-cell="0/18"]')
    cell.scroll_into_view_if_needed()
    place = cell.bounding_box()
    desk.page.touchscreen.tap(place["x"] + 9, place["y"] + 9)
    desk.find('[data-window="mon 09:00-09:30"]').wait_for()
    assert desk.findings() == []


def test_days_of_a_calendar(open_desk: Callable[..., Desk], site: Any, clean: None) -> None:
    desk = open_desk("admin", page="site/calendars/kz")
    desk.find("[data-add-day]").click()
    last = desk.find(".day-rows li:last-child")
    last.locator("input[type=date]").fill("2026-12-16")
    desk.find("[data-save]").click()
    assert "twice" in desk.find("[data-days] .error").inner_text()
    last.locator("input[type=date]").fill("2026-12-17")
    last.locator("select").select_option("short-day")
    last.locator(".hours").fill("08:00-12:00")
    last.locator(".name").fill(LONG[:50])
    desk.find("[data-save]").click()
    assert "12:00-18:00" in desk.find("[data-editor] [data-hours]").inner_text()
    saved(desk)
    day = next(one for one in site.api.get("/calendars/kz")["days"] if one["date"] == "2026-12-17")
    assert (day["kind"], day["hours"], day["name"]) == ("short-day", "08:00-12:00", LONG[:50])


def test_the_matrix_of_levels(open_desk: Callable[..., Desk], site: Any, clean: None) -> None:
    desk = open_desk("admin", page="site/levels")
    desk.find('[data-cell="level-001/portal-001"]').click()
    assert desk.find("[data-cell]").count() < 1000
    desk.page.keyboard.press("Control+End")
    desk.find('[data-cell="level-099/portal-099"]:focus').wait_for()
    desk.page.keyboard.press("ArrowLeft")
    desk.page.keyboard.press(" ")
    desk.find('[data-cell="level-099/portal-098"].changed').wait_for()
    desk.page.keyboard.press("Enter")
    desk.find("[name=coverage]:focus").select_option("@night")
    desk.page.keyboard.press("Escape")
    desk.find('[data-cell="level-099/portal-098"]:focus', has_text="night").wait_for()
    desk.find("[data-search]").fill("level-05")
    desk.find("[data-search-portals]").fill("portal-07")
    desk.find('[data-cell="level-050/portal-070"]').wait_for()
    assert desk.find("[data-cell]").count() == 100
    desk.find('[data-cell="level-050/portal-070"]').click()
    desk.find("[name=coverage]").select_option("always")
    desk.find("[data-fill-row]").click()
    assert "11 changes" in desk.find("[data-pending]").inner_text()
    desk.find("[data-pending] [data-plan]").click()
    desk.find(".plan .list tr.change.edit", has_text="level-099").locator("ins", has_text="portal-098@night").wait_for()
    desk.find("[data-apply]").click()
    desk.find("[data-confirm-dialog] [data-confirm]").click()
    desk.find("[data-pending]").wait_for(state="detached")
    covered = {one["portal"]: one["schedule"] for one in site.api.get("/levels/level-099")["portals"]}
    assert covered["portal-098"] == "night"
    assert len(site.api.get("/levels/level-050")["portals"]) == 13


def test_a_level_must_cover_something(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("admin", page="site/levels")
    for portal in ("portal-000", "portal-001", "portal-050"):
        desk.find("[data-search-portals]").fill(portal)
        desk.find(f'[data-cell="level-000/{portal}"]').click()
        desk.page.keyboard.press("Delete")
        desk.find(f'[data-cell="level-000/{portal}"].changed').wait_for()
    assert desk.find("[data-pending] [data-plan]").is_disabled()
    desk.find('[data-tab="zones"]').click()
    desk.find('[data-tab="levels"]').click()
    assert "3 changes" in desk.find("[data-pending]").inner_text()
    desk.find("[data-discard]").click()
    desk.find("[data-pending]").wait_for(state="detached")


def test_an_auditor_only_reads(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("auditor", page="site/zones/lab")
    assert desk.find("input[name=max]").is_disabled()
    assert desk.find("[data-save], [data-remove], [data-add]").count() == 0
    desk.find("[data-close]").click()
    desk.find('[data-tab="levels"]').click()
    desk.find('[data-cell="level-000/portal-000"]').click()
    assert desk.find("[name=coverage]").is_disabled()
    desk.page.keyboard.press(" ")
    assert desk.find("[data-pending]").count() == 0
