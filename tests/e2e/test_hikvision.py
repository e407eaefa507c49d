"""A daemon and a simulated Hikvision console over HTTP: who is let in, who is held there, and what is remembered."""

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from devicemgr import site as sites
from devicemgr.store import credentials, people
from drivers._sim.hikvision.server import PASSWORD, SimulatedHikvision

pytestmark = pytest.mark.e2e
CROWD = 10_000


@pytest.fixture
def console() -> Iterator[SimulatedHikvision]:
    with SimulatedHikvision(capacity=CROWD + 10) as found:
        yield found


def add_console(box: Any, console: SimulatedHikvision, *options: str) -> None:
    more = [word for option in options for word in ("--option", option)]
    box.cli(
        "device", "add", "hall-face", "--driver", "hikvision_console", "--address", console.address, "--username",
        "admin", "--password-stdin", *more, stdin=PASSWORD + "\n",
    )  # fmt: skip
    box.cli("portal", "add", "hall", "--gate", "hall-face", "--entry", "hall-face")
    box.cli("level", "add", "staff", "--portal", "hall")


def admit(box: Any, count: int) -> None:
    """People B0, B1… with the cards 1000000, 1000001…, straight into the store."""
    from cli import load_parts

    site = sites.open_site(box.home, load_parts())
    with site.database.write() as session:
        for number in range(count):
            row = people.add(session, f"B{number}", f"Қызметкер {number}", None, None)
            people.set_level(session, row, "staff", held=True)
            credentials.assign_card(session, row, str(1_000_000 + number))
    site.close()


def wait_until(condition: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.01)


def test_an_entrance_that_asks(box: Any, console: SimulatedHikvision, record_property: Any) -> None:
    add_console(box, console)
    admit(box, 3)
    box.start()
    wait_until(lambda: len(console.terminal.cards) == 3)
    wait_until(lambda: console.events.all("listener"))
    waited = []
    for number in range(100):
        console.terminal.show_card(str(1_000_000 + number % 3))
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
    box.cli("level", "revoke", "B2", "staff")
    console.events.wait_for("user_removed", 1, 30.0)
    print(f"revocation reached the console {time.monotonic() - began:.2f} s after the command began")
    console.terminal.cards["1000002"] = "B2"  # what it should no longer hold opens nothing either
    console.terminal.users["B2"] = {"employeeNo": "B2"}
    console.terminal.show_card("1000002")
    assert console.events.wait_for("answered", 101)["granted"] is False
    box.cli("person", "erase", "B0", "--yes")
    wait_until(lambda: "B0" not in console.terminal.users)
    assert not console.events.all("everybody_removed")


def stored(box: Any) -> list[int]:
    """The console's serial numbers in the ledger, in order."""
    with sqlite3.connect(f"file:{box.home.database}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT body FROM events ORDER BY seq").fetchall()
    found = (json.loads(row[0])["detail"].get("device_serial") for row in rows)
    return [serial for serial in found if serial is not None]


def import_once(box: Any, console: SimulatedHikvision, count: int) -> None:
    for _ in range(count):
        console.terminal.add_event(0x4C, currentVerifyMode="face")
    add_console(box, console, "spacing=0")
    box.start()
    began = time.monotonic()
    wait_until(lambda: len(stored(box)) >= count // 2, 900)
    box.kill()
    box.start()
    wait_until(lambda: len(stored(box)) >= count, 900)
    console.terminal.happen(0x4C, currentVerifyMode="face")
    wait_until(lambda: len(stored(box)) > count, 60)
    assert stored(box) == list(range(1, count + 2))
    print(f"\n{count} buffered events recorded once, in order, over a kill -9, in {time.monotonic() - began:.0f} s")


def test_what_it_remembered_is_recorded_once(box: Any, console: SimulatedHikvision) -> None:
    import_once(box, console, 3000)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_events_are_recorded_once(box: Any, console: SimulatedHikvision) -> None:
    import_once(box, console, 100_000)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_ten_thousand_people_over_kills(box: Any, console: SimulatedHikvision) -> None:
    """`device sync` killed again and again comes to the same end, nobody twice and nobody left out."""
    add_console(box, console, "spacing=0", "poll_seconds=60")
    admit(box, CROWD)
    sync = [sys.executable, "-m", "cli", "device", "sync", "hall-face", "--json"]
    dice, kills, began = random.Random(7), 0, time.monotonic()
    while True:
        run = subprocess.Popen(sync, env=box.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        before, limit = len(console.terminal.users), dice.randint(300, 1500)
        while run.poll() is None and (kills >= 10 or len(console.terminal.users) < before + limit):
            time.sleep(0.02)
        if run.poll() is None:
            run.kill()
            kills += 1
        output, _ = run.communicate()
        if run.returncode == 0:
            break
        assert run.returncode == -9
    told = json.loads(output)
    assert told["holdings"]["held"] == CROWD
    assert set(console.terminal.users) == {f"B{number}" for number in range(CROWD)}
    assert console.terminal.cards == {str(1_000_000 + number): f"B{number}" for number in range(CROWD)}
    assert len(console.events.all("user_added")) <= CROWD
    assert not console.events.all("user_removed")
    print(f"\n{CROWD} people over {kills} kills in {time.monotonic() - began:.0f} s")
