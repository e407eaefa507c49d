"""A daemon that is away: said at once, states gray, actions off; afterwards nothing is missing or doubled."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import SimulatedSite
from tests.support.browser import Desk


def pause(site: SimulatedSite) -> None:
    os.kill(site.daemon.process.pid, signal.SIGSTOP)


def go_on(site: SimulatedSite) -> None:
    os.kill(site.daemon.process.pid, signal.SIGCONT)


def check_gapless(desk: Desk) -> None:
    shown = desk.seqs()
    assert shown == list(range(shown[0], shown[0] - len(shown), -1))


def test_a_silent_daemon_is_shown_and_comes_back_by_itself(open_desk: Callable[..., Desk], site: SimulatedSite) -> None:
    desk = open_desk("guard")
    desk.find(".link.live").wait_for()
    desk.find("[data-open]:enabled").first.wait_for()
    pause(site)
    try:
        desk.find("[data-away]").wait_for()
        assert desk.find("[data-open]:enabled").count() == 0
        desk.find(".portal.stale").first.wait_for()
        assert "not known since" in desk.find(".portal.stale .state").first.inner_text()
    finally:
        go_on(site)
    desk.find(".link.live").wait_for()
    desk.find(".portal:not(.stale)").first.wait_for()
    site.api.post("/people", {"name": "After", "badge": "AFTER-1"})
    desk.row(site.head()).wait_for()
    check_gapless(desk)
    assert desk.find("[data-away]").count() == 0


@pytest.fixture
def own_site(browser: Any, tmp_path: Path) -> Iterator[SimulatedSite]:
    with SimulatedSite(tmp_path) as found:
        yield found


def test_a_daemon_that_is_started_again(browser: Any, own_site: SimulatedSite) -> None:
    """Sessions end with the daemon: one signs in again, and finds all that has happened since."""
    desk = Desk(browser, own_site)
    desk.visit("live")
    desk.sign_in("guard")
    desk.find(".row").first.wait_for()
    own_site.daemon.stop()
    desk.find("[data-away]").wait_for()
    own_site.start_daemon()
    desk.find(".sign-in").wait_for()
    assert desk.find(".row").count() == 0
    own_site.api.post("/people", {"name": "Meantime", "badge": "M-1"})
    desk.sign_in("guard")
    desk.row(own_site.head()).wait_for()
    check_gapless(desk)
    desk.close()
    assert desk.reports() == []


def test_the_pages_of_another_host_are_not_let_in(site: SimulatedSite, browser: Any) -> None:
    """DNS rebinding, and a frame around the desk."""
    context = browser.new_context()
    page = context.new_page()
    answer = context.request.get(f"{site.address}", headers={"Host": "evil.example"})
    assert answer.status == 421
    page.route(
        "http://127.0.0.1:1/",
        lambda route: route.fulfill(body=f"<iframe src='{site.address}'></iframe>", content_type="text/html"),
    )
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto("http://127.0.0.1:1/")
    assert any("frame-ancestors" in text for text in refused) or page.frames[-1].url == "chrome-error://chromewebdata/"
    context.close()
