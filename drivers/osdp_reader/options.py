"""Options of an OSDP reader: its place on the line, and what is wired to it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """Options of an OSDP reader."""

    model_config = ConfigDict(extra="forbid")

    unit: int = Field(0, ge=0, le=126, description="The reader's OSDP address; several readers share a line")
    secure: Literal["on", "off"] = Field(
        "on",
        description="on: only Secure Channel with the reader's own key. off: IN CLEAR, so that anybody on the line can "
        "read cards and PINs, play back cards and open the lock; only for readers that can't do better",
    )
    card_format: Literal[
        "auto",
        "raw",
        "wiegand26",
        "wiegand34",
        "wiegand35",
        "wiegand36",
        "wiegand37",
        "wiegand37n",
        "wiegand40",
        "wiegand42",
        "wiegand48",
        "wiegand50",
        "wiegand58",
        "wiegand66",
    ] = Field("auto", description="What a card's bits mean; auto takes the format of that length whose parities hold")
    output: int = Field(1, ge=1, le=64, description="Output that releases the lock, counted from 1")
    output_exit: int | None = Field(
        None, ge=1, le=64, description="Another output for exit; left out: the same for both sides"
    )
    pulse_seconds: float | None = Field(
        None, gt=0, le=25, description="How long a release keeps the output on; left out: the portal's release seconds"
    )
    door_input: int | None = Field(
        None, ge=1, le=64, description="Input, counted from 1, of the contact of the door that this output releases"
    )
    rex_input: int | None = Field(None, ge=1, le=64, description="Input, counted from 1, of the request-to-exit button")
    inputs_inverted: bool = Field(False, description="The inputs are active at rest")
    held_open_seconds: float = Field(30, ge=1, le=3600, description="How long the door may stay open without an alarm")
