"""Three people in the building, and a drill that runs."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import HOLDERS
from devicemgr.cli.demo.subprocesses import START_SECONDS, wait_until

INSIDE = HOLDERS[:3]


@pytest.fixture(scope="module")
def inside(site: Any) -> None:
    """They have passed the lobby, by its turnstile."""
    for holder in INSIDE:
        before = site.head()
        site.show("lobby", holder.card)
        passed = partial(site.api.get, "/events", after=before, kind="passage_completed", limit=10)
        wait_until(passed, START_SECONDS, f"{holder.name} did not pass")


@pytest.fixture
def drill(site: Any, inside: None) -> Iterator[str]:
    """The id of a drill in the building."""
    found = site.api.post("/musters", {"zone": "building", "drill": True})
    assert {holder.badge for holder in INSIDE} <= {one["badge"] for one in found["missing"]}
    yield found["id"]
    if any(one["id"] == found["id"] and one["state"] == "running" for one in site.api.get("/musters")):
        site.api.post(f"/musters/{found['id']}/end")


@pytest.fixture
def listed(site: Any) -> Callable[[str, str], dict[str, Any]]:
    """listed(MUSTER, BADGE): what the daemon has of a person, with `found`."""

    def look(muster: str, badge: str) -> dict[str, Any]:
        answer = site.api.get(f"/musters/{muster}")
        states = ("missing", "safe", "out", "not_here")
        return next({"found": found, **one} for found in states for one in answer[found] if one["badge"] == badge)

    return look
