"""Visitors at the desk: added by a host's name, arrived by the card that a reader types, printed, and left."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import HOLDERS
from tests.desk.test_hostile_text import CORPUS
from tests.support.browser import Desk

HOST = HOLDERS[0]
FREE = "0014725378"


@pytest.fixture
def add(site: Any) -> Iterator[Callable[..., str]]:
    """add(NAME, **fields): add a visit of Aigul's, and return its number; cleared away afterwards."""
    added: list[str] = []

    def one(name: str, **fields: Any) -> str:
        body = {"name": name, "host": HOST.badge, "valid_to": "2099-12-31", **fields}
        added.append(site.api.post("/visitors", body)["badge"])
        return added[-1]

    yield one
    for badge in added:
        site.api.call("DELETE", f"/people/{badge}")


def row(desk: Desk, badge: str) -> Any:
    return desk.find(f'[data-row="{badge}"]')


def test_a_visit_is_added_by_a_part_of_the_hosts_name(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = open_desk("guard", page="visitors")
    desk.find("[data-new]").click()
    desk.find("input[name=name]:focus").wait_for()
    desk.find("[data-add]").click()
    assert desk.find(".error").all_inner_texts() == ["Type the visitor’s name", "Choose the host from the list"]
    desk.page.keyboard.type("Ivan Petrov")
    desk.find("input[name=host]").fill("AIGUL")
    desk.find(f'[data-host="{HOST.badge}"]').click()
    desk.find("input[name=level-staff]").check()
    desk.find("input[name=card]").fill(HOST.card)
    desk.find("[data-add]").click()
    desk.find(".error", has_text=f"{HOST.badge} has it").wait_for()
    desk.find("input[name=card]:focus").fill("")
    desk.find("[data-add]").click()
    desk.find("dl.facts").wait_for()
    badge = desk.page.url.split("/")[-1]
    try:
        found = site.api.get(f"/visitors/{badge}")
        assert (found["name"], found["host"], found["levels"]) == ("Ivan Petrov", HOST.badge, ["staff"])
        desk.page.go_back()
        desk.page.go_back()
        row(desk, badge).wait_for()
    finally:
        site.api.call("DELETE", f"/people/{badge}")


def test_a_visitor_arrives_by_the_card_that_a_reader_types(
    open_desk: Callable[..., Desk], site: Any, add: Callable[..., str]
) -> None:
    """One click; the field keeps the focus, and a card that is another's is refused in words."""
    badge = add("Card Guest")
    desk = open_desk("guard", page="visitors")
    row(desk, badge).locator("[data-do=arrive]").click()
    desk.find("input[name=card]:focus").wait_for()
    desk.page.keyboard.type(HOST.card + "\n")
    desk.find("#card-error", has_text=f"{HOST.badge} has it. Take another card.").wait_for()
    desk.find("input[name=card]:focus").wait_for()
    desk.page.keyboard.type("no card\n")
    desk.find("#card-error", has_text="This is no card number").wait_for()
    # The next number that the reader types takes the place of the one before, and one more Enter changes nothing.
    desk.page.keyboard.type(FREE + "\n\n")
    desk.find(".said.good", has_text="Card Guest has arrived, with card 14725378").wait_for()
    assert site.api.get(f"/visitors/{badge}")["state"] == "arrived"
    desk.find("[data-tab=here]", has_text="1").click()
    row(desk, badge).wait_for()
    # The card comes back: the reader types it into the search.
    desk.page.keyboard.press("/")
    desk.page.keyboard.type(FREE + "\n")
    desk.find("dl.facts").wait_for()
    desk.find("[data-do=leave]").click()
    assert "Take card 14725378 back" in desk.find("[data-confirm-dialog]").inner_text()
    desk.find("[data-confirm]").click()
    desk.find(".visit.left").wait_for()
    assert site.api.get(f"/visitors/{badge}")["cards"] == []


def test_a_lost_answer_is_not_taken_for_an_arrival(open_desk: Callable[..., Desk], add: Callable[..., str]) -> None:
    badge = add("Lost Answer")
    desk = open_desk("guard", page=f"visitors/{badge}")
    desk.page.route(f"**/visitors/{badge}/arrive", lambda route: (route.fetch(), route.abort()))
    desk.find("[data-do=arrive]").click()
    desk.find("[data-without]").dblclick()
    desk.find("#card-error", has_text="The answer was lost").wait_for()
    assert len([url for url in desk.requests if url.endswith("/arrive")]) == 1
    desk.page.keyboard.press("Escape")
    desk.find(".visit.arrived").wait_for()  # the list says what has happened


def test_a_visit_is_cancelled_after_a_question(
    open_desk: Callable[..., Desk], site: Any, add: Callable[..., str]
) -> None:
    badge = add("Not Coming")
    desk = open_desk("guard", page=f"visitors/{badge}")
    desk.find("[data-do=cancel]").click()
    desk.find("[data-confirm]").click()
    desk.find(".visit.cancelled").wait_for()
    assert desk.find("[data-do]").count() == 0
    assert site.api.get(f"/visitors/{badge}")["state"] == "cancelled"


def test_a_badge_is_printed_with_a_code_and_nothing_else(
    open_desk: Callable[..., Desk], add: Callable[..., str]
) -> None:
    badge = add("Мария Константинопольская", escort=True)
    desk = open_desk("guard", page=f"visitors/{badge}")
    desk.find("[data-badge]").click()
    code = desk.find(f'[data-qr="{badge}"]')
    code.wait_for()
    assert code.locator("path").get_attribute("d").startswith("M0 0h7v1h-7z")
    desk.page.evaluate("window.print = () => { window.isPrinted = true; }")
    desk.find("[data-print]").click()
    assert desk.page.evaluate("window.isPrinted")
    desk.page.emulate_media(media="print")
    assert desk.find(".badge-sheet").is_visible()
    for hidden in ("nav.menu", "header.top", "[data-print]"):
        assert not desk.find(hidden).is_visible(), hidden
    assert desk.find(".badge-sheet").bounding_box()["width"] < 360  # 86 mm


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    open_desk: Callable[..., Desk], add: Callable[..., str], theme: str
) -> None:
    """Also with names of strangers that are no text."""
    for text in (CORPUS[0], CORPUS[1], "A" * 190):
        badge = add(text, escort=True)
    desk = open_desk("guard", page="visitors", color_scheme=theme, locale="kk-KZ" if theme == "dark" else "en-US")
    row(desk, badge).wait_for()
    assert desk.findings() == []
    row(desk, badge).locator("[data-do=arrive]").click()
    desk.find("input[name=card]:focus").wait_for()
    assert desk.findings() == []
    desk.page.keyboard.press("Escape")
    for address, sign in (
        ("visitors", "[data-row]"),
        ("visitors/new", "[data-add]"),
        (f"visitors/{badge}", "dl.facts"),
        (f"visitors/{badge}/badge", ".qr"),
    ):
        desk.visit(address)
        desk.find(sign).first.wait_for()
        for width in (360, 768, 1280, 3840):
            desk.page.set_viewport_size({"width": width, "height": 800})
            assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, (address, width)
        if address != "visitors":
            assert desk.findings() == [], address
    assert desk.page.evaluate("window.pwned") is None
