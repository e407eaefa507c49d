"""See driver."""

from drivers.zkteco_controller.driver import DRIVER

__all__ = ["DRIVER"]
