"""The ledger: durable before it is told, chained, kept while storage fails."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import text

from devicemgr.domain import ledger_chain
from devicemgr.domain.ledger_chain import Entry
from devicemgr.domain.ledger_events import Fact
from devicemgr.errors import StorageFailed
from devicemgr.ledger.spill_replay import SPILLED
from devicemgr.ledger.writer import Ledger
from devicemgr.site.site import Site
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter


def fact(kind: str = "tamper", **more: object) -> Fact:
    return Fact(kind, datetime.now(UTC), **more)  # type: ignore[arg-type]


def submit_and_wait(ledger: Ledger, *facts: Fact, keep: bool = True) -> list[Entry | None]:
    """Submit all, then wait until each was told."""
    told: list[Entry | None] = []
    all_told = threading.Event()

    def then(entry: Entry | None) -> None:
        told.append(entry)
        if len(told) == len(facts):
            all_told.set()

    for one in facts:
        ledger.submit(one, then, keep=keep)
    assert all_told.wait(10)
    return told


@pytest.fixture
def ledger(site: Site):
    site.ledger.start()
    yield site.ledger
    site.ledger.stop()


def test_told_only_when_another_connection_can_read_it(site: Site, ledger: Ledger) -> None:
    seen: list[int] = []
    done = threading.Event()

    def then(entry: Entry | None) -> None:
        with site.database.read() as session:
            seen.append(events.head(session)[0])
        done.set()

    ledger.submit(fact(), then)
    assert done.wait(10)
    assert seen == [1]


def test_many_threads_leave_no_gap(site: Site, ledger: Ledger) -> None:
    threads = [threading.Thread(target=submit_and_wait, args=(ledger, *[fact() for _ in range(50)])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with site.database.read() as session:
        assert [row.seq for row in events.walk(session)] == list(range(1, 401))
    assert ledger.verify() == (400, None)


def _execute(site: Site, statement: str) -> None:
    with site.database.write(changes_site=False) as session:
        assert session.execute(text(statement)).rowcount == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("sabotage", "seq"),
    [
        ("update events set body = replace(body, 'tamper', 'hamper') where seq = 3", 3),
        ("update events set kind = 'rex_pressed' where seq = 4", 4),
        ("update events set person_id = 'x' where seq = 2", 2),
        ("update events set hash = replace(hash, substr(hash, 1, 1), 'z') where seq = 5", 5),
        ("delete from events where seq = 3", 3),
        ("update events set time = '2020-01-01T00:00:00.000Z' where seq = 1", 1),
    ],
)
def test_verify_names_the_first_bad_row(site: Site, ledger: Ledger, sabotage: str, seq: int) -> None:
    submit_and_wait(ledger, *[fact() for _ in range(6)])
    _execute(site, sabotage)
    _, flaw = ledger.verify()
    assert flaw is not None
    assert flaw.seq == seq


@given(st.lists(st.text(max_size=20), min_size=2, max_size=8), st.data())
def test_any_changed_body_breaks_the_chain(details: list[str], data: st.DataObject) -> None:
    entries, previous = [], ledger_chain.GENESIS
    for seq, detail in enumerate(details, start=1):
        body = ledger_chain.canonical(ledger_chain.body_of(fact(detail={"d": detail}), seq, "id"))
        previous = ledger_chain.link(previous, body)
        entries.append(Entry(seq, body, previous))
    assert ledger_chain.check(entries) is None
    victim = data.draw(st.integers(0, len(entries) - 1))
    position = data.draw(st.integers(0, len(entries[victim].body) - 1))
    bad = entries[victim].body[:position] + "~" + entries[victim].body[position + 1 :]
    if bad == entries[victim].body:
        return
    entries[victim] = Entry(victim + 1, bad, entries[victim].hash)
    flaw = ledger_chain.check(entries)
    assert flaw is not None
    assert flaw.seq == victim + 1


def test_nan_is_refused_rather_than_written_as_something_else() -> None:
    with pytest.raises(ValueError, match="JSON"):
        ledger_chain.canonical({"score": float("nan")})


class Refusing:
    """Makes Database.write fail until told otherwise, as a full disk does."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refused = 0
        self.on = True
        real = site.database.write

        def write(**more: Any):
            if self.on:
                self.refused += 1
                raise StorageFailed("database or disk is full")
            return real(**more)

        monkeypatch.setattr(site.database, "write", write)


def test_while_storage_fails_decisions_fail_and_facts_wait_in_order(
    site: Site, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Refusing(site, monkeypatch)
    assert submit_and_wait(ledger, fact("access_granted"), keep=False) == [None]
    assert storage.refused > 0
    assert ledger.failing
    kept: list[Entry | None] = []
    both = threading.Event()
    for kind in ("rex_pressed", "tamper"):
        ledger.submit(fact(kind), lambda entry: (kept.append(entry), len(kept) == 2 and both.set()))
    assert both.wait(10)
    assert kept == [SPILLED, SPILLED]
    storage.on = False
    assert ledger.wait_restored(10)
    with site.database.read() as session:
        kinds = [event["kind"] for event in events.find(session, EventFilter(), 100)]
    assert kinds == ["storage_failed", "rex_pressed", "tamper", "storage_restored"]
    assert not ledger.failing
    assert ledger.verify()[1] is None


def test_two_writers_on_one_home_share_one_chain(make_site: Callable[[], Site]) -> None:
    """A command in process appends while the daemon does."""
    first, second = make_site(), make_site()
    first.ledger.start()
    worker = threading.Thread(target=submit_and_wait, args=(first.ledger, *[fact() for _ in range(100)]))
    worker.start()
    for _ in range(20):
        with second.database.write() as session:
            second.ledger.append(session, [fact("admin.test")])
    worker.join()
    first.ledger.stop()
    assert first.ledger.verify() == (120, None)
