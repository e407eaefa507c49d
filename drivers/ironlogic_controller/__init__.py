"""See driver."""

from drivers.ironlogic_controller.driver import DRIVER

__all__ = ["DRIVER"]
