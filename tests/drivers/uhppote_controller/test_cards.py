"""Cards in a UHPPOTE controller's memory: whole days, four doors, page by page."""

from datetime import UTC, date, datetime

from hypothesis import given, strategies as st

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import HeldInPart
from drivers.uhppote_controller.cards import DELETED, Card, card_of, holding_of

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


def test_whole_days_of_validity(sim):
    end = datetime(2030, 5, 4, 15, 30, tzinfo=UTC)
    assert card_of(Holding("5", valid_to=end), UTC).last == date(2030, 5, 4)
    midnight = datetime(2030, 5, 4, tzinfo=UTC)
    assert card_of(Holding("5", valid_from=midnight, valid_to=midnight), UTC) == Card(
        5, date(2030, 5, 4), date(2030, 5, 3), frozenset()
    )
