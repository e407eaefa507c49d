"""Fire inputs: seen at once, kept over a restart, never counteracted.

A release by the fire panel is hard-wired. What is kept here keeps software from sending a lock then. The state
of an input counts as known only after its device has reported it since the device was last opened, "inactive" included.
A fire that was active when the last daemon ended stays active until its device reports the end.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from devicemgr.access.policy_cache import Rulebook
from devicemgr.devices.supervisor import DeviceState, Health
from devicemgr.domain.device_events import FireRelease
from devicemgr.domain.ledger_events import Condition, Fact, Kind
from devicemgr.domain.model import DeviceConfig, JsonValue
from devicemgr.domain.ports.driver import DriverCatalog
from devicemgr.errors import Hint, InvalidInput, NotFound
from devicemgr.store.database import Session
from devicemgr.store.site import conditions, devices as device_store
from devicemgr.text import rfc3339, safe

# Devices need a moment to report their state after they were opened; what is not known by then is an alarm.
GRACE_S = 10.0
_PRESENT = (Health.ONLINE, Health.DEGRADED)
SETTING = "lock_without_fire_state"


@dataclass(slots=True)
class _Panel:
    """A device with fire inputs: `known` ones were reported since it was opened, while it is not away."""

    device_id: str
    inputs: frozenset[str]
    known: set[str] = field(default_factory=set)
    away: bool = True
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    unknown_since: float = field(default_factory=time.monotonic)

    @property
    def unknown(self) -> list[str]:
        """Inputs whose state is not known, in order."""
        return sorted(self.inputs if self.away else self.inputs - self.known)

    def forget(self, *, known: set[str] | None = None, away: bool | None = None) -> None:
        """Change what is known, and note when the state of the panel was lost."""
        was_unknown = bool(self.unknown)
        self.known = self.known if known is None else known
        self.away = self.away if away is None else away
        if self.unknown and not was_unknown:
            self.since, self.unknown_since = datetime.now(UTC), time.monotonic()


class FireWatch:
    """State of all fire inputs. Any thread; facts and states of one device come in order from its own thread."""

    def __init__(self, rules: Rulebook) -> None:
        self._rules = rules
        self._lock = threading.Lock()
        self._panels: dict[str, _Panel] = {}
        self._active: dict[str, set[str]] = {}
        self._wait_s: float | None = None
        self._is_set_up = False

    def remember(self, session: Session) -> None:
        """Take the inputs that were active last from the store: they stay active until their end is reported."""
        with self._lock:
            self._active = active_inputs(session)
        for device in self._active:
            self._rules.set_fire(device, True)

    def set_devices(self, catalog: DriverCatalog, configs: Iterable[DeviceConfig], wait_s: float | None) -> list[Fact]:
        """Watch the fire inputs of these devices; `wait_s` as the site's setting has it, None for "never".

        Return the ends, to be recorded, of fires at inputs that a device is no longer configured to report.
        """
        ends: list[Fact] = []
        with self._lock:
            before, self._panels = self._panels, {}
            for config in configs:
                inputs = inputs_of(catalog, config)
                panel = before.get(config.name)
                if panel is None or panel.device_id != config.id:
                    panel = _Panel(config.id, frozenset())
                panel.inputs = inputs or frozenset()
                self._panels[config.name] = panel
                gone = set() if inputs is None else self._active.get(config.name, set()) - inputs
                for name in gone:
                    self._set(config.name, name, False)
                    ends.append(_event(config.name, panel, name, active=False, cause="it is no longer configured"))
            for device in set(self._active) - set(self._panels):
                del self._active[device]
            self._wait_s, self._is_set_up = wait_s, True
        return ends

    def on_opening(self, device: str) -> None:
        """Forget what is known of a device that is about to be opened: it has to report its state again."""
        with self._lock:
            if panel := self._panels.get(device):
                panel.forget(known=set())

    def on_state(self, state: DeviceState) -> None:
        """Forget the inputs of a device that is away, since it may miss a fire."""
        with self._lock:
            if panel := self._panels.get(state.name):
                panel.forget(away=state.health not in _PRESENT)

    def on_fact(self, device: str, fact: FireRelease) -> Fact | None:
        """Take a reported state; return the event to record when that began or ended a fire at this input."""
        with self._lock:
            panel = self._panels.get(device)
            was_active = fact.input in self._active.get(device, ())
            if fact.active is None or (fact.is_presumed and was_active):
                if panel is not None:
                    panel.forget(known=panel.known - {fact.input})
                return None
            if panel is not None:
                panel.known.add(fact.input)
            if fact.active == was_active:
                return None
            self._set(device, fact.input, fact.active)
        return _event(device, panel, fact.input, active=fact.active)

    def _set(self, device: str, name: str, active: bool) -> None:
        found = self._active.setdefault(device, set())
        (found.add if active else found.discard)(name)
        self._rules.set_fire(device, bool(found))

    def why_not_lock(self) -> str | None:
        """Return why no lock may go out now; None when a fire can be ruled out, or the site's wait is over."""
        if self._rules.current.fire_active:
            return "a fire input is active: nothing is locked until the fire has ended"
        if not self._is_set_up:
            return "the fire inputs are not known yet; try again in a second"
        with self._lock:
            waiting = [(name, panel.unknown) for name, panel in self._panels.items() if self._blocks(panel)]
        if not waiting:
            return None
        device, inputs = waiting[0]
        return f"the state of {_named(inputs[0])} of {device} is not known; test the device"

    def alarms(self) -> list[dict[str, Any]]:
        """Return an alarm for each device whose fire inputs are not known."""
        with self._lock:
            return [
                {
                    "kind": "fire_input_unknown",
                    "device": name,
                    "since": rfc3339(panel.since),
                    "cause": f"the state of {_named(panel.unknown[0])} is not known, and "
                    + ("nothing is locked" if self._blocks(panel) else f"locks go out by the setting {SETTING}"),
                    "hint": Hint("read_device", name=name).as_json(),
                }
                for name, panel in sorted(self._panels.items())
                if panel.unknown and time.monotonic() - panel.unknown_since >= GRACE_S
            ]

    def _blocks(self, panel: _Panel) -> bool:
        if not panel.unknown:
            return False
        return self._wait_s is None or time.monotonic() - panel.unknown_since < self._wait_s


