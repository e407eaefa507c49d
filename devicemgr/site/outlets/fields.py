"""What an outlet states: where events go, which, what of each, and what happens when the receiver refuses one."""

import re
import socket
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from devicemgr.domain.rules.outgoing.addresses import why_not_call
from devicemgr.domain.rules.outgoing.selection import Extra, Selection
from devicemgr.errors import InvalidInput
from devicemgr.outgoing.connection import MAX_PEM_CHARS, Place, tls_context
from devicemgr.site.outlets.channels import CHANNELS, Channel
from devicemgr.site.outlets.scheduled import ScheduledReport
from devicemgr.site.stated_fields import validated
from devicemgr.store.outlets.tables import OutletRow
from devicemgr.text import safe

MAX_URL_CHARS = 2000
MAX_KINDS, MAX_PORTALS = 100, 100
MAX_BATCH = 200
MAX_RECIPIENTS = 50
MAX_REPORTS = 20
MAX_ENTERPRISE = 2**32 - 1
EXAMPLE_ENTERPRISE = 32473
"""The private enterprise number for documentation (RFC 5612), until a site has one of its own."""
# A kind of event, or the beginning of several with a star.
_KIND = re.compile(r"[a-z][a-z_.]{0,60}\*?\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")
# What mail servers take as it is: no display names, no quotes, no line ends.
_MAIL_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\Z")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


ChannelKind = Literal["webhook", "mail", "mqtt", "syslog"]


class OutletFields(BaseModel):
    """An outlet: where events go, which ones, and what of each."""

    model_config = ConfigDict(extra="forbid")
    kind: ChannelKind = Field(examples=["webhook"], description="How events leave.")
    url: str = Field(examples=["https://hr.example/hooks/devicemgr"], max_length=MAX_URL_CHARS)
    kinds: list[str] = Field(
        [],
        max_length=MAX_KINDS,
        examples=[["access_granted", "access_denied"]],
        description="Which events, or `alarms`; [] for all, by mail alarms, by syslog also denials and administration.",
    )
    portals: list[str] = Field([], max_length=MAX_PORTALS, description="Events of which portals; [] for all.")
    fields: list[Extra] = Field([], description="What is given out beside ids and badges.")
    duress: bool = Field(False, description="Duress signals leave too.")
    insecure: bool = Field(False, description="Without TLS to another computer, which proves nothing.")
    tls_ca: str = Field("", max_length=MAX_PEM_CHARS, description="Certificates (PEM) to trust, not the system's.")
    on_poison: Literal["stop", "skip"] = Field("stop", description="After ten refusals of an event: wait, or leave it.")
    batch: int = Field(1, ge=1, le=MAX_BATCH, description="Webhooks: up to so many events in one request.")
    user: str = Field("", max_length=200, description="Mail and MQTT: whom to sign in as; the secret is the password.")
    to: list[str] = Field([], max_length=MAX_RECIPIENTS, description="Mail: who gets it.")
    sender: str = Field("", max_length=254, description="Mail: whom it is from.")
    language: Literal["en", "ru", "kk"] = Field("en", description="Mail: in which language.")
    reports: list[ScheduledReport] = Field([], max_length=MAX_REPORTS, description="Mail: reports that it sends.")
    discovery: bool = Field(False, description="MQTT: Home Assistant finds the site's entities by itself.")
    commands: bool = Field(False, description="MQTT: commands are taken, each with an operator's token.")
    format: Literal["rfc5424", "cef"] = Field("rfc5424", description="Syslog: how a message is written.")
    enterprise: int = Field(
        EXAMPLE_ENTERPRISE, ge=1, le=MAX_ENTERPRISE, description="Syslog: the number in `devicemgr@NUMBER`."
    )

    @field_validator("kinds")
    @classmethod
    def _are_kinds(cls, kinds: list[str]) -> list[str]:
        wrong = next((kind for kind in kinds if not _KIND.fullmatch(kind)), None)
        if wrong is not None:
            raise ValueError(f"'{safe(wrong, 40)}' is no kind of event; write one such as access_denied or admin.*")
        return sorted(set(kinds))

    @field_validator("portals", "fields")
    @classmethod
    def _once(cls, found: list[Any]) -> list[Any]:
        return sorted(set(found))

    @field_validator("to")
    @classmethod
    def _are_addresses(cls, found: list[str]) -> list[str]:
        return sorted({_mail_address(one) for one in found})

    @field_validator("reports")
    @classmethod
    def _are_different(cls, found: list[ScheduledReport]) -> list[ScheduledReport]:
        return sorted(set(found), key=lambda one: one.key)

    @field_validator("sender")
    @classmethod
    def _is_address(cls, found: str) -> str:
        return found and _mail_address(found)

    @field_validator("user")
    @classmethod
    def _is_printable(cls, found: str) -> str:
        if not found.isprintable():
            raise ValueError("a user's name has printable characters only")
        return found

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> "OutletFields":
        """Refuse what another kind has, for it would do nothing, and ask for what this one needs."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        for kind, channel in CHANNELS.items():
            wrong = sorted(channel.own & given.keys() - self.channel.own)
            if wrong:
                raise ValueError(f"{wrong[0]}: an outlet of kind {self.kind} has none; it is for {kind}")
        missing = next((name for name in self.channel.needed if name not in given), None)
        if missing is not None:
            raise ValueError(f"{missing}: an outlet of kind {self.kind} needs one")
        return self

    @model_validator(mode="after")
    def _is_callable(self) -> "OutletFields":
        try:
            place_of(self)
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def channel(self) -> Channel:
        """Return what its kind is made of."""
        return CHANNELS[self.kind]

    @property
    def selection(self) -> Selection:
        """Return which events leave, and what of them."""
        return Selection(
            tuple(self.kinds) or self.channel.kinds, tuple(self.portals), frozenset(self.fields), self.duress
        )

    def stated(self) -> dict[str, Any]:
        """Return the fields as the site's file has them: without what is as it is by default."""
        return {"kind": self.kind, "url": self.url} | self.model_dump(mode="json", exclude_defaults=True)


