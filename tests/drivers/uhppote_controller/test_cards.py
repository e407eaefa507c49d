"""Cards in a UHPPOTE controller's memory: whole days, four doors, page by page."""

import struct
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, strategies as st

from devicemgr.domain.desired_state import Record, State, agrees, digest
from devicemgr.domain.ports.device import Holding
from devicemgr.errors import HeldInPart
from drivers.uhppote_controller.held.cards import DELETED, Card, card_of, holding_of

CARDS = st.builds(
    Card,
    st.integers(1, DELETED - 1),
    st.dates(date(2000, 1, 1), date(2050, 1, 1)),
    st.dates(date(2050, 1, 2), date(2099, 12, 31)),
    st.frozensets(st.sampled_from([1, 2, 3, 4])),
)


def test_cards_page_by_page_past_deleted_ones(sim, controller):
    device = controller()
    for start in range(1, 26, 5):
        device.put([Holding(str(number), doors=frozenset({1, 2})) for number in range(start, start + 5)], {})
    device.remove(["3", "11", "4711", "no number"])
    found, after, pages = [], None, 0
    while pages == 0 or after is not None:
        page, after = device.held(after)
        found += page
        pages += 1
    assert pages == 3
    assert [held.key for held in found] == [str(n) for n in range(1, 26) if n not in (3, 11)]
    assert found[0] == Holding("1", doors=frozenset({1, 2}))
    assert device.check()["cards"] == 23


def test_cards_that_can_not_be_kept_are_refused_alone(sim, controller):
    device = controller()
    holdings = [Holding("raw:40:1"), Holding("5", doors=frozenset({7})), Holding(str(DELETED)), Holding("6")]
    refused = device.put(holdings, {})
    assert set(refused) == {str(DELETED), "5", "raw:40:1"}
    assert sim.card_numbers() == [6]


def test_a_door_that_it_has_not_blocks_no_door_from_being_taken(sim, controller):
    device = controller()
    device.put([Holding("5", doors=frozenset({1, 2}))], {})
    refused = device.put([Holding("5", doors=frozenset({2, 7}))], {})
    assert isinstance(refused["5"], HeldInPart)
    (held,), _ = device.held(None)
    assert held.doors == {2}


@given(CARDS)
def test_a_card_is_told_as_it_is_kept(card):
    for zone in (None, UTC):
        assert card_of(holding_of(card, zone), zone) == card


# As a get-card answer has it (uhppoted-codegen, models.json): dates at 4 and 8, doors at 12, PIN at 16, and a bit for
# each door at which it is a first card at 19 (uhppoted-lib-python, put_card_request).
PLAIN = "20000101" + "20991231" + "01000000" + "000000" + "00"
FOREIGN = {
    "a time profile": ("20000101" + "20991231" + "1d000000" + "000000" + "00", "time profile 29 at door 1"),
    "a PIN": ("20000101" + "20991231" + "01000000" + "6b1d00" + "00", "a PIN"),
    "a first card": ("20000101" + "20991231" + "01000000" + "000000" + "01", "first card at door 1"),
    "no first day": ("00000000" + "20991231" + "01000000" + "000000" + "00", "no first day"),
    "no last day": ("20000101" + "00000000" + "01000000" + "000000" + "00", "no last day"),
    "a right that is none": ("20000101" + "20991231" + "ff000000" + "000000" + "00", "right 255 at door 1"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_card_with_more_than_ours_is_another_card_and_is_replaced(sim, controller, name):
    body, words = FOREIGN[name]
    sim.memory.cards.append((77, struct.pack("<I", 77) + bytes.fromhex(body)))
    device = controller()
    wanted = Holding("77", doors=frozenset({1}))
    (held,), _ = device.held(None)
    assert held.name == words
    assert not agrees(wanted, held, None)
    assert not agrees(wanted, held, Record("77", "p", State.HELD, digest(wanted), digest(wanted)))
    assert device.put([wanted], {}) == {}
    assert sim.memory.cards == [(77, struct.pack("<I", 77) + bytes.fromhex(PLAIN))]
    (held,), _ = device.held(None)
    assert agrees(wanted, held, None)


def test_a_controller_that_keeps_a_pin_is_named(sim, controller):
    device = controller()
    store = sim._handlers[0x50]
    sim._handlers[0x50] = lambda packet: store(packet[:24] + b"\x6b\x1d\0" + packet[27:])
    refused = device.put([Holding("77", doors=frozenset({1}))], {})
    assert "it keeps a PIN" in str(refused["77"])


def test_whole_days_of_validity(sim):
    end = datetime(2030, 5, 4, 15, 30, tzinfo=UTC)
    assert card_of(Holding("5", valid_to=end), UTC).last == date(2030, 5, 4)
    midnight = datetime(2030, 5, 4, tzinfo=UTC)
    assert card_of(Holding("5", valid_from=midnight, valid_to=midnight), UTC) == Card(
        5, date(2030, 5, 4), date(2030, 5, 3), frozenset()
    )
