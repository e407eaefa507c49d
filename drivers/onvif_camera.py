"""An ONVIF camera: the stream and the snapshot are found by asking the device (Profile S, media service 1)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from devicemgr.errors import DeviceError, DeviceGarbled, InvalidInput
from devicemgr.events import DeviceFact
from devicemgr.model import Capability, DeviceConfig, DeviceInfo, JsonValue, VideoSource
from devicemgr.ports import Device, Driver
from drivers._camera import CameraOptions, grab_jpeg, probe
from drivers._options import read_options
from drivers._video_url import require_no_credentials

if TYPE_CHECKING:
    from drivers._onvif import OnvifDevice

_DEVICE = "http://www.onvif.org/ver10/device/wsdl"
_MEDIA = "http://www.onvif.org/ver10/media/wsdl"
_SKEW_NOTED = 5.0
_STREAM_SETUP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}


class OnvifOptions(CameraOptions):
    """Options of an ONVIF camera."""

    profile: str = Field("", max_length=64, description="media profile by token or name; the first with video if empty")


class OnvifCamera:
    """One ONVIF camera (ports.Camera); media profiles are read once per open()."""

    poll_interval = 5.0

    def __init__(self, config: DeviceConfig, device: "OnvifDevice", options: OnvifOptions) -> None:
        self._config, self._device, self._options = config, device, options
        self._profiles: list[Any] = []
        self._info = DeviceInfo()

    def open(self) -> DeviceInfo:
        """Read the clock, find the services, identify."""
        from drivers._onvif import plain  # noqa: PLC0415  listing the kinds must not import zeep

        self._device.read_clock()
        self._device.find_services()
        said = self._device.call(_DEVICE, "GetDeviceInformation")
        self._profiles = []
        fields = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber")
        self._info = DeviceInfo(*(plain(getattr(said, field, "")) for field in fields))
        return self._info

    def poll(self) -> Sequence[DeviceFact]:
        """See that it still answers, and follow its clock; events come with a later media service."""
        self._device.read_clock()
        return ()

    def check(self) -> dict[str, JsonValue]:
        """Who it is, its profiles, its stream (no credentials) and what that shows, and its clock."""
        skew = self._device.read_clock()
        source = self.stream()
        known = self._device.skew_seconds is not None
        result: dict[str, JsonValue] = {
            "manufacturer": self._info.manufacturer,
            "model": self._info.model,
            "firmware": self._info.firmware,
            "profiles": [_described(profile) for profile in self._profiles],
            "stream": source.url,
            "clock_skew_seconds": round(skew, 1) if known else None,
            "notes": _clock_notes(skew if known else None),
        }
        try:
            result["video"] = probe(source)
        except DeviceError as error:
            result["video"] = {"error": str(error)}
        return result

    def stream(self) -> VideoSource:
        """Ask for the RTSP address of the chosen profile; host forced to the configured one."""
        token = self._profile().token
        answer = self._device.call(_MEDIA, "GetStreamUri", StreamSetup=_STREAM_SETUP, ProfileToken=token)
        url = self._device.own_stream(str(getattr(answer, "Uri", None) or ""))
        return VideoSource(url, self._config.username, self._config.password, self._options.for_stream())

    def snapshot(self) -> bytes:
        """The camera's own JPEG; from the stream when it offers none."""
        answer = self._device.call(_MEDIA, "GetSnapshotUri", ProfileToken=self._profile().token)
        uri = getattr(answer, "Uri", None)
        if not uri:
            return grab_jpeg(self.stream())
        picture = self._device.fetch(str(uri))
        if not picture.startswith(b"\xff\xd8"):
            raise DeviceGarbled("the camera's snapshot is not a JPEG; check its snapshot settings")
        return picture

    def close(self) -> None:
        """Let go of the connections."""
        self._device.close()

    def _profile(self) -> Any:
        if not self._profiles:
            self._profiles = list(self._device.call(_MEDIA, "GetProfiles") or [])[:64]
        wanted = self._options.profile
        for profile in self._profiles:
            if wanted in (profile.token, profile.Name) if wanted else profile.VideoEncoderConfiguration:
                return profile
        if wanted:
            raise InvalidInput("the camera has no such media profile; `device test` lists its profiles")
        if not self._profiles:
            raise DeviceGarbled("the camera has no media profile; create one on its web page")
        return self._profiles[0]


def _described(profile: Any) -> dict[str, JsonValue]:
    from drivers._onvif import plain  # noqa: PLC0415  listing the kinds must not import zeep

    encoder = profile.VideoEncoderConfiguration
    size = getattr(encoder, "Resolution", None)
    return {
        "token": plain(profile.token),
        "name": plain(profile.Name),
        "encoding": plain(getattr(encoder, "Encoding", "")),
        "width": getattr(size, "Width", None),
        "height": getattr(size, "Height", None),
    }


def _clock_notes(skew: float | None) -> list[JsonValue]:
    if skew is None:
        return ["the camera's clock cannot be read"]
    if abs(skew) <= _SKEW_NOTED:
        return []
    return [f"the camera's clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}; set its time server"]


def _build(config: DeviceConfig) -> Device:
    from drivers._onvif import OnvifDevice  # noqa: PLC0415  listing the kinds must not import zeep

    require_no_credentials(config.address)
    options = read_options(OnvifOptions, config)
    device = OnvifDevice(config.address, config.username, config.password, tls_ca=options.tls_ca)
    return OnvifCamera(config, device, options)


DRIVER = Driver(
    kind="onvif_camera",
    title="ONVIF camera (Profile S)",
    capabilities=frozenset({Capability.CAMERA}),
    options=OnvifOptions,
    build=_build,
)
