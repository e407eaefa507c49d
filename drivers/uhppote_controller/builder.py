"""Build a UHPPOTE controller; driver names this function, so that its library is imported only to build one."""

import zoneinfo

from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import InvalidInput
from drivers.common.options import read_options
from drivers.uhppote_controller.controller import UhppoteGate
from drivers.uhppote_controller.held.holder import UhppoteController
from drivers.uhppote_controller.host import UhppoteHost
from drivers.uhppote_controller.options import Options
from drivers.uhppote_controller.protocol import parse_endpoint


def build(config: DeviceConfig) -> UhppoteGate:
    """Return a controller that is not connected yet; InvalidInput for an address or option that cannot be."""
    options = read_options(Options, config)
    if options.timezone is not None and options.timezone not in zoneinfo.available_timezones():
        raise InvalidInput("option timezone: name one like Asia/Almaty")
    kind = UhppoteController if options.decide == "controller" else UhppoteHost
    return kind(config.name, parse_endpoint(config.address), options)
