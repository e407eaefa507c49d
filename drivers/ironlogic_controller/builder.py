"""Build an IronLogic controller; driver names this function, so that its modules are imported only to build one."""

from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.device import Device
from devicemgr.errors import InvalidInput
from devicemgr.text import safe
from drivers.common.http.client import base_url
from drivers.common.options import read_options
from drivers.ironlogic_controller.controller import IronlogicGate, IronlogicKeeper
from drivers.ironlogic_controller.options import Options


def build(config: DeviceConfig) -> Device:
    """Return a controller that has not called yet; InvalidInput for an address or option that cannot be."""
    options = read_options(Options, config)
    host = base_url(config.address).split("://", 1)[1]
    host = host.split("]")[0].lstrip("[") if host.startswith("[") else host.split(":")[0]
    if not host:
        raise InvalidInput(f"'{safe(config.address, 60)}' is not the controller's address; write http://HOST")
    keeps = options.decide == "controller" or options.fallback == "controller"
    return (IronlogicKeeper if keeps else IronlogicGate)(config.name, host, options)
