"""Turnstiles and relay boards on Modbus: a serial line, a serial server, or Modbus TCP."""

from devicemgr.domain.model import Capability, DeviceConfig
from devicemgr.domain.ports.device import Gate
from devicemgr.domain.ports.driver import Driver
from drivers.common.fire_inputs import NO_INPUT, ONE_INPUT
from drivers.common.options import read_options
from drivers.common.serial.address import TcpAddress, parse_address
from drivers.modbus_gate.lot_turnstile import PAUSE_S, LotGate
from drivers.modbus_gate.options import Options
from drivers.modbus_gate.relay_board import ModbusRelay

BAUDRATE = {"lot": 115200, "relay": 9600}
MODBUS_TCP_PORT = 502


def build(config: DeviceConfig) -> Gate:
    """A gate that is not connected yet; InvalidInput for an address or option that cannot be."""
    from drivers.modbus_gate.bus import bus_at  # noqa: PLC0415 (pyserial)
    from drivers.modbus_gate.framing import RtuFraming, TcpFraming  # noqa: PLC0415 (pymodbus)
    from drivers.modbus_gate.master import Master  # noqa: PLC0415 (pymodbus)

    options = read_options(Options, config)
    address = parse_address(config.address, BAUDRATE[options.profile])
    auto_tcp = isinstance(address, TcpAddress) and address.port == MODBUS_TCP_PORT
    modbus_tcp = options.framer == "tcp" or (options.framer == "auto" and auto_tcp)
    bus = bus_at(address, TcpFraming if modbus_tcp else RtuFraming)
    master = Master(bus, options.unit, options.timeout, PAUSE_S if options.profile == "lot" else 0.0)
    if options.profile == "lot":
        return LotGate(config.name, master, options.alarms)
    return ModbusRelay(config.name, master, options, timed_by_board=options.pulse == "device")


def fire_inputs(config: DeviceConfig) -> frozenset[str]:
    """Every LOT turnstile reports anti-panic; of relay boards, those that have a fire input wired."""
    options = read_options(Options, config)
    return ONE_INPUT if options.profile == "lot" or options.fire_input else NO_INPUT


DRIVER = Driver(
    kind="modbus_gate",
    title="Turnstile or relay board on Modbus (RTU or TCP); prefer boards that time the pulse themselves",
    capabilities=frozenset({Capability.GATE}),
    options=Options,
    build=build,
    is_serial=True,
    fire_inputs=fire_inputs,
)
