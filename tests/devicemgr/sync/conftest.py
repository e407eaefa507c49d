"""Fixtures of this folder."""

import pytest

from tests.devicemgr.sync.holders import House
from tests.support.core import catalog, entrance, make_site, make_site_in, site, small_disk  # noqa: F401


@pytest.fixture
def house(site):  # noqa: F811
    return House(site)
