"""Cards that are blocked, awaited by an administrator, or can't be read: nothing opens, and the events say why."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devicemgr.domain.desired_state import known_keys
from devicemgr.domain.device_events import CardRead, DeviceDecided, Presented
from devicemgr.domain.model import Direction, Factor
from devicemgr.domain.rules.decision.usable_cards import cards_by_person, end_with_cards
from devicemgr.errors import AlreadyExists
from devicemgr.store.people import credentials, people
from devicemgr.text import rfc3339

NAMES = ("80:58400", "5301280", "raw:26:2A1C841")
CARD = CardRead(1, NAMES)
OTHER = CardRead(1, ("1:2", "65538"))


@pytest.fixture
def door(entrance: Any) -> Any:
    """The entrance, with Anna's card; `cam` is a reader and a console too."""
    entrance.command("cam", lambda _: None, lambda *_: None)
    entrance.answers = []
    entrance.others["cam"].answer = lambda serial, granted, words: entrance.answers.append((serial, granted))
    with entrance.site.database.write() as session:
        credentials.assign_card(session, people.get(session, "A1"), "5301280")
    entrance.rules.refresh()
    return entrance


def block(door: Any, number: str = "80:58400") -> None:
    with door.site.database.write() as session:
        assert credentials.block_card(session, number, "lost")
    door.rules.refresh()


def read(door: Any, card: Any = CARD) -> None:
    door.pipeline.on_device_fact("cam", card)


def denials(door: Any) -> list[tuple[str | None, str | None]]:
    return [(e["person"], e["reason"]) for e in door.events() if e["kind"] == "access_denied"]


def question(**more: Any) -> Presented:
    usual = {"vendor": "dahua", "age": 0.5, "at": datetime(2026, 3, 2, tzinfo=UTC), "names": NAMES}
    return Presented(1, more.pop("serial", 5), time.monotonic(), **(usual | more))


def test_a_blocked_card_opens_nothing_until_it_is_unblocked(door: Any) -> None:
    block(door)
    read(door)
    assert denials(door) == [("A1", "card_blocked")]
    assert door.gate.done.empty()
    with door.site.database.write() as session:
        assert credentials.unblock_card(session, "raw:26:2A1C841")
    door.rules.refresh()
    read(door)
    door.finish()
    assert door.gate.done.get_nowait() == ("release", 1, Direction.ENTRY, 5.0)


def test_a_card_of_which_one_number_is_blocked_is_blocked(door: Any) -> None:
    block(door)
    with door.site.database.write() as session:
        row = credentials.cards_held(session, "5301280")[0]
        row.blocked = None
        credentials._add(session, people.get(session, "A1"), "card", "80:58400").blocked = "x"
    door.rules.refresh()
    read(door)
    assert denials(door) == [("A1", "card_blocked")]


def limit(door: Any, until: datetime, usual: str | None = None) -> None:
    """Give Anna's card an end, or another card of hers with an end that stands in for the `usual` one."""
    with door.site.database.write() as session:
        row = people.get(session, "A1")
        if usual is not None:
            credentials.assign_card(session, row, "1:2")
        credentials.set_term(row, "1:2" if usual else "5301280", rfc3339(until), usual)
    door.rules.refresh()


def test_a_temporary_card_opens_until_its_end_and_nothing_after_it(door: Any) -> None:
    now = door.rules.now()
    limit(door, now + timedelta(hours=1))
    read(door)
    door.finish()
    assert door.gate.done.get_nowait() == ("release", 1, Direction.ENTRY, 5.0)
    limit(door, now)
    assert cards_by_person(door.rules.current, [now - timedelta(seconds=1)]) != {}
    assert cards_by_person(door.rules.current, [now]) == {}
    assert known_keys("cards", door.rules.current) != {}
    read(door)
    assert denials(door) == [("A1", "card_expired")]
    read(door, question(factors=frozenset({Factor.CARD}), serial=6))
    read(door, question(refused="unknown_credential", serial=7, at=datetime(2026, 3, 3, tzinfo=UTC)))
    read(door, DeviceDecided(1, False, 1, now, names=NAMES, why="unknown_credential"))
    assert denials(door) == [("A1", "card_expired")] * 4
    assert door.gate.done.empty()


def test_a_usual_card_opens_nothing_while_a_temporary_one_stands_in_for_it(door: Any) -> None:
    now = door.rules.now()
    limit(door, now + timedelta(hours=1), usual="80:58400")
    read(door)
    assert denials(door) == [("A1", "card_blocked")]
    assert [*cards_by_person(door.rules.current, [now]).values()] == [["1:2"]]
    read(door, OTHER)
    door.finish()
    assert door.gate.done.get_nowait() == ("release", 1, Direction.ENTRY, 5.0)
    limit(door, now, usual="80:58400")
    assert [*cards_by_person(door.rules.current, [now]).values()] == [["5301280"]]


