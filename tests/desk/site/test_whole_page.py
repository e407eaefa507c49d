"""The page of the site as a whole: rights, accessibility, widths, text of strangers, and a site with nothing."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.browser import ROOT, Desk
from tests.support.plain_site import PlainSite

MARK = "window.pwned=1"
HOSTILE = (f"<img src=x onerror={MARK}>", f"</textarea><script>{MARK}</script>", f"${{{MARK}}}")
TABS = ("schedules", "calendars", "levels", "departments", "portals", "zones", "interlocks", "threats")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_tabs(open_desk: Callable[..., Desk], theme: str) -> None:
    desk = open_desk("admin", page="site/levels", color_scheme=theme)
    desk.find('[data-cell="level-000/portal-000"]').click()
    desk.page.keyboard.press("Delete")
    desk.find("[data-search]").fill("level-00")
    assert desk.findings() == []
    desk.visit("site/schedules/office")
    desk.find("[data-editor] [data-window]").first.wait_for()
    assert desk.findings() == []


@pytest.mark.parametrize("page", ["levels", "portals", "zones", "file"])
def test_no_tab_is_wider_than_the_window(open_desk: Callable[..., Desk], page: str) -> None:
    desk = open_desk("admin", page=f"site/{page}", locale="kk-KZ")
    desk.find(".list, .matrix, textarea").first.wait_for()
    for width in (360, 768, 1280, 3840):
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
        assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, width


def test_text_of_strangers_is_text(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = open_desk("admin", page="site/file")
    for text in HOSTILE:
        desk.find("textarea[name=toml]").fill(f"[calendars.kz]\ndays = ['2026-12-20 holiday {text[:40]}']\n")
        desk.find("[data-plan]").click()
        desk.find(".plan ins", has_text=text[:12]).wait_for()
    desk.visit(f"site/zones/{HOSTILE[0]}")
    desk.find(".said", has_text="There is no").wait_for()
    assert desk.page.evaluate("window.pwned") is None


def test_a_site_with_nothing_says_what_to_do(browser: Any, chromium: None, tmp_path: Path) -> None:
    with PlainSite(tmp_path) as plain:
        desk = Desk(browser, plain)
        desk.visit("site/schedules")
        desk.sign_in("admin")
        for tab in TABS:
            desk.find(f'[data-tab="{tab}"]').click()
            desk.find(f'[data-tab="{tab}"][aria-current]').wait_for()
            assert "yet" in desk.find(".empty", has_text="add").first.inner_text()
        desk.find('[data-tab="file"]').click()
        desk.find("textarea[name=toml]").fill("[site]\nconsent_days = 0\n")
        desk.find("[data-plan]").click()
        desk.find("[data-no-changes]").wait_for()
        desk.close()
        assert desk.reports() == []


def picture(desk: Desk, name: str) -> None:
    path = ROOT / "docs" / "desk" / f"{name}.webp"
    Image.open(io.BytesIO(desk.page.screenshot())).save(path, quality=60, method=6)
    assert path.stat().st_size <= 60_000


@pytest.mark.skipif("DEVICEMGR_WRITE_DESK" not in os.environ, reason="DEVICEMGR_WRITE_DESK=1 writes docs/desk/")
def test_pictures_of_the_site(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("admin", page="site/levels", viewport={"width": 1280, "height": 800})
    desk.find('[data-cell="level-003/portal-005"]').click()
    desk.find("[name=coverage]").select_option("@office")
    picture(desk, "site-levels")
    desk.find("[data-discard]").click()
    desk.visit("site/schedules/office")
    desk.find("[data-editor] [data-window]").first.wait_for()
    picture(desk, "site-schedule")
