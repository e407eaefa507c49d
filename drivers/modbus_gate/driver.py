"""Turnstiles and relay boards on Modbus: a serial line, a serial server, or Modbus TCP."""

from typing import Annotated, Literal

from pydantic import Field

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Capability, DeviceConfig
from devicemgr.domain.ports.device import Gate
from devicemgr.domain.ports.driver import Driver
from drivers.common.fire_inputs import NO_INPUT, ONE_INPUT
from drivers.common.options import read_options
from drivers.common.relays.inputs import InputOptions
from drivers.common.serial.address import TcpAddress, parse_address
from drivers.modbus_gate.lot_turnstile import PAUSE_S, LotGate
from drivers.modbus_gate.relay_board import ModbusRelay

BAUDRATE = {"lot": 115200, "relay": 9600}
MODBUS_TCP_PORT = 502


AlarmKind = Literal[
    Kind.PASSAGE_TAILGATED,
    Kind.PASSAGE_REVERSED,
    Kind.PASSAGE_CLIMBED,
    Kind.PASSAGE_OBSTRUCTED,
    Kind.TAMPER,
    Kind.PORTAL_FORCED,
    Kind.PORTAL_HELD_OPEN,
    Kind.DEVICE_DEGRADED,
]


class Options(InputOptions):
    """How the unit is reached and wired."""

    profile: Literal["lot", "relay"] = Field(
        description="lot: a LOT Group turnstile, 115200 baud unless the address says otherwise. "
        "relay: a relay board that switches a turnstile's or door's inputs, 9600 baud unless the address says otherwise"
    )
    unit: int = Field(
        1, ge=1, le=255, description="Modbus address of the unit; many relay boards leave the factory as 255"
    )
    framer: Literal["auto", "rtu", "tcp"] = Field(
        "auto",
        description="How frames travel on tcp:// addresses. rtu: a serial server that passes RTU frames through; "
        "tcp: a Modbus TCP device or gateway; auto: tcp on port 502, rtu on every other",
    )
    timeout: float | None = Field(
        None,
        ge=0.05,
        le=2,
        description="Seconds to wait for each answer; raise it for radio links. Left out: 0.3, and less for readings "
        "on a line with several units, so that one without power does not slow the others",
    )
    pulse: Literal["device", "host"] = Field(
        "device",
        description="Relay boards. device: the board times the pulse (flash-on, coils from 0x0200), so nothing stays "
        "open if this computer dies. host: for boards without that; switched off from here, so after a crash or power "
        "cut of this computer mid-pulse the relay STAYS ON until the daemon is back",
    )
    alarms: dict[Annotated[int, Field(ge=0, le=15)], AlarmKind] = Field(
        {},
        description="LOT: what the bits (0-15) of its error register mean, from the manual of its firmware, such as "
        '{"0": "passage_tailgated", "3": "tamper"}; a bit left out is reported as device_degraded',
    )


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
    fire_inputs=fire_inputs,
)
