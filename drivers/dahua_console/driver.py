"""Dahua (and Intelbras) face terminals over their CGIs: a console, and the gate that it opens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.driver import Driver, Found
from devicemgr.site.password_scope import VERIFIES
from drivers.common.advisories import advisories_of

if TYPE_CHECKING:
    from drivers.common.http.probe import Reply


class Options(BaseModel):
    """How the terminal is used."""

    model_config = ConfigDict(extra="forbid")

    doors: int = Field(1, ge=1, le=16, description="Doors that the terminal opens; channels 1 and up")
    decide: Literal["console", "host"] = Field(
        "console",
        description="Who decides. console: the terminal, by the people it holds; recorded and checked here. host: it "
        "asks here in its online mode and waits for the answer (needs push_port)",
    )
    fallback: Literal["closed", "console"] = Field(
        "closed",
        description="With decide=host and this computer away. closed: no person is let in; console: the terminal "
        "decides by itself, as its firmware allows",
    )
    faces: bool = Field(False, description="Whether face samples of people who consented are put on the terminal")
    capacity: int = Field(10_000, ge=1, le=300_000, description="People that fit into it; see its data sheet")
    push_port: int = Field(
        0, ge=0, le=65535, description="TCP port of this computer that the terminal pushes to; 0: it does not push"
    )
    push_host: str = Field(
        "", max_length=64, description="This computer's address as the terminal knows it; left out: found by itself"
    )
    timezone: str = Field(
        "", max_length=64, description="The terminal's time zone, such as Asia/Almaty; left out: read from its clock"
    )
    snapshots: bool = Field(
        False, description="Take events from the stream with pictures, for firmware that tells nothing on the other"
    )
    remote_user: str = Field(
        "0", pattern=r"^[0-9A-Za-z]{1,30}$", description="User ID that the terminal's own log shows for a release"
    )
    tls_ca: str = Field(
        "", max_length=300, json_schema_extra=VERIFIES, description="A CA's PEM file for https:// addresses"
    )
    tls_fingerprint: str = Field(
        "",
        max_length=120,
        json_schema_extra=VERIFIES,
        description="The certificate's fingerprint, sha256:…, instead of a CA",
    )

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        if name and name not in available_timezones():
            raise ValueError("is no IANA time zone such as Asia/Almaty")
        return name

    @model_validator(mode="after")
    def _host_needs_a_port(self) -> "Options":
        if self.decide == "host" and not self.push_port:
            raise ValueError("decide=host needs push_port, at which the terminal asks")
        return self


def discover(seconds: float, hosts: Sequence[str]) -> list[Found]:
    """Those of `hosts` that ask for a login as these terminals do; one request each, without a password."""
    from drivers.common.http.probe import find  # noqa: PLC0415
    from drivers.dahua_console.cgi import CHALLENGE_TARGET  # noqa: PLC0415 (httpcore)

    return find(seconds, hosts, CHALLENGE_TARGET, _recognised) if hosts else []


def _recognised(address: str, reply: "Reply") -> Found | None:
    from drivers.common.http.digest import read_challenges  # noqa: PLC0415

    challenge = read_challenges(reply.challenges)
    if reply.status != 401 or challenge is None or not challenge.realm.startswith("Login to "):
        return None
    # Cameras and recorders of the make ask alike.
    note = "a face terminal, if it is no camera or recorder of the make; give --username and --password-stdin"
    return Found("dahua_console", address, note=note)


DRIVER = Driver(
    kind="dahua_console",
    title="Dahua or Intelbras face terminal (ASI72xx, SS 55xx) over HTTP CGI",
    capabilities=frozenset({Capability.CONSOLE, Capability.GATE}),
    options=Options,
    build="drivers.dahua_console.builder:build",
    discover=discover,
    advisories=advisories_of(__package__),
)
