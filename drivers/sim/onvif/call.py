"""One call on a simulated device, as an operation sees it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from drivers.sim.onvif.soap import Request
from drivers.sim.onvif.state import State


class Surroundings(Protocol):
    """The effects that an operation may have besides its answer; a call without effects gets one that does nothing."""

    def notify(self, topic: str, source: dict[str, str], data: dict[str, str]) -> None:
        """Tell subscribers that a property changed."""

    def after(self, seconds: float, job: Callable[[State], None]) -> None:
        """Do `job` later."""

    def reboot(self) -> None:
        """Restart soon."""


@dataclass(frozen=True, slots=True)
class Call:
    """`base` is the announced http(s)://host:port, `stream` the announced address of the video."""

    request: Request
    state: State
    around: Surroundings
    base: str
    stream: str
    now: datetime
    services: tuple[str, ...]
    user: str


Operation = Callable[[Call], str]
