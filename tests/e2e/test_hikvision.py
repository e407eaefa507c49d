"""A daemon and a simulated Hikvision console over HTTP: who is let in, who is held there, and what is remembered."""

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devicemgr.cli.transport.api_client import path
from drivers.hikvision_console.users.faces import fitted
from drivers.sim.hikvision.server import PASSWORD, SimulatedHikvision
from tests.e2e.crowd import admit, tiny_face

pytestmark = pytest.mark.e2e
CROWD, FEW = 10_000, 200
SKEW = timedelta(seconds=92)


@pytest.fixture
def console() -> Iterator[SimulatedHikvision]:
    with SimulatedHikvision(capacity=CROWD + 10) as found:
        yield found


def add_console(box: Any, console: SimulatedHikvision, *options: str) -> None:
    more = [word for option in options for word in ("--option", option)]
    box.cli(
        "device",
        "add",
        "hall-face",
        "--driver",
        "hikvision_console",
        "--address",
        console.address,
        "--username",
        "admin",
        "--password-stdin",
        *more,
        stdin=PASSWORD + "\n",
    )
    box.cli("portal", "add", "hall", "--gate", "hall-face", "--entry", "hall-face")
    box.cli("level", "add", "staff", "--portal", "hall")


def wait_until(condition: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.01)


def test_an_entrance_that_asks(box: Any, console: SimulatedHikvision, record_property: Any) -> None:
    add_console(box, console)
    # One person twice within a second would be the same question again.
    admit(box, 100)
    box.start()
    wait_until(lambda: len(console.terminal.cards) == 100, 120.0)
    wait_until(lambda: console.events.all("listener"))
    waited = []
    for number in range(100):
        console.terminal.show_card(str(1_000_000 + number))
        asked, answered = (console.events.wait_for(name, number + 1) for name in ("happened", "answered"))
        assert answered["granted"] is True
        waited.append((float(answered["monotonic"]) - float(asked["monotonic"])) * 1000)  # type: ignore[arg-type]
    waited.sort()
    record_property("answer_p50_ms", round(waited[50], 1))
    record_property("answer_p99_ms", round(waited[98], 1))
    print(
        f"\nremote verification answered: p50 {waited[50]:.1f} ms, p99 {waited[98]:.1f} ms, worst {waited[-1]:.1f} ms"
    )
    console.events.wait_for("unlocked", 100)
    wait_until(lambda: len(box.events(kind="portal_unlocked")) >= 100)
    assert len(console.events.all("unlocked")) == len(box.events(kind="portal_unlocked")) == 100
    assert len(box.events(kind="access_granted")) == 100
    began = time.monotonic()
    box.api().call("DELETE", path("people", "B2", "levels", "staff"))
    console.events.wait_for("user_removed", 1, 30.0)
    print(f"revocation reached the console {time.monotonic() - began:.2f} s after it was asked for")
    console.terminal.cards["1000002"] = "B2"  # what it should no longer hold opens nothing either
    console.terminal.users["B2"] = {"employeeNo": "B2"}
    console.terminal.show_card("1000002")
    assert console.events.wait_for("answered", 101)["granted"] is False
    box.cli("person", "erase", "B0", "--yes")
    wait_until(lambda: "B0" not in console.terminal.users)
    assert not console.events.all("everybody_removed")


def stored(box: Any) -> list[tuple[int, str, float]]:
    """The console's events in the ledger, in its order: serial number, own time, and the skew that was noted."""
    with sqlite3.connect(f"file:{box.home.database}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT body FROM events ORDER BY seq").fetchall()
    bodies = (json.loads(row[0]) for row in rows)
    return [
        (body["detail"]["device_serial"], body["time"], body["evidence"].get("clock_skew_s"))
        for body in bodies
        if body["kind"] == "access_denied" and body["detail"].get("device_serial") is not None
    ]


def adoptions(box: Any) -> int:
    """How many memories of the console were found new."""
    with sqlite3.connect(f"file:{box.home.database}?mode=ro", uri=True) as database:
        found = database.execute("SELECT count(*) FROM events WHERE kind = 'device_reported'").fetchone()
    return int(found[0])


def import_once(box: Any, console: SimulatedHikvision, count: int) -> None:
    """A day without network, as a console whose clock is wrong remembers it."""
    console.terminal.skew = SKEW
    first = (datetime.now(UTC) - timedelta(hours=24)).replace(microsecond=0)
    times = [first + timedelta(seconds=86_000 * number // count) for number in range(count)]
    add_console(box, console, "spacing=0")
    box.start()
    wait_until(lambda: adoptions(box) == 4, 60)  # one for each memory
    box.kill()
    for at in times:
        console.terminal.add_event(0x4C, at=at, currentVerifyMode="face")
    begin = console.terminal.events[-count].serial
    box.start()
    began = time.monotonic()
    wait_until(lambda: len(stored(box)) >= count // 2, 900)
    box.kill()
    box.start()
    wait_until(lambda: len(stored(box)) >= count, 900)
    console.terminal.happen(0x4C, currentVerifyMode="face")
    wait_until(lambda: len(stored(box)) > count, 60)
    found = stored(box)
    assert [serial for serial, _, _ in found[:count]] == list(range(begin, begin + count))
    assert [datetime.fromisoformat(at) for _, at, _ in found[:count]] == times
    assert all(abs(skew - SKEW.total_seconds()) < 3 for _, _, skew in found)
    print(f"\n{count} buffered events recorded once, in order, over a kill -9, in {time.monotonic() - began:.0f} s")


def test_what_it_remembered_is_recorded_once(box: Any, console: SimulatedHikvision) -> None:
    import_once(box, console, 3000)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_events_are_recorded_once(box: Any, console: SimulatedHikvision) -> None:
    import_once(box, console, 100_000)


def people_over_kills(box: Any, console: SimulatedHikvision, count: int, most: int, step: tuple[int, int]) -> None:
    """`device sync` killed again and again comes to the same end, nobody twice and nobody left out."""
    add_console(box, console, "spacing=0", "poll_seconds=60")
    admit(box, count, faces=True)
    sync = [sys.executable, "-m", "cli", "device", "sync", "hall-face", "--json"]
    dice, kills, began = random.Random(7), 0, time.monotonic()
    while True:
        run = subprocess.Popen(sync, env=box.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        before, limit = len(console.terminal.faces), dice.randint(*step)
        while run.poll() is None and (kills >= most or len(console.terminal.faces) < before + limit):
            time.sleep(0.002)
        if run.poll() is None:
            run.kill()
            kills += 1
        output, _ = run.communicate()
        if run.returncode == 0:
            break
        assert run.returncode == -9
    told = json.loads(output)
    assert kills == most
    assert told["holdings"]["held"] == count
    assert set(console.terminal.users) == {f"B{number}" for number in range(count)}
    assert console.terminal.cards == {str(1_000_000 + number): f"B{number}" for number in range(count)}
    assert console.terminal.faces == {f"B{number}": fitted(tiny_face(number)) for number in range(count)}
    assert console.terminal.added == count
    assert not console.events.all("user_removed")
    print(f"\n{count} people with cards and faces over {kills} kills in {time.monotonic() - began:.0f} s")


@pytest.mark.timeout(300)
def test_two_hundred_people_over_kills(box: Any, console: SimulatedHikvision) -> None:
    people_over_kills(box, console, FEW, 2, (20, 90))


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_ten_thousand_people_over_kills(box: Any, console: SimulatedHikvision) -> None:
    people_over_kills(box, console, CROWD, 10, (300, 1500))
