"""Cards and PINs at a reader, alone and beside a face: one request a person, one decision, one release."""

import time
from typing import Any

import numpy as np
import pytest

from devicemgr.access.evidence.pins import PinChecked, hash_pin
from devicemgr.domain.device_events import CardRead, KeysPressed
from devicemgr.domain.model import Direction, Requirement, Signal
from devicemgr.store.people import consents, credentials, people
from devicemgr.store.site import portals as portal_store

ANNA, BORIS = np.eye(4, dtype=np.float32)[:2]
CARD = CardRead(1, ("80:58400", "5301280", "raw:26:2A1C841"))


@pytest.fixture
def door(entrance: Any) -> Any:
    """The entrance, with Anna's card and PIN; `cam` is a reader too."""
    with entrance.site.database.write() as session:
        row = people.get(session, "A1")
        credentials.assign_card(session, row, "5301280")
        credentials.set_pin(session, row, hash_pin("4711"))
    entrance.rules.refresh()
    return entrance


def require(door: Any, wanted: Requirement) -> None:
    with door.site.database.write() as session:
        portal_store.portal(session, "lobby").require = str(wanted)
    door.rules.refresh()


def read(door: Any, card: CardRead = CARD) -> None:
    door.pipeline.on_device_fact("cam", card)


def type_pin(door: Any, keys: str, *, right: bool | None = None) -> None:
    door.pipeline.on_device_fact("cam", KeysPressed(1, keys))
    if right is not None:
        attempt = door.pin_tries.pop()
        door.pipeline.on_pin(PinChecked("cam", 1, attempt.person_id, right, attempt.entered))


def decisions(door: Any) -> list[tuple[str, str | None]]:
    return [(e["kind"], e["reason"]) for e in door.events() if e["kind"].startswith("access_")]


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    at = time.monotonic() + seconds
    monkeypatch.setattr(time, "monotonic", lambda: at)


def test_a_card_opens_by_whichever_of_its_numbers_is_stored(door: Any) -> None:
    read(door)
    door.finish()
    assert door.gate.done.get_nowait() == ("release", 1, Direction.ENTRY, 5.0)
    granted = door.events()[0]
    assert (granted["person"], granted["evidence"]) == ("A1", {"card": True})
    assert door.committed_at_release == [1]
    assert door.gate.shown == [(1, Direction.ENTRY, Signal.GRANTED)]
    assert door.others["cam"].shown == [(1, Direction.ENTRY, Signal.GRANTED)]


def test_a_card_of_nobody_is_one_denial_without_its_number(door: Any) -> None:
    read(door, CardRead(1, ("1:2", "65538")))
    (event,) = door.events()
    assert (event["reason"], event["person"]) == ("unknown_credential", None)
    assert "65538" not in str(event)
    assert door.gate.done.empty()
    assert door.gate.shown[-1][2] is Signal.DENIED


def test_a_card_held_on_and_a_face_seen_meanwhile_open_once(door: Any) -> None:
    read(door)
    read(door)
    door.see(ANNA)
    door.finish()
    assert door.gate.done.qsize() == 1
    assert decisions(door) == [("access_granted", None)]


def test_a_release_that_failed_can_be_asked_for_again_at_once(door: Any) -> None:
    door.gate.release_error = RuntimeError("broken")
    read(door)
    door.finish()
    door.gate.release_error = None
    read(door)
    door.finish()
    assert [e["kind"] for e in door.events()] == [
        "access_granted",
        "portal_unlock_failed",
        "access_granted",
        "portal_unlocked",
    ]


def test_a_suspended_person_is_refused_by_card_too(door: Any) -> None:
    with door.site.database.write() as session:
        people.get(session, "A1").suspended = True
    door.rules.refresh()
    read(door)
    assert decisions(door) == [("access_denied", "suspended")]


def test_card_and_pin_make_one_request(door: Any) -> None:
    require(door, Requirement.CARD_PIN)
    read(door)
    assert decisions(door) == []
    assert door.others["cam"].shown[-1][2] is Signal.ASK
    type_pin(door, "47")
    type_pin(door, "11#", right=True)
    door.finish()
    granted = door.events()[0]
    assert granted["evidence"] == {"card": True, "pin": True}
    assert door.gate.done.qsize() == 1


def test_a_wrong_pin_ends_it_and_the_card_must_come_again(door: Any) -> None:
    require(door, Requirement.CARD_PIN)
    read(door)
    type_pin(door, "9999#", right=False)
    type_pin(door, "4711#")
    assert decisions(door) == [("access_denied", "wrong_pin"), ("access_denied", "unknown_credential")]
    assert door.pin_tries == []
    assert door.gate.done.empty()


