"""Fire, seen and never counteracted: whatever guards, panels, gates and restarts do meanwhile, nothing is locked."""

import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from devicemgr.errors import DeviceError, DevicemgrError, DeviceUnreachable, InvalidInput
from devicemgr.events import Fact, FireRelease
from devicemgr.fire import FireWatch
from devicemgr.model import Capability, DeviceConfig, PortalMode
from devicemgr.portal_modes import PortalModes
from devicemgr.ports import Device, Driver
from devicemgr.rulebook import Rulebook
from devicemgr.store import conditions, ledger_rows, places
from devicemgr.supervisor import DeviceState, Health

SCHEDULES = int(os.environ.get("DEVICEMGR_FIRES", "40"))
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
            if not any(row.name == "siren" for row in places.devices(session)):
                places.add_device(session, site.vault, DeviceConfig("", "siren", "panel", "x"))
        self.start()

    def start(self) -> None:
        """A new daemon; the device objects of the old one are gone, and what they had told of with them."""
        self.rules = Rulebook(self.site.database, self.site.parts.catalog)
        self.fires = FireWatch(self.rules)
        with self.site.database.read() as session:
            self.fires.remember(session)
            rows = {row.name: row.id for row in places.devices(session)}
        self.rules.refresh()
        configs = [DeviceConfig(rows["arm"], "arm", "fake_gate", "x")]
        configs += [DeviceConfig(rows[name], name, "panel", "x") for name in self.panels]
        self.record(self.fires.set_devices(Kinds(), configs, self.wait_s))
        self.modes = PortalModes(self.site, self.rules, self, self.fires.why_not_lock)
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


def with_panel(name: str, **changes: bool) -> Callable[[World], object]:
    return lambda world: [setattr(world.panels[name], key, value) for key, value in changes.items()]


STEPS: dict[str, Callable[[World], object]] = {
    **{f"fire {name}": with_panel(name, burning=True) for name in ("cam", "siren")},
    **{f"fire ends {name}": with_panel(name, burning=False) for name in ("cam", "siren")},
    **{f"lost {name}": with_panel(name, away=True) for name in ("cam", "siren")},
    **{f"back {name}": with_panel(name, away=False) for name in ("cam", "siren")},
    "events stop": lambda w: w.panels["cam"].online and w.tell(w.panels["cam"], None),
    "gate lost": lambda w: setattr(w, "gate_away", True),
    "gate back": lambda w: setattr(w, "gate_away", False),
    "restart": lambda w: w.start(),
    "lock": lambda w: w.change(PortalMode.LOCKED),
    "free": lambda w: w.change(PortalMode.FREE),
    "normal": lambda w: w.change(PortalMode.NORMAL),
    "poll": lambda w: w.poll(),
    "messages": lambda w: w.messages(),
}
OFTEN = ("lost cam", "lost siren", "gate lost")  # else everything would be away most of the time


