"""ZKTeco face terminals (SpeedFace and newer) that call this computer by the PUSH protocol (ADMS)."""

import re
import zoneinfo
from urllib.parse import urlsplit

from devicemgr.domain.model import Capability, DeviceConfig
from devicemgr.domain.ports.device import Device
from devicemgr.domain.ports.driver import Driver
from devicemgr.domain.rules.card_formats import is_read_whole
from devicemgr.errors import InvalidInput
from devicemgr.text import safe
from drivers.common.http.push_server import addresses_of
from drivers.common.options import read_options
from drivers.zkteco_terminal.options import Options


def build(config: DeviceConfig) -> Device:
    """Return a terminal that is not connected yet; InvalidInput for an address or option that cannot be."""
    from drivers.zkteco_terminal.device import ZktecoTerminal  # noqa: PLC0415 - listing the kinds needs no server

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


DRIVER = Driver(
    kind="zkteco_terminal",
    title="ZKTeco face terminal (SpeedFace and newer) that calls here by PUSH (ADMS)",
    capabilities=frozenset({Capability.CONSOLE, Capability.GATE}),
    options=Options,
    build=build,
    reads_card=is_read_whole,
)
