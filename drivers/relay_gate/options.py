"""Options of a USB relay board: its model, and how it is wired."""

from typing import Literal

from pydantic import Field, field_validator

from drivers.common.relays.inputs import InputOptions


class Options(InputOptions):
    """Which board, and which relays."""

    model: Literal["lcus", "kmtronic", "numato", "devantech", "usbrelay"] = Field(
        description="lcus: LCTech boards (USB id 1a86:7523), which confirm nothing. kmtronic, numato, devantech "
        "(USB-RLY02, 08 and 16), usbrelay (HID boards, USB id 16c0:05df): read back after "
        "each switching. None of them has a timer: after a crash or power cut of this computer mid-pulse the relay "
        "STAYS ON until the daemon is back"
    )

    @field_validator("model", mode="before")
    @classmethod
    def _no_modem_lines(cls, model: object) -> object:
        if str(model).lower() in {"dtr", "rts", "dtr-rts", "modem"}:
            raise ValueError(
                "a board that switches by DTR or RTS must not be on a gate: Linux raises both lines whenever the port "
                "is opened, so each start would open it; use a board that takes commands"
            )
        return model
