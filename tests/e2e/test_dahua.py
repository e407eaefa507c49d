"""A daemon and a simulated Dahua terminal over HTTP: its questions, whom it holds, and how fast a right is taken."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from devicemgr.cli.transport.api_client import path
from drivers.common.console.photos import fit_jpeg
from drivers.dahua_console.console import MAX_PHOTO_PX, MIN_PHOTO_PX, PHOTO_BYTES
from drivers.sim.dahua.console import SimulatedDahua
from tests.e2e.crowd import admit, tiny_face

pytestmark = pytest.mark.e2e
FEW = 30


@pytest.fixture
def console() -> Iterator[SimulatedDahua]:
    with SimulatedDahua() as found:
        yield found


def add_console(box: Any, console: SimulatedDahua, *options: str) -> None:
    more = [word for option in ("faces=true", *options) for word in ("--option", option)]
    box.cli(
        "device",
        "add",
        "hall-face",
        "--driver",
        "dahua_console",
        "--address",
        console.address,
        "--username",
        "admin",
        "--password-stdin",
        *more,
        stdin="admin123\n",
    )
    box.cli("portal", "add", "hall", "--gate", "hall-face", "--entry", "hall-face")
    box.cli("level", "add", "staff", "--portal", "hall")


def wait_until(condition: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.01)


def card(number: int) -> str:
    return f"{1_000_000 + number:08X}"


def test_a_terminal_that_asks(box: Any, console: SimulatedDahua) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    add_console(box, console, "decide=host", f"push_port={port}", "push_host=127.0.0.1")
    # One person twice within a second would be the same question again.
    admit(box, 100)
    box.start()
    wait_until(lambda: len(console.people.cards) == 100)
    waited = []
    for number in range(100):
        began = time.monotonic()
        console.card(card(number))
        waited.append((time.monotonic() - began) * 1000)
    waited.sort()
    print(
        f"\ndahua online mode answered: p50 {waited[50]:.1f} ms, p99 {waited[98]:.1f} ms, worst {waited[-1]:.1f} ms "
        "(with the terminal's own part)"
    )
    assert all(event["granted"] for event in console.events.all("question"))
    wait_until(lambda: len(box.events(kind="portal_unlocked")) >= 100)
    assert len(console.events.all("unlocked")) == len(box.events(kind="access_granted")) == 100
    began = time.monotonic()
    box.api().call("DELETE", path("people", "B2", "levels", "staff"))
    wait_until(lambda: "B2" not in console.people.users)
    print(f"revocation reached the terminal {time.monotonic() - began:.2f} s after it was asked for")
    console.card(card(2))
    assert console.events.all("question")[-1]["granted"] is False
    box.cli("person", "erase", "B0", "--yes")
    wait_until(lambda: "B0" not in console.people.users)
    (record,) = [box.wait_for_event("admin.erasure_completed")]
    assert [place["place"] for place in record["detail"]["places"]] == ["this site's database", "hall-face"]


def test_people_with_faces_over_kills(box: Any, console: SimulatedDahua) -> None:
    """The daemon is killed twice amid the pushing: everybody is there once, each with their own face."""
    add_console(box, console)
    admit(box, FEW, faces=True)
    for most in (8, 19):
        box.start()
        wait_until(lambda most=most: len(console.people.faces) >= most)
        box.kill()
    box.start()
    wait_until(lambda: box.cli("device", "show", "hall-face")["holds"]["held"] == FEW)
    assert set(console.people.users) == {f"B{number}" for number in range(FEW)}
    assert {number: row["UserID"] for number, row in console.people.cards.items()} == {
        card(number): f"B{number}" for number in range(FEW)
    }
    assert console.people.faces == {
        f"B{number}": fit_jpeg(tiny_face(number), PHOTO_BYTES, MAX_PHOTO_PX, MIN_PHOTO_PX) for number in range(FEW)
    }
