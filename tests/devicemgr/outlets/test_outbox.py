"""The cursor: it survives kills and pauses, tells of gaps, and no change is overtaken by what ran before it."""

import threading

import pytest

from devicemgr.outlets import outbox
from devicemgr.outlets.runner import Outlets
from devicemgr.security.key_rotation import rotate
from devicemgr.site.outlets import changes
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.ledger import events
from devicemgr.store.outlets import rows
from tests.support.webhook_receiver import wait_until


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(outbox, "MIN_WAIT_S", 0.01)
    monkeypatch.setattr(outbox, "MAX_WAIT_S", 0.05)
    monkeypatch.setattr(outbox, "_STORE_EVERY_S", 0.05)


def seqs(receiver):
    return [message["seq"] for message in receiver.taken]


def test_another_run_goes_on_where_the_last_one_was(receiver, add_outlet, record, running, site, row_of):
    add_outlet(receiver.url, kinds=["rex_pressed"])
    running.consider()
    before = record(5)
    receiver.wait(lambda: seqs(receiver) == before, "the events")
    wait_until(lambda: running.figures()["hr"]["cursor"] >= before[-1], "the last answer")
    running.stop(5)
    assert row_of()["cursor"] >= before[-1]
    after = record(5)
    again = Outlets(site)
    again.start()
    again.consider()
    try:
        receiver.wait(lambda: seqs(receiver) == before + after, "the events of the pause, each once")
    finally:
        again.stop(5)


def test_what_is_recorded_during_a_pause_leaves_after_it(receiver, add_outlet, record, running, site):
    add_outlet(receiver.url, kinds=["rex_pressed"])
    with unit_of_work(site, "uid:0") as work:
        changes.pause(work, "hr", is_paused=True)
    running.consider()
    assert running.figures() == {}
    wanted = record(3)
    with unit_of_work(site, "uid:0") as work:
        changes.pause(work, "hr", is_paused=False)
    running.consider()
    receiver.wait(lambda: seqs(receiver) == wanted, "the events of the pause")


def test_replay_gives_out_once_more_and_is_not_overtaken(receiver, add_outlet, record, running, site, row_of):
    add_outlet(receiver.url, kinds=["rex_pressed"])
    running.consider()
    wanted = record(4)
    receiver.wait(lambda: seqs(receiver) == wanted, "the events")
    old = running._running["hr"]
    with unit_of_work(site, "uid:0") as work:
        changes.replay(work, "hr", wanted[1])
    old._moved(10_000)
    old._store(is_due=True)  # the outbox of before stores how far it came
    assert row_of()["cursor"] == wanted[1] - 1
    running.consider()
    receiver.wait(lambda: seqs(receiver) == wanted + wanted[1:], "the events once more")


def test_removed_events_are_told_of(receiver, add_outlet, record, running, site, kinds_of):
    add_outlet(receiver.url, kinds=["rex_pressed"])
    gone = record(10)
    kept = record(2)
    with site.database.write(changes_site=False) as session:
        events.remove_oldest(session, gone[-1], 100)
    running.consider()
    receiver.wait(lambda: seqs(receiver) == kept, "what is left")
    wait_until(lambda: kinds_of("outlet_gap"), "a gap")
    (gap,) = kinds_of("outlet_gap")
    assert (gap["detail"]["outlet"], gap["detail"]["through"]) == ("hr", gone[-1])


def test_a_receiver_that_is_long_away_is_an_alarm_that_ends(
    receiver, add_outlet, record, running, kinds_of, monkeypatch
):
    monkeypatch.setattr(outbox, "REPORT_AFTER_S", 0.0)
    receiver.choose = lambda number, event: (500, {})
    add_outlet(receiver.url)
    running.consider()
    record(1)
    wait_until(lambda: kinds_of("outlet_failing"), "the alarm")
    receiver.choose = lambda number, event: (204, {})
    wait_until(lambda: kinds_of("outlet_restored"), "its end")
    assert len(kinds_of("outlet_failing")) == 1


def test_a_receiver_that_hangs_does_not_hold_up_the_end(receiver, add_outlet, record, running):
    arrived, over = threading.Event(), threading.Event()

    def hang(number, event):
        arrived.set()
        over.wait(30)
        return (204, {})

    receiver.choose = hang
    add_outlet(receiver.url)
    running.consider()
    record(1)
    assert arrived.wait(30)
    box = running._running["hr"]
    box.ask_to_stop()
    box.join(5)
    over.set()
    assert not box._thread.is_alive()


def test_a_secret_is_sealed_and_follows_a_new_key(site, add_outlet):
    add_outlet("https://hr.example/hooks")
    with site.database.read() as session:
        row = rows.outlet(session, "hr")
        before = rows.secrets_of(row, site.vault)
        assert before[0].encode() not in row.sealed_secret
    site.ledger.start()
    rotate(site, "uid:0")
    site.ledger.stop(5)
    with site.database.read() as session:
        assert rows.secrets_of(rows.outlet(session, "hr"), site.vault) == before
