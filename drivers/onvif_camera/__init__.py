"""See driver."""

from drivers.onvif_camera.driver import DRIVER

__all__ = ["DRIVER"]
