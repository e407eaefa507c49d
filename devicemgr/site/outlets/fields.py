"""What an outlet states: where events go, which, what of each, and what happens when the receiver refuses one."""

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from devicemgr.domain.rules.outgoing.selection import Extra, Selection
from devicemgr.errors import InvalidInput
from devicemgr.outgoing.connection import MAX_PEM_CHARS, Place, tls_context
from devicemgr.site.stated_fields import validated
from devicemgr.store.outlets.tables import OutletRow
from devicemgr.text import safe

MAX_URL_CHARS = 2000
MAX_KINDS, MAX_PORTALS = 100, 100
MAX_BATCH = 200
# A kind of event, or the beginning of several with a star.
_KIND = re.compile(r"[a-z][a-z_.]{0,60}\*?\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")
_PORTS = {"https": 443, "http": 80}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class OutletFields(BaseModel):
    """An outlet: where events go, which ones, and what of each."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["webhook"] = Field(examples=["webhook"])
    url: str = Field(examples=["https://hr.example/hooks/devicemgr"], max_length=MAX_URL_CHARS)
    kinds: list[str] = Field(
        [],
        max_length=MAX_KINDS,
        examples=[["access_granted", "access_denied"]],
        description="Which events; [] for all.",
    )
    portals: list[str] = Field([], max_length=MAX_PORTALS, description="Events of which portals; [] for all.")
    fields: list[Extra] = Field([], description="What is given out beside ids and badges.")
    duress: bool = Field(False, description="Duress signals leave too.")
    insecure: bool = Field(False, description="http is spoken to another computer, which proves nothing.")
    tls_ca: str = Field("", max_length=MAX_PEM_CHARS, description="Certificates (PEM) to trust, not the system's.")
    batch: int = Field(1, ge=1, le=MAX_BATCH, description="Up to so many events in one message; 1: each by itself.")
    on_poison: Literal["stop", "skip"] = Field("stop", description="After ten refusals of an event: wait, or leave it.")

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

    @model_validator(mode="after")
    def _is_callable(self) -> "OutletFields":
        try:
            place_of(self)
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def selection(self) -> Selection:
        """Return which events leave, and what of them."""
        return Selection(tuple(self.kinds), tuple(self.portals), frozenset(self.fields), self.duress)

    def stated(self) -> dict[str, Any]:
        """Return the fields as the site's file has them: without what is as it is by default."""
        return {"kind": self.kind, "url": self.url} | self.model_dump(mode="json", exclude_defaults=True)


def place_of(fields: OutletFields) -> Place:
    """Return the server of an outlet; InvalidInput for an address that is never called. Resolves no name.

    This computer itself is called only where its name says so, and http is spoken to it alone unless `insecure`.
    """
    url = fields.url
    if _UNPRINTABLE.search(url):
        raise InvalidInput("an address has no spaces; give one like https://hr.example/hooks")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except ValueError as error:
        raise InvalidInput(
            f"the address '{safe(url, 80)}' is no URL; give one like https://hr.example/hooks"
        ) from error
    if parts.scheme not in _PORTS or not host:
        raise InvalidInput(f"the address '{safe(url, 80)}' is no URL; give one like https://hr.example/hooks")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("no password belongs into an address; the receiver knows this site by the signature")
    is_here = host in _LOOPBACK
    if parts.scheme == "http" and not (is_here or fields.insecure):
        raise InvalidInput("http shows events to everyone on the way: give an https address, or state insecure")
    if fields.tls_ca:
        tls_context(fields.tls_ca)
    return Place(host, port or _PORTS[parts.scheme], parts.scheme == "https", fields.tls_ca, allow_private=True)


def is_loopback(fields: OutletFields) -> bool:
    """Return True where the address names this computer."""
    return (urlsplit(fields.url).hostname or "") in _LOOPBACK


def checked_fields(stated: Mapping[str, Any]) -> OutletFields:
    """Return what an outlet shall state; InvalidInput names the first field that is wrong."""
    return validated(OutletFields, stated)


def fields_of(row: OutletRow) -> OutletFields:
    """Return what an outlet states."""
    return OutletFields.model_validate(row.stated)
