"""Fire, seen and never counteracted: whatever guards, panels, gates and restarts do meanwhile, nothing is locked."""

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from devicemgr.domain.device_events import FireRelease
from devicemgr.domain.model import DeviceConfig, PortalMode
from devicemgr.errors import DeviceError, InvalidInput
from devicemgr.store.ledger import events
from devicemgr.store.site import conditions
from tests.devicemgr.access.portals.fire_world import NONE, Gate, Kinds, World

SCHEDULES = int(os.environ.get("DEVICEMGR_FIRES", "40"))


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
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.faults) for seed in (2, 3))])
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
    found = [event for event in entrance.events() if event["kind"].startswith("portal_")]
    told = [(e["kind"], e["detail"]["mode"]) for e in found if e["kind"] != "portal_mode_effective"]
    assert told == [("portal_locked", "locked"), ("portal_unlocked", "free"), ("portal_locked", "locked")]
    effective = [(e["detail"]["mode"], e["detail"]["because"]) for e in found if e["kind"] == "portal_mode_effective"]
    assert effective == [("locked", "guard"), ("free", "fire"), ("locked", "guard")]


def test_a_gate_that_was_away_when_the_fire_was_told_is_released_when_it_is_back(world: World) -> None:
    reached(world).change(PortalMode.LOCKED)
    world.gate_away = True
    world.panels["siren"].burning = True
    world.poll()
    assert world.at_gate is PortalMode.LOCKED
    world.gate_away = False
    world.poll()
    assert world.at_gate is PortalMode.FREE


def test_a_gate_that_never_got_its_normal_is_released_after_a_restart_too(world: World) -> None:
    """It was locked, was away when the guard ended that, and the daemon that knew so has ended."""
    reached(world).change(PortalMode.LOCKED)
    world.gate_away = True
    world.poll()
    assert world.change(PortalMode.NORMAL)["applied"] is False
    world.start()
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
    monkeypatch.setattr("devicemgr.access.portals.fire_alarm.GRACE_S", 0.0)
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
        assert events.remove_oldest(session, 10**9, 10**9) > 0
    world.start()
    assert world.rules.current.fire_active
