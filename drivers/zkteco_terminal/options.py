"""Options of a ZKTeco terminal: its serial number, where it calls, its doors and its memory."""

from pydantic import BaseModel, ConfigDict, Field

from drivers.common.options import ZoneName


class Options(BaseModel):
    """Options of a ZKTeco terminal."""

    model_config = ConfigDict(extra="forbid")

    serial: str = Field(
        pattern=r"^[0-9A-Za-z_-]{4,40}$",
        description="Its serial number (SN), as its menu shows it: it proves itself by it",
    )
    push_port: int = Field(
        8081,
        ge=0,
        le=65535,
        description="TCP port of this computer that it calls; one for each terminal. 0: any, for tests",
    )
    doors: int = Field(1, ge=1, le=8, description="Doors that it opens; channels 1 and up")
    faces: bool = Field(False, description="Whether face samples of people who consented are put on the terminal")
    capacity: int = Field(3000, ge=1, le=300_000, description="People that fit into it; see its data sheet")
    always_rule: int = Field(
        1, ge=1, le=50, description="Number of its time rule that is open at all times; it is read and never changed"
    )
    timezone: ZoneName = Field("", description="IANA zone of its clock, such as Asia/Almaty; left out: this computer's")
