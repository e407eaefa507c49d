"""Durable events are passed on once, in order, whoever committed them."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from devicemgr.domain.ledger_events import Fact
from devicemgr.ledger.feed import Feed, Recorded
from devicemgr.store.database import Database
from devicemgr.store.ledger import events


@pytest.fixture
def feed(site: Any) -> Feed:
    return site.ledger.feed  # type: ignore[no-any-return]


def numbers(heard: list[Recorded]) -> list[int]:
    return [body["seq"] for recorded in heard for body in recorded.bodies]


def commit(database: Database, *kinds: str) -> list[Any]:
    with database.write(changes_site=False) as session:
        return events.append(session, [Fact(kind, datetime.now(UTC)) for kind in kinds])


def test_nothing_is_passed_on_before_it_begins_and_then_what_is_behind_it(site: Any, feed: Feed) -> None:
    found: list[Recorded] = []
    feed.follow(found.append)
    commit(site.database, "a", "b")
    with site.database.read() as session:
        head = events.head(session)[0]
    assert found == []
    feed.begin(head - 1)
    assert numbers(found) == [head]
    commit(site.database, "c", "d")
    assert numbers(found) == [head, head + 1, head + 2]
    assert [body["kind"] for body in found[-1].bodies] == ["c", "d"]


def test_a_transaction_that_is_rolled_back_is_not_announced(site: Any, feed: Feed) -> None:
    feed.begin(0)
    found: list[Recorded] = []
    feed.follow(found.append)

    def fail() -> None:
        with site.database.write(changes_site=False) as session:
            events.append(session, [Fact("a", datetime.now(UTC))])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert found == []
    commit(site.database, "b")
    assert [body["kind"] for body in found[0].bodies] == ["b"]


def test_a_commit_that_is_announced_early_waits_for_the_one_before_it(site: Any, feed: Feed) -> None:
    site.database.on_events = None
    entries = commit(site.database, "a", "b", "c")
    feed.begin(entries[0].seq - 1)
    found: list[Recorded] = []
    feed.follow(found.append)
    more = commit(site.database, "d", "e")
    assert numbers(found) == [entry.seq for entry in more]
    again = Feed(site.database)
    again._last = entries[0].seq - 1
    again.follow(found.append)
    found.clear()
    again.committed(entries[1:])
    assert found == []
    again.committed(entries[:1])
    assert numbers(found) == [entry.seq for entry in entries]


def test_another_process_commits_are_found_by_looking(site: Any, feed: Feed) -> None:
    with site.database.read() as session:
        feed.begin(events.head(session)[0])
    found: list[Recorded] = []
    feed.follow(found.append)
    other = Database.open(site.home.database)
    try:
        (theirs,) = commit(other, "theirs")
    finally:
        other.close()
    (ours,) = commit(site.database, "ours")
    assert found == []
    feed.look()
    feed.look()
    assert numbers(found) == [theirs.seq, ours.seq]


def test_many_threads_are_passed_on_in_order_and_once(site: Any, feed: Feed) -> None:
    with site.database.read() as session:
        head = events.head(session)[0]
    feed.begin(head)
    found: list[Recorded] = []
    feed.follow(found.append)
    threads = [threading.Thread(target=lambda: [commit(site.database, "x") for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(found) == list(range(head + 1, head + 41))


def test_who_leaves_hears_no_more_and_one_that_fails_keeps_no_one_else_from_it(site: Any, feed: Feed) -> None:
    feed.begin(0)
    found: list[Recorded] = []

    def fails(_: Recorded) -> None:
        raise RuntimeError

    feed.follow(fails)
    feed.follow(found.append)
    commit(site.database, "a")
    assert len(found) == 1
    feed.leave(found.append)
    feed.leave(fails)
    commit(site.database, "b")


def test_facts_of_one_unit_are_recorded_together_and_their_last_is_given(site: Any) -> None:
    site.ledger.start()
    done = threading.Event()
    given: list[Any] = []
    facts = [Fact(kind, datetime.now(UTC)) for kind in ("rule_violated", "access_granted")]
    site.ledger.submit_all(facts, lambda entry: (given.append(entry), done.set()), keep=False)
    assert done.wait(10)
    site.ledger.stop()
    with site.database.read() as session:
        bodies = events.bodies_after(session, given[0].seq - 2, 10)
    assert [seq for seq, _ in bodies] == [given[0].seq - 1, given[0].seq]
    assert '"kind":"access_granted"' in given[0].body
