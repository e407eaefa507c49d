"""Fire, seen and never counteracted: whatever guards, gates and restarts do meanwhile, nothing is locked."""

import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from devicemgr.errors import DeviceError, DevicemgrError, DeviceUnreachable
from devicemgr.events import Fact, FireRelease, Kind
from devicemgr.fire import FireWatch
from devicemgr.model import PortalMode
from devicemgr.portal_modes import PortalModes
from devicemgr.ports import Device
from devicemgr.rulebook import Rulebook
from devicemgr.supervisor import DeviceState, Health

SCHEDULES = int(os.environ.get("DEVICEMGR_FIRES", "40"))


class World:
    """A gate `arm` with its fire panel, the one that burns, and a daemon that is started again and again."""

    def __init__(self, site: Any) -> None:
        self.site, self.burning, self.away = site, False, False
        self.told = False
        self.modes_in_fire: list[PortalMode] = []
        self.counts: Counter[str] = Counter()
        self.start()

    def start(self) -> None:
        """A new daemon; the device object of the old one is gone, and what it had told of with it."""
        self.rules = Rulebook(self.site.database, self.site.parts.catalog)
        self.fires = FireWatch(self.site.ledger, self.rules)
        with self.site.database.read() as session:
            self.fires.remember(session)
        self.rules.refresh()
        self.health, self.told = Health.UNKNOWN, False
        self.modes = PortalModes(self.site, self.rules, self, lambda: self.fires.may_lock([self.state]))

    @property
    def state(self) -> Any:
        return DeviceState("arm", "fake_gate", self.health, None, None)  # type: ignore[arg-type]

    def poll(self) -> None:
        """What the supervisor does, in its order: facts first, then online."""
        if self.away:
            self.health = Health.OFFLINE
            return
        if self.burning != self.told:
            self.told = self.burning
            fact = FireRelease(self.burning)
            self.fires.on_fact("arm", fact)
            recorded = Fact(Kind.FIRE_RELEASE, datetime.now(UTC), device="arm", detail={"active": self.burning})
            with self.site.database.write(changes_site=False) as session:
                self.site.ledger.append(session, [recorded])
            if not self.burning:
                self.modes.after_fire()
        if self.health is not Health.ONLINE:
            self.health = Health.ONLINE
            if self.fires.on_online("arm"):
                self.modes.after_fire()
            self.modes.on_state(self.state)
        self.modes.settle()

    def set_mode(self, _: int, mode: PortalMode) -> None:
        self.counts[mode] += 1
        if self.burning and self.told:
            self.modes_in_fire.append(mode)

    def call(self, _: str, action: Callable[[Device], Any], __: float) -> Any:
        if self.away:
            raise DeviceUnreachable("no line")
        return action(Gate(self))  # type: ignore[arg-type]

    def command(self, name: str, action: Callable[[Device], Any], done: Callable[..., None]) -> None:
        try:
            done(self.call(name, action, 0), None)
        except DevicemgrError as error:
            done(None, error)


class Gate:
    """Hands its commands to the world."""

    poll_interval = 1.0
    senses_passage = True

    def __init__(self, world: World) -> None:
        self.set_mode = world.set_mode
        self.open = self.poll = self.check = self.close = self.release = lambda *_: None


STEPS: dict[str, Callable[[World], object]] = {
    "fire": lambda w: setattr(w, "burning", True),
    "fire ends": lambda w: setattr(w, "burning", False),
    "lost": lambda w: setattr(w, "away", True),
    "back": lambda w: setattr(w, "away", False),
    "restart": lambda w: w.start(),
    "lock": lambda w: change(w, PortalMode.LOCKED),
    "free": lambda w: change(w, PortalMode.FREE),
    "normal": lambda w: change(w, PortalMode.NORMAL),
    "poll": lambda w: w.poll(),
}


def change(world: World, mode: PortalMode) -> None:
    try:
        world.modes.change("lobby", mode, "uid:0")
    except DeviceError:
        world.counts["refused"] += 1


@pytest.mark.scaled
@pytest.mark.timeout(100 + SCHEDULES // 4)
@pytest.mark.parametrize("seed", range(4))
def test_no_lock_while_it_burns_through_random_schedules_with_restarts(entrance: Any, seed: int) -> None:
    chance = random.Random(seed)
    world = World(entrance.site)
    burnt = 0
    for _ in range(SCHEDULES):
        steps = chance.choices(list(STEPS), k=12)
        for step in steps:
            STEPS[step](world)
            if step in ("fire", "fire ends", "back", "restart"):
                world.poll()
            burnt += world.burning
        assert PortalMode.LOCKED not in world.modes_in_fire, steps
    assert burnt > SCHEDULES
    assert world.counts[PortalMode.LOCKED] > 0, "locks were given while nothing burnt"
    world.burning, world.away = False, False
    world.poll()
    assert not world.rules.current.fire_active
    STEPS["lock"](world)
    assert world.counts[PortalMode.LOCKED] > 0


def test_a_fire_before_the_restart_counts_until_its_device_was_heard(entrance: Any) -> None:
    world = World(entrance.site)
    world.poll()
    change(world, PortalMode.LOCKED)
    assert world.counts[PortalMode.LOCKED] == 1
    world.burning = True
    world.poll()
    world.away = True
    world.start()
    assert world.rules.current.fire_active
    world.poll()
    assert world.rules.current.fire_active
    world.away, world.burning = False, False
    world.poll()
    assert not world.rules.current.fire_active
    assert world.counts[PortalMode.LOCKED] > 1


def test_after_a_start_a_lock_waits_until_every_device_was_heard(entrance: Any) -> None:
    world = World(entrance.site)
    change(world, PortalMode.LOCKED)
    assert world.counts[PortalMode.LOCKED] == 0
    world.poll()
    assert world.counts[PortalMode.LOCKED] > 0
