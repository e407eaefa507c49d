"""A daemon that is away: said at once, states gray, actions off; afterwards nothing is missing or doubled."""

import os
import signal
from collections.abc import Callable
from typing import Any

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


def test_a_daemon_that_is_started_again(
    open_desk: Callable[..., Desk], site: SimulatedSite, signed_in: dict[str, Any]
) -> None:
    """Sessions end with the daemon: one signs in again, and finds all that has happened since."""
    desk = open_desk("guard")
    desk.find(".row").first.wait_for()
    before = site.head()
    site.daemon.stop()
    desk.find("[data-away]").wait_for()
    signed_in.clear()
    site.start_daemon()
    desk.find(".sign-in").wait_for()
    assert desk.find(".row").count() == 0
    site.wait_for_gates()
    site.api.post("/people", {"name": "Meantime", "badge": "M-1"})
    desk.sign_in("guard")
    desk.row(site.head()).wait_for()
    assert before in desk.seqs()
    check_gapless(desk)


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
