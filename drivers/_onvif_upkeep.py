"""The upkeep of any ONVIF device: who it is, and a restart (ONVIF Core, device management)."""

from typing import TYPE_CHECKING

from devicemgr.model import DeviceInfo

if TYPE_CHECKING:
    from drivers._onvif import OnvifDevice
    from drivers._onvif_session import Session


class OnvifUpkeep:
    """What OnvifCamera and OnvifDoor do alike (upkeep_ports)."""

    _device: "OnvifDevice"
    _session: "Session"

    def identify(self) -> DeviceInfo:
        """GetDeviceInformation."""
        return self._session.identify()

    def reboot(self) -> None:
        """SystemReboot, once."""
        from drivers._onvif_names import DEVICE  # noqa: PLC0415 - listing the kinds must not import zeep

        self._device.call(DEVICE, "SystemReboot", once=True)
