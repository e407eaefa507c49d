"""Turnstiles and relay boards on Modbus: a serial line, a serial server, or Modbus TCP."""

from devicemgr.domain.model import Capability, DeviceConfig
from devicemgr.domain.ports.driver import Driver
from drivers.common.fire_inputs import NO_INPUT, ONE_INPUT
from drivers.common.options import read_options
from drivers.modbus_gate.options import Options


def fire_inputs(config: DeviceConfig) -> frozenset[str]:
    """Return the fire inputs: anti-panic of any LOT turnstile, and the wired one of relay boards."""
    options = read_options(Options, config)
    return ONE_INPUT if options.profile == "lot" or options.fire_input else NO_INPUT


DRIVER = Driver(
    kind="modbus_gate",
    title="Turnstile or relay board on Modbus (RTU or TCP); prefer boards that time the pulse themselves",
    capabilities=frozenset({Capability.GATE, Capability.READER}),
    options=Options,
    build="drivers.modbus_gate.builder:build",
    is_serial=True,
    fire_inputs=fire_inputs,
)