@pytest.mark.scaled
@pytest.mark.timeout(100 + SCHEDULES // 2)
@pytest.mark.parametrize("seed", range(4))
def test_no_lock_while_it_burns_through_random_schedules_with_restarts(entrance: Any, seed: int) -> None:
    chance = random.Random(seed)
    world = World(entrance.site)
    weights = [0.4 if step in OFTEN else 2 if step in ("lock", "poll", "messages") else 1 for step in STEPS]
    burnt = 0
    for number in range(SCHEDULES):
        steps = chance.choices(list(STEPS), weights, k=12)
        for step in steps:
            STEPS[step](world)
            if step.startswith(("lost", "back", "gate")):
                world.poll()
            burnt += any(panel.burning for panel in world.panels.values())
        assert not world.wrong, (number, steps)
        if number % 4 == 3:
            world.settle_down()
            assert not world.rules.current.fire_active
            world.change(PortalMode.LOCKED)
            assert world.at_gate is PortalMode.LOCKED, "with every state known and no fire, locks go out"
    assert burnt > SCHEDULES
    assert world.counts["fire True"] > SCHEDULES / 4
    assert world.counts["fire False"] > SCHEDULES / 4


@pytest.fixture
def world(entrance: Any) -> World:
    return World(entrance.site)


def reached(world: World) -> World:
    world.poll()
    world.messages()
    world.poll()
    return world


def test_a_fire_before_the_restart_lasts_until_its_end_is_told(world: World) -> None:
    """The device being online again says nothing: an asynchronous one has not told its state yet."""
    reached(world).panels["cam"].burning = True
    world.messages()
    world.start()
    world.poll()
    assert world.panels["cam"].online
    assert world.rules.current.fire_active
    world.messages()
    assert world.rules.current.fire_active
    world.panels["cam"].burning = False
    world.messages()
    assert not world.rules.current.fire_active
    assert world.counts["fire False"] == 1


def test_a_lock_that_went_out_before_the_fire_is_released_and_comes_back(world: World, entrance: Any) -> None:
    reached(world).change(PortalMode.LOCKED)
    assert world.at_gate is PortalMode.LOCKED
    world.panels["siren"].burning = True
    world.poll()
    assert world.at_gate is PortalMode.FREE
    world.panels["siren"].burning = False
    world.poll()
    assert world.at_gate is PortalMode.LOCKED
    told = [(e["kind"], e["detail"]["mode"]) for e in entrance.events() if e["kind"].startswith("portal_")]
    assert told == [("portal_locked", "locked"), ("portal_unlocked", "free"), ("portal_locked", "locked")]


def test_a_gate_that_was_away_when_the_fire_was_told_is_released_when_it_is_back(world: World) -> None:
    reached(world).change(PortalMode.LOCKED)
    world.gate_away = True
    world.panels["siren"].burning = True
    world.poll()
    assert world.at_gate is PortalMode.LOCKED
    world.gate_away = False
    world.poll()
    assert world.at_gate is PortalMode.FREE


def test_a_fire_that_is_told_while_the_lock_is_on_its_way_takes_it_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is made at the moment of sending, and again when it was sent."""
    reached(world)
    real, fired = world.set_mode, []

    def burns(channel: int, mode: PortalMode) -> None:
        real(channel, mode)
        if not fired:
            fired.append(mode)
            world.fires.on_fact("siren", FireRelease(True))

    monkeypatch.setattr(world, "set_mode", burns)
    assert world.change(PortalMode.LOCKED)["applied"] is False
    assert fired == [PortalMode.LOCKED]
    assert world.at_gate is PortalMode.FREE


def test_a_lock_that_waits_for_the_gates_thread_is_not_sent_once_there_is_fire(world: World) -> None:
    reached(world)
    waiting: list[Any] = []
    world.call = lambda _, action, __: waiting.append(action)  # type: ignore[method-assign]
    world.change(PortalMode.LOCKED)
    world.change(PortalMode.LOCKED)
    assert len(waiting) == 2
    world.fires.on_fact("siren", FireRelease(True))
    for action in waiting:
        with pytest.raises(DeviceError, match="fire"):
            action(Gate(world))
    assert world.counts[PortalMode.LOCKED] == 0


def test_a_panel_that_is_not_reached_is_not_known_and_is_an_alarm(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.panels["siren"].away = True
    world.poll()
    world.messages()
    assert "siren" in str(world.fires.why_not_lock())
    assert "not known" in world.change(PortalMode.LOCKED)["cause"]
    assert world.counts[PortalMode.LOCKED] == 0
    monkeypatch.setattr("devicemgr.fire.GRACE_S", 0.0)
    assert [(alarm["kind"], alarm["device"]) for alarm in world.fires.alarms()] == [("fire_input_unknown", "siren")]
    world.panels["siren"].away = False
    world.poll()
    assert world.at_gate is PortalMode.LOCKED, "what had to wait is sent"
    assert world.fires.alarms() == []


def test_a_site_may_lock_after_a_time_although_a_state_is_not_known(entrance: Any) -> None:
    world = World(entrance.site, wait_s=0.0)
    world.panels["siren"].away = True
    world.poll()
    world.wrong.clear()
    assert world.change(PortalMode.LOCKED)["applied"] is True


def test_devices_without_a_fire_input_are_not_waited_for(world: World) -> None:
    reached(world).gate_online = False
    world.state("arm", online=False)
    assert world.fires.why_not_lock() is None


def test_one_input_does_not_end_the_fire_of_another(world: World) -> None:
    reached(world).fires.on_fact("siren", FireRelease(True, "east"))
    assert world.fires.on_fact("siren", FireRelease(False, "west")) is None
    assert world.fires.on_fact("siren", FireRelease(False)) is None
    assert world.rules.current.fire_active
    assert world.fires.on_fact("siren", FireRelease(False, "east")) is not None
    assert not world.rules.current.fire_active


def test_what_is_only_presumed_ends_no_fire_and_is_no_state_beside_one(world: World) -> None:
    reached(world).fires.on_fact("siren", FireRelease(True))
    assert world.fires.on_fact("siren", FireRelease(False, is_presumed=True)) is None
    assert world.rules.current.fire_active
    world.fires.on_fact("siren", FireRelease(False))
    world.fires.on_opening("siren")
    assert world.fires.why_not_lock() is not None
    world.fires.on_fact("siren", FireRelease(False, is_presumed=True))
    assert world.fires.why_not_lock() is None


def test_an_input_that_is_no_longer_configured_keeps_no_fire(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reached(world).panels["siren"].burning = True
    world.poll()
    monkeypatch.setitem(Kinds.declared, "panel", lambda _: NONE)
    world.start()
    assert not world.rules.current.fire_active
    with world.site.database.read() as session:
        assert list(conditions.standing(session)) == []


def test_a_device_whose_options_cannot_be_read_is_not_known(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: DeviceConfig) -> frozenset[str]:
        raise InvalidInput("options")

    monkeypatch.setitem(Kinds.declared, "panel", refuse)
    world.start()
    assert world.fires.why_not_lock() is not None


def test_fires_outlive_the_removal_of_their_events(world: World) -> None:
    """Retention may remove an old event; the state is kept as such."""
    reached(world).panels["siren"].burning = True
    world.poll()
    with world.site.database.write(changes_site=False) as session:
        assert ledger_rows.remove_oldest(session, 10**9, 10**9) > 0
    world.start()
    assert world.rules.current.fire_active
