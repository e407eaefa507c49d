"""Options of a UHPPOTE controller: its serial number, its clock, its doors, and who decides."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Options(BaseModel):
    """Which controller, and who decides."""

    model_config = ConfigDict(extra="forbid")
    controller: int = Field(ge=1, le=0xFFFFFFFE, description="The serial number on its label, such as 423187757")
    decide: Literal["controller", "host"] = Field(
        "controller",
        description="controller: it holds the cards and opens by itself, also without this box. host: it holds none, "
        "each card is decided here, and no card opens while this box is away",
    )
    timezone: str | None = Field(None, description="IANA zone of its clock, such as Asia/Almaty; else this box's")
    doors: list[Annotated[str, Field(min_length=1, max_length=40)]] = Field(
        [], max_length=4, description="Names of its doors 1 to 4 for messages, such as lobby,garage"
    )
    listener: Literal["on", "take", "off"] = Field(
        "on",
        description="on: it pushes its events here, so that they are read at once, "
        "unless another program has set itself up as its listener; take: also then; off: never",
    )
    listener_port: int = Field(0, ge=0, le=65535, description="UDP port here for what it pushes; 0: any that is free")
    capacity: int = Field(20_000, ge=1, le=200_000, description="How many cards it can hold")
    fire_input: bool = Field(
        True, description="false: nothing is wired to its fire input, and locks do not wait for its state"
    )
    timeout: float = Field(1.0, ge=0.05, le=5.0, description="Seconds to wait for an answer, twice")

    @field_validator("doors", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value
