"""A daemon of its own for the page of the site: 100 levels, 100 portals and no device that is there."""

from collections.abc import Iterator
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import SimulatedSite
from tests.support.plain_site import BigSite


@pytest.fixture(scope="module")
def site(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedSite]:
    with BigSite(tmp_path_factory.mktemp("desk-site")) as found:
        yield found


@pytest.fixture(scope="module")
def signed_in(site: SimulatedSite) -> dict[str, Any]:
    """What the browser keeps of each role's session, by role."""
    return {}
