"""A day of each role, from signing in to signing out, against a real daemon with simulated devices."""

from collections.abc import Callable
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import EXIT, HOLDERS
from tests.desk.enroll.conftest import STREAMS
from tests.desk.enroll.test_import import choose, phase
from tests.desk.enroll.test_webcam import start
from tests.desk.test_devices import HOST
from tests.desk.test_plan import hit
from tests.support.browser import Desk

SOMEONE = HOLDERS[3]


def begin(open_desk: Callable[..., Desk], role: str) -> Desk:
    """Sign in by name and password, as one does in the morning."""
    desk = open_desk(None, page="")
    desk.sign_in(role)
    return desk


def go(desk: Desk, page: str) -> None:
    """Go to a page by the menu."""
    desk.find(f'nav.menu a[href="#/{page}"]').click()
    desk.find(f'nav.menu a[href="#/{page}"][aria-current=page]').wait_for()


def end(desk: Desk) -> None:
    """Sign out: nothing of people stays on the page."""
    desk.find("details.user summary").click()
    desk.find("[data-sign-out]").click()
    desk.find("desk-sign-in").wait_for()
    assert not any(holder.name in desk.page.content() for holder in HOLDERS)


@pytest.mark.usefixtures("quiet")
def test_a_guard_watches_locks_acknowledges_and_musters(
    open_desk: Callable[..., Desk], site: Any, ground: str, wait_for: Callable[..., Any]
) -> None:
    before = site.head()
    desk = begin(open_desk, "guard")
    desk.find('[data-portal="lobby"]').wait_for()
    site.show("lobby", SOMEONE.card)
    desk.find('[data-portal="lobby"] .decision.good', has_text=SOMEONE.name).wait_for()
    desk.find(".row.good", has_text=SOMEONE.name).first.wait_for()

    go(desk, "plan")
    hit(desk, "portal:staff-entrance").click()
    desk.find(".plan-panel [data-mode]").click()
    desk.find("desk-portal-dialog input[value=locked]").check()
    desk.find("desk-portal-dialog [data-confirm]").click()
    desk.find(".outcome.confirmed").wait_for()
    desk.page.keyboard.press("Escape")
    desk.find('.thing.locked[data-portal="staff-entrance"]').wait_for()
    assert site.api.get("/portals/staff-entrance")["mode"] == "locked"

    site.set_alarms("lab-door", "portal_forced")
    desk.find("[data-count]", has_text="1").wait_for()
    go(desk, "alarms")
    desk.find('[data-row="portal_forced:lab-door"] [data-acknowledge]').click()
    desk.find("dialog[open] [name=comment]").fill("the wind; shut by hand")
    desk.find("dialog[open] [data-confirm]").click()
    desk.find('[data-row="portal_forced:lab-door"]', has_text="guard").wait_for()
    (alarm,) = site.api.get("/alarms")
    assert alarm["acknowledged"]["comment"] == "the wind; shut by hand"

    go(desk, "muster")
    desk.find("select[name=zone]").select_option("building")
    desk.find("[data-start=drill]").click()
    desk.find("[data-confirm-dialog] [data-confirm]").click()
    desk.find(f'[data-person="{SOMEONE.badge}"] [data-mark=safe]').click()
    desk.find("[data-end]").click()
    desk.find("[data-confirm]").click()
    desk.find("[data-over]").wait_for()
    end(desk)

    kinds = [event["kind"] for event in site.api.get("/events", after=before, limit=1000)]
    wanted = ["access_granted", "admin.portal_mode", "portal_forced", "alarm_acknowledged"]
    wanted += ["muster_started", "muster_marked", "muster_ended"]
    assert [kind for kind in kinds if kind in wanted] == wanted
    site.api.call("PUT", "/portals/staff-entrance/mode", json={"mode": "normal"})
    site.show("lobby", SOMEONE.card, EXIT)


@pytest.mark.usefixtures("leftovers")
def test_hr_imports_a_table_and_enrolls_a_face(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = begin(open_desk, "admin")
    desk.page.add_init_script(STREAMS)
    go(desk, "people")
    desk.visit("people/import")
    choose(desk, "staff.csv", "badge,name,levels\nM-1,Ғалия Әбдіқадырова,staff\nM-2,Пётр Иванов,staff\n")
    phase(desk, "planned")
    desk.find("[data-begin]").click()
    phase(desk, "done")
    go(desk, "people")
    desk.find("[data-search]").fill("galiya")
    desk.find('[data-row="M-1"]').click()
    desk.find('a[href="#/people/M-1/face"]').click()
    start(desk, "form 12")
    desk.find("[data-enrolled]").wait_for(timeout=120_000)
    assert site.api.get("/people/M-1")["templates"] == 3
    end(desk)


def test_a_technician_finds_and_adds_a_camera(
    open_desk: Callable[..., Desk], site: Any, camera: Any, wait_for: Callable[..., Any]
) -> None:
    desk = begin(open_desk, "technician")
    go(desk, "devices")
    desk.find("[data-find]").click()
    desk.find("textarea[name=hosts]").fill(HOST)
    desk.find("input[name=seconds]").fill("1")
    desk.find("[data-search-now]").click()
    desk.find(f"tr[data-row*='{camera.base}'] [data-choose]").click()
    desk.find("input[name=device]").fill("day-camera")
    desk.find("input[name=user]").fill("admin")
    desk.find("input[name=secret]").fill("admin")
    desk.find("[data-save]").click()
    desk.find("[data-test]").click()
    desk.find("[data-tested]").wait_for()
    go(desk, "devices")
    desk.find('[data-row="day-camera"], [data-device="day-camera"]').first.wait_for()
    end(desk)
    site.api.call("DELETE", "/devices/day-camera")


def test_an_auditor_verifies_the_record(open_desk: Callable[..., Desk]) -> None:
    desk = begin(open_desk, "auditor")
    go(desk, "record")
    desk.find('[data-tab="check"]').click()
    desk.find("[data-verify]").click()
    desk.find("[data-result=good]").wait_for()
    end(desk)
