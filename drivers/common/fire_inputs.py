"""Fire inputs that a device's options name, for the `fire_inputs` of its driver (ports.Driver)."""

from collections.abc import Callable

from pydantic import BaseModel

from devicemgr.domain.model import DeviceConfig
from drivers.common.options import read_options

# Kinds with one fire input call it by no name.
ONE_INPUT = frozenset({""})
NO_INPUT: frozenset[str] = frozenset()


def declared(options: type[BaseModel]) -> Callable[[DeviceConfig], frozenset[str]]:
    """Return `fire_inputs` for a kind that reports one where the option `fire_input` is set."""

    def fire_inputs(config: DeviceConfig) -> frozenset[str]:
        return ONE_INPUT if getattr(read_options(options, config), "fire_input", None) else NO_INPUT

    return fire_inputs
