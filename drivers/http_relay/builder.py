"""Build a relay board over HTTP; driver names this function, so that httpcore is imported only to build one."""

from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.device import Device
from devicemgr.errors import InvalidInput
from drivers.common.options import read_options
from drivers.http_relay.client import BoardClient
from drivers.http_relay.device import HttpRelay
from drivers.http_relay.options import Options

# How a password travels: Digest never shows it, the others do (allow_basic).
DIGEST, BASIC, QUERY = "digest", "basic", "query"
LOGINS = {"shelly": DIGEST, "tasmota": QUERY, "dingtian": QUERY, "devantech": BASIC, "kmtronic": BASIC}
MAX_RELAYS = {"shelly": 8, "tasmota": 28, "dingtian": 32, "devantech": 20, "kmtronic": 8}
HAS_INPUTS = frozenset({"shelly", "tasmota"})


def build(config: DeviceConfig) -> Device:
    """Return a board that is not connected yet; InvalidInput for an address or option that cannot be."""
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
            raise InvalidInput("the user of a Shelly is always admin; give that user name")
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
