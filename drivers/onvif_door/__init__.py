"""See driver."""

from drivers.onvif_door.driver import DRIVER

__all__ = ["DRIVER"]
