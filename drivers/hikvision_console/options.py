"""Options of a Hikvision console."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from devicemgr.site.password_scope import VERIFIES


class Options(BaseModel):
    """Options of a Hikvision console."""

    model_config = ConfigDict(extra="forbid")
    decide: Literal["host", "console"] = Field(
        "host",
        description="host: the console asks and the rules here decide (remote verification). console: it "
        "decides by itself by whom it holds; that is recorded and checked",
    )
    when_server_down: Literal["closed", "open"] = Field(
        "closed",
        description="with decide=host, what the console does when this box does not answer: let no one "
        "in, or whom it knows",
    )
    remote_check_seconds: int = Field(5, ge=1, le=10, description="with decide=host, how long it waits for an answer")
    remote_check: Literal["stream", "push"] = Field(
        "stream",
        description="with decide=host, how it asks: by its alert stream, or by its pushes, whose reply is the answer "
        "(ISAPIListen; needs push_port)",
    )
    faces: bool = Field(True, description="give it the face samples of people who consented, so that it knows them")
    clock: Literal["check", "set"] = Field(
        "check", description="set: set its clock to this box's at each connection, unless it follows a time server"
    )
    name_bytes: int | None = Field(
        None, ge=8, le=512, description="longest name it holds, in bytes of UTF-8; as its capabilities say, else 128"
    )
    poll_seconds: float = Field(5.0, ge=0.2, le=60, description="how often its memory of events is read at the latest")
    spacing: float = Field(
        0.1, ge=0, le=5, description="seconds between requests that can wait; more by itself while it says it is busy"
    )
    push_port: int | None = Field(
        None, ge=0, le=65535, description="have it push to this port of this box too, as a hint that events wait"
    )
    history: bool = Field(
        False, description="record what it remembers from before it was added; that is never disputed"
    )
    fire_input: bool = Field(
        True, description="false: nothing is wired to its fire input, and locks do not wait for its state"
    )
    tls_fingerprint: str = Field(
        "", max_length=120, json_schema_extra=VERIFIES, description="its certificate's fingerprint, sha256:…, pinned"
    )
    tls_ca: str = Field(
        "",
        max_length=500,
        json_schema_extra=VERIFIES,
        description="PEM file: its own certificate, or the CA that signed it",
    )

    @model_validator(mode="after")
    def _has_port(self) -> "Options":
        if self.remote_check == "push" and self.push_port is None:
            raise ValueError("remote_check=push needs push_port, the port here that the console pushes to")
        return self
