"""Musters in memory: what is shown before its record, and what comes out of the spill file after a start."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devicemgr.access.musters import archive
from devicemgr.access.musters.desk import MusterDesk
from devicemgr.access.policy_cache import Rulebook
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.rules.areas.whereabouts import How, Place, Whereabouts
from devicemgr.domain.rules.musters.roll import Found, Mark, Marking
from devicemgr.domain.zones import Zone
from devicemgr.errors import NotFound
from devicemgr.ledger import spill_replay
from devicemgr.ledger.feed import Recorded
from devicemgr.operations.muster_states import MusterStates
from devicemgr.site.site import Site
from devicemgr.store.ledger import events as ledger_rows, musters as rows
from devicemgr.text import rfc3339

AN_HOUR_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


class Desk:
    """A desk over one building with Anna and Bert; `facts` is what it has recorded."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.rules = Rulebook(site.database, site.parts.catalog)
        self.rules._snapshot = replace(self.rules.refresh(), zones={"building": Zone("building")})
        where = {one: Place("building", AN_HOUR_AGO, 0, How.PASSAGE) for one in ("anna", "bert")}
        self.state = Whereabouts(0, where, {"building": 3})
        self.facts: list[Fact] = []
        self.musters = self.fresh()

    def fresh(self) -> MusterDesk:
        """A desk as after a start of the daemon."""
        return MusterDesk(self.rules, self.facts.append, lambda: self.state)

    def commit(self) -> list[dict[str, Any]]:
        """Record what waits, through the spill file's form, as the ledger does when its storage is back."""
        found = [spill_replay.load(spill_replay.dump(fact, f"id-{number}")) for number, fact in enumerate(self.facts)]
        self.facts.clear()
        with self.site.database.write(changes_site=False) as session:
            entries = ledger_rows.append(session, [fact for _, fact in found], [event_id for event_id, _ in found])
        return [json.loads(entry.body) for entry in entries]


def marking(mark: Mark, by: str = "uid:1", at: datetime | None = None, reason: str = "") -> Marking:
    return Marking(mark, by, at or datetime.now(UTC), reason)


@pytest.fixture
def desk(site: Site) -> Desk:
    return Desk(site)


def test_a_mark_is_shown_before_its_record_and_once_after_it(desk: Desk) -> None:
    muster = desk.musters.start("building", "uid:1").muster
    (view,) = desk.musters.mark(None, "anna", marking(Mark.SAFE))
    assert view.found == {"anna": Found.SAFE, "bert": Found.MISSING}
    bodies = desk.commit()
    desk.musters.on_recorded(Recorded(tuple(bodies)))
    (after,) = desk.musters.running()
    assert after.muster.people == view.muster.people
    assert (after.muster.id, desk.musters._ahead) == (muster.id, {})


def test_a_list_comes_back_out_of_the_spill_file_as_it_was(desk: Desk) -> None:
    desk.musters.start("building", "uid:1")
    desk.musters.mark(None, "anna", marking(Mark.NOT_HERE, reason="at home"))
    before = desk.musters.running()
    later = desk.fresh()
    later.begin([], frozenset())
    bodies = desk.commit()
    later.on_recorded(Recorded(tuple(bodies)))
    assert later.has_missed
    with desk.site.database.read() as session:
        later.adopt(archive.running(session, desk.rules.current.zone_map, ledger_rows.head(session)[0]))
    assert (later.running(), later.has_missed) == (before, False)
    later.on_recorded(Recorded(tuple(bodies)))
    assert not later.has_missed


def test_spilled_events_are_shown_and_taken_once_when_they_come_again(desk: Desk) -> None:
    desk.musters.start("building", "uid:1")
    desk.musters.mark(None, "bert", marking(Mark.SAFE))
    bodies = desk.commit()
    spilled = tuple({**body, "seq": 0} for body in bodies)
    desk.musters.on_recorded(Recorded(spilled, is_spilled=True))
    desk.musters.on_recorded(Recorded(tuple(bodies)))
    (view,) = desk.musters.running()
    assert view.found == {"anna": Found.MISSING, "bert": Found.SAFE}
    assert desk.musters._spilled == {}


