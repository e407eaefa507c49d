"""See driver."""

from drivers.dahua_console.driver import DRIVER

__all__ = ["DRIVER"]
