"""Build a ZKTeco controller; driver names this function."""

import zoneinfo

from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.device import Device
from devicemgr.errors import InvalidInput
from drivers.common.options import read_options
from drivers.zkteco_controller.controller import ZktecoController
from drivers.zkteco_controller.options import Options
from drivers.zkteco_controller.protocol import parse_endpoint

MAX_PASSWORD = 15  # attached table 2, ComPwd


def build(config: DeviceConfig) -> Device:
    """Return a controller that is not connected yet; InvalidInput for what cannot be."""
    options = read_options(Options, config)
    password = config.password or ""
    if len(password) > MAX_PASSWORD or not password.isascii():
        raise InvalidInput(f"the communication password has up to {MAX_PASSWORD} letters and digits")
    zone = zoneinfo.ZoneInfo(options.timezone) if options.timezone else None
    return ZktecoController(config.name, parse_endpoint(config.address), password, options, zone)
