"""The running daemon as API handlers see it, and what stands in for it when none runs."""

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from devicemgr.devices.sync_run import Run, Step
from devicemgr.domain.model import DeviceInfo, Direction, Factor, PortalMode
from devicemgr.domain.ports.device import Device
from devicemgr.domain.ports.recognition import Gallery
from devicemgr.domain.rules.areas.presences import Presences
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.musters.roll import Marking, MusterView
from devicemgr.domain.rules.policy import Explanation
from devicemgr.ledger.counters import Meters

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figures:
    """What /metrics shows besides `status`: what waits, by the thread's name, and what a daemon has counted.

    `outlet_failures` are tries that failed, by outlet.
    """

    storage_failing: bool = False
    queues: Mapping[str, int] = field(default_factory=dict)
    meters: Meters | None = None
    outlet_failures: Mapping[str, int] = field(default_factory=dict)


class Musters(Protocol):
    """Musters that run, kept in memory; what is done to them is recorded soon."""

    armed: frozenset[str | None]
    """The zones, None for the whole site, in which a fire input begins a muster."""

    def set_armed(self, zones: frozenset[str | None]) -> None:
        """Let a fire input begin musters in these zones from now on."""

    def running(self) -> list[MusterView]:
        """Return the musters that run, the oldest first."""

    def start(self, zone: str | None, actor: str | None, *, is_drill: bool = False) -> MusterView:
        """Begin a muster with the people who are in the zone at this moment; no database is read.

        NotFound for an unknown zone, AlreadyExists while one runs there.
        """

    def mark(self, muster_id: str | None, person_id: str, marking: Marking) -> list[MusterView]:
        """Note a mark of a person, with a reason for one who is not here, in one running muster or all that list them.

        A mark is recorded once, however often it arrives; its time may lie before now.
        """

    def end(self, muster_id: str, actor: str | None) -> MusterView:
        """End a muster and record its totals; NotFound for one that does not run."""


class Runtime(Protocol):
    """`daemon.Daemon`, or `direct.DirectRuntime` without one."""

    running: bool

    @property
    def stopping(self) -> bool:
        """True once the daemon is to stop: streams end then."""

    def status(self) -> dict[str, Any]:
        """daemon, devices, portals, gallery and alarms of INTERFACES."""

    def live_states(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the states of `portals`, `devices` and `zones` by name, from memory alone; empty without a daemon."""

    def figures(self) -> Figures:
        """Queues, counts and whether storage fails."""

    def call_device(self, name: str, action: Callable[[Device], T], timeout: float) -> T:
        """Run `action` on the device's own thread; DeviceError when it is gone or too slow."""

    def drive(self, name: str, steps: Generator[Step, Any, T]) -> T:
        """Run each step on the device's own thread, one after another; what the steps give at their end."""

    def sync_device(self, name: str, *, prune: bool) -> Run:
        """Synchronize what a device holds, now; the run tells how far it is."""

    def last_run(self, name: str) -> Run | None:
        """Return the present or last such run; None for a device that keeps no people, or without one."""

    def device_info(self, name: str) -> tuple[DeviceInfo, datetime]:
        """Return what the device said of itself when it was last opened, and when that was.

        DeviceError when it never was.
        """

    def channels_of(self, name: str) -> int | None:
        """Return how many channels a gate has, as far as it said so (ports.Channeled)."""

    def trace_device(self, name: str) -> list[tuple[float, str, bytes]]:
        """As ports.Traceable.trace, of a device that is offline too; InvalidInput for one without a line of bytes."""

    def await_card(self, device: str, channel: int, seconds: float, cancelled: threading.Event) -> tuple[str, ...]:
        """Return the numbers of the next card shown there, which opens nothing and is no event.

        NotFound when none is shown in time, DeviceError when the device is gone, RequestError once `cancelled`.
        """

    def open_portal(self, portal: str, direction: Direction, actor: str, override: str | None = None) -> dict[str, Any]:
        """Record a manual opening, release the gate, record the outcome.

        RequestError while another portal of its interlock is not shut, unless `override` says why that doesn't count.
        """

    def rules(self) -> Snapshot:
        """Return the rights and the site in force."""

    def whereabouts(self) -> Presences:
        """Return who is where now, and how many are in each zone."""

    @property
    def musters(self) -> Musters:
        """Return the musters that run."""

    def near_side(self, person_id: str) -> str | None:
        """Return the zone in which a person stands who was refused by anti-passback last; None where they were not."""

    def explain(
        self, person_id: str, portal: str, direction: Direction, at: datetime | None, factors: frozenset[Factor]
    ) -> list[Explanation]:
        """Return what every check says of a person who presents these factors at a portal, now or at another time.

        NotFound for a person or portal that is not known.
        """

    def set_portal_mode(
        self, portal: str, mode: PortalMode, actor: str, *, despite_threat: bool = False
    ) -> dict[str, Any]:
        """Record and apply a mode; a portal is freed in a threat only with `despite_threat`."""

    def set_threat(self, name: str, zones: Sequence[str], reason: str, actor: str) -> dict[str, Any]:
        """Put a threat in force, for these zones or, without any, as it is defined; say which portals were reached."""

    def end_threat(self, name: str, comment: str, actor: str) -> dict[str, Any]:
        """End a threat; RequestError for one that is not in force."""

    def site_changed(self) -> None:
        """Faces, devices or settings changed: look now rather than at the next turn."""

    def rights_changed(self) -> None:
        """People, rights or portals changed: decide by them from now on, and look as `site_changed` does.

        A client that has the answer to a suspension must not see the person pass after it.
        """

    def gallery(self) -> Gallery:
        """Return the gallery in force."""
