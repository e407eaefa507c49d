"""A real daemon whose clock is set under it (libfaketime): two hours and ten years, both ways."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drivers.sim.osdp.readers import SimulatedReaders

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),
    pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed (Debian: faketime)"),
]

CARDS = [((1 << 25 | 80 << 17 | number << 1 | 1) << 6).to_bytes(4, "big") for number in (58400, 58403)]
KEY = bytes.fromhex("02b3c85d8f3a10c7be5520d94417fa6e")

# libfaketime 0.9.10 refuses the call that time.sleep makes, clock_nanosleep to a moment of CLOCK_MONOTONIC.
NAP = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], max(0.0, seconds)) and None\n"


class Clock:
    """The daemon's clock: `set("-2h")` moves it against the true one."""

    def __init__(self, box: Any) -> None:
        self._file = box.folder / "clock"
        self.set("+0")
        (box.folder / "sitecustomize.py").write_text(NAP)
        box.environment |= {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_XRESET": "1",
            "PYTHONPATH": str(box.folder),
        }

    def set(self, by: str) -> None:
        """Replaced at once, so that no half line is ever read."""
        new = self._file.with_suffix(".new")
        new.write_text(by)
        new.replace(self._file)


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[SimulatedReaders]:
    with SimulatedReaders({1: KEY}, tmp_path / "line") as found:
        yield found


@pytest.fixture
def clock(box: Any, readers: SimulatedReaders) -> Clock:
    """A door with a reader; F-1 may pass always, F-2's right has ended an hour ago."""
    found = Clock(box)
    box.start()
    api = box.api()
    reader = {"driver": "osdp_reader", "address": readers.path, "options": {"unit": 1}, "password": KEY.hex()}
    api.post("/devices", reader | {"name": "front"})
    api.post("/portals", {"name": "door", "gate": "front", "entry": ["front"], "require": "card"})
    api.post("/levels", {"name": "staff", "portals": ["door"]})
    ended = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    api.post("/people", {"name": "Always", "badge": "F-1", "levels": ["staff"]})
    api.post("/people", {"name": "Ended", "badge": "F-2", "levels": ["staff"], "valid_to": ended})
    for badge, number in (("F-1", "80:58400"), ("F-2", "80:58403")):
        api.post(f"/people/{badge}/cards", {"number": number})
    box.wait_for_event("device_online", device="front")
    return found


def jump(box: Any, clock: Clock, by: str, after: int) -> dict[str, Any]:
    clock.set(by)
    return box.wait_for_event("clock_jumped", after=after)  # type: ignore[no-any-return]


def shown(box: Any, readers: SimulatedReaders, card: int, after: int) -> dict[str, Any]:
    """What was decided about a card."""
    for _ in range(10):
        readers.do(lambda: readers.units[1].card(CARDS[card], 26))
        # libosdp counts by the wall clock, so that a jump costs a new handshake; what is shown then is lost.
        until = time.monotonic() + 5
        while time.monotonic() < until:
            for event in box.events(person=f"F-{card + 1}", after=after):
                if event["kind"].startswith("access_"):
                    return event  # type: ignore[no-any-return]
            time.sleep(0.05)
    raise AssertionError(f"nothing was decided; {box.events(after=after)}; {box.log()[-2000:]}")


def releases(readers: SimulatedReaders) -> int:
    return sum(event["control_code"] == 5 for event in readers.events.all("output"))


def test_jumps_revive_no_right_change_no_pulse_and_break_no_seq(
    box: Any, readers: SimulatedReaders, clock: Clock
) -> None:
    assert shown(box, readers, 1, 0)["reason"] == "expired"
    jumps = []
    for by in ("-2h", "-10y", "+0"):
        seq = box.events()[-1]["seq"]
        jumped = jump(box, clock, by, seq)
        jumps.append(jumped["detail"]["seconds"])
        assert shown(box, readers, 1, seq)["reason"] == "expired", by
        alarms = [alarm["kind"] for alarm in box.api().get("/status")["alarms"]]
        assert ("clock_behind" in alarms) == (by != "+0"), by
    assert jumps == pytest.approx([-7200, -10 * 365 * 86_400 + 7200, 10 * 365 * 86_400], abs=4 * 86_400)
    assert releases(readers) == 0

    _a_pulse(box, readers, clock)
    seqs = [event["seq"] for event in box.events()]
    assert seqs == list(range(1, len(seqs) + 1))
    assert box.api().get("/audit/verify")["ok"] is True
    _set_back_while_nothing_ran(box, readers, clock)


