"""Options of an ONVIF camera: its media profile, its preset and its wires."""

from pydantic import Field

from devicemgr.site.password_scope import WIDENS
from drivers.common.onvif.options import WiredOptions
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
