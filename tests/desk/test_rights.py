"""What each role is shown is what it may do; what is not shown is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from devicemgr.api.authorization import TABLE
from devicemgr.cli.demo.simulated_site import ROLES
from devicemgr.domain.model import Role
from tests.support.browser import Desk

CALL = """async ([method, path, body]) => {
  const { csrf } = await (await fetch("/api/v1/session")).json();
  const headers = { "X-CSRF-Token": csrf, "Content-Type": "application/json" };
  return (await fetch("/api/v1" + path, { method, headers, body: body && JSON.stringify(body) })).status;
}"""
# What is on the page, and the operation that it stands for: method, path of the table, path, body.
SHOWN = {
    'nav a[href="#/live"]': ("GET", "/events/stream", "/events/stream?after=0", None),
    'nav a[href="#/people"]': ("GET", "/people", "/people", None),
    'nav a[href="#/operators"]': ("GET", "/operators", "/operators", None),
    'nav a[href="#/record"]': ("GET", "/audit/verify", "/audit/verify", None),
    'nav a[href="#/reports"]': ("GET", "/reports/denials", "/reports/denials?from=2026-01-01&to=2026-01-01", None),
    'nav a[href="#/system"]': ("GET", "/box", "/box", None),
    'nav a[href="#/site"]': ("GET", "/levels", "/levels", None),
    'nav a[href="#/visitors"]': ("GET", "/visitors", "/visitors", None),
    'nav a[href="#/muster"]': ("GET", "/musters", "/musters", None),
    'nav a[href="#/alarms"]': ("GET", "/alarms", "/alarms", None),
    "header [data-threats]": ("POST", "/threats/{name}/set", "/threats/none/set", {"reason": "a drill"}),
    'nav a[href="#/devices"]': ("GET", "/devices", "/devices", None),
    "[data-open]": ("POST", "/portals/{name}/open", "/portals/lobby/open", {"direction": "entry"}),
    "[data-mode]": ("PUT", "/portals/{name}/mode", "/portals/lobby/mode", {"mode": "normal"}),
}


@pytest.mark.parametrize("role", ROLES)
def test_each_button_is_shown_to_those_who_may_and_refused_to_others(open_desk: Callable[..., Desk], role: str) -> None:
    desk = open_desk(role)
    desk.find("nav.menu a").first.wait_for()
    if Role(role) in TABLE["GET", "/events/stream"]:
        desk.find("[data-portal]").first.wait_for()
    for selector, (method, named, path, body) in SHOWN.items():
        may = Role(role) in TABLE[method, named]
        assert (desk.find(selector).count() > 0) == may, selector
        if not may:
            assert desk.page.evaluate(CALL, [method, path, body]) == 403


def test_a_technician_sees_devices_without_the_stream(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("technician", page="devices")
    desk.find(".page.devices [data-device]").nth(2).wait_for()
    assert "All devices are online" in desk.find(".summary").inner_text()
    assert not any(url.endswith("/events/stream") for url in desk.requests)


def test_only_admins_see_scores_and_no_one_a_tool_of_another_role(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = open_desk("auditor")
    desk.find(".row").first.wait_for()
    names = [person["name"] for person in site.api.get("/people")]
    assert not any(name in desk.page.content() for name in names)
