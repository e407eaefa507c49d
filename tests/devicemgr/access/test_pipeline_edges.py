"""The pipeline where things change or fail half way: fires, removed portals, lost answers, storage that comes back."""

import threading
import time
from typing import Any

import numpy as np
import pytest

from devicemgr.access.portals.fire_alarm import FireWatch
from devicemgr.access.portals.portal_modes import PortalModes
from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.domain.device_events import FireRelease
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.errors import OutcomeUnknown, StorageFailed
from devicemgr.store.people import people
from devicemgr.store.site import access_levels as level_store, devices as device_store, portals as portal_store

ANNA = np.eye(4, dtype=np.float32)[0]


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    then = time.monotonic() + seconds
    monkeypatch.setattr(time, "monotonic", lambda: then)


def test_a_lost_answer_of_a_gate_that_senses_nothing_claims_no_passage(
    entrance: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entrance.gate.senses_passage = False
    entrance.gate.release_error = OutcomeUnknown("no answer")
    entrance.see(ANNA)
    entrance.finish()
    later(monkeypatch, 60)
    entrance.pipeline.tick()
    monkeypatch.undo()
    assert entrance.kinds() == ["access_granted", "portal_unlocked", "portal_relocked"]


def test_a_fire_ends_when_it_has_ended_at_every_gate(entrance: Any) -> None:
    fires = FireWatch(entrance.rules)
    for device, active in (("arm", True), ("cam", True), ("arm", False)):
        fires.on_fact(device, FireRelease(active))
    assert entrance.rules.current.fire_active
    fires.on_fact("cam", FireRelease(False))
    assert not entrance.rules.current.fire_active


def test_a_fire_outlives_a_change_of_the_site_but_not_its_device(entrance: Any) -> None:
    fires = FireWatch(entrance.rules)
    fires.on_fact("arm", FireRelease(True))
    fires.on_fact("gone", FireRelease(True))
    with entrance.site.database.write():
        pass
    assert entrance.rules.refresh().fire_active
    fires.on_fact("arm", FireRelease(False))
    assert not entrance.rules.current.fire_active


def test_a_fire_does_not_wait_for_the_store(entrance: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, go = threading.Event(), threading.Event()
    real = device_store.devices

    def slow(session: Any) -> Any:
        reading.set()
        assert go.wait(30)
        return real(session)

    monkeypatch.setattr(device_store, "devices", slow)
    with entrance.site.database.write():
        pass
    loader = threading.Thread(target=entrance.rules.refresh)
    loader.start()
    assert reading.wait(10)
    fire = threading.Thread(target=entrance.rules.set_fire, args=("arm", True), daemon=True)
    fire.start()
    fire.join(5)
    assert not fire.is_alive()
    go.set()
    loader.join(10)
    assert entrance.rules.current.fire_active


def test_a_release_ends_although_its_portal_was_removed(entrance: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    entrance.see(ANNA)
    entrance.finish()
    with entrance.site.database.write() as session:
        people.set_level(session, people.get(session, "A1"), "staff", held=False)
        session.delete(level_store.level(session, "staff"))
        session.flush()
        session.delete(portal_store.portal(session, "lobby"))
    entrance.rules.refresh()
    later(monkeypatch, 60)
    entrance.pipeline.tick()
    monkeypatch.undo()
    assert entrance.kinds()[-1] == "passage_timed_out"


def test_who_stands_there_when_storage_comes_back_is_let_in(entrance: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = entrance.site.database.write

    def refuse(**_: Any) -> Any:
        raise StorageFailed("database or disk is full")

    monkeypatch.setattr(entrance.site.database, "write", refuse)
    entrance.see(ANNA)
    entrance.finish()
    assert entrance.gate.done.empty()
    monkeypatch.setattr(entrance.site.database, "write", real)
    entrance.see(ANNA)
    entrance.finish()
    assert entrance.gate.done.qsize() == 1


class Swapping:
    """A line on which the older of two orders arrives last."""

    def __init__(self, gate: Any) -> None:
        self.gate = gate
        self.first: Any = None

    def call(self, _: str, action: Any, timeout: float) -> None:
        if self.first is None:
            self.first = action
            return
        action(self.gate)
        self.first(self.gate)


def test_of_two_orders_the_last_one_stands_at_the_gate(entrance: Any) -> None:
    line = Swapping(entrance.gate)
    modes = PortalModes(entrance.site, entrance.rules, line, lambda: None)  # type: ignore[arg-type]
    modes.change("lobby", PortalMode.FREE, "uid:1")
    modes.change("lobby", PortalMode.LOCKED, "uid:1")
    told = [entrance.gate.done.get_nowait() for _ in range(2)]
    assert told[-1] == ("mode", 1, PortalMode.LOCKED)


def test_a_lock_is_given_again_when_the_fire_has_ended(entrance: Any) -> None:
    with entrance.site.database.write() as session:
        portal_store.portal(session, "lobby").mode = "locked"
    entrance.rules.refresh()
    modes = PortalModes(
        entrance.site, entrance.rules, entrance, lambda: "fire" if entrance.rules.current.fire_active else None
    )
    entrance.rules.set_fire("arm", True)
    modes.on_fire()
    assert entrance.gate.done.get_nowait() == ("mode", 1, PortalMode.FREE), "the lock is released meanwhile"
    entrance.rules.set_fire("arm", False)
    modes.on_fire()
    assert entrance.gate.done.get_nowait() == ("mode", 1, PortalMode.LOCKED)


def test_without_a_daemon_a_board_that_times_nothing_is_held_for_its_time(
    entrance: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing it at once would end the pulse before anybody could push the door."""
    gate = entrance.gate
    gate.senses_passage = False
    clock = {"now": time.monotonic()}
    closed_at: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])
    monkeypatch.setattr(time, "sleep", lambda seconds: clock.update(now=clock["now"] + seconds))
    monkeypatch.setattr(gate, "close", lambda: closed_at.append(clock["now"]))
    began = clock["now"]
    answer = DirectRuntime(entrance.site).open_portal("lobby", Direction.ENTRY, "uid:1")
    assert answer["outcome"] == "confirmed"
    assert closed_at[0] - began >= 5.0


def test_without_a_daemon_a_line_that_opens_slowly_is_no_reason_to_refuse(
    entrance: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = {"now": time.monotonic()}
    real = entrance.gate.open
    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])
    monkeypatch.setattr(entrance.gate, "open", lambda: (clock.update(now=clock["now"] + 4), real())[1])
    DirectRuntime(entrance.site).open_portal("lobby", Direction.ENTRY, "uid:1")
    monkeypatch.undo()
    assert entrance.kinds() == ["admin.portal_open", "portal_unlocked"]
