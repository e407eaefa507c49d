"""A person's card: what is changed there is changed in the daemon, and what is not done is not said to be."""

import io
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from devicemgr.cli.demo.simulated_site import HOLDERS
from tests.desk.test_hostile_text import CORPUS
from tests.desk.test_looks import save
from tests.support.browser import Desk

BADGE = "C-1"


@pytest.fixture
def person(site: Any) -> Iterator[Callable[[], Any]]:
    """A person of this test alone, as the daemon has them now."""
    site.api.post("/people", {"badge": BADGE, "name": "Card Holder", "levels": ["staff"]})
    yield lambda: site.api.get(f"/people/{BADGE}")
    if BADGE in {one["badge"] for one in site.api.get("/people", fields="list")}:
        site.api.call("DELETE", f"/people/{BADGE}")


@pytest.fixture
def card(open_desk: Callable[..., Desk], person: Any) -> Desk:
    desk = open_desk("admin", page=f"people/{BADGE}")
    desk.find("[data-edit]").wait_for()
    desk.find("[data-level=staff]").wait_for()
    return desk


def said(desk: Desk, words: str) -> None:
    desk.find(".said", has_text=words).wait_for()


def test_name_and_validity_are_edited_and_only_what_was_changed(card: Desk, person: Any, site: Any) -> None:
    site.api.call("PATCH", f"/people/{BADGE}", json={"note": "works at night"})
    card.find("[data-edit]").click()
    card.find("input[name=name]").fill("Әсел Жаңа")
    card.find("input[name=valid_to]").fill("2030-12-31")
    card.find("[data-save]").click()
    card.find("desk-person h2", has_text="Әсел Жаңа").wait_for()
    said(card, "Saved")
    found = person()
    assert (found["name"], found["note"]) == ("Әсел Жаңа", "works at night")
    assert found["valid_to"] == "2031-01-01T00:00:00.000Z"
    assert "Dec 31, 2030" in card.find(".details .facts").inner_text()
    card.find("[data-edit]").click()
    assert card.find("input[name=valid_to]").input_value() == "2030-12-31"
    card.find("input[name=valid_from]").fill("2031-06-01")
    card.find("[data-save]").click()
    card.find(".details .error").wait_for()
    assert person()["valid_from"] is None


def test_levels_are_granted_with_days_and_uses_and_revoked(card: Desk, person: Any) -> None:
    card.find("[data-grant-open]").click()
    card.find("select[name=level]").select_option("laboratory")
    card.find("input[name=grant_to]").fill("2030-12-31")
    card.find("input[name=uses]").fill("3")
    card.find("[data-grant]").click()
    card.find("[data-level=laboratory]", has_text="3 of 3").wait_for()
    grant = person()["grants"][0]
    assert (grant["level"], grant["uses"], grant["valid_to"]) == ("laboratory", 3, "2031-01-01T00:00:00.000Z")
    card.find("[data-level=staff] [data-revoke]").click()
    card.find("[data-confirm]").click()
    card.find("[data-level=staff]").wait_for(state="detached")
    assert person()["levels"] == ["laboratory"]


def test_cards_are_assigned_blocked_replaced_returned_and_removed(card: Desk, person: Any) -> None:
    def assign(number: str, until: str = "") -> None:
        card.find("input[name=card_number]").fill(number)
        card.find("input[name=card_until]").fill(until)
        card.find("[data-assign]").click()

    def act(number: str, name: str) -> None:
        card.find(f'[data-card="{number}"] [data-act={name}]').click()

    states = lambda: {one["number"]: one["state"] for one in person()["card_states"]}  # noqa: E731
    card.find("[data-card-open]").click()
    assign(HOLDERS[0].card)
    card.find(".cards .error", has_text="Another person has this card").wait_for()
    assert states() == {}
    assign("80:58411")
    card.find('[data-card="80:58411"]').wait_for()
    assign("80:58412", "2030-12-31")
    card.find('[data-card="80:58412"]', has_text="Dec 31, 2030").wait_for()
    assert states() == {"80:58411": "active", "80:58412": "temporary"}
    act("80:58412", "return")
    card.find('[data-card="80:58412"]').wait_for(state="detached")
    act("80:58411", "block")
    card.find("dialog[open] input[name=reason]").fill("stolen")
    card.find("[data-confirm]").click()
    card.find('[data-card="80:58411"]', has_text="stolen").wait_for()
    act("80:58411", "unblock")
    card.find('[data-card="80:58411"] [data-act=block]').wait_for()
    act("80:58411", "replace")
    card.find("input[name=new_number]").fill("80:58413")
    card.find("[data-replace]").click()
    card.find('[data-card="80:58413"]').wait_for()
    assert states() == {"80:58411": "replaced", "80:58413": "active"}
    act("80:58413", "remove")
    card.find("[data-confirm]").click()
    card.find('[data-card="80:58413"]').wait_for(state="detached")
    assert states() == {"80:58411": "replaced"}


