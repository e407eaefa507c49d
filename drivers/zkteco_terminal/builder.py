"""Build a ZKTeco terminal; driver names this function, so that the push server is imported only to build one."""

import re
import zoneinfo
from urllib.parse import urlsplit

from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.device import Device
from devicemgr.errors import InvalidInput
from devicemgr.text import safe
from drivers.common.http.push_server import addresses_of
from drivers.common.options import read_options
from drivers.zkteco_terminal.device import ZktecoTerminal
from drivers.zkteco_terminal.options import Options


def build(config: DeviceConfig) -> Device:
    """Return a terminal that is not connected yet; InvalidInput for an address or option that cannot be."""
    options = read_options(Options, config)
    zone = zoneinfo.ZoneInfo(options.timezone) if options.timezone else None
    return ZktecoTerminal(config.name, addresses_of(_host_of(config.address)), options, zone)


def _host_of(address: str) -> str:
    """Return the host of `192.0.2.50` or `http://192.0.2.50`; the terminal calls, so that a port does not count."""
    text = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not re.fullmatch(r"[0-9A-Za-z.:_-]{1,253}", host) or parts.scheme not in ("http", "https"):
        raise InvalidInput(f"'{safe(address, 100)}' is not the terminal's address; write it like http://192.0.2.50")
    return host