def place_of(fields: OutletFields) -> Place:
    """Return the server of an outlet; InvalidInput for an address that is never called. Resolves no name.

    This computer itself is called only where its name says so, and alone without TLS unless `insecure`. `is_tls` is
    False for mail servers that begin it later.
    """
    url, channel = fields.url, fields.channel
    if _UNPRINTABLE.search(url):
        raise InvalidInput(f"an address has no spaces; give one like {channel.example}")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except ValueError as error:
        raise InvalidInput(f"the address '{safe(url, 80)}' is no URL; give one like {channel.example}") from error
    if parts.scheme not in channel.ports or not host:
        raise InvalidInput(
            f"the address '{safe(url, 80)}' is none of kind {fields.kind}; give one like {channel.example}"
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("no password belongs into an address; give it as the outlet's secret")
    if not channel.has_path and (parts.path.strip("/") or parts.query or parts.fragment):
        raise InvalidInput(
            f"the address of kind {fields.kind} ends with host and port; give one like {channel.example}"
        )
    if parts.scheme in channel.open and not (host in _LOOPBACK or fields.insecure):
        raise InvalidInput(
            f"{parts.scheme} shows events to everyone on the way: "
            f"give an address like {channel.example}, or state insecure"
        )
    _require_callable(host)
    if fields.tls_ca:
        tls_context(fields.tls_ca)
    is_tls = parts.scheme in channel.secured
    return Place(host, port or channel.ports[parts.scheme], is_tls, fields.tls_ca, allow_private=True)


def _require_callable(host: str) -> None:
    """Refuse at once a numeric address that no try would call, or whose spelling hides which one it is."""
    try:
        why = why_not_call(host, allow_private=True)
    except ValueError:
        why = None
        if _is_odd_number(host):
            raise InvalidInput(
                f"the address '{safe(host, 60)}' is a number in an unusual spelling; write it as 192.0.2.7"
            ) from None
    if why is not None:
        raise InvalidInput(f"{safe(host, 60)} is not called: {why}")


def _is_odd_number(host: str) -> bool:
    """Return True for IPv4 as C libraries read it too: 2130706433, 0x7f.1, 0177.0.0.1."""
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


def is_loopback(fields: OutletFields) -> bool:
    """Return True where the address names this computer."""
    return (urlsplit(fields.url).hostname or "") in _LOOPBACK


def checked_fields(stated: Mapping[str, Any]) -> OutletFields:
    """Return what an outlet shall state; InvalidInput names the first field that is wrong."""
    return validated(OutletFields, stated)


def fields_of(row: OutletRow) -> OutletFields:
    """Return what an outlet states."""
    return OutletFields.model_validate(row.stated)


def _mail_address(text: str) -> str:
    if not _MAIL_ADDRESS.fullmatch(text):
        raise ValueError(f"'{safe(text, 60)}' is no mail address; give one like gate@example.com")
    return text
