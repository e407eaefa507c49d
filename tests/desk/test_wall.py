"""A display on a wall: signed in by a token in the fragment, without controls, kept by its browser."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import HOLDERS, UNKNOWN_CARD
from tests.desk.test_looks import save
from tests.support.browser import Desk


@pytest.fixture
def token(site: Any) -> Iterator[str]:
    made = site.api.post("/operators/guard/tokens", {"roles": ["guard"], "days": 1, "kiosk": True})
    yield made["token"]
    (guard,) = (one for one in site.api.get("/operators") if one["name"] == "guard")
    if made["id"] in [one["id"] for one in guard["tokens"]]:
        site.api.call("DELETE", f"/operators/guard/tokens/{made['id']}")


@pytest.mark.parametrize("size", [(1280, 720), (3840, 2160), (1080, 1920)])
def test_a_display_shows_what_happens_and_nothing_to_press(
    open_desk: Callable[..., Desk], site: Any, token: str, size: tuple[int, int]
) -> None:
    desk = open_desk(None, viewport={"width": size[0], "height": size[1]})
    desk.page.goto(f"{site.address}?wall#kiosk={token}")
    desk.find("[data-portal]").nth(2).wait_for()
    assert token not in desk.page.url
    assert not any(token in url for url in desk.requests)
    site.show("lobby", HOLDERS[0].card)
    desk.find('[data-portal="lobby"] .decision.good').wait_for()
    site.show("staff-entrance", UNKNOWN_CARD)
    desk.find('[data-portal="staff-entrance"] .decision.bad').wait_for()
    assert desk.find("button, select, input, a").count() == 0
    # The making of its token is an event that guards see, and no business of who passes by.
    assert desk.find(".row").count() > 0
    assert desk.find(".row", has_text="Token made").count() == 0
    assert desk.find("body").evaluate("body => getComputedStyle(body).cursor") == "none"
    assert desk.find("body").evaluate("body => parseFloat(getComputedStyle(body).fontSize)") >= size[0] / 80
    assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert desk.findings() == []
    desk.page.goto(f"{site.address}?wall#/live")
    desk.page.reload()
    desk.find("[data-portal]").nth(2).wait_for()


def test_a_display_is_signed_in_by_the_form_and_ended_by_revoking(
    open_desk: Callable[..., Desk], site: Any, token: str
) -> None:
    desk = open_desk(None)
    desk.find("[data-display] summary").click()
    desk.find("input[name=token]").fill("dm_wrong")
    desk.find("[data-display-submit]").click()
    desk.find(".message:has-text('not known here')").wait_for()
    desk.find("input[name=token]").fill(token)
    desk.find("[data-display-submit]").click()
    desk.find("[data-portal]").first.wait_for()
    assert desk.find("[data-open], [data-mode]").count() == 0
    (listed,) = next(one for one in site.api.get("/operators") if one["name"] == "guard")["tokens"]
    site.api.call("DELETE", f"/operators/guard/tokens/{listed['id']}")
    desk.find("input[name=username]").wait_for()


def test_a_display_loads_another_version_by_itself_and_once(
    open_desk: Callable[..., Desk], site: Any, token: str
) -> None:
    """The version is looked at before each connection; one that changes is loaded without a click."""
    desk = open_desk(None)
    desk.page.goto(f"{site.address}?wall#kiosk={token}")
    desk.find("[data-portal]").nth(2).wait_for()
    looks: list[str] = []

    def answer(route: Any) -> None:
        if route.request.method != "HEAD":
            route.continue_()
            return
        looks.append("first" if not looks else "another")
        route.fulfill(status=200, headers={"etag": f'"{looks[-1]}"'})

    desk.page.route(lambda url: url.split("?")[0] == site.address, answer)
    desk.page.route("**/api/v1/events/stream", lambda route: route.abort())
    with desk.page.expect_event("load"):
        desk.page.reload()
    with desk.page.expect_event("load"):
        pass  # by itself
    desk.page.unroute("**/api/v1/events/stream")
    loads: list[str] = []
    desk.page.on("load", lambda page: loads.append(page.url))
    desk.find("[data-portal]").nth(2).wait_for()
    assert loads == []
    assert desk.find("[data-display], input[name=username]").count() == 0


@pytest.mark.skipif("DEVICEMGR_WRITE_DESK" not in os.environ, reason="DEVICEMGR_WRITE_DESK=1 writes docs/desk/")
def test_picture_of_a_display(open_desk: Callable[..., Desk], site: Any, token: str) -> None:
    desk = open_desk(None, viewport={"width": 1280, "height": 720}, color_scheme="dark")
    desk.page.goto(f"{site.address}?wall#kiosk={token}")
    desk.find("[data-portal]").nth(2).wait_for()
    site.show("lobby", HOLDERS[0].card)
    desk.find('[data-portal="lobby"] .decision.good').wait_for()
    site.show("staff-entrance", UNKNOWN_CARD)
    desk.find('[data-portal="staff-entrance"] .decision.bad').wait_for()
    save(desk, "wall")
