"""What a guard does at a portal: confirmed by name, sent once, and answered by what the daemon knows."""

from collections.abc import Callable
from typing import Any

from tests.support.browser import Desk


def test_opening_names_the_portal_and_says_confirmed(open_desk: Callable[..., Desk], site: Any) -> None:
    before = site.head()
    desk = open_desk("guard")
    desk.find('[data-portal="lobby"] [data-open]').click()
    dialog = desk.find("desk-portal-dialog dialog")
    dialog.wait_for()
    assert dialog.locator("h2").inner_text() == "Open lobby"
    assert "Lets one person in through lobby." in dialog.inner_text()
    dialog.locator("[data-confirm]").dblclick(no_wait_after=True)
    dialog.locator(".outcome.confirmed").wait_for()
    opened = site.api.get("/events", after=before, kind="admin.portal_open", limit=10)
    assert [(event["portal"], event["direction"], event["actor"]) for event in opened] == [
        ("lobby", "entry", "operator:guard")
    ]


def test_two_clicks_in_one_moment_send_once(open_desk: Callable[..., Desk], site: Any) -> None:
    before = site.head()
    desk = open_desk("guard")
    desk.find('[data-portal="staff-entrance"] [data-open]').click()
    desk.find("[data-confirm]").wait_for()
    desk.find("[data-confirm]").evaluate("button => { button.click(); button.click(); button.form.requestSubmit(); }")
    desk.find(".outcome:is(.confirmed, .unknown, .refused)").wait_for()
    assert len(site.api.get("/events", after=before, kind="admin.portal_open", limit=10)) == 1
    assert len([url for url in desk.requests if url.endswith("/portals/staff-entrance/open")]) == 1


def test_a_mode_is_set_shown_and_taken_back(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = open_desk("guard")
    card = desk.find('[data-portal="lab-door"]')
    for mode, state in (("locked", "locked"), ("free", "free"), ("normal", "shut")):
        card.locator("[data-mode]").click()
        desk.find(f"desk-portal-dialog input[value={mode}]").check()
        desk.find("[data-confirm]").click()
        desk.find(".outcome.confirmed").wait_for()
        desk.page.keyboard.press("Escape")
        card.locator(".state", has_text=state).wait_for()
        assert site.api.get("/portals/lab-door")["mode"] == mode


def test_a_refusal_is_shown_as_one(open_desk: Callable[..., Desk], site: Any) -> None:
    site.api.post("/interlocks", {"name": "lock", "portals": ["lobby", "lab-door"]})
    desk = open_desk("guard")
    try:
        site.api.call("PUT", "/portals/lobby/mode", json={"mode": "free"})
        desk.find('[data-portal="lobby"] .state', has_text="free").wait_for()
        desk.find('[data-portal="lab-door"] [data-open]').click()
        desk.find("[data-confirm]").click()
        desk.find(".outcome.refused").wait_for()
        desk.page.keyboard.press("Escape")
        desk.find('[data-portal="lab-door"] [data-open]').click()
        desk.find("desk-portal-dialog summary").click()
        desk.find("[data-override]").check()
        desk.find("input[name=reason]").fill("a person is ill")
        before = site.head()
        desk.find("[data-confirm]").click()
        desk.find(".outcome.confirmed").wait_for()
        (opened,) = site.api.get("/events", after=before, kind="admin.portal_open", limit=10)
        assert opened["detail"]["reason"] == "a person is ill"
    finally:
        site.api.call("PUT", "/portals/lobby/mode", json={"mode": "normal"})
        site.api.call("DELETE", "/interlocks/lock")


def test_a_lost_answer_is_unknown_and_not_done(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("guard")
    desk.page.route("**/portals/lobby/open", lambda route: route.abort())
    desk.find('[data-portal="lobby"] [data-mode]').focus()
    desk.page.keyboard.press("o")
    desk.find("[data-confirm]").click()
    desk.find(".outcome.unknown").wait_for()
    assert "Unknown." in desk.find(".outcome").inner_text()
