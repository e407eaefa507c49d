"""A simulated site with a real daemon, and Debian's Chromium in front of its desk."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import SimulatedSite
from tests.support.browser import CHROMIUM, Desk, browser_of, built_desk

# Continuous integration sets it: there the desk is tried, come what may.
REQUIRED = bool(os.environ.get("DEVICEMGR_DESK_REQUIRED"))
THIS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here needs a few seconds of processes for the first of its worker."""
    for item in items:
        if THIS in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(180))


@pytest.fixture(scope="session")
def chromium() -> None:
    """Chromium and the built desk are there."""
    missing = [
        what
        for what, there in (
            (f"{CHROMIUM} (apt-get install chromium)", CHROMIUM.exists()),
            ("the built desk (make desk)", built_desk()),
        )
        if not there
    ]
    if missing:
        why = f"THE DESK IS NOT TRIED: {' and '.join(missing)} is missing"
        pytest.fail(why) if REQUIRED else pytest.skip(why)


@pytest.fixture(scope="module")
def browser(chromium: None) -> Iterator[Any]:
    """Chromium, for one file: Playwright keeps an event loop running on this thread, which other tests could not."""
    with browser_of() as found:
        yield found


@pytest.fixture(scope="module")
def site(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedSite]:
    """A site for one file: what a file leaves behind, such as a second admin, changes what others see."""
    with SimulatedSite(tmp_path_factory.mktemp("desk")) as found:
        yield found


@pytest.fixture(scope="module")
def signed_in(site: SimulatedSite) -> dict[str, Any]:
    """What the browser keeps of each role's session, by role."""
    return {}


@pytest.fixture
def open_desk(browser: Any, site: SimulatedSite, signed_in: dict[str, Any]) -> Iterator[Callable[..., Desk]]:
    """Return a function that opens the desk, signed in as a role; at the end nothing was refused by the policy."""
    desks: list[Desk] = []

    def open_(role: str | None = "guard", page: str = "live", **options: Any) -> Desk:
        desk = Desk(browser, site, storage=signed_in.get(role or ""), **options)
        desks.append(desk)
        desk.visit(page)
        if role is not None and role not in signed_in:
            desk.sign_in(role)
            signed_in[role] = desk.context.storage_state()
        return desk

    yield open_
    for desk in desks:
        desk.close()
    for desk in desks:
        assert desk.reports() == []
        own = (site.address, f"blob:{site.address}")  # pictures in the page's own memory
        assert [url for url in desk.requests if not url.startswith(own)] == []


@pytest.fixture
def wait_for() -> Callable[[Callable[[], Any], str], Any]:
    """Return a function that polls another process until it says what the test waits for."""

    def wait(condition: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + 30.0
        while not (found := condition()):
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            time.sleep(0.05)
        return found

    return wait
