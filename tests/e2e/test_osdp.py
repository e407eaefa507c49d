"""A card at an OSDP reader opens the lock on the reader's own output: daemon, encrypted line, one record."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from drivers.sim.osdp.readers import SimulatedReaders
from tests.e2e.conftest import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CARD = ((1 << 25 | 80 << 17 | 58400 << 1 | 1) << 6).to_bytes(4, "big")
OTHER_KEY = bytes.fromhex("02b3c85d8f3a10c7be5520d94417fa6e")


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[SimulatedReaders]:
    """One in install mode."""
    with SimulatedReaders({1: None}, tmp_path / "line") as found:
        yield found


def _releases(readers: SimulatedReaders) -> list[dict[str, Any]]:
    return [event for event in readers.events.all("output") if event["control_code"] == 5]


def _granted(box: Any, readers: SimulatedReaders) -> dict[str, Any] | None:
    """Show the card once; what was decided, None for a denial: a change is in force within half a second."""
    seq = box.events()[-1]["seq"]
    readers.do(lambda: readers.units[1].card(CARD, 26))
    kinds = ("access_granted", "access_denied")
    decided = wait_for(lambda: next((e for e in box.events(after=seq) if e["kind"] in kinds), None), "a decision")
    return decided if decided["kind"] == "access_granted" else None


def test_paired_then_card_decision_and_lock_on_one_reader(box: Any, readers: SimulatedReaders) -> None:
    box.start()
    api = box.api()
    api.post("/devices", {"name": "front", "driver": "osdp_reader", "address": readers.path, "options": {"unit": 1}})
    box.wait_for_event("device_offline", device="front")
    assert box.cli("device", "provision", "front", "--pair") == {"name": "front", "paired": True}
    box.wait_for_event("device_online", device="front")
    api.post("/portals", {"name": "door", "gate": "front", "entry": ["front"], "require": "card"})
    api.post("/levels", {"name": "staff", "portals": ["door"]})
    api.post("/people", {"name": "Айлин Коллинз", "badge": "D-1", "levels": ["staff"]})
    unit = readers.units[1]

    readers.do(lambda: unit.card(CARD, 26))
    denied = box.wait_for_event("access_denied", device="front")
    assert (denied["reason"], denied["portal"], denied["direction"]) == ("unknown_credential", "door", "entry")
    readers.events.wait_for("buzzer")
    assert readers.events.all("led")[-1]["on_color"] == 1
    assert _releases(readers) == []

    box.cli("card", "assign", "D-1", "80:58400")
    granted = wait_for(lambda: _granted(box, readers), "the card that was assigned is in force")
    assert granted["person"] == "D-1"
    unlocked = box.wait_for_event("portal_unlocked", request=granted["request"])
    assert denied["seq"] < granted["seq"] < unlocked["seq"]
    assert granted["evidence"]["card"] is True
    (release,) = _releases(readers)
    assert (release["unit"], release["output_no"], release["timer_count"]) == (1, 0, 50)
    readers.events.wait_for("buzzer", 2)
    wait_for(lambda: readers.events.all("led")[-1]["on_color"] == 2, "the green lamp")

    _another_key(box, readers)
    box.wait_for_event("portal_relocked", after=unlocked["seq"])
    readers.do(lambda: unit.card(CARD, 26))
    box.wait_for_event("portal_unlocked", after=unlocked["seq"])
    assert len(_releases(readers)) == 2

    _a_new_key(box, readers)
    assert len(_releases(readers)) == 3
    assert box.cli("audit", "verify")["ok"] is True
    assert box.stop() == 0


def _another_key(box: Any, readers: SimulatedReaders) -> None:
    """A swapped reader is refused and told of; the right one is back."""
    own, seq = readers.units[1].key, box.events()[-1]["seq"]
    readers.set_key(1, OTHER_KEY)
    offline = box.wait_for_event("device_offline", after=seq, device="front")
    assert "another key" in offline["detail"]["cause"]

    assert any("another key" in (alarm["cause"] or "") for alarm in box.command("status", code=4)["alarms"])
    readers.set_key(1, own)
    back = box.wait_for_event("device_online", after=seq, device="front")
    tamper = box.wait_for_event("tamper", after=seq, device="front")
    assert "another key" in tamper["detail"]["cause"]
    assert tamper["seq"] - back["seq"] in (-1, 1)


def _a_new_key(box: Any, readers: SimulatedReaders) -> None:
    """The key of a reader that works is replaced while the daemon runs, and its cards go on opening."""
    own, seq = readers.units[1].key, box.events()[-1]["seq"]
    assert box.cli("device", "provision", "front", "--pair") == {"name": "front", "paired": True}
    assert readers.units[1].key not in (own, None)
    ended = box.wait_for_event("admin.device_paired", after=box.events(kind="admin.device_paired", after=seq)[0]["seq"])
    assert ended["detail"]["phase"] == "ended"
    # With both keys it may have been back for a moment before.
    back = box.wait_for_event("portal_relocked", after=ended["seq"])
    readers.do(lambda: readers.units[1].card(CARD, 26))
    box.wait_for_event("portal_unlocked", after=back["seq"])


def test_a_card_without_a_printed_number_is_assigned_by_showing_it(box: Any, readers: SimulatedReaders) -> None:
    box.start()
    api = box.api()
    api.post("/devices", {"name": "front", "driver": "osdp_reader", "address": readers.path, "options": {"unit": 1}})
    box.wait_for_event("device_offline", device="front")
    box.cli("device", "provision", "front", "--pair")
    box.wait_for_event("device_online", device="front")
    api.post("/portals", {"name": "door", "gate": "front", "entry": ["front"], "require": "card"})
    api.post("/levels", {"name": "staff", "portals": ["door"]})
    api.post("/people", {"name": "Aylin Collins", "badge": "D-1", "levels": ["staff"]})
    number = str(0x7186A61E)
    with ThreadPoolExecutor() as pool:
        assigned = pool.submit(box.cli, "card", "assign", "D-1", "--at", "front")
        while not assigned.done():
            # Until the wait has begun a card is a request.
            readers.do(lambda: readers.units[1].card(bytes.fromhex("7186A61E"), 32))
            wait([assigned], timeout=1.0)
        assert assigned.result()["number"] == number
    seq = box.wait_for_event("admin.card_shown")["seq"]
    found = [event for event in box.events(after=seq - 1) if event["kind"].startswith(("admin.card", "access"))]
    assert [event["kind"] for event in found] == ["admin.card_shown", "admin.card_assigned"]
    assert (found[0]["person"], found[0]["detail"]) == ("D-1", {"at": "front:1"})
    assert number not in str(box.events())
    assert _releases(readers) == []
    assert box.cli("card", "show", number)["badge"] == "D-1"
    assert box.stop() == 0
