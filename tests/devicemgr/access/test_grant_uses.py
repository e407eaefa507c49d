"""Uses of grants along the way of a grant: taken by the passage, given back by a time-out, never taken twice."""

from dataclasses import replace
from typing import Any

import pytest

from devicemgr.domain.device_events import PassageCompleted
from devicemgr.domain.model import AccessLevel, Grant
from devicemgr.store.database import revision
from devicemgr.store.ledger import events as ledger_rows
from devicemgr.store.people import grants, people
from devicemgr.store.people.grants import GrantTerm
from tests.devicemgr.access.hall import ENTRY, EXIT, Hall


@pytest.fixture
def counted(hall: Hall) -> Hall:
    """Anna holds level `staff`, which covers all portals, for one use."""
    give(hall, 1)
    return hall


def give(hall: Hall, uses: int) -> None:
    with hall.entrance.site.database.write() as session:
        row = people.get(session, "A1")
        grants.set_level(session, row, "staff", held=False)
        grants.put(session, row, "staff", GrantTerm(uses=uses))
    as_stored(hall)


def as_stored(hall: Hall) -> None:
    """Take Anna's rights as the store has them, as a reload does."""
    with hall.entrance.site.database.read() as session:
        row = people.get(session, "A1")
        held = tuple(map(grants.model, row.grants))
        seq = ledger_rows.head(session)[0]
    rules = hall.entrance.rules.current
    anna = replace(rules.people[hall.anna], levels=frozenset(), grants=held)
    covering = AccessLevel("staff", dict.fromkeys(hall.portals))
    hall.set(people={**rules.people, hall.anna: anna}, levels={**rules.levels, "staff": covering}, seq=seq)


def left(hall: Hall) -> int | None:
    with hall.entrance.site.database.read() as session:
        (grant,) = people.get(session, "A1").grants
        return grant.uses_left


def test_a_use_is_taken_by_the_passage_and_not_by_the_grant(counted: Hall) -> None:
    counted.card("arm-in")
    counted.pump()
    assert counted.last("access_granted")["detail"]["use_of"] == "staff"
    assert left(counted) == 1
    counted.pipeline.on_device_fact("arm", PassageCompleted(1, ENTRY))
    counted.pump()
    assert left(counted) == 0


def test_a_time_out_gives_the_use_back(counted: Hall) -> None:
    counted.card("arm-in")
    counted.pump()
    counted.times_out()
    assert (counted.last("passage_timed_out")["person"], left(counted)) == ("A1", 1)
    counted.passes("arm2-in", "arm2")
    assert (counted.verdicts(), left(counted)) == (["granted", "granted"], 0)


def test_two_lanes_in_one_moment_take_one_use(counted: Hall) -> None:
    counted.card("arm-in")
    counted.card("arm2-in")  # nothing is durable yet
    counted.pump()
    assert counted.verdicts() == ["granted", "no_access_level"]
    assert counted.last("access_denied")["detail"]["facts"]["state"] == "used-up"


def test_what_the_store_has_counted_is_not_given_again_before_the_rights_are_read(counted: Hall) -> None:
    counted.passes("arm-in", "arm")
    assert counted.pipeline.areas.view.reservations == ()
    counted.card("arm2-in")
    counted.pump()
    assert counted.verdicts() == ["granted", "no_access_level"]
    as_stored(counted)
    counted.card("arm2-in")
    counted.pump()
    assert counted.verdicts()[-1] == "no_access_level"
    assert counted.pipeline.areas.facts("lobby", counted.entrance.rules.current).spent == ()


def test_a_passage_tells_readers_of_the_rights_to_look_again(counted: Hall) -> None:
    database = counted.entrance.site.database
    with database.read() as session:
        before = revision(session)
    counted.passes("arm-in", "arm")
    with database.read() as session:
        assert revision(session) > before


def test_leaving_takes_no_use_and_needs_none(counted: Hall) -> None:
    counted.passes("arm-in", "arm")
    as_stored(counted)
    counted.passes("arm-out", "arm", direction=EXIT)
    assert (counted.verdicts(), left(counted)) == (["granted", "granted"], 0)


def test_a_gate_that_senses_no_passage_takes_the_use_by_its_release(counted: Hall) -> None:
    counted.entrance.gate.senses_passage = False
    counted.card("arm-in")
    counted.pump()
    assert left(counted) == 0


def test_a_grant_that_is_not_recorded_holds_no_use(counted: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger: Any = counted.entrance.site.ledger
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "submit_all", lambda _, then=None, **__: then and then(None))
        counted.card("arm-in")
    counted.pump()
    counted.card("arm2-in")
    counted.pump()
    assert counted.verdicts()[-1] == "granted"
    assert left(counted) == 1


def test_two_uses_are_two_entries(hall: Hall) -> None:
    give(hall, 2)
    for reader, gate, left_behind in (("arm-in", "arm", 1), ("arm2-in", "arm2", 0)):
        hall.passes(reader, gate)
        as_stored(hall)
        assert left(hall) == left_behind
    hall.card("bolt-in")
    hall.pump()
    assert hall.verdicts() == ["granted", "granted", "no_access_level"]
    with hall.entrance.site.database.read() as session:
        (grant,) = people.get(session, "A1").grants
        assert (grant.uses, grant.uses_left, grant.used_up) == (2, 0, hall.last("passage_completed")["time"])
        assert grants.model(grant) == Grant("staff", uses=2, uses_left=0)
