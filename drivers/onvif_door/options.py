"""Options of an ONVIF door controller: its doors, its readers and its certificate."""

from pydantic import Field, field_validator

from devicemgr.site.password_scope import VERIFIES
from drivers.common.onvif.options import WiredOptions
from drivers.common.video.camera import readable_file


class Options(WiredOptions):
    """Options of an ONVIF door controller."""

    door: str = Field(
        "",
        max_length=500,
        description="doors, by token with commas: the first is channel 1; left out: all, in the controller's order",
    )
    door_exit: str = Field("", max_length=500, description="doors for the way out, as `door`; left out: the same doors")
    access_point: str = Field(
        "",
        max_length=500,
        description="access points with readers, by token with commas: the first is reader channel 1; left out: all",
    )
    tls_ca: str = Field(
        "",
        max_length=500,
        json_schema_extra=VERIFIES,
        description="file with the device's own certificate or CA, for https://",
    )

    _is_there = field_validator("tls_ca")(readable_file)
