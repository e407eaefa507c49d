"""Cameras at access points: read each one's stream address and pass it to the recognizer processes."""

import logging
import threading
from collections.abc import Callable

from devicemgr.access.policy_cache import Rulebook
from devicemgr.devices.supervisor import DeviceState, Health, Supervisor
from devicemgr.domain.model import Capability, VideoSource
from devicemgr.domain.ports.device import Device
from devicemgr.domain.ports.driver import DriverCatalog
from devicemgr.domain.ports.video import Camera
from devicemgr.domain.rules.factors import USES_FACES
from devicemgr.recognition.workers.messages import LaneConfig
from devicemgr.recognition.workers.pool import RecognizerPool

log = logging.getLogger(__name__)


class CameraLanes:
    """Recognizer lanes in sync with access points and with the addresses that cameras report."""

    def __init__(self, rules: Rulebook, catalog: DriverCatalog, pool: RecognizerPool) -> None:
        self._rules = rules
        self._catalog = catalog
        self._pool = pool
        self._lock = threading.Lock()
        self._sources: dict[str, VideoSource] = {}

    def on_state(self, state: DeviceState, supervisor: Supervisor) -> None:
        """Read the stream's address of a camera that came online: it may have moved."""
        if state.health is Health.ONLINE and self._is_camera(state.kind):
            supervisor.command(state.name, _stream, self._learned(state.name))

    def refresh(self, names: set[str]) -> None:
        """Follow a change of the site; `names` are the devices there are now."""
        with self._lock:
            self._sources = {name: source for name, source in self._sources.items() if name in names}
        self._apply()

    def _is_camera(self, kind: str) -> bool:
        return Capability.CAMERA in self._catalog.get(kind).capabilities

    def _learned(self, name: str) -> Callable[[object, Exception | None], None]:
        def done(source: object, error: Exception | None) -> None:
            if isinstance(source, VideoSource):
                with self._lock:
                    self._sources[name] = source
                self._apply()
            elif error:
                log.warning("Failed to read the stream address of %s: %s", name, error)

        return done

    def _apply(self) -> None:
        with self._lock:
            portals = self._rules.current.portals
            # Where faces are not used, none is looked for.
            watched = {p.device for p in self._rules.points() if portals[p.portal].require in USES_FACES}
            lanes = [LaneConfig(name, source) for name, source in sorted(self._sources.items()) if name in watched]
            self._pool.set_lanes(lanes)


def _stream(device: Device) -> VideoSource | None:
    return device.stream() if isinstance(device, Camera) else None
