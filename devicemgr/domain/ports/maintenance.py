"""What a device may offer for its upkeep, beside its work; each is requested by a person, on the device's thread."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from devicemgr.domain.model import DeviceInfo, JsonValue
from devicemgr.domain.ports.device import Device


@runtime_checkable
class Identifying(Device, Protocol):
    """A device that says who it is at any time."""

    def identify(self) -> DeviceInfo:
        """Read it again, in one exchange or two: also a proof that it is up."""


@runtime_checkable
class Rebootable(Identifying, Protocol):
    """A device that restarts on command; identify() shows when it is back."""

    def reboot(self) -> None:
        """Tell it, once; OutcomeUnknown when its answer was lost: some hang up before they answer."""


@runtime_checkable
class Pictured(Device, Protocol):
    """A device that gives single pictures."""

    def snapshot(self) -> bytes:
        """One JPEG, as it sees now."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A device's answer: `request` without addresses or secrets, the document, the HTTP status if any."""

    request: str
    content: JsonValue = field(repr=False)
    status: int | None = None


@runtime_checkable
class Recordable(Device, Protocol):
    """A device whose answers can be written down for a bug report."""

    def record(self) -> list[Reply]:
        """Its answers to the usual read requests, whole: scrub.Scrubber takes out what tells of anybody."""


@dataclass(frozen=True, slots=True)
class Image:
    """A firmware file on disk, of `size` bytes."""

    path: Path
    size: int


@runtime_checkable
class Upgradable(Rebootable, Protocol):
    """A device that takes its maker's firmware files."""

    def upgrade(self, image: Image, progress: Callable[[str, int, int], None]) -> None:
        """Send `image`, once, and return when the device restarts with it; minutes.

        progress(what, done, of) is called: sending in bytes, writing in percent. DeviceRefused when the device will not
        have it, OutcomeUnknown when all was sent and no answer came.
        """
