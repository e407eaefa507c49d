"""Events of a span of time: in the order in which they happened, and without those that move no one."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction
from devicemgr.store.ledger import events, spans

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
KINDS = (Kind.ACCESS_GRANTED, Kind.PORTAL_UNLOCKED, Kind.PASSAGE_COMPLETED)
ALL = spans.Span("2026-11-30T00:00:00.000Z", "2026-12-01T00:00:00.000Z", KINDS)


def fact(kind, request, minute, person="p1", **detail):
    where = {"portal": "main", "direction": Direction.ENTRY, "request": request}
    return Fact(kind, NOON + timedelta(minutes=minute), person_id=person, detail=detail, **where)


@pytest.fixture
def recorded(site):
    with site.database.write() as session:
        events.append(
            session,
            [
                fact(Kind.ACCESS_GRANTED, "named", 0),
                fact(Kind.PORTAL_UNLOCKED, "named", 1, outcome="confirmed"),
                fact(Kind.PASSAGE_COMPLETED, "named", 2),
                fact(Kind.ACCESS_GRANTED, "nameless", 3),
                fact(Kind.PASSAGE_COMPLETED, "nameless", 4, person=None),
                fact(Kind.ACCESS_GRANTED, "blind", 5),
                fact(Kind.PORTAL_UNLOCKED, "blind", 6, outcome="sent", senses_passage=False),
                fact(Kind.PORTAL_UNLOCKED, "lost", 7, outcome="unknown"),
                fact(Kind.ACCESS_DENIED, "refused", 8),
                fact(Kind.ACCESS_GRANTED, "late", -60, decided_by="console"),
                fact(Kind.ACCESS_GRANTED, "along", 9, opened_by="named"),
                fact("admin.person_erased", "erased", 10, person="p2"),
                fact(Kind.ACCESS_GRANTED, "back", 11, person="p2"),
                fact(Kind.PASSAGE_COMPLETED, "tomorrow", 720),
            ],
        )
    return site.database


@pytest.mark.parametrize("page", [1, 2, 4000])
def test_what_was_reported_late_comes_when_it_happened(recorded, page, monkeypatch):
    monkeypatch.setattr(spans, "PAGE", page)
    requests = [json.loads(body)["request"] for body in spans.bodies(recorded, ALL)]
    assert requests == [
        "late",
        "named",
        "named",
        "named",
        "nameless",
        "nameless",
        "blind",
        "blind",
        "lost",
        "along",
        "back",
    ]


def test_grants_and_unlocks_that_move_no_one_are_left_out(recorded):
    found = [(body["kind"], body["request"]) for body in map(json.loads, spans.moving_bodies(recorded, ALL))]
    assert found == [
        ("access_granted", "late"),
        ("passage_completed", "named"),
        ("access_granted", "nameless"),
        ("passage_completed", "nameless"),
        ("portal_unlocked", "blind"),
        ("portal_unlocked", "lost"),
        ("access_granted", "along"),
        ("access_granted", "back"),
    ]


def test_pages_are_read_by_the_index_of_times(recorded):
    with recorded.read() as session:
        query = str(spans.query_of(ALL, spans.moving(ALL.kinds)).compile(compile_kwargs={"literal_binds": True}))
        plan = " ".join(row[-1] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))
    assert "ix_events_time" in plan
    assert "TEMP B-TREE" not in plan