def _named(name: str) -> str:
    return f"fire input {safe(name, 64)}" if name else "the fire input"


def _event(device: str, panel: _Panel | None, name: str, *, active: bool, cause: str = "") -> Fact:
    detail: dict[str, JsonValue] = {"active": active}
    detail |= {key: value for key, value in (("input", name), ("cause", cause)) if value}
    condition = Condition(panel.device_id, Kind.FIRE_RELEASE, active, input=name[:64]) if panel else None
    return Fact(Kind.FIRE_RELEASE, datetime.now(UTC), device=device, detail=detail, condition=condition)


def inputs_of(catalog: DriverCatalog, config: DeviceConfig) -> frozenset[str] | None:
    """Return the fire inputs that a device of this configuration reports; None for a kind that declares none.

    A device whose options can't be read counts as one with an input that is not known.
    """
    try:
        declared = catalog.get(config.driver).fire_inputs
        return declared(config) if declared else None
    except NotFound:
        return None
    except InvalidInput:
        return frozenset({""})


def active_inputs(session: Session) -> dict[str, set[str]]:
    """Return the stored active fire inputs by device name."""
    names = {row.id: row.name for row in device_store.devices(session)}
    found: dict[str, set[str]] = {}
    for row in conditions.standing(session):
        if row.kind == Kind.FIRE_RELEASE and row.device_id in names:
            found.setdefault(names[row.device_id], set()).add(row.input)
    return found
