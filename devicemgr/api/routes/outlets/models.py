"""Shapes of what the routes of outlets take and answer."""

from typing import Literal

from pydantic import Field

from devicemgr.api.conventions.models import RequestBody, ResponseBody, Time
from devicemgr.domain.rules.outgoing.selection import Extra
from devicemgr.site.outlets.fields import ChannelKind, OutletFields
from devicemgr.site.outlets.scheduled import ScheduledReport


class OutletReplace(OutletFields):
    """All that an outlet states; what is not given is as it is by default."""


class OutletCreate(OutletFields):
    """An outlet to add."""

    name: str = Field(examples=["hr"])


class OutletUpdate(RequestBody):
    """What to change of an outlet: an absent field stays; null gives a field its default."""

    kind: ChannelKind | None = None
    url: str | None = None
    kinds: list[str] | None = None
    portals: list[str] | None = None
    fields: list[Extra] | None = None
    duress: bool | None = None
    insecure: bool | None = None
    tls_ca: str | None = None
    on_poison: Literal["stop", "skip"] | None = None
    batch: int | None = None
    user: str | None = None
    to: list[str] | None = None
    sender: str | None = None
    language: Literal["en", "ru", "kk"] | None = None
    reports: list[ScheduledReport] | None = None
    discovery: bool | None = None
    commands: bool | None = None
    format: Literal["rfc5424", "cef"] | None = None
    enterprise: int | None = None


class OutletSecret(RequestBody):
    """An outlet's secret: absent or null for a new random one."""

    secret: str | None = Field(None, max_length=200, examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    keep_last: bool = Field(False, description="The secret before stays valid beside it, while receivers change.")
    asymmetric: bool = Field(False, description="Webhooks: an Ed25519 key, of which receivers get the public one.")


class OutletReplay(RequestBody):
    """From which event on to give out once more."""

    seq: int = Field(ge=1, alias="from", description="The first event's seq.")


class Outlet(ResponseBody):
    """An outlet, how far it has come and what is wrong."""

    name: str = Field(examples=["hr"])
    kind: str
    url: str
    kinds: list[str]
    portals: list[str]
    fields: list[str]
    duress: bool
    insecure: bool
    tls_ca: str
    on_poison: str
    batch: int
    user: str
    to: list[str]
    sender: str
    language: str
    reports: list[ScheduledReport]
    discovery: bool
    commands: bool
    format: str
    enterprise: int
    state: Literal["ok", "failing", "stopped", "paused"]
    cause: str | None = Field(description="Why the last try failed.")
    failing_since: Time | None
    cursor: int = Field(description="The seq of the last event that was given out or left out.")
    lag_events: int = Field(description="How many events of the record are behind the cursor.")
    lag_s: float = Field(description="Seconds since the first of these was recorded; 0 for none.")
    oldest_waiting: Time | None = Field(description="When the first of these was recorded.")
    has_secret: bool


class OutletSecretSet(ResponseBody):
    """The secret that was made, shown this once; null where one was given, and for a key that never leaves."""

    name: str
    secret: str | None
    public_key: str | None = Field(description="What receivers check signatures of an Ed25519 key by.")


class OutletTest(ResponseBody):
    """What came of a test message."""

    name: str
    delivered: bool
    cause: str | None
    answer: str | None = Field(description="What the receiver answered, where that says more.")


class OutletRemoved(ResponseBody):
    """An outlet that was removed."""

    name: str
    removed: bool
