"""A muster in the desk: begun by a question that names its effect, marked by touch and keys, by two at once, ended."""

from collections.abc import Callable
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import HOLDERS
from tests.desk.test_hostile_text import CORPUS, MARK
from tests.support.browser import Desk

FIRST, SECOND, THIRD = HOLDERS[:3]
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def person(desk: Desk, badge: str) -> Any:
    return desk.find(f'[data-person="{badge}"]')


def all_shown(desk: Desk) -> None:
    desk.find('[data-filter="all"]').click()
    desk.find('[data-filter="all"][aria-pressed=true]').wait_for()


@pytest.mark.usefixtures("inside")
def test_a_drill_is_begun_by_name_and_ended_with_a_summary(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = open_desk("guard", page="muster")
    desk.find("select[name=zone]").select_option("building")
    desk.find("[data-start=drill]").click()
    dialog = desk.find("[data-confirm-dialog]")
    assert "zone building" in dialog.inner_text()
    assert "only a drill" in dialog.inner_text()
    dialog.locator("[data-confirm]").click()
    desk.find(".person").nth(2).wait_for()
    muster = desk.page.url.split("/")[-1]
    desk.find('[data-filter="missing"]', has_text="missing").wait_for()
    person(desk, FIRST.badge).locator("[data-mark=safe]").click()
    desk.find("[data-end]").click()
    assert "still missing" in desk.find("[data-confirm-dialog]").inner_text()
    desk.find("[data-confirm]").click()
    desk.find("[data-over]").wait_for()
    assert person(desk, FIRST.badge).get_attribute("data-found") == "safe"
    assert desk.find("[data-mark]").count() == 0
    desk.find("p.back a").click()
    desk.find(f'[data-row="{muster}"]').click()
    desk.find(".page.muster.over").wait_for()
    (event,) = site.api.get("/events", kind="muster_ended", limit=1)
    assert event["detail"]["totals"]["safe"] == 1


@pytest.mark.usefixtures("inside")
def test_a_real_muster_wants_its_button_held(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = open_desk("guard", page="muster")
    desk.find("[data-start=real]").click()
    button = desk.find("[data-confirm]")
    assert "All desks show it as an alarm" in desk.find("[data-confirm-dialog]").inner_text()
    button.click()
    assert site.api.get("/musters")[:1] == [] or site.api.get("/musters")[0]["state"] == "ended"
    button.hover()
    desk.page.mouse.down()
    desk.find(".page.muster.one").wait_for()
    desk.page.mouse.up()
    (running,) = [one for one in site.api.get("/musters") if one["state"] == "running"]
    try:
        assert (running["drill"], running["zone"], running["by"]) == (False, None, "operator:guard")
    finally:
        site.api.post(f"/musters/{running['id']}/end")


def test_people_are_ticked_by_touch_with_one_hand(
    open_desk: Callable[..., Desk], drill: str, listed: Callable[..., Any], wait_for: Callable[..., Any]
) -> None:
    desk = open_desk("guard", page=f"muster/{drill}", **PHONE)
    row = person(desk, FIRST.badge)
    row.wait_for()
    assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for button in desk.find(".person button, .tile").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 44, box
    assert row.locator("[data-mark=safe]").bounding_box()["x"] > 180  # under the thumb
    row.locator("[data-mark=safe]").tap()
    # It stays in its place, so that the next tap hits no other.
    desk.find(f'[data-person="{FIRST.badge}"][data-found=safe]').wait_for()
    wait_for(lambda: listed(drill, FIRST.badge)["found"] == "safe", "the mark")
    assert [one["by"] for one in listed(drill, FIRST.badge)["marks"]] == ["operator:guard"]
    row.locator("[data-mark=missing]").tap()
    wait_for(lambda: listed(drill, FIRST.badge)["found"] == "missing", "the mark taken back")
    person(desk, SECOND.badge).locator("[data-mark=safe]").tap()
    wait_for(lambda: listed(drill, SECOND.badge)["found"] == "safe", "the second mark")
    desk.find("[data-tidy]").tap()
    person(desk, SECOND.badge).wait_for(state="detached")


def test_people_are_ticked_by_keys(
    open_desk: Callable[..., Desk], drill: str, listed: Callable[..., Any], wait_for: Callable[..., Any]
) -> None:
    desk = open_desk("guard", page=f"muster/{drill}")
    person(desk, FIRST.badge).wait_for()
    desk.page.keyboard.press("/")
    desk.page.keyboard.type(FIRST.name[:4].upper())
    person(desk, THIRD.badge).wait_for(state="detached")
    person(desk, FIRST.badge).focus()
    desk.page.keyboard.press("n")
    desk.find("input[name=reason]").fill("on a business trip")
    desk.page.keyboard.press("Enter")
    wait_for(lambda: listed(drill, FIRST.badge)["found"] == "not_here", "the mark")
    assert listed(drill, FIRST.badge)["marks"][0]["reason"] == "on a business trip"
    person(desk, FIRST.badge).focus()
    desk.page.keyboard.press("u")
    wait_for(lambda: listed(drill, FIRST.badge)["found"] == "missing", "the mark taken back")
    desk.find(f'[data-person="{FIRST.badge}"][data-found=missing]').wait_for()
    desk.page.keyboard.press("Enter")
    wait_for(lambda: listed(drill, FIRST.badge)["found"] == "safe", "the tick")
    desk.find("[data-search]").fill("")
    person(desk, SECOND.badge).wait_for()
    desk.find(".person").first.focus()
    desk.page.keyboard.press("ArrowDown")
    desk.find(".person:nth-child(2):focus").wait_for()


def test_two_mark_the_same_person_and_see_both_marks(
    open_desk: Callable[..., Desk], drill: str, listed: Callable[..., Any]
) -> None:
    """Safe wins whoever was first, and each sees what the other has marked."""
    guard = open_desk("guard", page=f"muster/{drill}")
    admin = open_desk("admin", page=f"muster/{drill}")
    for desk in (guard, admin):
        person(desk, FIRST.badge).wait_for()
    person(guard, FIRST.badge).locator("[data-mark=not_here]").click()
    guard.find("input[name=reason]").fill("at home")
    person(admin, FIRST.badge).locator("[data-mark=safe]").click()
    guard.find("[data-confirm]").click()
    for desk in (guard, admin):
        row = desk.find(f'[data-person="{FIRST.badge}"][data-found=safe]')
        row.locator(".mark", has_text="admin").wait_for()
        row.locator(".mark", has_text="guard (at home)").wait_for()
        row.locator(".sub.warn", has_text="safe counts").wait_for()
    assert listed(drill, FIRST.badge)["found"] == "safe"
    # One takes back one's own only.
    person(guard, FIRST.badge).locator("[data-mark=missing]").click()
    for desk in (guard, admin):
        desk.find(f'[data-person="{FIRST.badge}"] .sub.warn').wait_for(state="detached")
    assert listed(drill, FIRST.badge)["found"] == "safe"


def test_the_paper_has_everyone_with_boxes_and_no_controls(open_desk: Callable[..., Desk], drill: str) -> None:
    desk = open_desk("guard", page=f"muster/{drill}")
    person(desk, FIRST.badge).locator("[data-mark=safe]").click()
    desk.find(f'[data-person="{FIRST.badge}"][data-found=safe]').wait_for()
    desk.page.evaluate("window.print = () => { window.onPaper = document.querySelectorAll('.person').length; }")
    desk.find("[data-print]").click()
    assert desk.page.evaluate("window.onPaper") >= 3
    desk.page.emulate_media(media="print")
    assert desk.find(".box").first.is_visible()
    for hidden in ("nav.menu", "header.top", "[data-print]", "[data-mark]", "[data-search]"):
        assert not desk.find(hidden).first.is_visible(), hidden


def test_an_auditor_reads_numbers_and_no_names(open_desk: Callable[..., Desk], drill: str) -> None:
    desk = open_desk("auditor", page=f"muster/{drill}")
    desk.find(".person").first.wait_for()
    assert not any(holder.name in desk.page.content() for holder in HOLDERS)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_too_wide(open_desk: Callable[..., Desk], drill: str, theme: str) -> None:
    desk = open_desk("guard", page="muster", color_scheme=theme, locale="kk-KZ" if theme == "dark" else "en-US")
    desk.find("[data-muster]").wait_for()
    assert desk.findings() == []
    desk.find("[data-muster] a").click()
    person(desk, FIRST.badge).locator("[data-mark=safe]").click()
    desk.find(f'[data-person="{FIRST.badge}"][data-found=safe]').wait_for()
    all_shown(desk)
    assert desk.findings() == []
    person(desk, SECOND.badge).locator("[data-mark=not_here]").click()
    desk.find("[data-confirm]").wait_for()
    assert desk.findings() == []
    desk.page.keyboard.press("Escape")
    for address in (f"muster/{drill}", "muster"):
        desk.visit(address)
        desk.find(".person" if "/" in address else "[data-muster]").first.wait_for()
        for width in (360, 768, 1280, 3840):
            desk.page.set_viewport_size({"width": width, "height": 800})
            assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, width


def test_reasons_and_names_are_shown_as_text(open_desk: Callable[..., Desk], site: Any, drill: str) -> None:
    texts = [text for text in CORPUS if len(text) <= 190][:40]
    for text in texts[:15]:
        site.api.post("/musters/marks", {"badge": FIRST.badge, "mark": "not_here", "reason": text})
    desk = open_desk("guard", page=f"muster/{drill}")
    all_shown(desk)
    person(desk, FIRST.badge).locator(".mark").first.wait_for()
    assert texts[14] in (person(desk, FIRST.badge).text_content() or "")
    desk.visit(f"muster/{CORPUS[1]}")
    desk.find(".page.muster .empty").wait_for()
    assert desk.page.evaluate("window.pwned") is None
    assert MARK in texts[0]
