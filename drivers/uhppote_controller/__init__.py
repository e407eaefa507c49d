"""See driver."""

from drivers.uhppote_controller.driver import DRIVER

__all__ = ["DRIVER"]
