"""An ONVIF camera (Profiles S and T): stream, snapshot, events, inputs, and relay outputs as a gate."""

from pydantic import Field

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.driver import Driver
from devicemgr.site.password_scope import WIDENS
from drivers.common.fire_inputs import declared
from drivers.common.onvif.options import WiredOptions
from drivers.common.onvif.ws_discovery import discover
from drivers.common.video.camera import CameraOptions


class Options(CameraOptions, WiredOptions):
    """Options of an ONVIF camera."""

    profile: str = Field("", max_length=64, description="media profile by token or name; the first with video if empty")
    preset: str = Field("", max_length=64, description="PTZ preset, by token or name, to turn to on every start")
    rtsp_port: int = Field(
        0,
        ge=0,
        le=65535,
        json_schema_extra=WIDENS,
        description="port of the stream, where a router maps it to another one",
    )


DRIVER = Driver(
    kind="onvif_camera",
    title="ONVIF camera (Profiles S and T), with its inputs and relay outputs",
    capabilities=frozenset({Capability.CAMERA, Capability.GATE}),
    options=Options,
    build="drivers.onvif_camera.device:build",
    fire_inputs=declared(Options),
    discover=discover,
)
