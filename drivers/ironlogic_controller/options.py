"""Options of an IronLogic controller: its serial number, where it calls, and who decides."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from drivers.common.options import ZoneName


class Options(BaseModel):
    """Which controller, where it calls, and who decides."""

    model_config = ConfigDict(extra="forbid")

    serial: int = Field(ge=1, le=0xFFFFFFFF, description="The serial number on its label; it names itself by it")
    push_port: int = Field(8079, ge=0, le=65535, description="TCP port of this computer that the controller calls")
    path: str = Field(
        "/",
        pattern=r"^/[A-Za-z0-9_\-/]{0,60}$",
        description="Path of the server address in the controller; a long one that is hard to guess keeps others out",
    )
    decide: Literal["host", "controller"] = Field(
        "host",
        description="host: it asks here for each card and waits for the answer. controller: it decides by the cards "
        "that it holds, without schedules and dates",
    )
    fallback: Literal["closed", "controller"] = Field(
        "closed",
        description="With decide=host and this computer away. closed: it holds no cards, so that no card opens; "
        "controller: it holds the cards and lets them in by itself",
    )
    interval: int = Field(
        2, ge=1, le=60, description="Seconds between its calls: commands, such as a release from here, wait so long"
    )
    capacity: int = Field(2000, ge=1, le=100_000, description="Cards that fit into it; see its data sheet")
    door_seconds: float = Field(
        3.0, ge=0.1, le=60, description="Seconds that it keeps the door released, as set in the controller (open time)"
    )
    passages: bool = Field(
        False, description="true: a door contact or turnstile sensor is wired, so that it reports passages"
    )
    fire_input: bool = Field(False, description="true: a fire panel is wired to it, and locks wait for its state")
    timezone: ZoneName = Field("", description="IANA zone of its clock; left out: this computer's")
