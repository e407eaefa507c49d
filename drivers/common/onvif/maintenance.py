"""The upkeep of any ONVIF device: who it is, its answers for a bug report, a restart (ONVIF Core)."""

from collections.abc import Callable
from functools import partial

from devicemgr.domain.model import DeviceInfo, JsonValue
from devicemgr.domain.ports.maintenance import Image, Reply
from drivers.common.onvif.services.firmware import upgrade
from drivers.common.onvif.session import Session
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import ACCESS, DEVICE, DEVICE_IO, DOORS, EVENTS, MEDIA, MEDIA2
from drivers.common.recording import of_element, replies_to

_RECORD_S = 45.0
_OF_ALL = (
    ("GetSystemDateAndTime", ""),
    ("GetDeviceInformation", ""),
    ("GetScopes", ""),
    ("GetRelayOutputs", ""),
    ("GetServices", "<n:IncludeCapability>true</n:IncludeCapability>"),
    ("GetCapabilities", "<n:Category>All</n:Category>"),
)


class OnvifUpkeep:
    """The maintenance that OnvifCamera and OnvifDoor share (upkeep_ports)."""

    _device: OnvifDevice
    _session: Session

    def identify(self) -> DeviceInfo:
        """GetDeviceInformation."""
        return self._session.identify()

    def reboot(self) -> None:
        """SystemReboot, once."""
        self._device.call(DEVICE, "SystemReboot", once=True)

    def upgrade(self, image: Image, progress: Callable[[str, int, int], None]) -> None:
        """StartFirmwareUpgrade and the file by HTTP."""
        upgrade(self._device, image, progress)

    def record(self) -> list[Reply]:
        """Return its replies to the requests that go to every device, and to those that its services offer."""
        device = self._device
        wanted = [(DEVICE, name, inner) for name, inner in _OF_ALL]
        wanted += [
            (MEDIA2, "GetProfiles", "<n:Type>VideoSource</n:Type><n:Type>VideoEncoder</n:Type>"),
            (MEDIA, "GetProfiles", ""),
            (EVENTS, "GetEventProperties", ""),
            (DEVICE_IO, "GetDigitalInputs", ""),
            (DOORS, "GetDoorInfoList", ""),
            (ACCESS, "GetAccessPointInfoList", ""),
        ]

        def ask(namespace: str, name: str, inner: str) -> tuple[int | None, JsonValue]:
            return None, of_element(device.ask(namespace, name, inner))

        offered = [question for question in wanted if device.offers(question[0])]
        with device.transport.budget(_RECORD_S):
            return replies_to((_shown(*question[:2]), partial(ask, *question)) for question in offered)


def _shown(namespace: str, name: str) -> str:
    """Return the operation, with its service where that is not the device's."""
    service = namespace.removeprefix("http://www.onvif.org/").removesuffix("/wsdl")
    return name if service == "ver10/device" else f"{service} {name}"
