"""Options of a ZKTeco controller: its serial number, its memory and its clock."""

from pydantic import BaseModel, ConfigDict, Field

from drivers.common.options import ZoneName


class Options(BaseModel):
    """Options of a ZKTeco controller."""

    model_config = ConfigDict(extra="forbid")

    serial: str = Field(
        "",
        pattern=r"^[0-9A-Za-z_-]{0,40}$",
        description="Its serial number: another controller at its address is refused",
    )
    capacity: int = Field(30_000, ge=1, le=100_000, description="How many people it can hold; see its data sheet")
    always_rule: int = Field(
        1, ge=1, le=255, description="Number of its time rule that is open at all times; it is read and never changed"
    )
    timezone: ZoneName = Field("", description="IANA zone of its clock, such as Asia/Almaty; left out: this computer's")
    set_clock: bool = Field(
        False,
        description="Whether its clock is set from here; some firmware hangs up instead, so it is tried once a session",
    )
    timeout: float = Field(2.0, ge=0.1, le=5.0, description="Seconds to wait for an answer")
