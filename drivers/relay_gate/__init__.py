"""See driver."""

from drivers.relay_gate.driver import DRIVER

__all__ = ["DRIVER"]