def test_a_pin_is_set_and_removed_and_never_kept_in_the_page(card: Desk, person: Any) -> None:
    card.find("[data-pin]").click()
    card.find("input[name=pin]").fill("47115")
    card.find("input[name=pin_again]").fill("47116")
    card.find("[data-pin-save]").click()
    card.find(".pin .error").wait_for()
    assert person()["pin"] is False
    card.find("input[name=pin_again]").fill("47115")
    card.find("[data-pin-save]").click()
    card.find("[data-pin-remove]").wait_for()
    assert person()["pin"] is True
    assert "47115" not in card.page.content()
    card.find("[data-pin-remove]").click()
    card.find("[data-confirm]").click()
    card.find("[data-pin-remove]").wait_for(state="detached")
    assert person()["pin"] is False


def test_a_person_is_erased_by_typing_the_badge(card: Desk, site: Any) -> None:
    card.find("[data-erase]").click()
    button = card.find("dialog[open] [data-confirm]")
    card.find("dialog[open] input[name=typed]").fill("C-2")
    assert button.is_disabled()
    card.find("dialog[open] input[name=typed]").fill(BADGE)
    button.click()
    card.find("desk-people-list tr[data-row]").first.wait_for()
    assert card.find(f'tr[data-row="{BADGE}"]').count() == 0
    assert BADGE not in {one["badge"] for one in site.api.get("/people", fields="list")}
    card.page.go_back()
    card.find(".empty", has_text="No person has badge").wait_for()


def test_a_change_of_others_is_shown_and_the_last_events_follow(card: Desk, site: Any) -> None:
    site.api.post(f"/people/{BADGE}/suspend", {})
    card.find(".head .standing.suspended").wait_for()
    card.find(".happened [data-event]", has_text="Access suspended").wait_for()


@pytest.mark.parametrize(("status", "words"), [(403, "Refused"), (None, "Not known whether this was done")])
def test_what_was_refused_or_lost_is_not_said_to_be_done(
    card: Desk, person: Any, status: int | None, words: str
) -> None:
    problem = {"code": "not_allowed", "detail": "no", "args": {}}
    answer = (lambda r: r.fulfill(status=status, json=problem)) if status else (lambda r: r.abort())
    card.page.route("**/suspend", answer)
    card.find(".head [data-suspend]").click()
    card.find("[data-confirm]").click()
    said(card, words)
    assert person()["suspended"] is False


def test_a_copy_with_the_face_waits_for_another_admin(open_desk: Callable[..., Desk], site: Any, person: Any) -> None:
    desk = open_desk("admin", page=f"people/{BADGE}")
    enrolled = {**person(), "templates": 3}
    desk.page.route(f"**/api/v1/people/{BADGE}", lambda route: route.fulfill(json=enrolled))
    desk.page.reload()
    desk.find("button[data-copy-face]").click()
    desk.find("[data-confirm]").click()
    desk.find("[data-waits]").wait_for()
    said(desk, "another admin must agree")
    assert desk.find("button[data-copy-face]").is_disabled()
    (approval,) = [one for one in site.api.get("/approvals") if one["subject"] == BADGE]
    # The owner of the host is a second person.
    site.api.post(f"/approvals/{approval['id']}", {})
    desk.page.reload()
    desk.find("[data-approved]").wait_for()
    with desk.page.expect_download() as download:
        desk.find("a[data-copy-face]").click()
    assert download.value.suggested_filename == f"person-{BADGE}.json"


