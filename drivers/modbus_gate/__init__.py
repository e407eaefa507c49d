"""See driver."""

from drivers.modbus_gate.driver import DRIVER

__all__ = ["DRIVER"]
