"""Accessibility, widths, themes and what the first page costs; pictures for docs/desk.md on request."""

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from devicemgr.cli.demo.simulated_site import HOLDERS, UNKNOWN_CARD
from tests.support.browser import ROOT, Desk

PICTURES = ROOT / "docs" / "desk"
MAX_PICTURE_BYTES = 60_000
MAX_REQUESTS, MAX_FIRST_PAGE_BYTES, MAX_SCRIPT_BYTES, MAX_STYLE_BYTES = 30, 200_000, 60_000, 15_000
ROLE_OF = {"live": "guard", "devices": "technician"}


def few_rows(desk: Desk) -> None:
    """Leave few rows: axe-core looks at each one, and all are alike."""
    desk.find(".row").first.wait_for()
    desk.find("[data-search]").fill(HOLDERS[0].name)
    desk.find(f".row:not(:has-text('{HOLDERS[0].name}'))").first.wait_for(state="detached")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", ["sign-in", "live", "devices"])
def test_axe_finds_nothing(open_desk: Callable[..., Desk], page: str, theme: str) -> None:
    desk = open_desk(ROLE_OF.get(page), page=page, color_scheme=theme)
    desk.find("input" if page == "sign-in" else f".page.{page} :is([data-portal], [data-device])").first.wait_for()
    if page == "live":
        few_rows(desk)
    assert desk.findings() == []
    if page == "live":
        desk.find("[data-open]").first.click()
        desk.find("[data-confirm]").wait_for()
        assert desk.findings() == []


@pytest.mark.parametrize("locale", ["ru-RU", "kk-KZ"])
def test_axe_finds_nothing_in_other_languages(open_desk: Callable[..., Desk], locale: str) -> None:
    desk = open_desk("guard", locale=locale)
    desk.find("[data-portal]").first.wait_for()
    few_rows(desk)
    assert desk.findings() == []


@pytest.mark.parametrize("page", ["live", "devices"])
def test_nothing_is_wider_than_the_window(open_desk: Callable[..., Desk], page: str) -> None:
    desk = open_desk(ROLE_OF[page], page=page, locale="kk-KZ")
    desk.find(f".page.{page} :is([data-portal], [data-device])").first.wait_for()
    for width in (360, 768, 1280, 3840):
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
        assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, width


def test_a_phone_reaches_every_page(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("admin", viewport={"width": 360, "height": 740}, has_touch=True)
    desk.find('nav.menu a[href="#/live"]').wait_for()
    assert not desk.find('nav.menu a[href="#/system"]').is_visible()
    desk.find("nav.menu .more").tap()
    desk.find('nav.menu a[href="#/system"]').tap()
    desk.find(".page.system").wait_for()
    assert not desk.find('nav.menu a[href="#/system"]').is_visible()


def test_the_first_page_is_small(open_desk: Callable[..., Desk], site: Any, capsys: pytest.CaptureFixture[str]) -> None:
    desk = open_desk("guard")
    desk.find(".row").first.wait_for()
    desk.page.reload()
    desk.requests.clear()
    desk.page.reload()
    desk.find(".row").first.wait_for()
    assert len(desk.requests) <= MAX_REQUESTS
    files = [url for url in desk.requests if "/api/" not in url]
    sizes = {url: len(gzip.compress(desk.context.request.get(url).body())) for url in set(files)}
    with capsys.disabled():
        print(f"\nfirst page: {len(desk.requests)} requests, {sum(sizes.values())} bytes gz of files")
    assert sum(sizes.values()) <= MAX_FIRST_PAGE_BYTES
    assert sum(size for url, size in sizes.items() if url.endswith(".js")) <= MAX_SCRIPT_BYTES
    assert sum(size for url, size in sizes.items() if url.endswith(".css")) <= MAX_STYLE_BYTES


def test_a_chosen_theme_stays(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("guard", color_scheme="light")
    light = desk.find("body").evaluate("body => getComputedStyle(body).backgroundColor")
    desk.find("details.user summary").click()
    desk.find("[data-theme-choice]").select_option("dark")
    dark = desk.find("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert light != dark
    desk.page.reload()
    desk.find("nav.menu").wait_for()
    assert desk.find("body").evaluate("body => getComputedStyle(body).backgroundColor") == dark


def save(desk: Desk, name: str) -> None:
    image = Image.open(io.BytesIO(desk.page.screenshot()))
    path: Path = PICTURES / f"{name}.webp"
    path.parent.mkdir(exist_ok=True)
    image.save(path, quality=70, method=6)
    assert path.stat().st_size <= MAX_PICTURE_BYTES


@pytest.mark.skipif("DEVICEMGR_WRITE_DESK" not in os.environ, reason="DEVICEMGR_WRITE_DESK=1 writes docs/desk/")
def test_pictures_of_the_pages(open_desk: Callable[..., Desk], site: Any, wait_for: Callable[..., Any]) -> None:
    for portal, card in (("lobby", HOLDERS[0].card), ("staff-entrance", UNKNOWN_CARD), ("lobby", HOLDERS[4].card)):
        before = site.head()
        site.show(portal, card)
        kinds = ("passage_completed", "access_denied")
        wait_for(lambda: [e for e in site.api.get("/events", after=before) if e["kind"] in kinds], portal)  # noqa: B023
    size = {"width": 1280, "height": 800}
    desk = open_desk(None, viewport=size)
    desk.find("input").first.wait_for()
    save(desk, "sign-in")
    for theme in ("light", "dark"):
        desk = open_desk("guard", viewport=size, color_scheme=theme)
        desk.find(".row").nth(8).wait_for()
        save(desk, f"live-{theme}")
    desk.find('[data-portal="lobby"] [data-open]').click()
    desk.find("[data-confirm]").wait_for()
    save(desk, "open")
    site.set_alarms("lobby", "portal_forced", "portal_held_open")
    desk = open_desk("guard", page="alarms", viewport=size)
    desk.find("[data-row]").nth(1).wait_for()
    save(desk, "alarms")
    site.set_alarms("lobby")
    denials = site.api.get("/events", kind="access_denied", limit=1)
    desk = open_desk("guard", page=f"why/{denials[0]['seq']}", viewport=size)
    desk.find("[data-why] [data-row]").first.wait_for()
    save(desk, "why")
    for name, driver in (("yard-camera", "onvif_camera"), ("canteen-console", "hikvision_console")):
        body = {"name": name, "driver": driver, "address": "http://127.0.0.1:9", "username": "admin", "password": "x"}
        site.api.post("/devices", body)
    desk = open_desk("technician", page="devices", viewport=size)
    desk.find(".list tr.offline").nth(1).wait_for()
    save(desk, "devices")
    for name in ("Ivan Petrov", "Мария Ким"):
        site.api.post(
            "/visitors", {"name": name, "host": HOLDERS[0].badge, "valid_to": "2099-12-31", "levels": ["staff"]}
        )
    desk = open_desk("guard", page="visitors", viewport=size)
    desk.find("[data-row]").first.wait_for()
    save(desk, "visitors")
    muster = site.api.post("/musters", {"zone": "building", "drill": True})
    site.api.post("/musters/marks", {"badge": HOLDERS[0].badge, "mark": "safe"})
    desk = open_desk("guard", page=f"muster/{muster['id']}", viewport=size)
    desk.find('[data-filter="all"]').click()
    save(desk, "muster")
