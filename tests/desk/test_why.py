"""Why someone was refused: from Live and by a form, in words, with what would help."""

from collections.abc import Callable
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import HOLDERS
from tests.desk.test_hostile_text import CORPUS
from tests.support.browser import Desk

STRANGER_TO_THE_LAB = HOLDERS[1]


@pytest.fixture
def denied(site: Any, wait_for: Callable[..., Any]) -> dict[str, Any]:
    """Someone without the level shows their card at the laboratory."""
    before = site.head()
    site.show("lab-door", STRANGER_TO_THE_LAB.card)
    found = wait_for(lambda: site.api.get("/events", after=before, kind="access_denied", limit=1), "a denial")
    return dict(found[0])


def test_a_denial_leads_to_its_checks_in_words(open_desk: Callable[..., Desk], denied: dict[str, Any]) -> None:
    desk = open_desk("guard")
    link = desk.row(denied["seq"]).locator("a.why")
    assert link.get_attribute("aria-label").startswith(f"Why was it denied? {STRANGER_TO_THE_LAB.name}, ")
    link.click()
    article = desk.find(f'[data-why="{denied["seq"]}"]')
    article.locator("[data-verdict=denied]", has_text="Denied: no right to this portal").wait_for()
    assert STRANGER_TO_THE_LAB.name in article.inner_text()
    assert article.locator("[data-advice=level]").inner_text() == "A level that covers portal lab-door"
    refusing = article.locator("tr.bad").first
    assert "none of the person’s levels covers the portal" in refusing.inner_text()
    assert "levels of the person: staff" in refusing.inner_text()
    assert "laboratory" not in article.inner_text()  # the levels that others hold are not for guards
    article.locator("details.silent summary").click()
    article.locator("details.silent", has_text="the PIN is not this person’s").wait_for()
    desk.page.go_back()
    desk.find('[data-portal="lab-door"] a.why').click()
    article.wait_for()


@pytest.mark.parametrize(("locale", "words"), [("ru-RU", "Отказано"), ("kk-KZ", "Бас тартылды")])
def test_the_checks_are_said_in_each_language(
    open_desk: Callable[..., Desk], denied: dict[str, Any], locale: str, words: str
) -> None:
    desk = open_desk("admin", page=f"why/{denied['seq']}", locale=locale)
    desk.find("[data-verdict]", has_text=words).wait_for()
    shown = desk.find("[data-why]").inner_text()
    for name in ("laboratory", "staff", "lab-door", "lab", "building", STRANGER_TO_THE_LAB.badge):
        shown = shown.replace(name, "")
    assert not any("a" <= letter <= "z" for letter in shown.lower()), shown


def test_what_is_no_decision_says_so(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("guard", page="why/1")
    desk.find("[data-none]", has_text="no decision on record").wait_for()
    desk.find("[data-try-link]").click()
    desk.find(".try").wait_for()


def test_the_form_tries_a_person_and_names_what_is_missing(open_desk: Callable[..., Desk], site: Any) -> None:
    before = site.head()
    desk = open_desk("guard", page="why")
    desk.find("[data-submit]").click()
    desk.find("#badge-error", has_text="Enter the number on the badge").wait_for()
    assert desk.find("#portal-error").inner_text() == "Choose where the person would pass"
    desk.find("input[name=badge]").fill("no-such-badge")
    desk.find("select[name=portal]").select_option("lobby")
    desk.page.keyboard.press("Enter")
    desk.find("[data-submit]").click()
    desk.find("#badge-error", has_text="No person has this badge").wait_for()
    desk.find("input[name=badge]").fill(STRANGER_TO_THE_LAB.badge)
    desk.find("input[name=pin]").check()
    desk.find("[data-submit]").click()
    desk.find("[data-verdict=denied]", has_text="Would be refused").wait_for()
    desk.find("input[name=pin]").uncheck()
    desk.find("input[name=card]").check()
    desk.find("[data-submit]").click()
    desk.find("[data-verdict=granted]", has_text="Would be granted").wait_for()
    assert site.api.get("/events", after=before, kind="access_granted", limit=1) == []


def test_hostile_words_are_shown_as_text(open_desk: Callable[..., Desk], site: Any, denied: dict[str, Any]) -> None:
    desk = open_desk("admin", page="why")
    for text in (CORPUS[1], CORPUS[25]):
        desk.find("input[name=badge]").fill(text[:64])
        desk.find("select[name=portal]").select_option("lobby")
        desk.find("[data-submit]").click()
        desk.find("#badge-error").wait_for()
        desk.page.evaluate("hash => { location.hash = hash; }", f"#/why/{text}")
        desk.find("[data-none], [data-try-link]").first.wait_for()
        desk.page.evaluate("location.hash = '#/why'")
        desk.find(".try").wait_for()
    assert desk.page.evaluate("window.pwned") is None


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    open_desk: Callable[..., Desk], denied: dict[str, Any], theme: str
) -> None:
    desk = open_desk("guard", page=f"why/{denied['seq']}", color_scheme=theme)
    desk.find("[data-why] [data-row]").first.wait_for()
    for width in (360, 768, 1280, 3840):
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
        assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, width
    assert desk.findings() == []
    desk.find("[data-try-link]").click()
    desk.find("[data-submit]").click()
    desk.find("#badge-error").wait_for()
    assert desk.findings() == []
