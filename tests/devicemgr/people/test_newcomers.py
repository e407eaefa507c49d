"""People who are added together: recorded as one by one, and refused together for a card that is someone else's."""

import pytest

from devicemgr.errors import AlreadyExists
from devicemgr.people import service
from devicemgr.people.group_changes import add_people
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.people import people
from devicemgr.store.people.newcomers import Newcomer
from devicemgr.store.tables import LevelRow

FIELDS = {
    "levels": ("staff", "guards"),
    "cards": ("80:58400", "raw:32:DEADBEEF"),
    "valid_from": "2026-11-01T00:00:00.000Z",
    "valid_to": "2030-01-01T00:00:00.000Z",
}


@pytest.fixture
def levels(site):
    with site.database.write() as session:
        session.add_all([LevelRow(name="staff"), LevelRow(name="guards")])


def added(site, *newcomers):
    with unit_of_work(site, "uid:0", is_batch=True) as work:
        add_people(work, newcomers)


def as_stored(site, badge):
    """The person, and the facts of their record, without what is random or a time."""
    with site.database.read() as session:
        person = people.as_json(people.get(session, badge))
        found = [event for event in events.find(session, EventFilter(badge=badge), 100)]
    facts = [(event["kind"], event["detail"], event["actor"]) for event in found]
    return {name: value for name, value in person.items() if name not in ("badge", "created")}, facts


def test_they_are_stored_and_recorded_as_one_who_is_added_alone(site, levels):
    details = service.PersonDetails(department="IT", phone="112")
    with unit_of_work(site, "uid:0") as work:
        service.add_person(work, "1", "Ann", details=details, **FIELDS)
    alone = as_stored(site, "1")
    with unit_of_work(site, "uid:0") as work:
        for card in FIELDS["cards"]:
            service.remove_card(work, "1", card)
    added(site, Newcomer("2", "Ann", details={"department": "IT", "phone": "112"}, **FIELDS), Newcomer("3", "Bo"))
    assert as_stored(site, "2") == alone
    assert as_stored(site, "3")[0]["kind"] == "staff"
    assert site.ledger.verify()[1] is None


@pytest.mark.parametrize(
    ("held", "wanted"),
    [("80:58400", "80:58400"), ("80:58400", "5301280"), ("5301280", "80:58400"), ("raw:26:2A1C841", "80:58400")],
)
def test_a_card_that_is_held_under_any_notation_is_refused_with_all(site, held, wanted):
    added(site, Newcomer("1", "Ann", cards=(held,)))
    with pytest.raises(AlreadyExists):
        added(site, Newcomer("2", "Bo"), Newcomer("3", "Cy", cards=(wanted,)))
    with site.database.read() as session:
        assert people.find(session, "2") is None


def test_two_who_hold_one_card_are_refused(site):
    with pytest.raises(AlreadyExists):
        added(site, Newcomer("1", "Ann", cards=("80:58400",)), Newcomer("2", "Bo", cards=("5301280",)))


def test_names_in_any_script_are_hashed_and_stored_alike(site):
    names = ("Әйгерім Қ.", "𝒜nn 🦊", 'a"b\\c', "O’Neil\u200dx", "名前")
    added(site, *(Newcomer(f"B{n}", name, details={"note": name}) for n, name in enumerate(names)))
    with site.database.read() as session:
        assert [people.get(session, f"B{n}").note for n in range(len(names))] == list(names)
    assert site.ledger.verify()[1] is None


def test_a_level_that_was_removed_meanwhile_refuses_all(site):
    with pytest.raises(AlreadyExists):
        added(site, Newcomer("1", "Ann", levels=("gone",)))
