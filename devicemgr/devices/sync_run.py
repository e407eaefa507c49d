"""One going through a device that keeps people or cards: what it is, which exchanges, and how far it has come."""

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from devicemgr.domain.desired_state import Holds, takes_any_card
from devicemgr.domain.ports.autonomy import DeviceRule
from devicemgr.domain.ports.device import CardLimits, Device, Holder, Scheduling
from devicemgr.errors import DevicemgrError, InvalidInput

T = TypeVar("T")
Step = Callable[[Device], Any]
Steps = Generator[Step, Any, None]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a device says of its memory: `decides` None where it does not say, `hours` when it keeps weekly hours."""

    holds: Holds
    batch: int
    capacity: int
    decides: bool | None = None
    hours: bool = False
    card_refusal: Callable[[str], str | None] = takes_any_card


@dataclass(frozen=True, slots=True)
class Keeper:
    """A device that may keep people: its id, name, and what its options say of faces and of who decides."""

    id: str
    name: str
    faces: bool = False
    decides: bool = True


@dataclass
class Run:
    """How far a run has come; read by other threads while it goes."""

    phase: str = "waiting"
    done: int = 0
    of: int = 0
    failed: int = 0
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused_rules: frozenset[DeviceRule] = frozenset()
    error: DevicemgrError | None = None
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    def end(self, error: DevicemgrError | None = None) -> None:
        """End the run; the first call counts."""
        if not self.ended.is_set():
            self.phase, self.error = "failed" if error else "done", error
            self.ended.set()

    def as_json(self) -> dict[str, Any]:
        """Return what a program that waits is shown."""
        return {
            "phase": self.phase,
            "done": self.done,
            "of": self.of,
            "failed": self.failed,
            "unknown": len(self.unknown),
            "error": str(self.error) if self.error else None,
        }


def profile_of(device: Device) -> Profile | None:
    """Return a step: None for a device that keeps no people."""
    if not isinstance(device, Holder):
        return None
    batch, capacity = max(1, device.batch), device.capacity()
    refusal = device.card_refusal if isinstance(device, CardLimits) else takes_any_card
    if isinstance(device, Scheduling):
        return Profile(device.holds, batch, capacity, device.decides_alone, True, refusal)
    return Profile(device.holds, batch, capacity, card_refusal=refusal)


def holder(device: Device) -> Holder:
    """Return the device as one that keeps people or cards, else InvalidInput."""
    if not isinstance(device, Holder):
        raise InvalidInput("the device keeps neither people nor cards; there is nothing to synchronize")
    return device


def drive(steps: Generator[Step, Any, T], run: Callable[[Step], Any]) -> T:
    """Run all steps by `run`, in this thread; a step's failure is the steps' to handle."""
    result: Any = None
    error: Exception | None = None
    while True:
        try:
            step = steps.throw(error) if error else steps.send(result)
        except StopIteration as end:
            found: T = end.value
            return found
        result, error = None, None
        try:
            result = run(step)
        except DevicemgrError as failure:
            error = failure


def read_page(after: str | None) -> Step:
    """Return the exchange that reads the next page of what a device holds, after a key."""
    return lambda device: holder(device).held(after)
