"""See driver."""

from drivers.osdp_reader.driver import DRIVER

__all__ = ["DRIVER"]
