"""What devices hold of people with limited grants and of visitors: what is valid now, with its end."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.desired_state import Policy, desired
from devicemgr.store.people import grants, people
from devicemgr.store.people.grants import GrantTerm
from devicemgr.text import rfc3339
from tests.devicemgr.sync.holders import House

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALONE, ASKS = Policy("people"), Policy("people", decides=False)


@pytest.fixture
def house(site):
    found = House(site)
    found.person("A1", cards=["77"])
    with site.database.write() as session:
        row = people.get(session, "A1")
        grants.set_level(session, row, "staff", held=False)
        grants.put(session, row, "staff", GrantTerm(rfc3339(NOW), rfc3339(NOW + HOUR)))
    return found


def held(house, at, policy=ALONE):
    return desired("box", policy, house.rules().refresh(), (at,), {}).wanted


@pytest.mark.parametrize("policy", [ALONE, ASKS, Policy("cards")], ids=["people", "asks", "cards"])
def test_a_grant_is_sent_while_it_is_valid_with_its_end(house, policy):
    assert held(house, NOW - timedelta(seconds=1), policy) == {}
    (found,) = held(house, NOW, policy).values()
    assert found.holding.valid_to == NOW + HOUR
    assert held(house, NOW + HOUR, policy) == {}


def test_a_level_for_good_beside_it_has_no_end(house):
    with house.site.database.write() as session:
        people.set_level(session, people.get(session, "A1"), "all", held=True)
    assert held(house, NOW)["A1"].holding.valid_to is None
    assert held(house, NOW + HOUR)["A1"].holding.doors == {1, 2}


def test_a_grant_with_uses_is_held_only_by_a_device_that_asks_here(house):
    with house.site.database.write() as session:
        grants.put(session, people.get(session, "A1"), "staff", GrantTerm(uses=1))
    assert held(house, NOW) == {}
    assert held(house, NOW, ASKS).keys() == {"A1"}
    with house.site.database.write() as session:
        people.get(session, "A1").grants[0].uses_left = 0
    assert held(house, NOW, ASKS) == {}


def test_a_visitor_of_a_suspended_host_is_taken_off_devices(house):
    host = house.person("H1")
    house.person("V1", cards=["78"])
    with house.site.database.write() as session:
        row = people.get(session, "V1")
        row.kind, row.host_id = "visitor", host
    assert "V1" in held(house, NOW)
    with house.site.database.write() as session:
        people.get(session, "H1").suspended = True
    assert "V1" not in held(house, NOW)
