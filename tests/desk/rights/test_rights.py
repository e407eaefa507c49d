"""What each role is shown is what it may do; what is not shown is refused."""

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devicemgr.api.authorization import TABLE
from devicemgr.cli.demo.simulated_site import HOLDERS, ROLES
from devicemgr.domain.model import Role
from tests.desk.rights.table import SIGNING_IN, UNSHOWN, VIEWS, View
from tests.support.browser import ROOT, Desk

SOURCES = ROOT / "devicemgr" / "web" / "src"
CALL = """async ([method, path, body]) => {
  const { csrf } = await (await fetch("/api/v1/session")).json();
  const headers = { "X-CSRF-Token": csrf, "Content-Type": "application/json" };
  return (await fetch("/api/v1" + path, { method, headers, body: body && JSON.stringify(body) })).status;
}"""
REFUSED = """async (calls) => {
  const { csrf } = await (await fetch("/api/v1/session")).json();
  const headers = { "X-CSRF-Token": csrf, "Content-Type": "application/json" };
  const one = async ([method, path]) =>
    (await fetch("/api/v1" + path, { method, headers, ...(method === "GET" ? {} : { body: "{}" }) })).status;
  return Promise.all(calls.map(one));
}"""


def operations(given: str | tuple[str, ...]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else given


def allowed(role: str, operation: str) -> bool:
    method, path = operation.split(" ")
    return Role(role) in TABLE[method, path]


def come_to(desk: Desk, view: View, address: str, role: str) -> None:
    """Go to a view; one that a role may not see leads to another page."""
    if desk.page.url.endswith(f"#/{address}"):
        desk.page.evaluate("location.hash = '#/system'")  # what was clicked there is over
        desk.find("[data-box]").wait_for()
    desk.page.evaluate("hash => { location.hash = hash; }", f"#/{address}")
    desk.page.evaluate("new Promise(requestAnimationFrame)")
    if not allowed(role, view.needs):
        return
    for click in view.clicks:
        desk.find(click).first.click()
    desk.find(f"{view.root} {view.ready}").first.wait_for(state="attached")


def embellish(desk: Desk) -> None:
    """Let the page see a face that is enrolled and a calendar that follows a server, which take long to have here."""

    def enrolled(person: dict[str, Any]) -> Any:
        return person | {"consent": {"reference": "paper 12", "given": "2026-01-01T08:00:00Z"}}

    def following(calendars: list[dict[str, Any]]) -> Any:
        feed = {"url": "https://calendar.invalid/kz.ics", "every": "24h", "insecure": False, "read_at": None}
        feed |= {"failure": None, "is_held": False, "left_out": [], "by_hand": []}
        return [calendar | {"feed": feed} for calendar in calendars]

    def changed(change: Callable[[Any], Any]) -> Callable[[Any], None]:
        def answer(route: Any) -> None:
            found = route.fetch()
            route.fulfill(response=found, json=change(found.json()) if found.ok else found.json())

        return answer

    desk.page.route("**/api/v1/people/1002", changed(enrolled))
    desk.page.route("**/api/v1/calendars", changed(following))


def shown_wrongly(desk: Desk, view: View, role: str) -> list[str]:
    """Return the rows that are shown without the right, or missing."""
    wrong = []
    for selector, given in view.rows.items():
        may = all(allowed(role, operation) for operation in (view.needs, *operations(given)))
        found = desk.find(f"{view.root} {selector}")
        if may:
            try:
                found.first.wait_for(state="attached")
            except Exception:
                wrong.append(f"{view.address}: {selector} is missing")
        elif found.count() > 0:
            wrong.append(f"{view.address}: {selector} is shown")
    return wrong


@pytest.mark.parametrize("role", ROLES)
def test_each_button_is_shown_to_those_who_may_and_refused_to_others(
    open_desk: Callable[..., Desk], named: dict[str, str], role: str
) -> None:
    desk = open_desk(role, page="system")
    desk.find("[data-box]").wait_for()
    desk.context.set_default_timeout(8000)
    embellish(desk)
    wrong: list[str] = []
    for view in VIEWS:
        if view.page == "threats":
            continue
        address = re.sub(r"[A-Z]{2,}", lambda word: named[word[0]], view.address)
        come_to(desk, view, address, role)
        wrong += shown_wrongly(desk, view, role)
    assert wrong == []
    every = {operation for view in VIEWS for row in view.rows.values() for operation in operations(row)}
    refused = sorted(operation for operation in every if not allowed(role, operation))
    calls = [[operation.split(" ")[0], re.sub(r"\{\w+\}", "1001", operation.split(" ")[1])] for operation in refused]
    assert dict(zip(refused, desk.page.evaluate(REFUSED, calls), strict=True)) == dict.fromkeys(refused, 403)


@pytest.mark.parametrize("role", ROLES)
def test_threats_are_set_and_ended_by_those_who_may(
    open_desk: Callable[..., Desk], named: dict[str, str], role: str
) -> None:
    views = [view for view in VIEWS if view.page == "threats"]
    desk = open_desk(role)
    desk.find("nav.menu a").first.wait_for()
    if allowed(role, views[0].needs):
        desk.find("header [data-threats]").click()
        desk.find(views[0].ready).wait_for()
    assert [wrong for view in views for wrong in shown_wrongly(desk, view, role)] == []


def page_of(source: Path) -> str:
    """Return the page of a source; nothing for what pages share."""
    parts = source.relative_to(SOURCES).parts
    return parts[1].removesuffix(".ts") if parts[0] == "pages" else ""


def stated(text: str) -> set[str]:
    """Return the operations that a source calls or asks the right for; reading alone needs no button."""
    calls = re.findall(r'\b(?:call|followed)\(\s*"(\w+)",\s*"/api/v1([^"]*)"', text)
    words = re.findall(r'"((?:GET|POST|PUT|PATCH|DELETE) /[^"]*)"', text)
    return {f"{method.upper()} {path}" for method, path in calls if method != "get"} | set(words)


def sources() -> dict[Path, str]:
    files = [path for path in SOURCES.rglob("*.ts") if path.name not in ("schema.d.ts", "client.ts")]
    return {path: path.read_text(encoding="utf-8") for path in files}


def test_every_operation_of_a_page_has_a_row() -> None:
    """A new button is tried for each role, or this says that it is not."""
    rows: dict[str, set[str]] = defaultdict(set)
    for view in VIEWS:
        rows[view.page] |= {operation for row in view.rows.values() for operation in operations(row)}
        rows[view.page].add(view.needs)
    everywhere = set().union(*rows.values()) | SIGNING_IN | set(UNSHOWN)
    missing: dict[str, set[str]] = defaultdict(set)
    for path, text in sources().items():
        page = page_of(path)
        for operation in stated(text):
            known = everywhere if not page or operation.startswith("GET ") else rows[page] | SIGNING_IN
            if operation not in known:
                missing[page or path.name].add(operation)
    assert missing == {}


def test_no_call_hides_its_operation_from_the_table() -> None:
    """Each call names its method and path where it stands."""
    for path, text in sources().items():
        calls = re.findall(r"(?<![.\w])(?:call|followed)(?:<[^>]*>)?\((?!\))", text)
        named = re.findall(r'(?<![.\w])(?:call|followed)\(\s*"\w+",\s*"/api/v1[^"]*"', text)
        assert len(calls) == len(named), path.name


def test_every_row_stands_for_an_operation_of_the_api() -> None:
    every = {operation for view in VIEWS for row in view.rows.values() for operation in operations(row)}
    every |= {view.needs for view in VIEWS} | SIGNING_IN | set(UNSHOWN)
    assert {operation for operation in every if tuple(operation.split(" ")) not in TABLE} == set()


def test_a_technician_sees_devices_without_the_stream(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("technician", page="devices")
    desk.find(".page.devices [data-device]").nth(2).wait_for()
    assert not any(url.endswith("/events/stream") for url in desk.requests)


def test_only_admins_see_scores_and_no_one_a_tool_of_another_role(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("auditor")
    desk.find(".row").first.wait_for()
    assert not any(holder.name in desk.page.content() for holder in HOLDERS)