def test_a_new_person_is_added_and_a_taken_badge_is_said_at_the_field(
    open_desk: Callable[..., Desk], site: Any
) -> None:
    desk = open_desk("admin", page="people")
    desk.find(".people tr[data-row]").first.wait_for()
    desk.page.keyboard.press("n")
    desk.find("input[name=badge]").fill("1001")
    desk.find("input[name=name]").fill("Жаңа Адам")
    desk.find("input[name=level-staff]").check()
    desk.find("[data-save]").click()
    desk.find("#badge-error").wait_for()
    desk.find("input[name=badge]").fill("import")
    desk.find("[data-save]").click()
    desk.find("desk-person h2", has_text="Жаңа Адам").wait_for()
    assert desk.page.evaluate("location.hash") == "#/people/import/card"
    assert site.api.get("/people/import")["levels"] == ["staff"]
    site.api.call("DELETE", "/people/import")
    desk.find(".empty", has_text="No person has badge").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    open_desk: Callable[..., Desk], site: Any, person: Any, theme: str
) -> None:
    site.api.post(f"/people/{BADGE}/cards", {"number": "80:58414"})
    desk = open_desk("admin", page=f"people/{BADGE}", color_scheme=theme, locale="kk-KZ")
    desk.find("[data-card]").wait_for()
    for opener in ("[data-edit]", "[data-grant-open]", "[data-card-open]", "[data-pin]"):
        desk.find(opener).click()
    assert desk.findings() == []
    narrow(desk)
    for page, there in (("people", "tr[data-row]"), ("people/new", "input[name=badge]")):
        desk.visit(page)
        desk.find(there).first.wait_for()
        assert desk.findings() == [], page
        narrow(desk)


def narrow(desk: Desk) -> None:
    for width in (360, 768, 1280, 3840):
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
        assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, width


def test_text_of_strangers_is_text_on_the_card(open_desk: Callable[..., Desk], site: Any, person: Any) -> None:
    fields = ("name", "department", "employee_id", "note")
    texts = dict(zip(fields, CORPUS[:4], strict=True))
    site.api.call("PATCH", f"/people/{BADGE}", json=texts)
    desk = open_desk("admin", page=f"people/{BADGE}")
    desk.find("desk-person h2").wait_for()
    shown = desk.find("desk-person").text_content()
    assert all(text in shown for text in texts.values())
    assert desk.page.evaluate("window.pwned") is None


def test_a_photo_stands_beside_a_decision_where_the_site_shows_photos(
    open_desk: Callable[..., Desk], site: Any
) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (120, 160), (90, 120, 200)).save(buffer, "JPEG")
    desk = open_desk("guard")
    desk.page.route("**/people/1006/photo", lambda r: r.fulfill(body=buffer.getvalue(), content_type="image/jpeg"))

    def with_photos(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "photos": True})

    site.show("lobby", HOLDERS[5].card)
    desk.find('[data-portal="lobby"] .who', has_text=HOLDERS[5].name).wait_for()
    assert desk.find("img").count() == 0
    desk.page.route("**/api/v1/session", with_photos)
    desk.page.reload()
    photo = desk.find('[data-portal="lobby"] img.photo')
    photo.wait_for()
    assert photo.get_attribute("alt") == f"Photo of {HOLDERS[5].name}"
    assert photo.evaluate("image => image.decode().then(() => image.naturalWidth)") == 120
    # Of a person without a photo there is no broken picture: this site has switched them off.
    site.show("lobby", HOLDERS[1].card)
    desk.find('[data-portal="lobby"] .who', has_text=HOLDERS[1].name).wait_for()
    photo.wait_for(state="detached")


@pytest.mark.skipif("DEVICEMGR_WRITE_DESK" not in os.environ, reason="DEVICEMGR_WRITE_DESK=1 writes docs/desk/")
def test_pictures_of_people(open_desk: Callable[..., Desk], site: Any, person: Any) -> None:
    more = {"name": "Өтеген Бауыржан", "department": "Қойма", "valid_to": "2027-12-31", "phone": "+7 701 123 45 67"}
    site.api.call("PATCH", f"/people/{BADGE}", json=more)
    site.api.call("PUT", f"/people/{BADGE}/levels/laboratory", json={"valid_to": "2027-01-31", "uses": 5})
    site.api.post(f"/people/{BADGE}/cards", {"number": "80:58400"})
    site.api.post(f"/people/{BADGE}/cards", {"number": "80:58401", "until": "2027-01-31", "instead_of": "80:58400"})
    desk = open_desk("admin", page=f"people/{BADGE}", viewport={"width": 1280, "height": 960})
    desk.find("[data-card]").nth(1).wait_for()
    save(desk, "person")
    desk.visit("people")
    desk.find("tr[data-row]").nth(5).wait_for()
    desk.page.set_viewport_size({"width": 1280, "height": 640})
    save(desk, "people")
