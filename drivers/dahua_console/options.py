"""Options of a Dahua (Intelbras) console."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from devicemgr.site.password_scope import VERIFIES
from drivers.common.options import ZoneName


class Options(BaseModel):
    """Options of a Dahua terminal."""

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
    timezone: ZoneName = Field(
        "", description="The terminal's time zone, such as Asia/Almaty; left out: read from its clock"
    )
    snapshots: bool = Field(
        False, description="Take events from the stream with pictures, for firmware that tells nothing on the other"
    )
    stream: bool = Field(
        True,
        description="Whether an event stream is kept open. false: events are read from its memory every 2 s and alarms "
        "are not reported, for terminals that take no other connection while one is open (ASI7213Y)",
    )
    pace_ms: int = Field(
        0,
        ge=0,
        le=1000,
        description="Milliseconds between two requests, for terminals that stop answering when they come faster (700 "
        "for the ASI7213Y); a release does not wait for its turn",
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

    @model_validator(mode="after")
    def _host_needs_a_port(self) -> "Options":
        if self.decide == "host" and not self.push_port:
            raise ValueError("decide=host needs push_port, at which the terminal asks")
        return self

    @model_validator(mode="after")
    def _pictures_need_a_stream(self) -> "Options":
        if self.snapshots and not self.stream:
            raise ValueError("snapshots=true is the stream with pictures, which stream=false does not open")
        return self