def test_a_pin_without_an_enter_key_is_taken_after_a_pause(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    require(door, Requirement.CARD_PIN)
    read(door)
    type_pin(door, "1*4711")
    door.pipeline.tick()
    assert door.pin_tries == []
    later(monkeypatch, 3.5)
    door.pipeline.tick()
    monkeypatch.undo()
    assert [attempt.pin for attempt in door.pin_tries] == ["4711"]


def test_no_second_factor_in_time_is_one_denial(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    require(door, Requirement.CARD_PIN)
    read(door)
    later(monkeypatch, 11)
    door.pipeline.tick()
    door.pipeline.tick()
    monkeypatch.undo()
    assert decisions(door) == [("access_denied", "second_factor_required")]
    type_pin(door, "4711#")
    assert door.pin_tries == []


def test_another_card_ends_what_waited(door: Any) -> None:
    require(door, Requirement.CARD_PIN)
    read(door)
    read(door, CardRead(1, ("77",)))
    assert decisions(door) == [("access_denied", "second_factor_required"), ("access_denied", "unknown_credential")]


@pytest.mark.parametrize("face_first", [True, False])
def test_card_and_face_of_one_person_in_either_order(door: Any, face_first: bool) -> None:
    require(door, Requirement.CARD_FACE)
    steps = [lambda: door.see(ANNA), lambda: read(door)]
    for show in steps if face_first else reversed(steps):
        show()
    door.finish()
    granted = door.events()[0]
    assert granted["kind"] == "access_granted"
    assert set(granted["evidence"]) == {"face", "card"}
    assert door.gate.done.qsize() == 1


def test_a_face_and_somebody_elses_card_open_nothing(door: Any) -> None:
    require(door, Requirement.CARD_FACE)
    with door.site.database.write() as session:
        other = people.add(session, "B2", "Boris", None, None)
        people.set_level(session, other, "staff", held=True)
        consents.give(session, other, "form 2")
        credentials.assign_card(session, other, "77")
    door.rules.refresh()
    door.see(ANNA)
    read(door, CardRead(1, ("77",)))
    assert decisions(door) == [("access_denied", "ambiguous_face")]
    assert door.gate.done.empty()


def test_without_a_consent_card_and_pin_pass_where_a_face_is_wanted(door: Any) -> None:
    require(door, Requirement.FACE)
    with door.site.database.write() as session:
        for consent in people.get(session, "A1").consents:
            consent.withdrawn = people.now_text()
    door.rules.refresh()
    read(door)
    type_pin(door, "4711#", right=True)
    door.finish()
    assert door.events()[0]["evidence"] == {"card": True, "pin": True}


def test_a_pin_alone_is_nobodys(door: Any) -> None:
    type_pin(door, "4711#")
    assert decisions(door) == [("access_denied", "unknown_credential")]
    assert door.pin_tries == []


def boris(door: Any) -> None:
    """A second person with the same PIN, a card and a face."""
    with door.site.database.write() as session:
        other = people.add(session, "B2", "Boris", None, None)
        people.set_level(session, other, "staff", held=True)
        consents.give(session, other, "form 2")
        credentials.assign_card(session, other, "77")
        credentials.set_pin(session, other, hash_pin("4711"))
        found = other.id
    door.rules.refresh()
    door.gallery = door.site.parts.build_gallery([(door.anna, ANNA), (found, BORIS)], 2)


def test_a_pin_counts_only_for_the_person_of_whom_it_was_wanted(door: Any) -> None:
    """Anna's PIN is still being checked when Boris's card is read: its result is not his."""
    require(door, Requirement.CARD_PIN)
    boris(door)
    read(door)
    type_pin(door, "4711#")
    (attempt,) = door.pin_tries
    read(door, CardRead(1, ("77",)))
    assert decisions(door) == [("access_denied", "second_factor_required")], "Anna's, which Boris ended"
    door.pipeline.on_pin(PinChecked("cam", 1, attempt.person_id, True, attempt.entered))
    assert decisions(door) == [("access_denied", "second_factor_required")], "and nothing of Boris yet"
    assert door.outcomes.empty()
    assert door.gate.done.empty()
    door.pin_tries.clear()
    type_pin(door, "4711#", right=True)
    door.finish()
    assert door.events()[-2]["person"] == "B2"


def test_a_wrong_pin_of_the_person_before_refuses_nobody_else(door: Any) -> None:
    require(door, Requirement.CARD_PIN)
    boris(door)
    read(door)
    type_pin(door, "9999#")
    (attempt,) = door.pin_tries
    read(door, CardRead(1, ("77",)))
    door.pipeline.on_pin(PinChecked("cam", 1, attempt.person_id, False, attempt.entered))
    assert decisions(door) == [("access_denied", "second_factor_required")]


def test_of_two_faces_that_lack_a_card_both_refusals_are_recorded(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    require(door, Requirement.CARD_FACE)
    boris(door)
    door.see(ANNA)
    door.see(BORIS, track="t2")
    assert [e["person"] for e in door.events()] == ["A1"], "Boris's face ended what waited for Anna's card"
    later(monkeypatch, 11)
    door.pipeline.tick()
    monkeypatch.undo()
    found = door.events()
    assert [(e["person"], e["reason"]) for e in found] == [
        ("A1", "second_factor_required"),
        ("B2", "second_factor_required"),
    ]
    assert found[0]["request"] != found[1]["request"]


def test_a_stranger_s_face_does_not_hide_who_waited(door: Any) -> None:
    require(door, Requirement.CARD_FACE)
    door.see(ANNA)
    door.see(np.eye(4, dtype=np.float32)[3], track="t2", ended=True)
    assert [(e["person"], e["reason"]) for e in door.events()] == [
        ("A1", "second_factor_required"),
        (None, "unknown_face"),
    ]


def test_keys_are_in_no_record(door: Any) -> None:
    require(door, Requirement.CARD_PIN)
    read(door)
    type_pin(door, "4711#", right=True)
    assert "4711" not in str(door.events())
    assert "4711" not in repr(KeysPressed(1, "4711"))


def test_a_reader_that_serves_no_portal_asks_nothing(door: Any) -> None:
    door.pipeline.on_device_fact("arm", CARD)
    door.pipeline.on_device_fact("arm", KeysPressed(1, "4711#"))
    assert door.events() == []
