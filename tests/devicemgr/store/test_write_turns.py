"""Turns of writers: urgent ones first, the others in their order, and no one waits for ever."""

import threading
from datetime import UTC, datetime

from devicemgr.domain.ledger_events import Fact
from devicemgr.store.write_turns import WriteTurns


def waits(turns, count):
    """Wait until so many are waiting for their turn."""
    while turns.waiting < count:
        threading.Event().wait(0.001)


def start_writer(turns, name, done, *, is_urgent):
    def write():
        with turns.taken(30, is_urgent=is_urgent):
            done.append(name)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_an_urgent_writer_goes_before_those_who_came_first():
    turns, done = WriteTurns(), []
    with turns.taken(1):
        threads = []
        for count, (name, is_urgent) in enumerate((("first", False), ("second", False), ("urgent", True)), 1):
            threads.append(start_writer(turns, name, done, is_urgent=is_urgent))
            waits(turns, count)
        assert done == []
    for thread in threads:
        thread.join()
    assert done == ["urgent", "first", "second"]


def test_who_has_no_patience_left_goes_on_without_the_turn_and_takes_no_ones():
    turns, done = WriteTurns(), []
    with turns.taken(1):
        with turns.taken(0.0) as left_s:
            assert left_s == 0.0
        assert turns.waiting == 0
        thread = start_writer(turns, "next", done, is_urgent=False)
        waits(turns, 1)
        assert done == []
    thread.join()
    with turns.taken(1) as left_s:
        assert left_s > 0


def test_the_ledger_writes_before_the_next_transaction_of_those_who_write_much(site):
    """Without turns a mass import kept the ledger out until it gave up, and gates refused everyone."""
    turns, order = site.database._turns, []
    site.ledger.start()
    with site.database.write():
        busy = threading.Thread(target=lambda: [order.append("import") for _ in range(3) if _writes(site)])
        busy.start()
        waits(turns, 1)
        recorded = threading.Event()

        def durable(_):
            order.append("ledger")
            recorded.set()

        site.ledger.submit(Fact("tamper", datetime.now(UTC)), durable)
        waits(turns, 2)
    assert recorded.wait(30)
    busy.join()
    site.ledger.stop()
    assert order[0] == "ledger" or order[:2] == ["import", "ledger"]
    assert order.count("import") == 3


def _writes(site):
    with site.database.write():
        return True
