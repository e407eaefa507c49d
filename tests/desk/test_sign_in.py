"""Sign in: who may, what is said to those who may not, and what stays of the one before."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.browser import Desk


def test_a_wrong_password_and_a_wrong_name_are_refused_in_the_same_words(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(None)
    message = desk.find("[role=alert]")
    said = []
    for name in ("guard", "no-such-operator"):
        desk.sign_in(name, "wrong")
        desk.find("[role=alert]:not(:empty)").wait_for()
        said.append(message.inner_text())
        assert desk.find("input[name=password]").input_value() == ""
    assert said[0] == said[1] == "Name or password is wrong"


def test_the_form_suits_a_password_manager_and_has_the_focus(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(None)
    desk.find("input[name=username]:focus").wait_for()
    assert desk.find("input[name=username]").get_attribute("autocomplete") == "username"
    assert desk.find("input[name=password]").get_attribute("autocomplete") == "current-password"


@pytest.mark.parametrize(("locale", "title"), [("kk-KZ", "Кіру"), ("ru-RU", "Вход"), ("de-DE", "Sign in")])
def test_the_language_is_the_browsers_or_the_sites(open_desk: Callable[..., Desk], locale: str, title: str) -> None:
    desk = open_desk(None, locale=locale)
    assert desk.find("h1").inner_text() == title
    assert desk.page.title().startswith(title)


def test_a_chosen_language_stays(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(None)
    desk.find("select[data-language]").select_option("kk")
    desk.find("h1", has_text="Кіру").wait_for()
    desk.page.reload()
    desk.find("h1", has_text="Кіру").wait_for()
    assert desk.find("html").get_attribute("lang") == "kk"


def test_the_end_of_the_session_takes_the_names_away_at_once(open_desk: Callable[..., Desk], site: Any) -> None:
    site.api.post("/operators", {"name": "leaver", "roles": ["guard"], "password": "a long enough one"})
    desk = open_desk(None)
    desk.sign_in("leaver", "a long enough one")
    desk.find(".row").first.wait_for()
    site.api.call("DELETE", "/operators/leaver")
    desk.find(".sign-in").wait_for()
    assert desk.find("[role=alert]").inner_text() == "Your session has ended. Sign in again."
    assert desk.find(".row").count() == 0
    assert not any(holder in desk.page.content() for holder in ("Aigul", "Болат"))


def test_signing_out_ends_the_session_at_the_daemon(open_desk: Callable[..., Desk], site: Any) -> None:
    site.api.post("/operators", {"name": "visitor", "roles": ["guard"], "password": "a long enough one"})
    desk = open_desk(None)
    desk.sign_in("visitor", "a long enough one")
    desk.find("details.user summary").click()
    desk.find("[data-sign-out]").click()
    desk.find(".sign-in").wait_for()
    desk.page.reload()
    desk.find(".sign-in").wait_for()
