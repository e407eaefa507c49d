"""See driver."""

from drivers.http_relay.driver import DRIVER

__all__ = ["DRIVER"]
