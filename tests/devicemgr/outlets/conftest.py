"""Fixtures of this folder."""

from tests.support.core import catalog, entrance, make_site, make_site_in, site  # noqa: F401
from tests.support.outlets import add_outlet, kinds_of, receiver, record, row_of, running  # noqa: F401
