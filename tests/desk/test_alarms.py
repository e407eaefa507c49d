"""Alarms: listed, counted and sounding on every page, acknowledged once, and by whom."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import Desk

FORCED, HELD = '[data-row="portal_forced:lobby"]', '[data-row="portal_held_open:lobby"]'
# How many tones were begun, before any script of the page.
TONES = """
window.deskTones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...given) { window.deskTones += 1; return start.apply(this, given); };
"""
# A browser that lets no page sound before a click or key on it, as people's do: Playwright counts as one at each step.
BLOCKED = """
let isTouched = false;
addEventListener("pointerdown", () => { isTouched = true; }, true);
const resume = AudioContext.prototype.resume;
AudioContext.prototype.resume = function () {
  if (!isTouched) return new Promise(() => undefined);
  return resume.call(this).then(() => { this.isAllowed = true; this.dispatchEvent(new Event("statechange")); });
};
Object.defineProperty(AudioContext.prototype, "state", { get() { return this.isAllowed ? "running" : "suspended"; } });
"""


@pytest.fixture
def quiet(site: Any, wait_for: Callable[..., Any]) -> Iterator[None]:
    """Leave the site without alarms."""

    def end() -> None:
        for portal in site.turnstiles:
            site.set_alarms(portal)
        wait_for(lambda: all(one["state"] == "over" for one in site.api.get("/alarms")), "the ends of alarms")
        for one in site.api.get("/alarms"):
            site.api.post(f"/alarms/{one['id'].replace('/', '%2F')}/acknowledge", {"comment": "end of a test"})

    end()
    yield
    end()


@pytest.fixture
def alarmed(site: Any, quiet: None, wait_for: Callable[..., Any]) -> None:
    """A door is forced, and held open."""
    site.set_alarms("lobby", "portal_forced", "portal_held_open")
    wait_for(lambda: len(site.api.get("/alarms")) == 2, "two alarms")


def ids(desk: Desk) -> list[str]:
    found = desk.find("[data-row]").evaluate_all("rows => rows.map(row => row.dataset.row)")
    return [str(one) for one in found]


def reopen(desk: Desk, *scripts: str) -> None:
    """Load the page again, with scripts before its own."""
    for script in scripts:
        desk.page.add_init_script(script)
    desk.page.reload()
    desk.find("desk-bell [data-sound]").wait_for()


@pytest.mark.usefixtures("quiet")
def test_a_new_alarm_is_counted_announced_and_listed_on_every_page(open_desk: Callable[..., Desk], site: Any) -> None:
    live, alarms = open_desk("guard"), open_desk("guard", page="alarms")
    alarms.find(".empty", has_text="No alarms.").wait_for()
    assert alarms.page.title() == "Alarms · devicemgr"
    site.set_alarms("lobby", "portal_forced")
    for desk, title in ((live, "(1) Live · devicemgr"), (alarms, "(1) Alarms · devicemgr")):
        desk.find("[data-count]", has_text="1").wait_for()
        assert desk.page.title() == title
        assert desk.find("[data-alarm-words]").inner_text() == "Alarm: Door forced: lobby"
    alarms.find(f"{FORCED} [data-acknowledge]").wait_for()
    site.set_alarms("lobby", "portal_forced", "portal_held_open")
    alarms.find(HELD).wait_for()
    assert ids(alarms) == ["portal_forced:lobby", "portal_held_open:lobby"]
    assert alarms.page.title() == "(2) Alarms · devicemgr"


@pytest.mark.usefixtures("alarmed")
def test_it_is_acknowledged_by_the_keyboard_with_a_comment_where_one_is_required(
    open_desk: Callable[..., Desk], site: Any
) -> None:
    before = site.head()
    desk = open_desk("guard", page="alarms")
    desk.find(FORCED).focus()
    desk.page.keyboard.press("a")
    dialog = desk.find("desk-acknowledge dialog")
    dialog.locator("h2", has_text="Door forced: lobby").wait_for()
    desk.page.keyboard.press("Enter")
    dialog.locator(".error", has_text="Write what was found").wait_for()
    desk.page.keyboard.type("wind, closed by hand")
    desk.find("[data-confirm]").dblclick(no_wait_after=True)
    desk.find(".said", has_text="Acknowledged: Door forced: lobby").wait_for()
    desk.find(f"{FORCED} .state", has_text="acknowledged by guard").wait_for()
    assert ids(desk) == ["portal_held_open:lobby", "portal_forced:lobby"]
    assert desk.page.title() == "(1) Alarms · devicemgr"
    (event,) = site.api.get("/events", after=before, kind="alarm_acknowledged", limit=10)
    assert (event["actor"], event["detail"]["comment"]) == ("operator:guard", "wind, closed by hand")
    desk.find(f"{HELD} [data-acknowledge]").click()
    desk.find("[data-confirm]").click()  # without a comment
    desk.find(f"{HELD} .state", has_text="acknowledged by guard").wait_for()
    assert desk.page.title() == "Alarms · devicemgr"


@pytest.mark.usefixtures("alarmed")
def test_the_second_of_two_guards_sees_at_once_who_was_first(open_desk: Callable[..., Desk], site: Any) -> None:
    guard, admin = open_desk("guard", page="alarms"), open_desk("admin", page="alarms")
    admin.find(f"{FORCED} [data-acknowledge]").click()
    admin.find("input[name=comment]").fill("mine")
    guard.find(f"{FORCED} [data-acknowledge]").click()
    guard.find("input[name=comment]").fill("the wind")
    guard.find("[data-confirm]").click()
    admin.find("[data-overtaken]", has_text="Acknowledged by guard at").wait_for()
    assert "“the wind”" in admin.find("[data-overtaken]").inner_text()
    assert admin.find("[data-confirm]").count() == 0
    assert site.api.get("/alarms")[0]["acknowledged"]["comment"] == "the wind"


@pytest.mark.usefixtures("alarmed")
def test_a_refusal_is_said_in_words_where_the_page_did_not_know_yet(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = open_desk("admin", page="alarms")
    desk.find(f"{HELD} [data-acknowledge]").click()

    def late(route: Any) -> None:
        site.api.post("/alarms/portal_held_open:lobby/acknowledge", {"comment": "first"})
        route.continue_()

    desk.page.route("**/acknowledge", late)
    desk.find("[data-confirm]").click()
    desk.find("[data-overtaken]", has_text="“first”").wait_for()


@pytest.mark.usefixtures("alarmed")
def test_each_alarm_has_a_history_at_an_address_of_its_own(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = open_desk("guard", page="alarms")
    desk.find(f"{FORCED} a").click()
    article = desk.find('[data-alarm="portal_forced:lobby"]')
    article.locator("h2", has_text="Door forced: lobby").wait_for()
    article.locator("[data-row]", has_text="Door forced").first.wait_for()
    site.api.post("/alarms/portal_forced:lobby/acknowledge", {"comment": "a <b>bird</b>"})
    article.locator("[data-row]", has_text="a <b>bird</b>").wait_for()
    assert article.locator("[data-row] b").count() == 0
    desk.page.go_back()
    desk.find(FORCED).wait_for()
    desk.find('[data-tab="history"]').click()
    desk.find("desk-alarm-history [data-row]", has_text="Alarm acknowledged: Door forced").first.wait_for()


@pytest.mark.usefixtures("alarmed")
def test_technicians_see_alarms_by_polling_and_acknowledge_none(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("technician", page="alarms")
    desk.find(FORCED).wait_for()
    assert desk.find("[data-acknowledge], [data-tab]").count() == 0
    assert desk.page.title() == "(2) Alarms · devicemgr"
    desk.find(f"{FORCED} a").click()
    desk.find('[data-alarm="portal_forced:lobby"] h2').wait_for()
    assert not any(url.endswith(("/events/stream", "/history")) for url in desk.requests)


@pytest.mark.usefixtures("alarmed")
def test_sound_is_made_until_all_is_acknowledged_and_the_choice_is_kept(
    open_desk: Callable[..., Desk], site: Any
) -> None:
    desk = open_desk("guard")
    reopen(desk, TONES)
    desk.find('[data-sound="on"]').wait_for()
    desk.page.evaluate("new Promise((done) => setInterval(() => deskTones > 0 && done(), 20))")
    desk.find("[data-sound]").click()
    desk.find('[data-sound="off"]').wait_for()
    desk.find("[data-mute]", has_text="sound is off here").wait_for()
    desk.page.reload()
    desk.find('[data-sound="off"]').wait_for()
    desk.find("[data-mute] [data-sound-on]").click()
    desk.find('[data-sound="on"]').wait_for()
    assert desk.find("[data-mute]").count() == 0


@pytest.mark.usefixtures("alarmed")
def test_after_a_reload_a_browser_that_lets_nothing_sound_is_said_to_need_a_click(
    open_desk: Callable[..., Desk],
) -> None:
    desk = open_desk("guard")
    reopen(desk, TONES, BLOCKED)
    desk.find('[data-sound="blocked"]').wait_for()
    desk.find("[data-mute]", has_text="lets them sound only after a click").wait_for()
    assert desk.page.evaluate("deskTones") == 0
    desk.find("[data-mute] [data-sound-on]").click()
    desk.find('[data-sound="on"]').wait_for()
    desk.find("[data-mute]").wait_for(state="detached")
    assert desk.page.evaluate("deskTones") > 0


@pytest.mark.usefixtures("alarmed")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_too_wide(open_desk: Callable[..., Desk], theme: str) -> None:
    desk = open_desk("guard", page="alarms", color_scheme=theme, locale="kk-KZ" if theme == "dark" else "en-US")
    desk.find(FORCED).wait_for()
    for width in (360, 768, 1280, 3840):
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
        assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, width
    assert desk.findings() == []
    desk.find(f"{FORCED} [data-acknowledge]").click()
    desk.find("[data-confirm]").wait_for()
    assert desk.findings() == []
    desk.page.keyboard.press("Escape")
    desk.find(f"{FORCED} a").click()
    desk.find("[data-alarm] [data-row]").first.wait_for()
    assert desk.findings() == []
