"""Fixtures of the command line's tests."""

from contextlib import contextmanager

import pytest

from devicemgr.site import site as sites


@pytest.fixture
def opened(home, parts):
    """opened() is the site, beside the command line."""

    @contextmanager
    def run():
        site = sites.open_site(home, parts)
        yield site
        site.close()

    return run
