"""Fixtures of this folder."""

from tests.support.core import catalog, make_site, make_site_in, site  # noqa: F401
