"""Two hundred hostile texts in each field that takes words, and every page that shows them: nothing runs or loads."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import pytest

from devicemgr.cli.demo.simulated_site import HOLDERS, UNKNOWN_CARD, SimulatedSite
from devicemgr.cli.demo.subprocesses import wait_until
from tests.desk.test_hostile_text import CORPUS
from tests.desk.test_plan import PLACED, place, put_picture
from tests.support.browser import Desk

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

MAX_CHARS = 200
SHAPES: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: text.replace("script", "ScRiPt").replace("img", "IMG").replace("svg", "SvG"),
    lambda text: f"\"'>{text}<\"'",
    lambda text: text.replace("<", "<\u200b").replace("=", "\u200b="),
    lambda text: f"Aigul {text} Serik",
    lambda text: f"{text} | {text}",
)
TEXTS = list(dict.fromkeys(shape(text)[:MAX_CHARS] for shape, text in itertools.product(SHAPES, CORPUS)))[:200]
PAGES = (
    *(
        "live",
        "plan",
        "alarms",
        "alarms/history",
        "people",
        "people?q=script",
        "visitors",
        "muster",
        "reports",
        "devices",
    ),
    *("devices?part=add", "site", "site/levels", "site/departments", "site/schedules", "site/threats", "site/zones"),
    *("site/portals", "site/interlocks", "site/calendars", "site/file", "record", "operators", "system", "why"),
)
ALIEN = (
    "script, iframe, object, embed, style, link, meta, base, form[action], [onload], [onerror], [onfocus], [ontoggle]"
)


@pytest.fixture(scope="module")
def hostile_site(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedSite]:
    """A site in which every field of words holds the texts."""
    with SimulatedSite(tmp_path_factory.mktemp("hostile") / "site") as site:
        fill(site)
        yield site


def fill(site: SimulatedSite) -> None:
    api = site.api
    rows = [{"name": text, "badge": f"X{n}", "line": 1} for n, text in enumerate(TEXTS)]
    assert api.post("/people/import", {"rows": rows})
    for n, text in enumerate(TEXTS):
        api.call("PATCH", f"/people/X{n}", json={"note": text, "email": None, "department": text.strip()[:190] or None})
    for text in TEXTS[:40]:
        if text.strip():
            api.call("PUT", f"/departments/{quote(text.strip(), safe='')}", json={"levels": ["staff"]})
    for n, text in enumerate(TEXTS[:40]):
        api.post("/visitors", {"name": text, "host": HOLDERS[0].badge, "valid_to": "2099-01-01"})
        api.post(f"/people/X{n}/cards", {"number": f"0F00AA{n:04X}"})
    api.post("/threats", {"name": "storm", "scope": ["site"], "allow": ["staff"], "order": 1})
    api.post("/interlocks", {"name": "lock", "portals": ["lobby", "lab-door"]})
    put_picture(site, "ground")
    place(site, "ground", PLACED)
    site.show("lobby", HOLDERS[0].card)
    wait_until(lambda: api.get("/events", kind="passage_completed", limit=1), 30, "someone inside")
    muster = api.post("/musters", {"zone": "building", "drill": True})
    assert HOLDERS[0].badge in str(muster)
    for text in TEXTS:
        api.post("/threats/storm/set", {"reason": text.strip() or "x"})
        api.post("/threats/storm/end", {"comment": text.strip() or "x"})
        api.post("/musters/marks", {"badge": HOLDERS[0].badge, "mark": "not_here", "reason": text.strip() or "x"})
    site.set_alarms("lab-door", "portal_forced", "portal_held_open")
    wait_until(lambda: len(api.get("/alarms")) > 1, 30, "two alarms")
    for alarm, text in zip(api.get("/alarms"), TEXTS, strict=False):
        api.post(f"/alarms/{quote(alarm['id'], safe='')}/acknowledge", {"comment": text})
    site.show("staff-entrance", UNKNOWN_CARD)


def test_no_page_runs_or_loads_what_a_stranger_wrote(hostile_site: SimulatedSite, browser: Any) -> None:
    assert len(TEXTS) == 200
    with ExitStack() as stack:
        desk = Desk(browser, hostile_site)
        stack.callback(desk.close)
        desk.visit("live")
        desk.sign_in("admin")
        newest = hostile_site.head()
        pages = [
            *PAGES,
            *(f"people/X{n}" for n in range(0, 200, 20)),
            *(f"record/event/{newest - n}" for n in range(0, 60, 6)),
        ]
        for page in pages:
            desk.visit(page)
            desk.find("main .page").first.wait_for()
            desk.page.wait_for_load_state("networkidle") if page == "live" else desk.page.wait_for_timeout(250)
            assert desk.page.evaluate("window.pwned") is None, page
            assert desk.find(f"desk-app :is({ALIEN})").count() == 0, page
        desk.check_reports()
        assert desk.errors == []
        assert [url for url in desk.requests if not url.startswith(hostile_site.address)] == []
        desk.visit("people")
        desk.find("[data-row]").first.wait_for()
        assert desk.find("main").inner_text().count("script") > 3, "the texts are there to be seen"
