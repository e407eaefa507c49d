"""Outlets in the desk: added by kind, tested, paused, replayed, removed; secrets are shown once."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.desk.test_looks import save
from tests.support.browser import Desk
from tests.support.outlets import SECRET
from tests.support.webhook_receiver import Receiver

HOSTILE = "<img src=x onerror=window.pwned=1>"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver(SECRET)
    yield found
    found.close()


@pytest.fixture
def clean(site: Any) -> Iterator[None]:
    """No outlet is left."""
    yield
    for one in site.api.get("/outlets"):
        site.api.call("DELETE", f"/outlets/{one['name']}")


@pytest.fixture
def hr(site: Any, receiver: Receiver, clean: None) -> str:
    """A webhook to the receiver, signed."""
    site.api.post("/outlets", {"name": "hr", "kind": "webhook", "url": receiver.url})
    site.api.call("PUT", "/outlets/hr/secret", json={"secret": SECRET})
    return "hr"


def confirm(desk: Desk) -> None:
    desk.find("[data-confirm-dialog] [data-confirm]").click()


def state(desk: Desk, name: str) -> None:
    desk.find(f'[data-state="{name}"]').wait_for()


def test_an_admin_adds_a_webhook_by_keys_and_gives_its_secret_away_once(
    open_desk: Callable[..., Desk], site: Any, receiver: Receiver, clean: None
) -> None:
    desk = open_desk("admin", page="site/outlets")
    desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desk.find("[data-add]").focus()
    desk.page.keyboard.press("Enter")
    desk.find("input[name=name]:focus").wait_for()
    desk.page.keyboard.type("Shop Floor")
    desk.page.keyboard.press("Enter")
    assert desk.find("#name-error").is_visible()
    assert desk.find("#url-error").is_visible()
    desk.find("input[name=name]:focus").fill("shop")
    desk.find("input[name=url]").fill("ftp://x.example")
    desk.page.keyboard.press("Enter")
    desk.find("#url-error", has_text="https://hr.example/hooks").wait_for()
    desk.find("input[name=url]").fill(receiver.url)
    desk.find("input[name=kinds-all][value=these]").check()
    desk.find("[data-save]").click()
    desk.find("#kinds-error").wait_for()
    desk.find("input[name=kinds-administration]").focus()
    desk.page.keyboard.press("Space")
    desk.find("input[name=other-kinds]").fill("Door forced")
    desk.find("input[name=leaves_name]").check()
    desk.find("[data-save]").click()
    secret = desk.find("[data-secret]").inner_text()
    receiver.secrets = [secret]
    desk.find("[data-copy]").click()
    desk.find(".said", has_text="was copied").wait_for()
    assert desk.page.evaluate("navigator.clipboard.readText()") == secret
    assert "Administration" in desk.find("[data-events]").inner_text()
    assert "names" in desk.find("[data-leaves]").inner_text()
    found = site.api.get("/outlets/shop")
    assert (found["fields"], found["has_secret"]) == (["name"], True)
    assert "admin.*" in found["kinds"]
    desk.find("[data-test]").click()
    desk.find("[data-tested=confirmed]").wait_for()
    site.api.post("/zones", {"name": "shop-zone"})
    receiver.wait(lambda: any(one["type"] == "admin.zone_added" for one in receiver.taken), "the zone's event")
    site.api.call("DELETE", "/zones/shop-zone")
    desk.find("[data-behind]", has_text="not behind").wait_for()
    desk.page.reload()
    state(desk, "ok")
    assert secret not in desk.page.content()


def test_an_outlet_is_paused_goes_on_and_gives_out_once_more(
    open_desk: Callable[..., Desk], site: Any, receiver: Receiver, hr: str
) -> None:
    desk = open_desk("admin", page=f"site/outlets/{hr}")
    desk.find("[data-pause]").click()
    confirm(desk)
    state(desk, "paused")
    site.api.post("/zones", {"name": "later"})
    desk.find("[data-behind]", has_text="behind, since").wait_for()
    before = len(receiver.taken)
    desk.find("[data-resume]").click()
    assert receiver.url in desk.find("[data-confirm-dialog]").inner_text()
    confirm(desk)
    state(desk, "ok")
    receiver.wait(lambda: any(one["type"] == "admin.zone_added" for one in receiver.taken), "what was held back")
    assert len(receiver.taken) > before
    desk.find("[data-replay]").click()
    desk.find("#replay-from-error").wait_for()
    desk.find("input[name=replay-from]:focus").fill(str(site.head() + 1000))
    desk.find("[data-replay]").click()
    confirm(desk)
    desk.find("#replay-from-error", has_text="there is no event").wait_for()
    desk.find("input[name=replay-from]").fill("1")
    desk.find("[data-replay]").click()
    confirm(desk)
    desk.find(".said", has_text="leave once more").wait_for()
    receiver.wait(lambda: any(one["seq"] == 1 for one in receiver.taken), "the first event")
    desk.find("[data-remove]").click()
    confirm(desk)
    desk.find("[data-add]").wait_for()
    assert site.api.get("/outlets") == []
    site.api.call("DELETE", "/zones/later")


def test_what_a_technician_adds_waits_for_an_admin(
    open_desk: Callable[..., Desk], site: Any, receiver: Receiver, clean: None
) -> None:
    desk = open_desk("technician", page="site/outlets?new=1")
    desk.find("input[name=name]").fill("bms")
    desk.find("input[name=url]").fill(receiver.url)
    desk.find("[data-save]").click()
    desk.find("[data-waits]").wait_for()
    state(desk, "paused")
    assert desk.find("[data-resume], [data-replay], [data-make-secret], [data-secret]").count() == 0
    admin = open_desk("admin", page="site/outlets/bms")
    admin.find("[data-make-secret]").click()
    receiver.secrets = [admin.find("[data-secret]").inner_text()]
    admin.find("[data-resume]").click()
    confirm(admin)
    state(admin, "ok")
    state(desk, "ok")  # by itself, though technicians follow no stream


def test_only_the_fields_of_a_kind_are_there(open_desk: Callable[..., Desk], site: Any, clean: None) -> None:
    desk = open_desk("admin", page="site/outlets?new=1")
    own = {"webhook": "batch", "mail": "sender", "mqtt": "discovery", "syslog": "enterprise"}
    for kind, field in own.items():
        desk.find("select[name=kind]").select_option(kind)
        desk.find(f"[name={field}]").wait_for()
        assert [one for one in own.values() if desk.find(f"[name={one}]").count()] == [field]
    desk.find("select[name=kind]").select_option("mail")
    desk.find("input[name=name]").fill("night")
    desk.find("input[name=url]").fill("smtps://mail.example")
    desk.find("[data-save]").click()
    assert desk.find("#sender-error").is_visible()
    desk.find("input[name=sender]").fill(HOSTILE)
    desk.find("input[name=to]").fill("guard@example.com")
    desk.find("input[name=user]").fill("gate")
    desk.find("[data-save]").click()
    desk.find("[data-editor]", has_text="is no mail address").wait_for()
    desk.find("input[name=sender]").fill("gate@example.com")
    desk.find("[data-save]").click()
    desk.find("input[name=outlet-password]").fill("of the mail server")
    desk.find("[data-save-password]").click()
    desk.find(".said", has_text="password was set").wait_for()
    found = site.api.get("/outlets/night")
    assert (found["to"], found["user"], found["has_secret"]) == (["guard@example.com"], "gate", True)
    assert desk.find("input[name=outlet-password]").input_value() == ""
    assert "alarms" in desk.find("[data-events]").inner_text()
    assert desk.page.evaluate("window.pwned") is None


def test_no_change_of_another_is_overwritten(open_desk: Callable[..., Desk], site: Any, hr: str) -> None:
    desk = open_desk("admin", page=f"site/outlets/{hr}?edit=1")
    desk.find("input[name=batch]").fill("7")
    site.api.call("PATCH", f"/outlets/{hr}", json={"duress": True})
    desk.find("[data-save]").click()
    assert "Someone else" in desk.find("[data-editor] [data-refused]").inner_text()
    desk.find("[data-close]").click()
    desk.find("[data-leaves]", has_text="duress").wait_for()
    desk.find("[data-edit]").click()
    desk.find("input[name=batch]").fill("7")
    site.api.post("/zones", {"name": "elsewhere"})
    desk.find("[data-save]").click()
    desk.find("[data-editor]").wait_for(state="detached")
    found = site.api.get(f"/outlets/{hr}")
    assert (found["batch"], found["duress"]) == (7, True)
    site.api.call("DELETE", "/zones/elsewhere")
    desk.visit("site/outlets?new=1")
    desk.find("input[name=url]").fill("https://hr.example")
    site.api.post("/outlets", {"name": "taken", "kind": "webhook", "url": "https://hr.example"})
    desk.find("input[name=name]").fill("taken")
    desk.find("[data-save]").click()
    desk.find("[data-editor] :is([data-refused], #name-error)").wait_for()


def test_what_came_of_a_test_is_said_and_a_lost_answer_is_unknown(
    open_desk: Callable[..., Desk], receiver: Receiver, hr: str
) -> None:
    desk = open_desk("technician", page=f"site/outlets/{hr}")
    receiver.choose = lambda number, event: (500, {})
    desk.find("[data-test]").click()
    desk.find("[data-tested=refused]", has_text="500").wait_for()
    desk.page.route(f"**/outlets/{hr}/test", lambda route: route.abort())
    desk.find("[data-test]").click()
    desk.find("[data-tested=unknown]").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    open_desk: Callable[..., Desk], site: Any, hr: str, theme: str
) -> None:
    """Also with what strangers have written, in an address and in a receiver's answer."""
    site.api.call(
        "PATCH", f"/outlets/{hr}", json={"url": f"https://x.example/{'long' * 40}?{HOSTILE.replace(' ', '+')}"}
    )
    desk = open_desk("admin", page="system", color_scheme=theme, locale="kk-KZ" if theme == "dark" else "en-US")
    desk.find("[data-box]").wait_for()

    def answer(route: Any) -> None:
        found = [one | {"state": "failing", "cause": f"{HOSTILE} answered 500"} for one in route.fetch().json()]
        route.fulfill(json=[one | {"failing_since": "2026-11-30T10:00:00Z", "lag_events": 12_345} for one in found])

    desk.page.route("**/api/v1/outlets", answer)
    for address, sign in (
        ("site/outlets", "[data-row]"),
        (f"site/outlets/{hr}", "[data-cause]"),
        (f"site/outlets/{hr}?edit=1", "[data-editor] input[name=batch]"),
    ):
        desk.visit(address)
        desk.find(sign).wait_for()
        for width in (360, 768, 1280, 3840):
            desk.page.set_viewport_size({"width": width, "height": 800})
            assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, (address, width)
        desk.page.set_viewport_size({"width": 1280, "height": 800})
        assert desk.findings() == [], address
    assert desk.page.evaluate("window.pwned") is None
    desk.page.unroute_all(behavior="ignoreErrors")


@pytest.mark.skipif("DEVICEMGR_WRITE_DESK" not in os.environ, reason="DEVICEMGR_WRITE_DESK=1 writes docs/desk/")
def test_picture_of_an_outlet(open_desk: Callable[..., Desk], site: Any, hr: str) -> None:
    fields = {"url": "https://hr.example/hooks", "kinds": ["access_granted", "access_denied", "alarms"]}
    site.api.call("PATCH", f"/outlets/{hr}", json=fields | {"fields": ["name"]})
    desk = open_desk("admin", page=f"site/outlets/{hr}", viewport={"width": 1280, "height": 800})
    desk.find("[data-leaves]", has_text="names").wait_for()
    save(desk, "outlet")
