"""Enroll by webcam: three good pictures by themselves, nothing of them left, and the camera off when one leaves."""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.desk.enroll.conftest import JPEG, STREAMS, jpeg, portrait
from tests.desk.test_hostile_text import CORPUS, MARK
from tests.support.browser import CHROMIUM, FLAGS, Desk

# At three a second: what ten seconds have.
MAX_CHECKS = 30
OFF = "window.deskTracks.length > 0 && window.deskTracks.every((track) => track.readyState === 'ended')"


def face_page(open_desk: Callable[..., Desk], badge: str, script: str = STREAMS, **options: Any) -> Desk:
    desk = open_desk("admin", page="people", **options)
    desk.find("nav.menu").wait_for()
    desk.page.add_init_script(script)
    desk.visit(f"people/{badge}/face")
    desk.page.reload()
    desk.find("[name=consent]").wait_for()
    return desk


def start(desk: Desk, consent: str = "form 12") -> None:
    desk.find("[name=consent]").fill(consent)
    desk.find("[data-start]").click()


def answer_all(desk: Desk, reasons: list[str]) -> None:
    """Answer each check with these reasons, in the daemon's place."""
    answer = {"ok": False, "reasons": reasons, "box": None}
    desk.page.route("**/faces/check", lambda route: route.fulfill(json=answer))


def watching(desk: Desk) -> None:
    """Start the camera, and keep it from being done: what is checked is answered as no face."""
    answer_all(desk, ["no_face"])
    start(desk)
    desk.find(".advice", has_text="Look into the camera").wait_for()


def is_off(desk: Desk, wait_for: Callable[..., Any]) -> None:
    wait_for(lambda: desk.page.evaluate(OFF), "the camera to be off")


def checks(desk: Desk) -> int:
    return sum(url.endswith("/faces/check") for url in desk.requests)


def test_a_face_is_enrolled_by_three_pictures_under_a_consent(
    open_desk: Callable[..., Desk], site: Any, newcomer: Any, wait_for: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    badge = newcomer("W-1")
    desk = face_page(open_desk, badge)
    desk.find("[data-start]").click()
    desk.find("[name=consent]:focus").wait_for()
    assert "Name the signed consent first" in desk.find(".error").inner_text()
    assert desk.page.evaluate("window.deskTracks.length") == 0, "no camera before the consent"
    before, began = checks(desk), time.monotonic()
    start(desk)
    desk.find("[data-enrolled]").wait_for(timeout=120_000)
    with capsys.disabled():
        print(f"\nenrolled after {time.monotonic() - began:.1f} s and {checks(desk) - before} checks")
    assert 3 <= checks(desk) - before <= MAX_CHECKS
    person = site.api.get(f"/people/{badge}")
    assert (person["templates"], person["consent"]["reference"]) == (3, "form 12")
    is_off(desk, wait_for)
    assert desk.find("video").count() == 0
    assert not any(url.startswith("blob:") for url in desk.requests)


def test_a_lookalike_is_enrolled_only_when_that_is_confirmed(
    open_desk: Callable[..., Desk], site: Any, newcomer: Any
) -> None:
    first, second = newcomer("W-2"), newcomer("W-3", "Twin")
    photo = base64.b64encode(jpeg(portrait(1.5))).decode()
    site.api.post(f"/people/{first}/face", {"photos": [photo], "consent": "form 1"})
    desk = face_page(open_desk, second)
    start(desk)
    desk.find("[data-confirm]").wait_for(timeout=60_000)
    assert f"badge {first}" in desk.find("dialog .effect").inner_text()
    assert desk.findings() == []
    desk.page.keyboard.press("Escape")
    desk.find(".outcome.refused").wait_for()
    assert site.api.get(f"/people/{second}")["templates"] == 0
    desk.find("[data-start]").click()
    desk.find("[data-confirm]").click(timeout=60_000)
    desk.find("[data-enrolled]").wait_for()
    assert site.api.get(f"/people/{second}")["templates"] == 3


class Profile:
    """A browser with a profile folder that is kept; it takes the place of one with contexts."""

    def __init__(self, chromium: Any, folder: Path, flags: list[str]) -> None:
        self._chromium, self._folder, self._flags = chromium, folder, flags

    def new_context(self, **options: Any) -> Any:
        del options["storage_state"]
        return self._chromium.launch_persistent_context(
            str(self._folder), executable_path=str(CHROMIUM), args=[*FLAGS, *self._flags], **options
        )


def jpegs_in(*folders: Path) -> list[str]:
    """Return the files with the beginning of a JPEG, raw or as base64; its first three bytes alone come by chance."""
    marks = (JPEG + b"\xe0\x00\x10JFIF", b"/9j/4AAQSkZJR")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if any(mark in path.read_bytes() for mark in marks)]


@pytest.mark.parametrize("ending", ["enrolled", "given up"])
def test_no_picture_is_left_in_the_profile_or_the_home(
    browser: Any, camera_flags: list[str], site: Any, newcomer: Any, tmp_path: Path, ending: str
) -> None:
    badge = newcomer("W-4")
    desk = Desk(Profile(browser.browser_type, tmp_path, camera_flags), site)
    sent: list[bytes] = []

    def note(request: Any) -> None:
        if request.url.endswith("/faces/check"):
            sent.append(request.post_data_buffer or b"")

    desk.page.on("request", note)
    desk.visit(f"people/{badge}/face")
    desk.sign_in("admin")
    start(desk)
    if ending == "enrolled":
        desk.find("[data-enrolled]").wait_for(timeout=120_000)
    else:
        desk.find(".dots", has_text="1 of 3").wait_for(timeout=60_000)
        desk.find("[data-stop]").click()
        desk.find("[data-start]").wait_for()
    desk.close()
    assert desk.reports() == []
    assert len(sent) > 1
    assert all(body.startswith(JPEG) for body in sent), "what was looked for was there"
    assert any(tmp_path.rglob("*"))
    assert jpegs_in(tmp_path, site.home.path) == []


