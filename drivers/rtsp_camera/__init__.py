"""See driver."""

from drivers.rtsp_camera.driver import DRIVER

__all__ = ["DRIVER"]
