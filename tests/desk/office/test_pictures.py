"""Pictures of Record, Reports, Operators and System for docs/desk.md."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import HOLDERS, UNKNOWN_CARD
from tests.desk.test_looks import save
from tests.support.browser import Desk


@pytest.mark.skipif("DEVICEMGR_WRITE_DESK" not in os.environ, reason="DEVICEMGR_WRITE_DESK=1 writes docs/desk/")
def test_pictures_of_the_pages(open_desk: Callable[..., Desk], site: Any, wait_for: Callable[..., Any]) -> None:
    for portal, card in (("lobby", UNKNOWN_CARD), ("lab-door", HOLDERS[1].card), ("staff-entrance", UNKNOWN_CARD)):
        before = site.head()
        site.show(portal, card)
        wait_for(lambda: site.api.get("/events", after=before, kind="access_denied"), portal)  # noqa: B023
    site.api.post("/operators/technician/tokens", {"roles": ["technician"], "days": 90})
    size = {"width": 1280, "height": 800}
    for name, page, ready in (
        ("record", "record/check", "[data-verify]"),
        ("reports", "reports/denials?from=2026-01-01&to=2199-12-31&make=1", "desk-chart canvas"),
        ("operators", "operators/of/technician", "[data-token]"),
        ("system", "system", "[data-box]"),
    ):
        desk = open_desk("admin", page=page, viewport=size)
        desk.find(ready).first.wait_for()
        if name == "record":
            desk.find("[data-verify]").click()
            desk.find("[data-result]").wait_for()
        save(desk, name)
