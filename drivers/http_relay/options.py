"""Options of a relay board over HTTP: its model, its relays and how its password travels."""

from typing import Literal

from pydantic import Field

from devicemgr.site.password_scope import VERIFIES, WIDENS
from drivers.common.relays.inputs import InputOptions

Model = Literal["shelly", "tasmota", "dingtian", "devantech", "kmtronic"]


class Options(InputOptions):
    """Which board, and which relays."""

    model: Model = Field(
        description="shelly: Shelly Gen2 and later (RPC). tasmota: any board with Tasmota. dingtian: HTTP CGI. "
        "devantech: ETH002, ETH008, ETH8020. kmtronic: LAN web relays; these have no timer, so after a crash or power "
        "cut of this computer mid-pulse the relay STAYS ON until the daemon is back"
    )
    allow_basic: bool = Field(
        json_schema_extra=WIDENS,
        default=False,
        description="Whether a password may go over the network readably: Tasmota and Dingtian take it in the URL, "
        "Devantech and KMTronic by HTTP Basic. Only on a network of devices alone",
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
