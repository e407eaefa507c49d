"""The connection to an ONVIF device, made from its configuration."""

from devicemgr.domain.model import DeviceConfig
from drivers.common.onvif.options import WiredOptions, words
from drivers.common.onvif.soap.addresses import Place, device_url
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.login import OnvifLogin
from drivers.common.video.urls import require_no_credentials

DEADLINE_S = 4.0


def connect(config: DeviceConfig, options: WiredOptions, tls_ca: str, rtsp_port: int = 0) -> OnvifDevice:
    """Return the device, not connected yet; raise InvalidInput for an address that can't be."""
    require_no_credentials(config.address)
    place = Place(device_url(config.address), frozenset(words(options.allow_hosts.lower())), rtsp_port)
    login = OnvifLogin(config.username, config.password)
    return OnvifDevice(place, login, DEADLINE_S, tls_ca, allow_basic=options.allow_basic)
