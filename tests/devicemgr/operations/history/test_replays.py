"""Replays of what a site has recorded: the window, where people were before it, and what is gone."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction
from devicemgr.errors import InvalidInput
from devicemgr.operations.history import replays, whereabouts
from devicemgr.operations.history.replays import replay, replay_json, window_of
from devicemgr.store.ledger import events
from tests.devicemgr.operations.history.changes import Office

DAYS = timedelta(days=30)


@pytest.fixture
def office(site):
    found = Office(site)
    found.edit_portal(outside="outside", inside="building")
    found.edit_level(is_always=True)
    return found


def enter(office: Office, before: timedelta, *, direction: Direction = Direction.ENTRY) -> int:
    """Record that Anna has passed, so long ago; the seq of the grant."""
    (anna,) = office.now().people
    at = datetime.now(UTC) - before
    where = {"portal": "main", "direction": direction, "person_id": anna, "request": f"r-{before}"}
    granted = Fact(Kind.ACCESS_GRANTED, at, evidence={"card": True}, **where)
    with office.site.database.write(changes_site=False) as session:
        return office.site.ledger.append(session, [granted, Fact(Kind.PASSAGE_COMPLETED, at, **where)])[0].seq


def planned(office: Office, **rules: object):
    """Return the rights of now, and those with other rules of the building."""
    present = office.now()
    office.edit_zone(**rules)
    return present, office.now()


@pytest.fixture
def begins(monkeypatch):
    """Let the window begin behind an event: all that set up this site has happened in the last second."""
    return lambda seq: monkeypatch.setattr(events, "before_time", lambda *_: seq)


def test_who_was_inside_before_the_window_is_inside_when_it_begins(office, begins):
    begins(enter(office, timedelta(days=2)) + 1)
    seq = enter(office, timedelta(hours=3))
    found = replay(office.site.database, *planned(office, anti_passback="hard"), timedelta(hours=12))
    assert (found.comparison.requests, found.has_losers) == (1, True)
    assert [tally.first for tally in found.comparison.losses.by_person.values()] == [seq]


def test_where_that_takes_too_long_it_is_said(office, begins, monkeypatch):
    begins(enter(office, timedelta(days=2)) + 1)
    enter(office, timedelta(hours=3))
    monkeypatch.setattr(replays, "_START_WITHIN_S", -1.0)
    found = replay(office.site.database, *planned(office, anti_passback="hard"), timedelta(hours=12))
    assert not found.has_losers
    assert found.unknown == ("who was where when the window began: that takes too long to work out",)


def test_requests_that_retention_has_removed_are_said_to_be_missing(office):
    enter(office, timedelta(days=3))
    gone = office.head()
    kept = enter(office, timedelta(days=1))
    with office.site.database.write(changes_site=False) as session:
        events.remove_oldest(session, gone, 10_000)
    found = replay(office.site.database, *planned(office, max=9), DAYS)
    assert found.comparison.requests == 1
    assert [text[:16] for text in found.unknown] == ["requests before "]
    assert kept > gone
    assert replay(office.site.database, office.now(), office.now(), timedelta(hours=1)).unknown == ()


def test_the_answer_has_no_names_unless_they_are_wanted(office):
    enter(office, timedelta(days=1))
    present = office.now()
    office.suspend()
    found = replay(office.site.database, present, office.now(), DAYS)
    with office.site.database.read() as session:
        (loss,) = replay_json(session, found, names=False)["losses"]
        (named,) = replay_json(session, found, names=True)["losses"]
    assert (loss["badge"], "name" in loss, named["name"]) == ("1", False, "Anna")


@pytest.mark.parametrize(("text", "wanted"), [("30d", DAYS), (" 12h ", timedelta(hours=12)), ("366d", timedelta(366))])
def test_a_window_is_written_in_days_or_hours(text, wanted):
    assert window_of(text) == wanted


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-1d", "367d", "9999d", "30 d", "30m", "30D", "١d", "1d\n2"])
def test_what_is_no_window_is_refused(text):
    with pytest.raises(InvalidInput, match="30d"):
        window_of(text)


def test_whereabouts_are_folded_from_a_checkpoint_only_if_it_is_not_newer(office):
    first = enter(office, timedelta(days=2))
    enter(office, timedelta(days=1), direction=Direction.EXIT)
    zones = office.now().zone_map
    with office.site.database.read() as session:
        inside = whereabouts.whereabouts_at(session, first + 1, zones)
        outside = whereabouts.whereabouts_at(session, office.head(), zones)
        before = whereabouts.whereabouts_at(session, first - 1, zones)
    assert [next(iter(state.where.values())).zone for state in (inside, outside)] == ["building", "outside"]
    assert before.where == {}
