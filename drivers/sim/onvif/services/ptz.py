"""PTZ presets and imaging settings."""

from xml.sax.saxutils import escape

from drivers.sim.onvif.call import Call, Operation
from drivers.sim.onvif.soap import no_such


def get_presets(call: Call) -> str:
    """List the presets by token."""
    return "".join(
        f'<tptz:Preset token="{token}"><tt:Name>{escape(name)}</tt:Name></tptz:Preset>'
        for token, name in call.state.presets.items()
    )


def goto_preset(call: Call) -> str:
    """Move to a preset."""
    token = call.request.text("PresetToken")
    if token not in call.state.presets:
        raise no_such("preset", "ter:NoToken")
    call.state.at_preset = token
    return ""


def get_imaging_settings(call: Call) -> str:
    """Return the imaging settings."""
    settings = "".join(f"<tt:{name}>{value:g}</tt:{name}>" for name, value in call.state.imaging.items())
    return f"<timg:ImagingSettings>{settings}</timg:ImagingSettings>"


def set_imaging_settings(call: Call) -> str:
    """Set those imaging settings that the request holds."""
    for name in call.state.imaging:
        if value := call.request.text(name):
            call.state.imaging[name] = float(value)
    return ""


PTZ: dict[str, Operation] = {"GetPresets": get_presets, "GotoPreset": goto_preset}
IMAGING: dict[str, Operation] = {
    "GetImagingSettings": get_imaging_settings,
    "SetImagingSettings": set_imaging_settings,
}