@pytest.mark.parametrize("how", ["another page", "back", "cancel", "closed", "hidden"])
def test_the_camera_is_off_when_one_leaves(
    open_desk: Callable[..., Desk], newcomer: Any, wait_for: Any, how: str
) -> None:
    desk = face_page(open_desk, newcomer("W-5"))
    watching(desk)
    assert not desk.page.evaluate(OFF)
    if how == "another page":
        desk.find('nav a[href="#/live"]').first.click()
    elif how == "back":
        desk.page.go_back()
    elif how == "cancel":
        desk.find("[data-stop]").click()
    elif how == "hidden":
        desk.page.evaluate(
            "Object.defineProperty(document, 'visibilityState', { value: 'hidden' });"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
    else:
        desk.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    is_off(desk, wait_for)
    seen = checks(desk)
    desk.find("nav.menu").wait_for()
    assert checks(desk) - seen <= 1


def test_the_camera_is_off_when_the_session_ends(
    open_desk: Callable[..., Desk], site: Any, newcomer: Any, wait_for: Any
) -> None:
    site.api.post("/operators", {"name": "enroller", "roles": ["admin"], "password": "a long enough one"})
    desk = open_desk(None)
    desk.page.add_init_script(STREAMS)
    desk.page.reload()
    desk.find("input[name=username]").fill("enroller")
    desk.sign_in("enroller", "a long enough one")
    desk.find("nav.menu").wait_for()
    desk.visit(f"people/{newcomer('W-6')}/face")
    desk.find("[name=consent]").wait_for()
    watching(desk)
    site.api.call("DELETE", "/operators/enroller")
    desk.find(".sign-in").wait_for()
    is_off(desk, wait_for)


def test_the_camera_is_off_when_the_daemon_is_away(
    open_desk: Callable[..., Desk], newcomer: Any, wait_for: Any
) -> None:
    desk = face_page(open_desk, newcomer("W-7"))
    watching(desk)
    desk.page.unroute("**/faces/check")
    desk.context.set_offline(True)
    desk.find(".outcome.refused", has_text="camera was switched off").wait_for()
    is_off(desk, wait_for)
    desk.context.set_offline(False)
    desk.find("[data-start]:enabled").wait_for()


FAULT = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', '%s'); };"
INSECURE = (
    "Object.defineProperty(window, 'isSecureContext', { value: false });"
    "Object.defineProperty(Navigator.prototype, 'mediaDevices', { value: undefined });"
)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("NotAllowedError", "was not allowed"),
        ("NotFoundError", "No camera was found"),
        ("NotReadableError", "in use by another program"),
        ("TypeError", "does not start"),
    ],
)
def test_a_camera_that_does_not_start_is_explained(
    open_desk: Callable[..., Desk], newcomer: Any, error: str, words: str
) -> None:
    desk = face_page(open_desk, newcomer("W-8"), FAULT % error)
    start(desk)
    desk.find(".outcome.refused", has_text=words).wait_for()
    assert desk.find("[data-files]").count() == 1


def test_a_camera_that_is_unplugged_is_explained(open_desk: Callable[..., Desk], newcomer: Any, wait_for: Any) -> None:
    desk = face_page(open_desk, newcomer("W-9"))
    watching(desk)
    desk.page.evaluate("window.deskTracks[0].dispatchEvent(new Event('ended'))")
    desk.find(".outcome.refused", has_text="unplugged").wait_for()
    is_off(desk, wait_for)


def test_without_https_files_are_enrolled(open_desk: Callable[..., Desk], site: Any, newcomer: Any) -> None:
    badge = newcomer("W-10")
    desk = face_page(open_desk, badge, INSECURE)
    assert "only over https" in desk.find("[data-insecure]").inner_text()
    assert desk.find("[data-start]").count() == 0
    good = {"name": "good.jpg", "mimeType": "image/jpeg", "buffer": jpeg(portrait())}
    hostile = {"name": MARK + ".jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    desk.find("[name=consent]").fill(CORPUS[0][:200] or "form")
    desk.find("[data-files]").set_input_files([good, hostile])
    desk.find(".faults li", has_text="can’t be read").wait_for()
    assert desk.find(".faults li").count() == 1
    assert site.api.get(f"/people/{badge}")["templates"] == 0
    desk.find("[data-files]").set_input_files([good])
    desk.find("[data-enrolled]").wait_for()
    assert site.api.get(f"/people/{badge}")["templates"] == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_too_wide(open_desk: Callable[..., Desk], newcomer: Any, theme: str) -> None:
    locale = "kk-KZ" if theme == "dark" else "en-US"
    desk = face_page(open_desk, newcomer("W-11", MARK), color_scheme=theme, locale=locale)
    assert desk.findings() == []
    answer_all(desk, ["several_faces", "too_dark"])
    start(desk)
    desk.find("video").wait_for()
    assert desk.findings() == []
    for width in (360, 768, 1280, 3840):
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
