"""Functions that only some ONVIF cameras have: PTZ presets, picture settings, a list of inputs; None elsewhere."""

from devicemgr.domain.model import JsonValue
from devicemgr.errors import DeviceGarbled, InvalidInput
from drivers.common.http.transport import AnswerLost
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import DEVICE_IO, IMAGING, MEDIA, PTZ, OnvifFault, plain

_MAX_ENTRIES = 64
_SETTINGS = ("Brightness", "ColorSaturation", "Contrast", "Sharpness")


def presets(device: OnvifDevice, profile: str) -> dict[str, JsonValue] | None:
    """Preset names by token."""
    if not device.has(PTZ):
        return None
    response = device.call(PTZ, "GetPresets", ProfileToken=profile) or []
    return {plain(preset.token): plain(preset.Name) for preset in response[:_MAX_ENTRIES]}


def goto_preset(device: OnvifDevice, profile: str, wanted: str) -> None:
    """Turn to a preset by token or name; InvalidInput when there is none."""
    for token, name in (presets(device, profile) or {}).items():
        if wanted in (token, name):
            device.call(PTZ, "GotoPreset", ProfileToken=profile, PresetToken=token)
            return
    raise InvalidInput("the camera has no such preset; a test of the device lists its presets")


def imaging(device: OnvifDevice) -> dict[str, JsonValue] | None:
    """Read brightness, saturation, contrast and sharpness of the first video source, in the device's scales."""
    if not (device.has(IMAGING) and device.has(MEDIA)):
        return None
    sources = device.call(MEDIA, "GetVideoSources") or []
    if not sources:
        return None
    response = device.call(IMAGING, "GetImagingSettings", VideoSourceToken=sources[0].token)
    values = {name: getattr(response, name, None) for name in _SETTINGS}
    return {name: float(value) for name, value in values.items() if value is not None}


def listed_inputs(device: OnvifDevice) -> list[str]:
    """Return the tokens that GetDigitalInputs lists; none where the device does not answer it."""
    try:
        return [str(token) for token in inputs(device) or []]
    except (OnvifFault, DeviceGarbled, AnswerLost):
        return []


def inputs(device: OnvifDevice) -> list[JsonValue] | None:
    """List the tokens of the digital inputs."""
    if not device.has(DEVICE_IO):
        return None
    return [plain(entry.token) for entry in (device.call(DEVICE_IO, "GetDigitalInputs") or [])[:_MAX_ENTRIES]]
