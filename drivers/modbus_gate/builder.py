"""Build a gate on Modbus; driver names this function, so that pymodbus and pyserial are imported only to build one."""

from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.device import Gate
from drivers.common.options import read_options
from drivers.common.serial.address import TcpAddress, parse_address
from drivers.modbus_gate.bus import bus_at
from drivers.modbus_gate.framing import RtuFraming, TcpFraming
from drivers.modbus_gate.lot_turnstile import PAUSE_S, LotGate
from drivers.modbus_gate.master import Master
from drivers.modbus_gate.options import Options
from drivers.modbus_gate.relay_board import ModbusRelay
from drivers.modbus_gate.relay_flavors import FLAVORS

BAUDRATE = {"lot": 115200, "relay": 9600}
MODBUS_TCP_PORT = 502


def build(config: DeviceConfig) -> Gate:
    """Return a gate that is not connected yet; InvalidInput for an address or option that cannot be."""
    options = read_options(Options, config)
    address = parse_address(config.address, BAUDRATE[options.profile])
    auto_tcp = isinstance(address, TcpAddress) and address.port == MODBUS_TCP_PORT
    modbus_tcp = options.framer == "tcp" or (options.framer == "auto" and auto_tcp)
    bus = bus_at(address, TcpFraming if modbus_tcp else RtuFraming)
    master = Master(bus, options.unit, options.timeout, PAUSE_S if options.profile == "lot" else 0.0)
    if options.profile == "lot":
        return LotGate(config.name, master, options.alarms, options.readers)
    flavor = FLAVORS[options.flavor](master)
    return ModbusRelay(config.name, master, flavor, options, timed_by_board=options.pulse == "device")
