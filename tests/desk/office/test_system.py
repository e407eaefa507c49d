"""The system's page: what each role sees of the box, and the doctor for those who may."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.browser import Desk


def test_the_box_is_shown_to_a_guard_without_the_doctor(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = open_desk("guard", page="system")
    box = desk.find("[data-box]")
    box.wait_for()
    assert site.api.get("/version")["version"] in box.inner_text()
    assert "None was made yet" in box.inner_text()
    desk.find("[data-alarms]").wait_for()
    assert desk.find("[data-doctor]").count() == 0


def test_a_technician_runs_the_checks(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("technician", page="system")
    desk.find("[data-doctor]").click()
    desk.find('[data-check="database"]').wait_for()
    assert "Device lobby-gate" in desk.find(".checks").inner_text()
    assert desk.findings() == []


def test_one_need_not_wait_for_the_checks(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("technician", page="system")
    desk.page.route("**/doctor", lambda route: None)
    desk.find("[data-doctor]").click()
    desk.find("[data-cancel]").click()
    desk.find("[role=status]", has_text="Stopped waiting").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_too_wide(open_desk: Callable[..., Desk], theme: str) -> None:
    desk = open_desk("admin", page="system", color_scheme=theme, locale="kk-KZ")
    desk.find("[data-box]").wait_for()
    assert desk.findings() == []
    for width in (360, 768, 1280, 3840) if theme == "light" else ():
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, width
