"""See driver."""

from drivers.hikvision_console.driver import DRIVER

__all__ = ["DRIVER"]
