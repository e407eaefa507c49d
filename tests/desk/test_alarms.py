"""Alarms: listed, heard and counted on every page, acknowledged once, and by whom."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import Desk

FORCED, HELD = '[data-row="portal_forced:lobby"]', '[data-row="portal_held_open:lobby"]'
# Chromium lets a page sound by itself unless it is started as people start it.
GESTURE = "--autoplay-policy=user-gesture-required"
# How many tones were begun, before any script of the page.
TONES = """
window.deskTones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...given) { window.deskTones += 1; return start.apply(this, given); };
"""


@pytest.fixture
def quiet(site: Any, wait_for: Callable[..., Any]) -> Iterator[Callable[[], None]]:
    """Leave the site without alarms."""

    def end() -> None:
        for portal in site.turnstiles:
            site.set_alarms(portal)
        wait_for(lambda: all(one["state"] == "over" for one in site.api.get("/alarms")), "the ends of alarms")
        for one in site.api.get("/alarms"):
            site.api.post(f"/alarms/{one['id']}/acknowledge", {"comment": "end of a test"})

    end()
    yield end
    end()


@pytest.fixture
def alarmed(site: Any, quiet: Any, wait_for: Callable[..., Any]) -> None:
    """A door is forced, and held open."""
    site.set_alarms("lobby", "portal_forced", "portal_held_open")
    wait_for(lambda: len(site.api.get("/alarms")) == 2, "two alarms")


def ids(desk: Desk) -> list[str]:
    return desk.find("[data-row]").evaluate_all("rows => rows.map(row => row.dataset.row)")


def test_a_new_alarm_is_counted_announced_and_listed_on_every_page(
    open_desk: Callable[..., Desk], site: Any, quiet: Any
) -> None:
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
