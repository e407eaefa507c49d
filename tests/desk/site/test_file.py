"""The site's file in the desk: save it, see what another would change and for whom, apply exactly that."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import Desk

ADDED = '[schedules.desk-evening]\nwindows = ["mon-fri 17:00-20:00"]\ntimezone = "Asia/Almaty"\n'
EDITED = '[schedules.office]\nwindows = ["mon-fri 08:00-19:00"]\ntimezone = "Asia/Almaty"\nholidays = ["@kz"]\n'


def plan(desk: Desk, toml: str) -> None:
    """Paste a file and ask what it would change."""
    desk.find("textarea[name=toml]").fill(toml)
    desk.find("[data-plan]").click()


def apply(desk: Desk) -> None:
    desk.find("[data-apply]").click()
    desk.find("[data-confirm-dialog] [data-confirm]").click()


@pytest.fixture
def clean(site: Any) -> Iterator[None]:
    """Schedules are as they were afterwards."""
    toml = site.api.get("/site")["toml"]
    yield
    site.api.post("/site/apply", {"toml": toml, "prune": True}, timeout=60)


def names(site: Any) -> list[str]:
    return [one["name"] for one in site.api.get("/schedules")]


def test_a_file_is_planned_and_applied(open_desk: Callable[..., Desk], site: Any, clean: None) -> None:
    desk = open_desk("admin", page="site/file")
    plan(desk, ADDED + EDITED)
    desk.find(".list tr.change.add", has_text="desk-evening").wait_for()
    edited = desk.find(".list tr.change.edit", has_text="office")
    assert edited.locator("del").inner_text().endswith("mon-fri 08:00-18:00")
    assert edited.locator("ins").inner_text().endswith("mon-fri 08:00-19:00")
    assert "18:00-19:00" in desk.find("[data-hours]").inner_text()
    assert "desk-evening" not in names(site)
    apply(desk)
    desk.find(".said", has_text="Applied").wait_for()
    assert "desk-evening" in names(site)
    plan(desk, ADDED + EDITED)
    desk.find("[data-no-changes]").wait_for()
    assert desk.find("[data-apply]").count() == 0


def test_a_plan_that_is_out_of_date_is_not_applied(open_desk: Callable[..., Desk], site: Any, clean: None) -> None:
    desk = open_desk("admin", page="site/file")
    plan(desk, ADDED)
    desk.find("[data-apply]").wait_for()
    site.api.post("/schedules", {"name": "of-another", "windows": ["daily 01:00-02:00"], "timezone": "UTC"})
    apply(desk)
    desk.find(".said", has_text="out of date").wait_for()
    assert "desk-evening" not in names(site)
    apply(desk)
    desk.find(".said", has_text="Applied").wait_for()
    assert {"desk-evening", "of-another"} <= set(names(site))


def test_a_replay_says_who_loses(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("admin", page="site/file")
    plan(desk, ADDED)
    desk.find("[data-replay-plan]").click()
    assert desk.find("[data-total]").count() == 0 or desk.find("[data-total]").count() == 3
    desk.find("[data-total=losses]").wait_for()
    assert "0 people" in desk.find("[data-total=losses]").inner_text()


def test_two_admins_must_agree(open_desk: Callable[..., Desk], site: Any, clean: None) -> None:
    desk = open_desk("admin", page="site/file")
    plan(desk, "[site]\nretention_days = 40\n")
    desk.find("[data-two-admins]").wait_for()
    apply(desk)
    desk.find("[data-approval=waiting]").wait_for()
    waiting = site.api.get("/approvals")[0]
    site.api.post(f"/approvals/{waiting['id']}", {})
    desk.find("[data-approval=given]").wait_for()
    apply(desk)
    desk.find(".said", has_text="Applied").wait_for()


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[schedules", "not valid TOML"),
        ('[levels.level-000]\nportals = ["nowhere"]\n', "nowhere"),
        ("[zones.a]\nmax = 0\n", "max"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_words(open_desk: Callable[..., Desk], toml: str, words: str) -> None:
    desk = open_desk("admin", page="site/file")
    plan(desk, toml)
    assert words in desk.find("[data-refused]").inner_text()
    assert desk.find("[data-apply]").count() == 0


def test_a_technician_can_not_plan_what_is_for_admins(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("technician", page="site/file")
    plan(desk, ADDED)
    assert "desk-evening" in desk.find("[data-refused]").inner_text()
    plan(desk, "[zones.desk-yard]\nmax = 3\n")
    desk.find(".list tr.change.add", has_text="desk-yard").wait_for()
    assert desk.find("[data-replay-plan]").count() == 0


def test_a_file_can_be_chosen_and_saved(open_desk: Callable[..., Desk], tmp_path: Any) -> None:
    desk = open_desk("auditor", page="site/file")
    with desk.page.expect_download() as download:
        desk.find("[data-export]").click()
    assert download.value.suggested_filename == "site.toml"
    assert "[levels.level-042]" in download.value.path().read_text()
    assert desk.find("[data-plan]").count() == 0
    admin = open_desk("admin", page="site/file")
    path = tmp_path / "own.toml"
    path.write_text(ADDED, encoding="utf-8")
    admin.find("input[type=file]").set_input_files(str(path))
    admin.find("[data-plan]").click()
    admin.find(".list tr.change.add", has_text="desk-evening").wait_for()
    assert admin.findings() == []
