"""Fixtures of this folder."""

from tests.devicemgr.access.quorum.quorum_hall import pair_hall  # noqa: F401
from tests.support.core import catalog, entrance, make_site, make_site_in, site  # noqa: F401
