"""See driver."""

from drivers.zkteco_terminal.driver import DRIVER

__all__ = ["DRIVER"]
