"""What devices do while this box is away, for the `autonomy` of their drivers (ports.Driver)."""

from collections.abc import Callable

from pydantic import BaseModel

from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.autonomy import BY_HOLDINGS, Autonomy, DeviceRule
from drivers.common.options import read_options


def always(*keeps: DeviceRule) -> Callable[[DeviceConfig], Autonomy]:
    """Return `autonomy` for a kind that decides by whom it holds and keeps these rules besides."""
    found = Autonomy(BY_HOLDINGS | frozenset(keeps))
    return lambda _: found


def when(options: type[BaseModel], *keeps: DeviceRule, **alone: str) -> Callable[[DeviceConfig], Autonomy | None]:
    """Return `autonomy` for a kind that decides so with any of the options `alone`, given as name=value."""
    decides = always(*keeps)

    def autonomy(config: DeviceConfig) -> Autonomy | None:
        found = read_options(options, config)
        return decides(config) if any(getattr(found, name) == value for name, value in alone.items()) else None

    return autonomy
