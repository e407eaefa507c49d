"""Build a Dahua console; driver names this function, so that httpcore is imported only to build one."""

from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.device import Device
from drivers.common.http.client import Http, Pace
from drivers.common.options import read_options
from drivers.dahua_console.cgi import CHALLENGE_TARGET
from drivers.dahua_console.console import DahuaConsole
from drivers.dahua_console.login import CrowdedLogin
from drivers.dahua_console.options import Options


def build(config: DeviceConfig) -> Device:
    """Return a console that is not connected yet; InvalidInput for an address or option that cannot be."""
    options = read_options(Options, config)
    login = CrowdedLogin(config.username, config.password)
    pace = Pace(options.pace_ms / 1000, each_request=True)
    # Two connections and no more: one for commands, one for the stream.
    lines = [
        Http(
            config.address,
            login,
            CHALLENGE_TARGET,
            pace=pace,
            tls_ca=options.tls_ca,
            tls_fingerprint=options.tls_fingerprint,
            reuse_nonces=True,
        )
        for _ in range(2)
    ]
    zone = ZoneInfo(options.timezone) if options.timezone else None
    host = urlsplit(config.address).hostname or ""
    return DahuaConsole(config.name, host, options, zone, lines[0], lines[1])
