"""Build an OSDP reader; driver names this function, so that libosdp is imported only to build one."""

from devicemgr.domain.model import DeviceConfig
from drivers.common.options import read_options
from drivers.common.serial.address import parse_address
from drivers.osdp_reader.keys import read_keys
from drivers.osdp_reader.options import Options
from drivers.osdp_reader.reader import OsdpReader

BAUDRATE = 9600


def build(config: DeviceConfig) -> OsdpReader:
    """Return a reader that is not connected yet; InvalidInput for an address, option or key that cannot be."""
    options = read_options(Options, config)
    return OsdpReader(config.name, parse_address(config.address, BAUDRATE), read_keys(config.password), options)
