"""The duress PIN: it opens as the right one does, and nothing but one event for a few tells it from that."""

import queue
import time
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats

from devicemgr.access.evidence import pins
from devicemgr.access.evidence.pins import PinChecked, PinChecker, hash_pin
from devicemgr.domain.device_events import CardRead, KeysPressed
from devicemgr.domain.model import Requirement
from devicemgr.domain.zones import OUTSIDE, Zone
from devicemgr.store.ledger import events as ledger_rows
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.people import credentials, people
from devicemgr.store.site import portals as portal_store
from tests.support.core import Entrance

RIGHT, DURESS, WRONG = "4711", "8352", "9999"
CARD = CardRead(1, ("5301280",))


class Door:
    """A door that wants a card and a PIN; Anna has both PINs. PINs are checked as the daemon checks them."""

    def __init__(self, entrance: Any, *, duress: bool = True, pin: bool = True) -> None:
        self.entrance = entrance
        self.checker = PinChecker(lambda _: None)
        with entrance.site.database.write() as session:
            row = people.get(session, "A1")
            credentials.assign_card(session, row, "5301280")
            if pin:
                credentials.set_pin(session, row, hash_pin(RIGHT))
            if duress:
                credentials.set_pin(session, row, hash_pin(DURESS), credentials.DURESS_PIN)
            portal_store.portal(session, "lobby").require = str(Requirement.CARD_PIN)
        entrance.rules.refresh()

    def type(self, pin: str) -> None:
        """Show the card and type a PIN."""
        self.entrance.pipeline.on_device_fact("cam", CARD)
        self.entrance.pipeline.on_device_fact("cam", KeysPressed(1, f"{pin}#"))
        attempt = self.entrance.pin_tries.pop()
        right, is_duress = self.checker._check(attempt)
        self.entrance.pipeline.on_pin(PinChecked("cam", 1, attempt.person_id, right, attempt.entered, is_duress))

    def events(self, *, shows_duress: bool) -> list[dict[str, Any]]:
        self.entrance.events()  # until all is recorded
        with self.entrance.site.database.read() as session:
            found = ledger_rows.find(session, EventFilter(shows_duress=shows_duress), 1000)
        return [event for event in found if event["kind"] != "test.flush"]

    def answers(self) -> tuple[Any, ...]:
        """What the gate and the reader were told, in order."""
        told = list(self.entrance.gate.done.queue)
        return told, self.entrance.gate.shown, {name: one.shown for name, one in self.entrance.others.items()}


@pytest.fixture
def door(entrance: Any) -> Door:
    return Door(entrance)


def test_the_duress_pin_opens_as_the_right_one_and_signals(door: Door) -> None:
    door.type(DURESS)
    door.entrance.finish()
    granted, signalled = door.events(shows_duress=True)[:2]
    assert (granted["kind"], granted["evidence"]) == ("access_granted", {"card": True, "pin": True})
    assert (signalled["kind"], signalled["portal"], signalled["direction"]) == ("duress_signalled", "lobby", "entry")
    assert (signalled["person"], signalled["request"]) == ("A1", granted["request"])
    assert "duress" not in str(granted)


def test_gate_and_reader_are_told_the_same(door: Door, make_site_in: Any, tmp_path: Any, catalog: Any) -> None:
    site = make_site_in(tmp_path / "second")
    site.ledger.start()
    other = Door(Entrance(site, type(catalog.gate)()))
    for one, pin in ((door, RIGHT), (other, DURESS)):
        one.type(pin)
        one.entrance.finish()
    assert door.answers() == other.answers()
    varying = dict.fromkeys(("id", "time", "latency_ms", "request"))
    shown = [[event | varying for event in one.events(shows_duress=False)] for one in (door, other)]
    assert shown[0] == shown[1]
    assert [event["kind"] for event in shown[0]] == ["access_granted", "pin_verified", "portal_unlocked"]
    site.ledger.stop()


