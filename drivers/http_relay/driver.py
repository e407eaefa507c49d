"""Relay boards that are switched by HTTP as gates: Shelly, Tasmota, Dingtian, Devantech ETH and KMTronic LAN."""

from typing import Literal

from pydantic import Field

from devicemgr.domain.model import Capability, DeviceConfig
from devicemgr.domain.ports.device import Device
from devicemgr.domain.ports.driver import Driver
from devicemgr.errors import InvalidInput
from devicemgr.site.password_scope import VERIFIES, WIDENS
from drivers.common.fire_inputs import declared
from drivers.common.options import read_options
from drivers.common.relays.inputs import InputOptions

Model = Literal["shelly", "tasmota", "dingtian", "devantech", "kmtronic"]
# How a password travels: Digest never shows it, the others do (allow_basic).
DIGEST, BASIC, QUERY = "digest", "basic", "query"
LOGINS = {"shelly": DIGEST, "tasmota": QUERY, "dingtian": QUERY, "devantech": BASIC, "kmtronic": BASIC}
MAX_RELAYS = {"shelly": 8, "tasmota": 28, "dingtian": 32, "devantech": 20, "kmtronic": 8}
HAS_INPUTS = frozenset({"shelly", "tasmota"})


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


def build(config: DeviceConfig) -> Device:
    """Return a board that is not connected yet; InvalidInput for an address or option that cannot be."""
    from drivers.http_relay.client import BoardClient  # noqa: PLC0415 (httpcore)
    from drivers.http_relay.device import HttpRelay  # noqa: PLC0415 (httpcore)

    options = read_options(Options, config)
    _require_fit(options)
    _require_login(config, options)
    return HttpRelay(config.name, BoardClient(config, options), options)


def _require_fit(options: Options) -> None:
    most = MAX_RELAYS[options.model]
    if max([*options.all_relays(), *options.lamps().values()]) > most:
        raise InvalidInput(f"{options.model} boards have relays 1 to {most}; see channel, relay_entry and channels")
    if options.inputs() and options.model not in HAS_INPUTS:
        hint = "; a Dingtian board tells its inputs over Modbus TCP (modbus_gate, profile=relay)"
        raise InvalidInput(
            f"{options.model} boards tell no inputs over HTTP; take out the options ending in _input"
            + (hint if options.model == "dingtian" else "")
        )


def _require_login(config: DeviceConfig, options: Options) -> None:
    how = LOGINS[options.model]
    if how == DIGEST:
        if config.password and config.username not in (None, "", "admin"):
            raise InvalidInput("the user of a Shelly is always admin; give --username admin")
        return
    if config.password and not options.allow_basic and not config.address.startswith("https://"):
        raise InvalidInput(
            f"{options.model} boards take the password readably ({'in the URL' if how == QUERY else 'HTTP Basic'}); "
            "set allow_basic=true if the board is on a network of devices alone"
        )
    if (
        options.model == "dingtian"
        and config.password
        and not (config.password.isascii() and config.password.isdigit() and len(config.password) <= 5)
    ):
        raise InvalidInput("the relay password of a Dingtian board is a number, such as 3789")


DRIVER = Driver(
    kind="http_relay",
    title="Relay board over HTTP (Shelly, Tasmota, Dingtian, Devantech ETH, KMTronic); most time the pulse themselves",
    capabilities=frozenset({Capability.GATE}),
    options=Options,
    build=build,
    fire_inputs=declared(Options),
)