def test_the_row_of_an_ended_muster_says_what_became_of_each_and_nothing_of_others(desk: Desk) -> None:
    desk.state = replace(desk.state, where={**desk.state.where, "cora": Place("outside", AN_HOUR_AGO, 0, How.PASSAGE)})
    muster = desk.musters.start("building", "uid:1").muster
    assert set(muster.elsewhere) == {"cora"}
    desk.musters.mark(None, "anna", marking(Mark.SAFE))
    ended = desk.musters.end(muster.id, "uid:1")
    desk.commit()
    with desk.site.database.read() as session:
        assert rows.running(session) == []
        stored = rows.find(session, muster.id)
    assert stored is not None
    assert "cora" not in json.dumps(stored.roll)
    assert archive.found_in(stored.roll) == ended.found == {"anna": Found.SAFE, "bert": Found.MISSING}
    assert archive.load(stored.roll).people == ended.muster.people


def test_retention_of_events_removes_musters_that_have_ended(desk: Desk) -> None:
    first = desk.musters.start("building", "uid:1").muster.id
    desk.musters.end(first, "uid:1")
    second = desk.musters.start("building", "uid:1").muster.id
    head = desk.commit()[-1]["seq"]
    with desk.site.database.write(changes_site=False) as session:
        ledger_rows.remove_oldest(session, head, 1000)
        assert rows.find(session, first) is None
        assert rows.find(session, second) is not None


def test_two_musters_that_begin_in_the_same_second_have_two_ids(desk: Desk) -> None:
    first = desk.musters.start("building", "uid:1").muster.id
    desk.musters.end(first, "uid:1")
    assert desk.musters.start("building", "uid:1").muster.id != first


def test_a_mark_that_is_sent_again_is_recorded_once_with_its_time(desk: Desk) -> None:
    started = desk.musters.start("building", "uid:1").muster.started
    desk.facts.clear()
    late = marking(Mark.SAFE, at=started + timedelta(milliseconds=1))
    time.sleep(0.002)  # the mark is older than its arrival, by the record's milliseconds
    first, again = desk.musters.mark(None, "anna", late), desk.musters.mark(None, "anna", late)
    assert first[0].found == again[0].found
    (fact,) = desk.facts
    assert (fact.detail["at"], fact.actor) == (rfc3339(late.at), "uid:1")
    assert fact.time > late.at
    assert [one.at for one in again[0].muster.people["anna"].marks] == [late.at]


def test_a_mark_counts_no_sooner_than_the_muster_and_no_later_than_now(desk: Desk) -> None:
    muster = desk.musters.start("building", "uid:1").muster
    desk.musters.mark(muster.id, "anna", marking(Mark.SAFE, at=AN_HOUR_AGO))
    desk.musters.mark(None, "bert", marking(Mark.SAFE, at=muster.started + timedelta(days=1)))
    people = desk.musters.running()[0].muster.people
    assert people["anna"].marks[0].at == muster.started
    assert muster.started <= people["bert"].marks[0].at <= datetime.now(UTC)


def test_a_mark_counts_in_no_muster_that_began_after_it(desk: Desk) -> None:
    muster = desk.musters.start("building", "uid:1").muster
    with pytest.raises(NotFound):
        desk.musters.mark(None, "anna", marking(Mark.SAFE, at=muster.started - timedelta(minutes=1)))
    slow_clock = muster.started - timedelta(seconds=2)
    assert desk.musters.mark(None, "anna", marking(Mark.SAFE, at=slow_clock))[0].found["anna"] == Found.SAFE


def test_a_muster_is_looked_at_once_while_nothing_changes(desk: Desk) -> None:
    desk.musters.start("building", "uid:1")
    states, people = MusterStates(), desk.rules.current.people
    before = states.parts(desk.musters.running(), people)
    assert states.parts(desk.musters.running(), people)["muster_people"] is before["muster_people"]
    desk.musters.mark(None, "anna", marking(Mark.SAFE))
    after = states.parts(desk.musters.running(), people)
    (muster,) = after["musters"]
    assert after["musters"][muster]["totals"] == {"missing": 1, "safe": 1, "out": 0, "not_here": 0}
    changed = [key for key, row in after["muster_people"].items() if row is not before["muster_people"][key]]
    assert [after["muster_people"][key]["found"] for key in changed] == ["safe"]
    desk.musters.end(muster, "uid:1")
    assert states.parts(desk.musters.running(), people) == {"musters": {}, "muster_people": {}}