@pytest.mark.parametrize(
    ("typed", "has"),
    [
        (RIGHT, {}),
        (DURESS, {}),
        (WRONG, {}),
        (RIGHT, {"duress": False}),
        (WRONG, {"duress": False}),
        (DURESS, {"duress": False, "pin": False}),
    ],
)
def test_two_hashes_are_computed_whatever_is_typed_and_whatever_there_is(
    entrance: Any, monkeypatch: pytest.MonkeyPatch, typed: str, has: dict[str, bool]
) -> None:
    door, computed = Door(entrance, **has), []
    whole = pins.is_right

    def count(stored: str, pin: str) -> bool:
        computed.append(stored)
        return whole(stored, pin)

    monkeypatch.setattr(pins, "is_right", count)
    door.type(typed)
    assert len(computed) == 2
    assert all(stored.startswith("$argon2id$v=19$m=19456,t=3,p=1$") for stored in computed)


def test_the_hash_of_no_pin_is_a_whole_one() -> None:
    """One that can't be read would be refused at once."""
    with pytest.raises(pins.Argon2Error, match="does not match"):
        pins._HASHER.verify(pins._NO_PIN, "4711")


def test_a_duress_pin_that_is_refused_for_a_right_signals_all_the_same(door: Door) -> None:
    rules = door.entrance.rules.current
    lobby = replace(rules.portals["lobby"], outside=OUTSIDE, inside="hall")
    full = {"zones": {"hall": Zone("hall", max_people=0)}, "portals": {"lobby": lobby}}
    door.entrance.rules._snapshot = replace(rules, **full)
    door.type(DURESS)
    denied, signalled = door.events(shows_duress=True)
    assert (denied["kind"], denied["reason"]) == ("access_denied", "occupancy")
    assert (signalled["kind"], signalled["request"]) == ("duress_signalled", denied["request"])
    assert door.entrance.gate.done.empty()


def test_one_that_comes_too_late_for_a_decision_signals_all_the_same(door: Door) -> None:
    door.entrance.pipeline.on_pin(PinChecked("cam", 1, door.entrance.anna, True, time.monotonic(), True))
    (signalled,) = door.events(shows_duress=True)
    assert (signalled["kind"], signalled["person"]) == ("duress_signalled", "A1")


@pytest.mark.parametrize("typed", [RIGHT, WRONG])
def test_a_site_without_duress_pins_records_no_more_than_before(entrance: Any, typed: str) -> None:
    door = Door(entrance, duress=False)
    door.type(typed)
    assert [event["kind"] for event in door.events(shows_duress=True)][:1] != ["pin_verified"]
    assert "pin_verified" not in door.entrance.kinds()


def test_a_wrong_pin_is_followed_by_nothing(door: Door) -> None:
    door.type(WRONG)
    assert door.entrance.kinds() == ["access_denied"]


@pytest.mark.parametrize(
    ("pin", "other", "is_close"),
    [
        ("1357", "1357", True),
        ("1358", "1357", True),
        ("2357", "1357", True),
        ("13570", "1357", True),
        ("1357", "13570", True),
        ("1368", "1357", False),
        ("7531", "1357", False),
        ("135790", "1357", False),
    ],
)
def test_it_differs_in_two_places_or_more(
    monkeypatch: pytest.MonkeyPatch, pin: str, other: str, is_close: bool
) -> None:
    monkeypatch.setattr(pins, "is_right", lambda stored, one: stored == one)
    assert pins.is_too_close(other, pin) is is_close


def test_two_pins_leave_a_thousand_to_one() -> None:
    assert 10**pins.MIN_DIGITS // 2 >= 1000


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_time_does_not_tell_which_of_the_pins_it_was(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 runs of each, in turns, from the last key to the gate's command and to the recorded outcome."""
    monkeypatch.setattr(door.entrance.pipeline._grants, "holds_at", lambda *_, **__: False)
    took: dict[str, list[float]] = {RIGHT: [], DURESS: []}
    for number in range(2000):
        pin = (RIGHT, DURESS)[number % 2]
        began = time.perf_counter()
        door.type(pin)
        try:
            outcome = door.entrance.outcomes.get(timeout=1)
        except queue.Empty:  # on a busy computer the hashes took longer than evidence may be old
            continue
        took[pin].append(time.perf_counter() - began)
        door.entrance.pipeline.on_outcome(outcome)
        time.sleep(0.002)  # the last run's record is written
    assert min(map(len, took.values())) > 900
    found = stats.ks_2samp(took[RIGHT], took[DURESS])
    assert found.pvalue > 0.01, (found, sorted(took[RIGHT])[500], sorted(took[DURESS])[500])
