"""A muster goes on while the database is frozen, and a phone without network keeps its marks until it is back."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from devicemgr.cli.demo.simulated_site import HOLDERS
from tests.support.browser import Desk

FIRST, SECOND, THIRD = HOLDERS[:3]
MARKS = "**/api/v1/musters/marks"


@contextmanager
def frozen(site: Any) -> Iterator[None]:
    """Another process keeps the database's write lock."""
    with closing(sqlite3.connect(site.home.database, isolation_level=None, timeout=20)) as other:
        other.execute("begin immediate")
        yield
        other.execute("rollback")


def person(desk: Desk, badge: str, found: str = "") -> Any:
    return desk.find(f'[data-person="{badge}"]' + (f'[data-found="{found}"]' if found else ""))


def tick(desk: Desk, badge: str) -> None:
    person(desk, badge).locator("[data-mark=safe]").click()


def marked_events(site: Any, after: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.api.get("/events", after=after, kind="muster_marked", limit=50)
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_frozen_database_keeps_no_one_from_marking_and_others_from_seeing_it(
    open_desk: Callable[..., Desk], site: Any, drill: str, listed: Callable[..., Any], wait_for: Callable[..., Any]
) -> None:
    """Every other route hangs as well: states go on by the stream."""
    guard = open_desk("guard", page=f"muster/{drill}")
    admin = open_desk("admin", page=f"muster/{drill}")
    for desk in (guard, admin):
        person(desk, SECOND.badge).wait_for()
    before = site.head()
    hanging: list[Any] = []

    def hang(route: Any) -> None:
        hanging.append(route)

    admin.page.route(lambda url: "/api/v1/" in url and "/events/stream" not in url, hang)
    with frozen(site):
        tick(guard, FIRST.badge)
        person(admin, FIRST.badge, "safe").wait_for()
        person(guard, FIRST.badge, "safe").wait_for()
        guard.find("[data-waits]").wait_for(state="detached")
        assert listed(drill, FIRST.badge)["found"] == "safe"
        assert marked_events(site, before) == []
    wait_for(lambda: len(marked_events(site, before)) == 1, "the record")
    assert admin.find(".link.live").count() == 1
    for route in hanging:
        route.abort()


def test_a_muster_begins_and_ends_while_the_database_is_frozen(
    open_desk: Callable[..., Desk], site: Any, inside: None, wait_for: Callable[..., Any]
) -> None:
    desk = open_desk("guard", page="muster")
    desk.find("select[name=zone]").select_option("building")
    before = site.head()
    with frozen(site):
        desk.find("[data-start=drill]").click()
        desk.find("[data-confirm]").click()
        tick(desk, FIRST.badge)
        person(desk, FIRST.badge, "safe").wait_for()
        desk.find("[data-waits]").wait_for(state="detached")
        desk.find("[data-end]").click()
        desk.find("[data-confirm]").click()
        desk.find("[data-over]").wait_for()
        assert site.api.get("/events", after=before, kind="muster_started", limit=10) == []
    kinds = {"muster_started", "muster_marked", "muster_ended"}
    wait_for(lambda: kinds <= {one["kind"] for one in site.api.get("/events", after=before)}, "the record")


def test_marks_of_a_phone_without_network_are_sent_with_their_times_when_it_is_back(
    open_desk: Callable[..., Desk], site: Any, drill: str, listed: Callable[..., Any], wait_for: Callable[..., Any]
) -> None:
    desk = open_desk("guard", page=f"muster/{drill}", viewport={"width": 360, "height": 740})
    person(desk, FIRST.badge).wait_for()
    before = site.head()
    desk.context.set_offline(True)
    tick(desk, FIRST.badge)
    tick(desk, SECOND.badge)
    person(desk, FIRST.badge, "safe").locator("[data-waits]").wait_for()
    assert "2 marks are waiting to be sent" in desk.find("[data-unsent]").inner_text()
    assert listed(drill, FIRST.badge)["found"] == "missing"
    # While it was away the person was seen to be at home: any safe wins, and both are shown.
    site.api.post("/musters/marks", {"badge": FIRST.badge, "mark": "not_here", "reason": "at home"})
    desk.context.set_offline(False)
    wait_for(lambda: {listed(drill, one.badge)["found"] for one in (FIRST, SECOND)} == {"safe"}, "both marks")
    desk.find("[data-unsent]").wait_for(state="detached")
    person(desk, FIRST.badge, "safe").locator(".sub.warn", has_text="safe counts").wait_for()
    mine = [one for one in marked_events(site, before) if one["actor"] == "operator:guard"]
    assert [one["person"] for one in mine] == [FIRST.badge, SECOND.badge]
    for event in mine:
        assert (moment(event["time"]) - moment(event["detail"]["at"])).total_seconds() > 0
    other = next(one for one in marked_events(site, before) if one["actor"] != "operator:guard")
    assert moment(mine[0]["detail"]["at"]) < moment(other["time"])


def test_without_the_daemon_the_list_says_so_and_marks_are_sent_once_it_is_back(
    open_desk: Callable[..., Desk],
    site: Any,
    signed_in: dict[str, Any],
    drill: str,
    listed: Callable[..., Any],
    wait_for: Callable[..., Any],
) -> None:
    """The daemon ends, and with it the session: marks wait until the same guard has signed in again."""
    desk = open_desk("guard", page=f"muster/{drill}")
    person(desk, FIRST.badge, "missing").wait_for()
    site.daemon.stop()
    try:
        desk.find("[data-offline]").wait_for()
        assert desk.find("[data-end]").is_disabled()
        tick(desk, FIRST.badge)
        person(desk, FIRST.badge, "safe").locator("[data-waits]").wait_for()
    finally:
        signed_in.clear()
        site.start_daemon()
    desk.find(".sign-in").wait_for()
    assert FIRST.name not in desk.page.content()
    desk.sign_in("guard")
    wait_for(lambda: listed(drill, FIRST.badge)["found"] == "safe", "the mark")
    desk.find("[data-unsent]").wait_for(state="detached")
    assert desk.find("[data-offline]").count() == 0
    site.wait_for_gates()


def test_a_mark_whose_answer_was_lost_is_recorded_once(
    open_desk: Callable[..., Desk], site: Any, drill: str, wait_for: Callable[..., Any]
) -> None:
    desk = open_desk("guard", page=f"muster/{drill}")
    person(desk, THIRD.badge).wait_for()
    before = site.head()

    def lose(route: Any) -> None:
        """The daemon has it, and the answer is lost."""
        route.fetch()
        route.abort()

    desk.page.route(MARKS, lose, times=2)
    tick(desk, THIRD.badge)
    desk.find("[data-unsent]").wait_for()
    desk.find("[data-unsent]").wait_for(state="detached")
    wait_for(lambda: marked_events(site, before), "the record")
    assert len(marked_events(site, before)) == 1
    assert len([url for url in desk.requests if url.endswith("/musters/marks")]) == 3


def test_a_mark_that_comes_after_the_end_is_refused_in_words(
    open_desk: Callable[..., Desk], site: Any, drill: str
) -> None:
    desk = open_desk("guard", page=f"muster/{drill}")
    person(desk, FIRST.badge).wait_for()
    desk.context.set_offline(True)
    tick(desk, FIRST.badge)
    desk.find("[data-unsent]").wait_for()
    site.api.post(f"/musters/{drill}/end")
    desk.context.set_offline(False)
    desk.find(".said.bad", has_text=f"{FIRST.badge} could not be marked").wait_for()
    desk.find("[data-over]").wait_for()


def test_one_is_asked_before_marks_that_wait_are_lost(open_desk: Callable[..., Desk], drill: str) -> None:
    desk = open_desk("guard", page=f"muster/{drill}")
    person(desk, FIRST.badge).wait_for()
    asked: list[str] = []
    desk.page.remove_listener("dialog", desk._on_dialog)
    desk.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    with desk.page.expect_request_finished(lambda request: request.url.endswith("/musters/marks")):
        tick(desk, SECOND.badge)
    person(desk, SECOND.badge, "safe").wait_for()
    desk.page.route(MARKS, lambda route: route.abort())
    tick(desk, FIRST.badge)
    desk.find("[data-unsent]").wait_for()
    # Another page of the desk keeps them, and goes on sending.
    desk.find('nav.menu a[href="#/live"]').click()
    desk.find(".page.live").wait_for()
    assert "1 mark is waiting" in desk.find("[data-unsent]").inner_text()
    desk.page.close(run_before_unload=True)
    desk.find("details.user summary").click()
    assert asked == ["beforeunload"]
    desk.find("[data-sign-out]").click()
    assert "lost when you sign out" in desk.find("[data-confirm-dialog]").inner_text()
    desk.page.keyboard.press("Escape")
    desk.page.unroute(MARKS)
    desk.find("[data-unsent]").wait_for(state="detached")