def test_a_device_ends_a_temporary_card_by_itself(door: Any) -> None:
    now = door.rules.now()
    limit(door, now + timedelta(hours=1))
    rules = door.rules.current
    [person] = [found for found in rules.people.values() if found.badge == "A1"]
    end = rules.card_terms["5301280"].ends
    assert end_with_cards(person, ("5301280",), rules) == end
    assert end_with_cards(person, ("5301280", "1:2"), rules) == person.valid_to
    assert end_with_cards(replace(person, valid_to=now), ("5301280",), rules) == now


def test_a_console_is_answered_no_for_a_blocked_card(door: Any) -> None:
    block(door)
    read(door, question(factors=frozenset({Factor.CARD})))
    assert (door.answers, denials(door)) == ([(5, False)], [("A1", "card_blocked")])


@pytest.mark.parametrize("refused", ["unknown_credential", "no such card"])
def test_a_console_that_no_longer_holds_a_blocked_card_gives_the_right_reason(door: Any, refused: str) -> None:
    block(door)
    read(door, question(refused=refused))
    assert denials(door) == [("A1", "card_blocked")]


def test_a_controller_that_no_longer_holds_a_blocked_card_gives_the_right_reason(door: Any) -> None:
    block(door)
    now = datetime.now(UTC)
    read(door, DeviceDecided(1, False, 1, now, names=NAMES, why="unknown_credential"))
    assert denials(door) == [("A1", "card_blocked")]
    read(door, DeviceDecided(1, True, 2, now, names=NAMES))
    disputed = [e for e in door.events() if e["kind"] == "decision_disputed"]
    assert [e["reason"] for e in disputed] == ["card_blocked"]


def test_a_blocked_card_is_known_so_that_controllers_lose_it(door: Any) -> None:
    before = known_keys("cards", door.rules.current)
    block(door)
    assert known_keys("cards", door.rules.current) == before
    assert dict(door.rules.current.cards) == {}


def test_an_awaited_card_is_taken_once_and_opens_nothing_while_it_is_held_on(door: Any, monkeypatch: Any) -> None:
    cards = door.pipeline.awaited_cards
    awaited = cards.begin("cam", 1)
    with pytest.raises(AlreadyExists):
        cards.begin("cam", 1)
    read(door)
    read(door)
    assert (awaited.wait(0), awaited.names) == (True, NAMES)
    assert door.events() == []
    read(door, OTHER)
    assert denials(door) == [(None, "unknown_credential")]
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    read(door)
    door.finish()
    assert [e["kind"] for e in door.events()][1] == "access_granted"


def test_a_card_elsewhere_and_one_after_the_wait_are_requests(door: Any) -> None:
    cards = door.pipeline.awaited_cards
    awaited = cards.begin("cam", 2)
    read(door, OTHER)
    cards.end("cam", 2, awaited)
    assert not awaited.wait(0)
    cards.end("cam", 1, cards.begin("cam", 1))
    read(door, OTHER)
    assert denials(door) == [(None, "unknown_credential")] * 2


def test_an_awaited_card_at_a_console_is_answered_no_and_an_old_question_is_not_taken(door: Any) -> None:
    awaited = door.pipeline.awaited_cards.begin("cam", 1)
    read(door, question(age=3600.0, factors=frozenset({Factor.CARD})))
    assert not awaited.wait(0)
    assert denials(door) == [(None, "stale_evidence")]
    read(door, question(factors=frozenset({Factor.CARD})))
    assert (awaited.names, door.answers[-1]) == (NAMES, (5, False))
    assert len(door.events()) == 1


def test_an_awaited_card_at_a_controller_is_taken_and_its_refusal_recorded(door: Any) -> None:
    awaited = door.pipeline.awaited_cards.begin("cam", 1)
    old = DeviceDecided(1, False, 1, datetime.now(UTC), names=("7",), why="unknown_credential")
    read(door, old)
    assert not awaited.wait(0)
    read(door, DeviceDecided(1, False, 2, datetime.now(UTC), names=("9",), why="unknown_credential", live=True))
    assert awaited.names == ("9",)
    assert len(denials(door)) == 2


def test_a_card_that_can_not_be_read_leaves_an_event_with_the_cause(door: Any) -> None:
    read(door, CardRead(1, (), "a card of 200 bits is longer than 128 bits"))
    (event,) = door.events()
    assert (event["kind"], event["reason"]) == ("access_denied", "unknown_credential")
    assert event["detail"]["cause"] == "a card of 200 bits is longer than 128 bits"
