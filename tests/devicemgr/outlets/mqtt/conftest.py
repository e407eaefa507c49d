"""Fixtures of this folder."""

from tests.support.core import catalog, make_site, make_site_in, site  # noqa: F401
from tests.support.mqtt_site import add_outlet, base, broker, daemon, figures, watcher  # noqa: F401
