"""Options that ONVIF cameras and doors share."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from devicemgr.domain.ledger_events import Kind
from devicemgr.site.password_scope import WIDENS


class WiredOptions(BaseModel):
    """Addresses, and what is wired to the device's inputs and relay outputs (tokens; `device test` lists them)."""

    model_config = ConfigDict(extra="forbid")

    allow_hosts: str = Field(
        "",
        max_length=500,
        json_schema_extra=WIDENS,
        description="hosts, with commas, whose announced addresses are taken as they are; all others are mapped onto "
        "the device's own address",
    )
    allow_basic: bool = Field(
        False,
        json_schema_extra=WIDENS,
        description="send the password in clear text for snapshots and streams, where the device wants that",
    )
    relay: str = Field(
        "",
        max_length=500,
        description="relay outputs that open the portals, by token with commas: the first is channel 1. Without it no "
        "relay is ever touched",
    )
    relay_exit: str = Field(
        "", max_length=500, description="relay outputs for the way out, as `relay`; left out: the same relays"
    )
    pulse_seconds: float | None = Field(
        None, gt=0, le=60, description="how long a release keeps a relay on; left out: the portal's release seconds"
    )
    rex_input: str = Field("", max_length=64, description="digital input of the request-to-exit button")
    fire_input: str = Field(
        "",
        max_length=64,
        description="digital input of the fire panel; it only tells of the hard-wired release and does not replace it",
    )
    tamper_input: str = Field("", max_length=64, description="digital input of a tamper contact")
    forced_input: str = Field("", max_length=64, description="digital input that tells of a forced door")
    held_open_input: str = Field("", max_length=64, description="digital input that tells of a door held open")
    inputs_inverted: bool = Field(False, description="the inputs are active at rest")

    @model_validator(mode="after")
    def _inputs_differ(self) -> "WiredOptions":
        wired = [*self.alarms(), *filter(None, (self.rex_input, self.fire_input))]
        if len(wired) != len(set(wired)):
            raise ValueError("one input stands for two things")
        return self

    def alarms(self) -> dict[str, Kind]:
        """Return the inputs that tell of alarms, and of which."""
        wired = {
            self.tamper_input: Kind.TAMPER,
            self.forced_input: Kind.PORTAL_FORCED,
            self.held_open_input: Kind.PORTAL_HELD_OPEN,
        }
        return {token: kind for token, kind in wired.items() if token}

    def watches(self) -> bool:
        """Return True if events of this device matter to a portal."""
        return bool(self.alarms() or self.rex_input or self.fire_input)


def words(text: str) -> list[str]:
    """Return what stands between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]
