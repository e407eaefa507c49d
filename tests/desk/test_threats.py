"""Threats for the whole site: held for a second, sent once, and answered gate by gate."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import Desk

HOLD_MS = 1100


@pytest.fixture
def threat(site: Any) -> Iterator[str]:
    """A threat that is defined, and ends with the test."""
    site.api.post("/threats", {"name": "intruder", "allow": ["laboratory"], "scope": ["site"]})
    yield "intruder"
    if site.api.get("/threats/intruder")["in_force"]:
        site.api.post("/threats/intruder/end", {"comment": "end of a test"})
    for one in site.api.get("/alarms"):
        if one["id"] == "threat_set:intruder":
            site.api.post("/alarms/threat_set:intruder/acknowledge", {"comment": "end of a test"})
    site.api.call("DELETE", "/threats/intruder")


def hold(desk: Desk, ms: int = HOLD_MS) -> None:
    desk.find("[data-confirm-dialog] [data-confirm]").hover()
    desk.page.mouse.down()
    desk.page.wait_for_timeout(ms)
    desk.page.mouse.up()


def test_a_threat_is_set_by_holding_and_each_gate_says_what_it_did(
    open_desk: Callable[..., Desk], site: Any, threat: str
) -> None:
    before = site.head()
    site.api.call("PUT", "/portals/lobby/mode", json={"mode": "free"})
    desk = open_desk("guard")
    desk.find("header [data-threats]").click()
    desk.find('[data-threat="intruder"] [data-set]').click()
    asking = desk.find("[data-confirm-dialog]")
    asking.locator(".effect", has_text="only people of these levels pass at the whole site: laboratory").wait_for()
    asking.locator("input[name=reason]").fill("<img src=x onerror=window.pwned=1>")
    hold(desk, 100)
    assert site.api.get("/threats/intruder")["in_force"] is None
    hold(desk)
    desk.find('[data-gate="lobby"].confirmed', has_text="Confirmed").wait_for()
    assert "Nothing to send" in desk.find('[data-gate="lab-door"]').inner_text()
    desk.find('[data-threat="intruder"]', has_text="by guard: <img src=x").wait_for()
    assert desk.page.title().startswith("(1) ")
    desk.find('[data-threat="intruder"] [data-end]').click()
    desk.find("[data-confirm-dialog] input[name=reason]").fill("searched; nothing")
    hold(desk)
    desk.find('[data-threat="intruder"]', has_text="not in force").wait_for()
    events = site.api.get("/events", after=before, limit=100)
    counts = {kind: len([e for e in events if e["kind"] == kind]) for kind in ("threat_set", "threat_ended")}
    assert counts == {"threat_set": 1, "threat_ended": 1}
    assert desk.page.evaluate("window.pwned") is None


def test_a_lost_answer_is_unknown(open_desk: Callable[..., Desk], threat: str) -> None:
    desk = open_desk("guard")
    desk.page.route("**/threats/intruder/set", lambda route: route.abort())
    desk.find("header [data-threats]").click()
    desk.find('[data-threat="intruder"] [data-set]').click()
    desk.find("[data-confirm-dialog] input[name=reason]").fill("a drill")
    hold(desk)
    desk.find("[data-threats-dialog] .outcome.unknown").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_panel(open_desk: Callable[..., Desk], threat: str, theme: str) -> None:
    desk = open_desk("guard", color_scheme=theme, viewport={"width": 360, "height": 760})
    desk.find("header [data-threats]").click()
    desk.find('[data-threat="intruder"]').wait_for()
    assert desk.findings() == []
    assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
