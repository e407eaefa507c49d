"""What the database finds, and what one event at hand matches, are the same."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import Direction
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter, matches
from devicemgr.store.tables import PersonRow
from devicemgr.text import rfc3339

BEGAN = datetime(2026, 11, 30, 8, tzinfo=UTC)
KINDS = ("access_granted", "access_denied", "admin.person_added", "accessory")
FIELDS = {
    "since": [None, rfc3339(BEGAN + timedelta(minutes=3))],
    "until": [None, rfc3339(BEGAN + timedelta(minutes=9))],
    "badge": [None, "7", " ７", "8", "9"],
    "portal": [None, "main", "side"],
    "kind": [None, "access_granted", "access*", "admin.*", "access_"],
    "request": [None, "r1"],
    "after": [None, 4],
}
OF_A_PAGE = {
    "kind": [None, "access_granted"],
    "kinds": [(), ("access_denied", "admin.*")],
    "reason": [None, "expired"],
    "after": [None, 4],
    "before": [None, 0, 19],
    "shows_duress": [False, True],
}


@pytest.fixture
def found(site, people):
    """All events, as `find` gives them."""
    ids = itertools.cycle([*people, None, "an erased person"])
    facts = [
        Fact(
            KINDS[n % 4],
            BEGAN + timedelta(minutes=n),
            portal=("main", "side", None)[n % 3],
            direction=Direction.ENTRY,
            person_id=next(ids),
            request=f"r{n % 2}",
            reason="expired" if n in (5, 9, 13) else None,
            detail={"reason": "expired"} if n == 10 else {},
        )
        for n in range(24)
    ]
    with site.database.write(changes_site=False) as session:
        events.append(session, facts)
    with site.database.read() as session:
        return events.find(session, EventFilter(after=0), 1000, names=True)


@pytest.fixture
def people(site):
    """Two people of the site, by id."""
    with site.database.write() as session:
        session.add_all(
            [PersonRow(id=f"p{badge}", badge=badge, name="A", suspended=False, created="now") for badge in ("7", "8")]
        )
    return ["p7", "p8"]


@pytest.mark.parametrize("fields", [FIELDS, OF_A_PAGE], ids=["search", "page"])
def test_an_event_matches_as_the_database_finds(site, found, fields):
    assert len(found) == 24
    with site.database.read() as session:
        for values in itertools.product(*fields.values()):
            wanted = EventFilter(**dict(zip(fields, values, strict=True)))
            by_database = [one["seq"] for one in events.find(session, wanted, 1000)]
            assert [one["seq"] for one in found if matches(one, wanted)] == by_database, wanted
