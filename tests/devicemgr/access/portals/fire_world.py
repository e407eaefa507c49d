"""A gate, two panels with fire inputs, and a daemon that is started again and again, on one thread."""

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import BaseModel

from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.portals.fire_alarm import FireWatch
from devicemgr.access.portals.portal_modes import PortalModes
from devicemgr.devices.supervisor import DeviceState, Health
from devicemgr.domain.device_events import FireRelease
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import Capability, DeviceConfig, PortalMode
from devicemgr.domain.ports.device import Device
from devicemgr.domain.ports.driver import Driver
from devicemgr.errors import DevicemgrError, DeviceUnreachable
from devicemgr.store.site import devices as device_store

ONE, NONE = frozenset({""}), frozenset[str]()


class NoOptions(BaseModel):
    """None."""


class Kinds:
    """Device kinds by their fire inputs."""

    declared: ClassVar[dict[str, Callable[[DeviceConfig], frozenset[str]]]] = {
        "panel": lambda _: ONE,
        "fake_gate": lambda _: NONE,
    }

    def kinds(self) -> list[str]:
        return sorted(self.declared)

    def get(self, kind: str) -> Driver:
        build: Any = None
        return Driver(kind, kind, frozenset({Capability.GATE}), NoOptions, build, fire_inputs=self.declared[kind])


class Panel:
    """A device with a fire input; an asynchronous one is online before it has told its state, and tells it late."""

    def __init__(self, name: str, *, is_async: bool) -> None:
        self.name, self.is_async = name, is_async
        self.burning = self.away = False
        self.forget()

    def forget(self) -> None:
        """A daemon has started: it has not reached the panel yet."""
        self.online, self.told = False, None

    @property
    def state(self) -> bool | None:
        """What a daemon may rely on: the state told since the panel was reached, None while there is none."""
        return self.told if self.online and not self.away else None


class World:
    """A gate `arm` and two panels, and a daemon that is started again and again."""

    def __init__(self, site: Any, wait_s: float | None = None) -> None:
        self.site, self.wait_s = site, wait_s
        self.panels = {name: Panel(name, is_async=name == "cam") for name in ("cam", "siren")}
        self.gate_away = False
        self.at_gate = PortalMode.NORMAL
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        with site.database.write() as session:
            if not any(row.name == "siren" for row in device_store.devices(session)):
                device_store.add_device(session, site.vault, DeviceConfig("", "siren", "panel", "x"))
        self.start()

    def start(self) -> None:
        """A new daemon; the device objects of the old one are gone, and what they had told of with them."""
        self.rules = Rulebook(self.site.database, self.site.parts.catalog)
        self.fires = FireWatch(self.rules)
        with self.site.database.read() as session:
            self.fires.remember(session)
            rows = {row.name: row.id for row in device_store.devices(session)}
        self.rules.refresh()
        configs = [DeviceConfig(rows["arm"], "arm", "fake_gate", "x")]
        configs += [DeviceConfig(rows[name], name, "panel", "x") for name in self.panels]
        self.record(self.fires.set_devices(Kinds(), configs, self.wait_s))
        self.modes = PortalModes(self.site, self.rules, self, self.fires.why_not_lock)
        with self.site.database.read() as session:
            self.modes.remember(session)
        self.gate_online = False
        for panel in self.panels.values():
            panel.forget()

    def record(self, facts: list[Fact]) -> None:
        """As the ledger's thread does: event and state in one transaction."""
        if facts:
            with self.site.database.write(changes_site=False) as session:
                self.site.ledger.append(session, facts)

    def state(self, name: str, *, online: bool) -> None:
        health = Health.ONLINE if online else Health.OFFLINE
        state = DeviceState(name, "x", health, None, None)  # type: ignore[arg-type]
        self.fires.on_state(state)
        self.modes.on_state(state)

    def tell(self, panel: Panel, active: bool | None) -> None:
        """What the daemon does with a fire input's state."""
        panel.told = active
        event = self.fires.on_fact(panel.name, FireRelease(active))
        if event is None:
            return
        self.counts[f"fire {active}"] += 1
        if not active and panel.burning:
            self.wrong.append("a false end")
        self.modes.on_fire()
        if active and not self.gate_away and self.at_gate is PortalMode.LOCKED:
            self.wrong.append("a lock stood after the fire was told")
        self.record([event])

    def poll(self) -> None:
        """What the supervisor does, in its order: opened, facts, then online."""
        for panel in self.panels.values():
            if panel.away:
                if panel.online:
                    panel.online = False
                    self.state(panel.name, online=False)
                continue
            if not panel.online:
                panel.told = None
                self.fires.on_opening(panel.name)
            if not panel.is_async and panel.told != panel.burning:
                self.tell(panel, panel.burning)
            if not panel.online:
                panel.online = True
                self.state(panel.name, online=True)
        if self.gate_online is self.gate_away:
            self.gate_online = not self.gate_away
            self.state("arm", online=self.gate_online)
        self.modes.settle()

    def messages(self) -> None:
        """An asynchronous panel tells its state."""
        for panel in self.panels.values():
            if panel.is_async and panel.online and not panel.away and panel.told != panel.burning:
                self.tell(panel, panel.burning)

    def set_mode(self, _: int, mode: PortalMode) -> None:
        self.counts[mode] += 1
        self.at_gate = mode
        unknown = [panel.name for panel in self.panels.values() if panel.state is None]
        told = [panel.name for panel in self.panels.values() if panel.state]
        burnt = [panel.name for panel in self.panels.values() if panel.burning and panel.state is None]
        if mode is PortalMode.LOCKED and (unknown or told or burnt):
            self.wrong.append(f"locked: unknown {unknown}, told {told}, burning {burnt}")
        if mode is PortalMode.NORMAL and told:
            self.wrong.append(f"closed in a fire: {told}")

    def call(self, _: str, action: Callable[[Device], Any], __: float) -> Any:
        if self.gate_away:
            raise DeviceUnreachable("no line")
        return action(Gate(self))  # type: ignore[arg-type]

    def command(self, name: str, action: Callable[[Device], Any], done: Callable[..., None]) -> None:
        try:
            done(self.call(name, action, 0), None)
        except DevicemgrError as error:
            done(None, error)

    def change(self, mode: PortalMode) -> dict[str, Any]:
        return self.modes.change("lobby", mode, "uid:0")

    def settle_down(self) -> None:
        """No fire, and every device is there."""
        for panel in self.panels.values():
            panel.burning = panel.away = False
        self.gate_away = False
        self.poll()
        self.messages()
        self.poll()


class Gate:
    """Hands its commands to the world."""

    poll_interval = 1.0
    senses_passage = True

    def __init__(self, world: World) -> None:
        self.set_mode = world.set_mode
        self.open = self.poll = self.check = self.close = self.release = lambda *_: None
