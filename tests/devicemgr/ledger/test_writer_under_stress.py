"""The ledger when storage is slow or stuck: it does not wait for itself, loses nothing, and can be stopped."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from devicemgr.domain.ledger_chain import Entry
from devicemgr.domain.ledger_events import Fact
from devicemgr.errors import StorageFailed
from devicemgr.ledger import writer
from devicemgr.site.site import Site
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter


def fact(kind: str = "tamper", **more: object) -> Fact:
    return Fact(kind, datetime.now(UTC), **more)  # type: ignore[arg-type]


def recorded(site: Site) -> list[dict[str, Any]]:
    with site.database.read() as session:
        return events.find(session, EventFilter(), 10_000)


class Storage:
    """Holds each write until `go` is set; counts the transactions."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.entered = threading.Event(), threading.Event()
        self.writes = 0
        self.full = False
        real = site.database.write

        @contextmanager
        def write(**more: Any) -> Iterator[Any]:
            self.entered.set()
            assert self.go.wait(30)
            if self.full:
                raise StorageFailed("database or disk is full")
            self.writes += 1
            with real(**more) as session:
                yield session

        monkeypatch.setattr(site.database, "write", write)


@pytest.fixture
def storage(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    monkeypatch.setattr(writer, "_QUEUE", 3)
    monkeypatch.setattr(writer, "_PATIENCE_S", 0.05)
    found = Storage(site, monkeypatch)
    site.ledger.start()
    yield found
    found.go.set()
    site.ledger.stop()


def fill(site: Site, storage: Storage) -> None:
    """The writer is held inside its transaction, and its queue is full behind it."""
    site.ledger.submit(fact("first"))
    assert storage.entered.wait(10)
    for number in range(3):
        site.ledger.submit(fact(f"queued-{number}"))


def test_with_a_full_queue_a_decision_fails_and_a_fact_of_the_world_is_kept(site: Site, storage: Storage) -> None:
    fill(site, storage)
    with pytest.raises(StorageFailed, match="too slow"):
        site.ledger.submit(fact("access_granted"), keep=False)
    written = threading.Event()
    site.ledger.submit(fact("passage_completed"), lambda _: written.set())
    storage.go.set()
    assert written.wait(10)
    kinds = [event["kind"] for event in recorded(site)]
    assert kinds == ["first", "queued-0", "queued-1", "queued-2", "passage_completed"]


def test_a_follower_that_records_something_does_not_wait_for_its_own_thread(
    site: Site, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As access._release does when a grant could not be recorded, with the queue full meanwhile."""
    monkeypatch.setattr(writer, "_PATIENCE_S", 20.0)
    storage.full = True
    followed, written = threading.Event(), threading.Event()

    def then(entry: Entry | None) -> None:
        assert entry is None
        for number in range(3):
            site.ledger.submit(fact(f"late-{number}"))
        site.ledger.submit(fact("access_denied"), lambda _: written.set())
        followed.set()
        storage.full = False

    site.ledger.submit(fact("access_granted"), then, keep=False)
    assert storage.entered.wait(10)
    storage.go.set()
    assert followed.wait(10)
    assert written.wait(10)
    assert site.ledger.wait_restored(10)
    assert "access_denied" in [event["kind"] for event in recorded(site)]


def test_it_stops_although_storage_hangs_and_its_queue_is_full(site: Site, storage: Storage) -> None:
    fill(site, storage)
    stopped = threading.Event()
    threading.Thread(target=lambda: (site.ledger.stop(0.1), stopped.set()), daemon=True).start()
    assert stopped.wait(10)


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), "half a \ud800 character", {"a": [float("nan")]}, {1}])
def test_a_fact_that_json_cannot_hold_does_not_keep_the_others_from_disk(site: Site, poison: Any) -> None:
    site.ledger.start()
    site.ledger.submit(fact("tamper", detail={"cause": poison, "\udfff": 1}))
    site.ledger.submit(fact("rex_pressed"))
    site.ledger.stop()
    assert [event["kind"] for event in recorded(site)] == ["tamper", "rex_pressed"]
    assert site.ledger.verify() == (2, None)


def test_a_long_backlog_is_written_in_order_piece_by_piece(
    site: Site, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One huge transaction would keep grants waiting, and be built anew at each attempt."""
    monkeypatch.setattr(writer, "_BATCH", 10)
    monkeypatch.setattr(writer, "_QUEUE", 1000)
    storage.full = True
    storage.go.set()
    refused = threading.Event()
    for number in range(95):
        site.ledger.submit(fact(f"kept-{number:02}"))
    site.ledger.submit(fact("access_granted"), lambda _: refused.set(), keep=False)
    assert refused.wait(10)
    storage.full = False
    _wait(lambda: not site.ledger.failing)
    kinds = [event["kind"] for event in recorded(site)]
    assert kinds == ["storage_failed", *[f"kept-{number:02}" for number in range(95)], "storage_restored"]
    assert storage.writes >= 10
    assert site.ledger.verify()[1] is None


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
