"""Fixtures of this folder."""

from tests.support.core import catalog, entrance, make_site, make_site_in, site, small_disk  # noqa: F401