def test_a_forged_jump_opens_no_office_hours_at_night(box: Any, readers: SimulatedReaders, clock: Clock) -> None:
    """F-1 may pass in five to seven hours from now; the clock is set six hours ahead."""
    now = datetime.now(UTC)
    window = f"daily {now + timedelta(hours=5):%H:%M}-{now + timedelta(hours=7):%H:%M}"
    api = box.api()
    api.post("/schedules", {"name": "office", "windows": [window], "timezone": "UTC"})
    api.post("/levels", {"name": "later", "portals": ["door"], "schedule": "office"})
    api.call("DELETE", "/people/F-1/levels/staff")
    api.call("PUT", "/people/F-1/levels/later")
    seq = box.events()[-1]["seq"]
    assert shown(box, readers, 0, seq)["reason"] == "outside_schedule"
    jumped = jump(box, clock, "+6h", seq)
    assert jumped["detail"]["seconds"] == pytest.approx(6 * 3600, abs=5)
    assert shown(box, readers, 0, jumped["seq"])["reason"] == "outside_schedule"
    assert "clock_jumped" in [alarm["kind"] for alarm in api.get("/status")["alarms"]]

    assert box.stop() == 0
    seq = jumped["seq"]
    box.start()
    again = box.wait_for_event("clock_jumped", after=seq)
    box.wait_for_event("device_online", after=again["seq"], device="front")
    assert shown(box, readers, 0, again["seq"])["reason"] == "outside_schedule", "a restart believes it neither"
    assert box.api().get("/clock")["jumped_ahead_s"] == pytest.approx(6 * 3600, abs=5)
    assert releases(readers) == 0

    found = box.api().post("/clock/accept")
    assert (found["jumped_ahead_s"], found["judged_also_at"]) == (0, None)
    assert shown(box, readers, 0, box.events()[-1]["seq"])["kind"] == "access_granted"
    assert box.events(kind="admin.clock_accepted")[0]["detail"]["ahead_s"] == pytest.approx(6 * 3600, abs=5)
    assert box.stop() == 0


def _a_pulse(box: Any, readers: SimulatedReaders, clock: Clock) -> None:
    """A lock that opens for five seconds while the clock goes ten years ahead, and back."""
    seq = box.events()[-1]["seq"]
    granted = shown(box, readers, 0, seq)
    assert granted["kind"] == "access_granted"
    box.wait_for_event("portal_unlocked", request=granted["request"])
    began = time.monotonic()
    ahead = jump(box, clock, "+10y", seq)
    jump(box, clock, "+0", ahead["seq"])
    box.wait_for_event("portal_relocked", request=granted["request"])
    assert time.monotonic() - began > 3.0, "the pulse was not cut"
    assert releases(readers) == 1
    (pulse,) = [event for event in readers.events.all("output") if event["control_code"] == 5]
    assert pulse["timer_count"] == 50


def _set_back_while_nothing_ran(box: Any, readers: SimulatedReaders, clock: Clock) -> None:
    """It is known at the start; then somebody says that it is right."""
    seq = box.events()[-1]["seq"]
    assert box.stop() == 0
    clock.set("-10y")
    box.start()
    jumped = box.wait_for_event("clock_jumped", after=seq)
    assert jumped["detail"]["seconds"] < -9 * 365 * 86_400
    box.wait_for_event("device_online", after=seq, device="front")
    assert shown(box, readers, 1, seq)["reason"] == "expired"
    assert box.api().get("/clock")["behind_s"] > 9 * 365 * 86_400
    assert box.api().post("/clock/accept")["behind_s"] == 0
    assert shown(box, readers, 1, box.events()[-1]["seq"])["kind"] == "access_granted"
    box.wait_for_event("admin.clock_accepted")
    assert box.stop() == 0
