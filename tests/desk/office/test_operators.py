"""The operators' page: roles, tokens shown once, sessions, approvals, and the last admin who stays one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import Desk

PASSWORD = "a long enough one"
HOSTILE = "<img src=x onerror=window.pwned=1>"


@pytest.fixture
def clerk(site: Any) -> Iterator[str]:
    """An operator of these tests, with the roles guard and auditor."""
    site.api.post("/operators", {"name": "clerk", "roles": ["guard", "auditor"], "password": PASSWORD})
    yield "clerk"
    if any(one["name"] == "clerk" for one in site.api.get("/operators")):
        site.api.call("DELETE", "/operators/clerk")


def roles_of(site: Any, name: str) -> list[str]:
    (found,) = (one for one in site.api.get("/operators") if one["name"] == name)
    roles: list[str] = found["roles"]
    return roles


def test_an_operator_is_added_changed_and_removed(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = open_desk("admin", page="operators")
    desk.find("[data-add]").click()
    desk.find("[data-send]").click()
    assert "at least one role" in desk.find("#roles-error").inner_text()
    desk.find("input[name=name]").fill(HOSTILE)
    desk.find("input[name=roles-guard]").check()
    desk.find("input[name=password]").fill("short")
    desk.find("[data-send]").click()
    desk.find("#password-error").wait_for()
    desk.find("input[name=password]").fill(PASSWORD)
    desk.find("[data-send]").click()
    desk.find(".trouble").wait_for()
    desk.find("input[name=name]").fill("porter")
    desk.find("[data-send]").click()
    desk.find("[data-save-roles]").wait_for()
    desk.find("input[name=roles-technician]").check()
    desk.find("[data-save-roles]").click()
    desk.find(".said", has_text="roles of porter").wait_for()
    assert roles_of(site, "porter") == ["guard", "technician"]
    assert desk.find("input[name=roles-admin]").count() == 0
    desk.find("[data-remove]").click()
    desk.find("[data-confirm]").click()
    desk.find(".said", has_text="porter was removed").wait_for()
    assert "porter" not in [one["name"] for one in site.api.get("/operators")]
    assert desk.page.evaluate("window.pwned") is None


def test_the_last_admin_stays_one_and_is_shown_why(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("admin", page="operators/of/admin")
    desk.find("[data-remove]:disabled").wait_for()
    assert "You are the last admin" in desk.find(".page.operators").inner_text()
    desk.find("input[name=roles-admin]").uncheck()
    desk.find("input[name=roles-guard]").check()
    desk.find("[data-save-roles]").click()
    desk.find(".said.bad", has_text="last admin").wait_for()


def test_a_token_is_shown_once_and_revoked(open_desk: Callable[..., Desk], site: Any, clerk: str) -> None:
    desk = open_desk("admin", page=f"operators/of/{clerk}")
    desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desk.find("input[name=token-guard]").check()
    desk.find("input[name=days]").fill("30")
    desk.find("[data-make-token]").click()
    secret = desk.find("[data-secret]").inner_text()
    assert secret.startswith("dm_")
    desk.find("[data-copy]").click()
    desk.find(".said", has_text="was copied").wait_for()
    assert desk.page.evaluate("navigator.clipboard.readText()") == secret
    (token,) = next(one for one in site.api.get("/operators") if one["name"] == clerk)["tokens"]
    assert token["roles"] == ["guard"]
    desk.page.reload()
    desk.find(f'[data-token="{token["id"]}"]').wait_for()
    assert secret not in desk.page.content()
    desk.find("[data-revoke]").click()
    desk.find("[data-confirm]").click()
    desk.find(f'[data-token="{token["id"]}"]').wait_for(state="detached")


def test_a_password_is_set_and_a_session_is_ended(open_desk: Callable[..., Desk], clerk: str) -> None:
    desk = open_desk("admin", page=f"operators/of/{clerk}")
    desk.find("input[name=new-password]").fill("another long password")
    desk.find("[data-save-password]").click()
    desk.find("[data-confirm]").click()
    desk.find(".said", has_text="new password").wait_for()
    other = open_desk(None)
    other.sign_in(clerk, "another long password")
    other.find("nav.menu").wait_for()
    desk = open_desk("admin", page="operators/sessions")
    row = desk.find("tr", has_text=clerk)
    row.wait_for()
    assert desk.find("[data-own]").count() == 1
    assert desk.findings() == []
    row.locator("[data-end]").click()
    desk.find("[data-confirm]").click()
    desk.find(".said", has_text=f"session of {clerk} was ended").wait_for()
    other.find(".sign-in").wait_for()


@pytest.fixture
def second(site: Any) -> Iterator[str]:
    """A second admin, so that a third one takes two; gone afterwards."""
    site.api.post("/operators", {"name": "second", "roles": ["admin"], "password": PASSWORD})
    yield "second"
    site.api.call("DELETE", "/operators/second")


def test_no_one_approves_an_own_request_and_another_refuses_it(
    open_desk: Callable[..., Desk], site: Any, second: str
) -> None:
    other = open_desk(None)
    other.sign_in(second, PASSWORD)
    other.find("nav.menu").wait_for()
    other.page.goto(f"{site.address}#/operators/add")
    other.find("input[name=name]").fill("third")
    other.find("input[name=roles-admin]").check()
    other.find("[data-send]").click()
    other.find(".trouble", has_text="Another admin must agree").wait_for()
    other.page.goto(f"{site.address}#/operators/approvals")
    other.find("[data-own]").wait_for()
    assert other.find("[data-approve]").count() == 0
    desk = open_desk("admin", page="operators/approvals")
    desk.find("[data-approval]", has_text="Add another admin: third").wait_for()
    assert desk.findings() == []
    assert desk.find("[data-approve]").count() == 1
    desk.find("[data-refuse]").click()
    desk.find("[data-confirm]").click()
    desk.find(".empty", has_text="Nothing waits").wait_for()
    assert site.api.get("/approvals") == []


def test_an_auditor_reads_only(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("auditor", page="operators/of/guard")
    desk.find(".card h2", has_text="guard").wait_for()
    buttons = "[data-add], [data-remove], [data-save-roles], [data-save-password], [data-make-token], [data-revoke]"
    assert desk.find(buttons).count() == 0
    assert desk.find('[data-tab="sessions"], [data-tab="approvals"]').count() == 0


@pytest.mark.parametrize(("part", "theme"), [("", "light"), ("/add", "dark"), ("/of/guard", "light"), ("", "dark")])
def test_axe_finds_nothing_and_nothing_is_too_wide(open_desk: Callable[..., Desk], part: str, theme: str) -> None:
    desk = open_desk("admin", page=f"operators{part}", color_scheme=theme, locale="kk-KZ")
    desk.find(":is([data-row], [data-send], [data-make-token])").first.wait_for()
    assert desk.findings() == []
    for width in (360, 768, 1280, 3840):
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, width
