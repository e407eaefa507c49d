"""OSDP v2 readers on RS-485 or behind a serial server: cards, keypad, lamps, and an output as the lock."""

from typing import TYPE_CHECKING

from devicemgr.domain.model import Capability, DeviceConfig
from devicemgr.domain.ports.driver import Driver
from drivers.common.options import read_options
from drivers.common.serial.address import parse_address
from drivers.osdp_reader.keys import read_keys
from drivers.osdp_reader.options import Options

if TYPE_CHECKING:
    from drivers.osdp_reader.reader import OsdpReader

BAUDRATE = 9600


def build(config: DeviceConfig) -> "OsdpReader":
    """A reader that is not connected yet; InvalidInput for an address, option or key that cannot be."""
    from drivers.osdp_reader.reader import OsdpReader  # noqa: PLC0415 (libosdp and pyserial)

    options = read_options(Options, config)
    return OsdpReader(config.name, parse_address(config.address, BAUDRATE), read_keys(config.password), options)


DRIVER = Driver(
    kind="osdp_reader",
    title="OSDP v2 reader (RS-485 or serial server): cards, keypad, lamps and lock, encrypted with a key of its own",
    capabilities=frozenset({Capability.READER, Capability.GATE}),
    options=Options,
    build=build,
    is_serial=True,
)
