"""Import: a file is looked at first, followed, stopped, found again after a reload, and its failures saved."""

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.desk.enroll.conftest import jpeg, portrait
from tests.desk.test_hostile_text import MARK
from tests.support.browser import Desk


@pytest.fixture
def leftovers(site: Any) -> Iterator[None]:
    """Whoever an import has added is erased at the end, and no import is kept."""
    yield
    for person in site.api.get("/people"):
        if person["badge"].startswith("M-"):
            site.api.call("DELETE", f"/people/{person['badge']}")
    for job in site.api.get("/imports"):
        site.api.call("DELETE", f"/imports/{job['id']}")


def page(open_desk: Callable[..., Desk], **options: Any) -> Desk:
    desk = open_desk("admin", page="people/import", **options)
    desk.find("[data-file]").wait_for()
    return desk


def choose(desk: Desk, name: str, data: str | bytes) -> None:
    content = data.encode() if isinstance(data, str) else data
    desk.find("[data-file]").set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": content})


def phase(desk: Desk, name: str) -> None:
    desk.find(f'[data-phase="{name}"]').wait_for(timeout=60_000)


def test_a_table_is_looked_at_and_then_taken_in(open_desk: Callable[..., Desk], site: Any, leftovers: None) -> None:
    desk = page(open_desk)
    choose(desk, "staff.csv", f"badge,name,level,shoe\nM-1,{MARK},staff,44\n,Nameless,,\nM-2,Дина,nosuch,\n")
    phase(desk, "planned")
    assert [person for person in site.api.get("/people") if person["badge"] == "M-1"] == []
    assert "shoe" in desk.find(".outcome.unknown").inner_text()
    refused = desk.find(".importing tr.bad")
    refused.first.wait_for()
    assert "line 3" in refused.first.inner_text() + refused.last.inner_text()
    assert desk.findings() == []
    desk.find("[name=only_refused]").check()
    desk.find(".importing tbody tr:not(.bad)").first.wait_for(state="detached")
    with desk.page.expect_download() as download:
        desk.find("[data-failures]").click()
    text = download.value.path().read_text("utf-8-sig")
    assert text.startswith("line,badge,file,reasons,why,duplicate_of")
    desk.page.reload()
    phase(desk, "planned")
    desk.find("[data-begin]").click()
    phase(desk, "done")
    assert site.api.get("/people/M-1")["name"] == MARK
    for width in (360, 768, 1280, 3840):
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width


def test_a_long_import_is_stopped_and_found_again(open_desk: Callable[..., Desk], site: Any, leftovers: None) -> None:
    desk = page(open_desk, color_scheme="dark")
    choose(desk, "many.csv", "badge,name\n" + "".join(f"M-{n},Person {n}\n" for n in range(3000)))
    phase(desk, "planned")
    desk.find("[data-begin]").click()
    desk.find("[data-stop]").wait_for()
    desk.page.reload()
    desk.find("[data-stop]").click()
    phase(desk, "stopped")
    done = sum(person["badge"].startswith("M-") for person in site.api.get("/people"))
    assert 0 < done < 3000
    assert done % 8 == 0, "between two batches of whole people"
    desk.find("a", has_text="Choose another file").click()
    desk.find(".recent a", has_text="many.csv").click()
    phase(desk, "stopped")
    assert desk.findings() == []


def test_photos_need_a_consent(open_desk: Callable[..., Desk], site: Any, leftovers: None) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("M-5_Anna.jpg", jpeg(portrait()))
        archive.writestr("M-6_Blank.jpg", b"no picture")
    desk = page(open_desk)
    choose(desk, "photos.zip", buffer.getvalue())
    phase(desk, "planned")
    desk.find("[data-begin]").click()
    desk.find("[name=consent]:focus").wait_for()
    desk.find("[name=consent]").fill("forms of November")
    desk.find("[data-begin]").click()
    phase(desk, "done")
    assert site.api.get("/people/M-5")["templates"] == 1
    desk.find(".importing tr.bad", has_text="can’t be read").wait_for()


def test_a_file_that_is_none_and_an_import_that_is_gone_are_explained(
    open_desk: Callable[..., Desk], leftovers: None
) -> None:
    desk = page(open_desk)
    choose(desk, "none.csv", "no table of people")
    phase(desk, "failed")
    assert "no column badge" in desk.find("[data-import-error]").inner_text()
    desk.visit("people/import?job=unknown")
    desk.find(".outcome.refused", has_text="no longer kept").wait_for()
    desk.find("[data-file]").wait_for()


def test_rights_that_would_go_are_confirmed(open_desk: Callable[..., Desk], site: Any, leftovers: None) -> None:
    site.api.post("/people", {"badge": "M-9", "name": "Leaver", "levels": ["staff"]})
    desk = page(open_desk)
    desk.find("[name=update]").check()
    choose(desk, "less.csv", "badge,name,level\nM-9,Leaver,\n")
    phase(desk, "planned")
    desk.find("[data-begin]").click()
    desk.find("dialog .effect", has_text="1 person would lose").wait_for()
    desk.page.keyboard.press("Escape")
    assert site.api.get("/people/M-9")["levels"] == ["staff"]
    desk.find("[data-begin]").click()
    desk.find("[data-confirm]").click()
    phase(desk, "done")
    assert site.api.get("/people/M-9")["levels"] == []


def test_axe_finds_nothing_and_nothing_is_too_wide(open_desk: Callable[..., Desk]) -> None:
    desk = page(open_desk)
    assert desk.findings() == []
    for width in (360, 768, 1280, 3840):
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.find(".importing .drop").evaluate("e => e.getBoundingClientRect().right - innerWidth") <= 0, width
