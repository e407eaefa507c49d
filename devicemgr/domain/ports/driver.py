"""What a driver package exports, and how drivers are found."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from pydantic import BaseModel

from devicemgr.domain.model import (
    Capability,
    DeviceConfig,
)
from devicemgr.domain.ports.autonomy import Autonomy
from devicemgr.domain.ports.device import Device


@dataclass(frozen=True, slots=True)
class Found:
    """A device that discovery came upon: an address that `device add` takes, and what it says of itself.

    `options` are those without which it can't be added.
    """

    kind: str
    address: str
    model: str = ""
    serial: str = ""
    name: str = ""
    note: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


Build = Callable[[DeviceConfig], Device]


@dataclass(frozen=True, slots=True)
class NamedBuild:
    """A build function by its name, "module:attribute"; the module is imported by the first call."""

    name: str

    def __post_init__(self) -> None:
        """Raise ValueError for what is no such name."""
        module, _, attribute = self.name.partition(":")
        if not attribute.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
            raise ValueError(f"build is '{self.name}'; write it as module:attribute, such as my_driver.gate:build")

    def __call__(self, config: DeviceConfig) -> Device:
        """Import the module, and build the device."""
        module, _, attribute = self.name.partition(":")
        return cast(Build, getattr(importlib.import_module(module), attribute))(config)


class _BuildField:
    """The field Driver.build: set to a function or to its name, read as a function."""

    def __get__(self, driver: "Driver | None", owner: type | None = None) -> Build:
        if driver is None:
            raise AttributeError("build has no default")  # so dataclass requires it
        return cast(Build, driver.__dict__["build"])

    def __set__(self, driver: "Driver", build: Build | str) -> None:
        driver.__dict__["build"] = NamedBuild(build) if isinstance(build, str) else build


@dataclass(frozen=True)
class Driver:
    """What a file in drivers/ exports as DRIVER. `build` must not connect.

    It is a function or, so that listing the kinds imports no vendor library, its name "module:attribute".

    `fire_inputs`, for a kind that reports a fire panel's state (events.FireRelease), names the inputs that a device of
    this configuration reports, without connecting: no lock goes out until the state of each is known.
    `discover`, where the kind can be found, looks for so many seconds and never raises; `hosts` are addresses of hosts
    to ask besides those that answer a broadcast. A kind that another kind's `discover` finds names that one in
    `found_by`, so that each device is read once and listed once.
    `scan` looks for devices on one line, given as its address, for so many seconds; it calls its last argument with
    what was left out, in words, and raises DeviceError or InvalidInput for a line that can't be used.
    `is_serial` kinds are suggested for serial ports on which discovery cannot tell the device.
    `advisories` reads the maker's list of vulnerable firmware (TOML, provisioning.firmware_advisories); it
    applies to devices of that maker under every kind.
    `reads_card` says whether a device with these options can read a card with this stored number; left out, any.
    `autonomy` gives what a device of this configuration does while this box is away, without connecting: None, or left
    out, for one that lets no one in by itself.
    """

    kind: str
    title: str
    capabilities: frozenset[Capability]
    options: type[BaseModel]
    build: _BuildField = _BuildField()
    discover: Callable[[float, Sequence[str]], list[Found]] | None = None
    found_by: str = ""
    scan: Callable[[str, float, Callable[[str], None]], list[Found]] | None = None
    fire_inputs: Callable[[DeviceConfig], frozenset[str]] | None = None
    is_serial: bool = False
    advisories: Callable[[], bytes] | None = None
    reads_card: Callable[[Mapping[str, object], str], bool] | None = None
    autonomy: Callable[[DeviceConfig], Autonomy | None] | None = None


class DriverCatalog(Protocol):
    """The kinds that are installed."""

    def kinds(self) -> list[str]:
        """Sorted names."""

    def get(self, kind: str) -> Driver:
        """Return the driver, or NotFound."""
