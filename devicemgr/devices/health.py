"""Health of a device, reported to a listener once per change."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from devicemgr.domain.device_events import DeviceFact
from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import Hint
from devicemgr.text import safe

log = logging.getLogger(__name__)


class Health(StrEnum):
    """What `status` says of a device."""

    UNKNOWN = "unknown"
    ONLINE = "online"
    DEGRADED = "degraded"
    OFFLINE = "offline"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device's health, its cause in words, since when, and what to do about it, where its driver knows that."""

    name: str
    kind: str
    health: Health
    cause: str | None
    since: datetime
    hint: Hint | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears of a device; called on its worker's thread, so the ear must be quick."""

    on_fact: Callable[[str, DeviceFact], None]
    on_state: Callable[[DeviceState], None]


class HealthBook:
    """One device's state, from what its worker and others find; any thread."""

    def __init__(self, config: DeviceConfig, listener: Listener) -> None:
        self._listener = listener
        self._lock = threading.Lock()
        self._open = False
        self._lost: str | None = None
        self._hint: Hint | None = None
        self._quarantined = False
        self._silent: str | None = None
        self._note: str | None = None
        self._complaint: str | None = None
        self.state = DeviceState(config.name, config.driver, Health.UNKNOWN, None, datetime.now(UTC))

    @property
    def why_away(self) -> str:
        """Return why a command can't be run, in words."""
        return self._lost or self._silent or "it is offline"

    @property
    def silent(self) -> bool:
        """Return True while the device is open and does not answer."""
        return self._silent is not None

    def opened(self, complaint: str | None = None) -> None:
        """Note that the device answers; `complaint` is what it lacks all the same (ports.Complaining).

        It is reported as online first: streams and modes are read then, however much it lacks.
        """
        self._open, self._lost, self._hint, self._complaint = True, None, None, None
        self._quarantined, self._silent = False, None
        self._report_change()
        self.complain(complaint)

    def complain(self, complaint: str | None) -> None:
        """Note what the driver finds it lacking now, or None."""
        if complaint != self._complaint:
            self._complaint = complaint
            self._report_change()

    def closed(self) -> None:
        """Note that the device is let go of; `lost` may follow and say why."""
        self._open = False

    def lost(self, cause: str, *, hint: Hint | None = None, quarantined: bool = False) -> None:
        """Note that the device is away, or has been away so often that it is `quarantined`."""
        self._open, self._lost, self._hint, self._quarantined, self._silent = False, cause, hint, quarantined, None
        self._report_change()

    def silence(self, cause: str | None) -> None:
        """Note that the driver has not answered for too long (`cause`), or is in time (None)."""
        if cause != self._silent:
            self._silent = cause
            self._report_change()

    def note(self, cause: str | None) -> None:
        """Something else than the driver found it lacking (a stalled stream), or well again (None)."""
        self._note = cause
        self._report_change()

    def _report_change(self) -> None:
        with self._lock:
            (health, cause), old = self._health(), self.state
            if (health, cause) == (old.health, old.cause):
                return
            since = datetime.now(UTC) if health != old.health else old.since
            self.state = DeviceState(old.name, old.kind, health, cause, since, None if self._open else self._hint)
            if health != old.health:
                log.info(
                    "%s is %s%s", old.name, health, f": {safe(cause)}" if cause else "", extra={"device": old.name}
                )
                try:
                    self._listener.on_state(self.state)
                except Exception:
                    log.exception("a listener to %s failed", old.name)

    def _health(self) -> tuple[Health, str | None]:
        if not self._open:
            away = Health.QUARANTINED if self._quarantined else Health.OFFLINE
            return (away, self._lost) if self._lost else (Health.UNKNOWN, None)
        if self._silent:
            return Health.OFFLINE, self._silent
        lacking = self._note or self._complaint
        return (Health.DEGRADED, lacking) if lacking else (Health.ONLINE, None)
