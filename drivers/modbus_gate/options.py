"""Options of a Modbus unit: how it is reached, and how it is wired."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from devicemgr.domain.ledger_events import Kind
from drivers.common.relays.inputs import InputOptions

AlarmKind = Literal[
    Kind.PASSAGE_TAILGATED,
    Kind.PASSAGE_REVERSED,
    Kind.PASSAGE_CLIMBED,
    Kind.PASSAGE_OBSTRUCTED,
    Kind.TAMPER,
    Kind.PORTAL_FORCED,
    Kind.PORTAL_HELD_OPEN,
    Kind.DEVICE_DEGRADED,
]


class Options(InputOptions):
    """Options of a Modbus unit: its place on the line, and its wires."""

    profile: Literal["lot", "relay"] = Field(
        description="lot: a LOT Group turnstile, 115200 baud unless the address says otherwise. "
        "relay: a relay board that switches a turnstile's or door's inputs, 9600 baud unless the address says otherwise"
    )
    unit: int = Field(
        1, ge=1, le=255, description="Modbus address of the unit; many relay boards leave the factory as 255"
    )
    framer: Literal["auto", "rtu", "tcp"] = Field(
        "auto",
        description="How frames travel on tcp:// addresses. rtu: a serial server that passes RTU frames through; "
        "tcp: a Modbus TCP device or gateway; auto: tcp on port 502, rtu on every other",
    )
    timeout: float | None = Field(
        None,
        ge=0.05,
        le=2,
        description="Seconds to wait for each answer; raise it for radio links. Left out: 0.3, and less for readings "
        "on a line with several units, so that one without power does not slow the others",
    )
    flavor: Literal["coil", "eletechsup", "oven"] = Field(
        "coil",
        description="Relay boards. coil: relays are coils and inputs discrete inputs (Waveshare and alike). "
        "eletechsup: relays are registers written by function 6, which time a pulse in whole seconds (R421A08). "
        "oven: outputs are registers from 0 to 1000 written by function 16 (OVEN MU110, MK110), with pulse=host",
    )
    pulse: Literal["device", "host"] = Field(
        "device",
        description="Relay boards. device: the board times the pulse (flash-on, coils from 0x0200), so nothing stays "
        "open if this computer dies. host: for boards without that; switched off from here, so after a crash or power "
        "cut of this computer mid-pulse the relay STAYS ON until the daemon is back",
    )
    readers: str = Field(
        "auto",
        pattern=r"^(auto|off|[1-4](,[1-4])*)$",
        description="LOT: its built-in readers and scanners that are access points: 1 entry (0x100), 2 exit (0x200), "
        "3 (0x300), 4 (0x400), such as 1,2; auto: all that answer; off: none",
    )
    alarms: dict[Annotated[int, Field(ge=0, le=15)], AlarmKind] = Field(
        {},
        description="LOT: what the bits (0-15) of its error register mean, from the manual of its firmware, such as "
        '{"0": "passage_tailgated", "3": "tamper"}; a bit left out is reported as device_degraded',
    )

    @model_validator(mode="after")
    def _flavor_fits(self) -> "Options":
        if self.flavor == "oven" and self.pulse == "device":
            raise ValueError("OVEN modules time no pulse: flavor=oven needs pulse=host (read its warning)")
        if self.flavor == "oven" and self.inputs():
            raise ValueError("flavor=oven reads no inputs; wire them to another module and leave the options out")
        return self
