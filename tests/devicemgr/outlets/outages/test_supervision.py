"""An outbox goes on through faults of channel, storage and program, and says what a person must do."""

import logging
import threading
import time

import pytest

from devicemgr.errors import InvalidInput, StorageFailed
from devicemgr.outlets import outbox, runner
from devicemgr.outlets.sender import Undelivered
from devicemgr.site.outlets import changes
from devicemgr.site.outlets.fields import checked_fields
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.outlets import rows
from devicemgr.store.outlets.tables import OutletRow
from tests.support.webhook_receiver import wait_until

HOOK = "https://hr.example/hooks"


class Channel:
    """A sender that does what a test says, and counts calls that overlap."""

    batch = 1

    def __init__(self):
        self.act = lambda: None
        self.sent, self.tries, self.under_way, self.most_under_way = [], 0, 0, 0
        self.closed = threading.Event()
        self._lock = threading.Lock()

    def send(self, events):
        with self._lock:
            self.tries += 1
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            self.act()
            self.sent += [event["seq"] for event in events]
        finally:
            with self._lock:
                self.under_way -= 1

    def test(self):
        self.act()

    def close(self):
        self.closed.set()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(outbox, "MIN_WAIT_S", 0.01)
    monkeypatch.setattr(outbox, "MAX_WAIT_S", 0.05)
    monkeypatch.setattr(outbox, "_STORE_EVERY_S", 0.02)


@pytest.fixture
def channel(monkeypatch):
    found = Channel()
    monkeypatch.setattr(runner, "MAKERS", {"webhook": lambda *_: found})
    return found


def failing(error):
    def act():
        raise error

    return act


def considering(running, condition, what):
    """What the scheduler does, until something is so."""

    def turn():
        running.consider()
        return condition()

    return wait_until(turn, what)


@pytest.mark.parametrize("frozen", [False, True])
def test_storage_that_refuses_holds_up_nothing(
    add_outlet, channel, record, running, site, row_of, monkeypatch, frozen, caplog
):
    add_outlet(HOOK, kinds=["rex_pressed"])
    running.consider()
    before = row_of()["cursor"]
    first = record(3)
    wait_until(lambda: row_of()["cursor"] >= first[-1], "that it is stored")
    before, wanted = row_of()["cursor"], record(3)  # the record's own commits go on below
    with monkeypatch.context() as broken:
        if frozen:
            broken.setattr(site.database, "frozen", "the disk is full")
        else:
            broken.setattr(rows, "move", lambda *_: failing(StorageFailed("the disk is full"))())
        channel.act = failing(Undelivered("away"))
        tries = channel.tries
        wait_until(lambda: channel.tries > tries + 5, "tries while nothing can be stored")
        channel.act = lambda: None
        wait_until(lambda: wanted[-1] in channel.sent, "the events all the same")
        assert row_of()["cursor"] < wanted[-1]
        assert running._running["hr"].is_running
    record(1)
    wait_until(lambda: row_of()["cursor"] >= wanted[-1], "that it is stored once that works again")
    assert [seq for seq in channel.sent if seq in wanted] == wanted
    assert before <= row_of()["cursor"]
    assert sum("not stored" in line.getMessage() for line in caplog.records) <= 2, "said once, not at each try"


def test_a_fault_of_the_program_is_for_a_person_after_five_times(
    add_outlet, channel, record, running, site, row_of, kinds_of, caplog
):
    add_outlet(HOOK)
    channel.act = failing(TypeError("a fault"))
    running.consider()
    record(20)
    why = wait_until(lambda: row_of().get("stopped"), "that it stops")
    assert "TypeError" in why
    wait_until(lambda: kinds_of("outlet_failing"), "the alarm")
    record(20)
    running.consider()
    assert running.figures() == {}
    assert channel.tries == outbox.MAX_CRASHES
    assert sum(line.levelno >= logging.ERROR for line in caplog.records) == outbox.MAX_CRASHES
    channel.act = lambda: None
    with unit_of_work(site, "uid:0") as work:
        changes.pause(work, "hr", is_paused=False)
    running.consider()
    wait_until(lambda: len(channel.sent) >= 40, "the events, once a person lets it go on")
    wait_until(lambda: kinds_of("outlet_restored"), "the alarm's end")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_started_again(add_outlet, channel, record, running, kinds_of, row_of):
    class Died(BaseException):
        """Ends a thread."""

    add_outlet(HOOK, kinds=["rex_pressed"])
    channel.act = failing(Died())
    running.consider()
    wanted = record(3)
    wait_until(lambda: not running._running["hr"].is_running, "that it dies")
    running.consider()
    assert "can't run" in row_of()["error"]
    wait_until(lambda: kinds_of("outlet_failing"), "the alarm")
    channel.act = lambda: None
    considering(running, lambda: channel.sent == wanted, "the events, in order")
    wait_until(lambda: kinds_of("outlet_restored"), "the alarm's end")
    wait_until(lambda: "error" not in row_of(), "that it is well again")


def test_one_that_can_not_begin_says_so_tries_again_and_holds_up_no_other(
    receiver, add_outlet, record, running, site, row_of, kinds_of, caplog
):
    add_outlet(receiver.url, kinds=["rex_pressed"])
    with site.database.write(changes_site=False) as session:
        rows.outlet(session, "hr").sealed_secret = b"altered"
    with unit_of_work(site, "uid:0") as work:
        changes.add_outlet(work, "other", checked_fields({"kind": "webhook", "url": receiver.url}))
        changes.set_secret(work, "other", receiver.secrets[0], keeps_last=False)
    for _ in range(50):
        running.consider()
    assert set(running.figures()) == {"other"}
    assert "can't run" in row_of()["error"]
    wait_until(lambda: kinds_of("outlet_failing"), "the alarm")
    assert [event["detail"]["outlet"] for event in kinds_of("outlet_failing")] == ["hr"]
    assert sum("can't run" in line.getMessage() for line in caplog.records) < 20, "not at each turn"
    (seq,) = record(1)
    with unit_of_work(site, "uid:0") as work:
        changes.set_secret(work, "hr", receiver.secrets[0], keeps_last=False)
    running.consider()
    receiver.wait(lambda: [message["seq"] for message in receiver.taken].count(seq) == 2, "the event by both")
    wait_until(lambda: kinds_of("outlet_restored"), "the alarm's end")


def test_a_change_while_sending_waits_for_what_is_under_way(add_outlet, channel, record, running, site):
    add_outlet(HOOK, kinds=["rex_pressed"])
    began, over = threading.Event(), threading.Event()

    def hang():
        began.set()
        over.wait(30)

    channel.act = hang
    running.consider()
    wanted = record(3)
    assert began.wait(30)
    with unit_of_work(site, "uid:0") as work:
        changes.replay(work, "hr", wanted[0])
    for _ in range(3):
        running.consider()
    assert (channel.tries, channel.closed.is_set()) == (1, True)
    channel.act = lambda: None
    over.set()
    considering(running, lambda: channel.sent[-3:] == wanted, "the events")
    assert channel.most_under_way == 1


def test_changes_in_a_row_leave_one_outbox_and_all_events(add_outlet, channel, record, running, site, row_of):
    add_outlet(HOOK, kinds=["rex_pressed"])
    channel.act = lambda: time.sleep(0.002)
    running.consider()
    wanted = []
    for turn in range(30):
        wanted += record(5)
        with unit_of_work(site, "uid:0") as work:
            changes.pause(work, "hr", is_paused=turn % 2 == 0)
        running.consider()
    considering(running, lambda: channel.sent and channel.sent[-1] == wanted[-1], "the last event")
    assert sorted(set(channel.sent)) == wanted
    assert channel.most_under_way == 1
    assert sum(thread.name == "outlet-hr" for thread in threading.enumerate()) == 1


def test_an_alarm_raised_while_it_is_changed_still_ends(add_outlet, channel, record, running, site, row_of, kinds_of):
    add_outlet(HOOK)
    channel.act = failing(Undelivered("away"))
    running.consider()
    record(1)
    wait_until(lambda: row_of().get("error"), "a failure")
    old = running._running["hr"]
    with unit_of_work(site, "uid:0") as work:
        changes.pause(work, "hr", is_paused=True)
    old._report("away")  # between the change and its end
    old._store(is_due=True)
    assert row_of()["is_reported"]
    assert row_of()["version"] == old.stated.version + 1
    with unit_of_work(site, "uid:0") as work:
        changes.pause(work, "hr", is_paused=False)
    channel.act = lambda: None
    considering(running, lambda: kinds_of("outlet_restored"), "the alarm's end")


def test_an_alarm_raised_while_it_is_removed_still_ends(add_outlet, channel, record, running, site, row_of, kinds_of):
    add_outlet(HOOK)
    channel.act = failing(Undelivered("away"))
    running.consider()
    record(1)
    wait_until(lambda: row_of().get("error"), "a failure")
    old = running._running["hr"]
    with unit_of_work(site, "uid:0") as work:
        changes.remove_outlet(work, "hr")
    old._report("away")
    old._store(is_due=True)
    ended = wait_until(lambda: kinds_of("alarm_ended"), "the alarm's end")
    assert ended[0]["detail"]["outlet"] == "hr"


def test_a_receiver_that_asks_for_an_hour_is_an_alarm_after_a_minute(
    add_outlet, channel, record, running, kinds_of, monkeypatch
):
    monkeypatch.setattr(outbox, "REPORT_AFTER_S", 0.2)
    add_outlet(HOOK)
    channel.act = failing(Undelivered("hr.example answered 503", wait_s=3600.0))
    running.consider()
    record(1)
    wait_until(lambda: kinds_of("outlet_failing"), "the alarm")
    assert channel.tries == 1


def test_a_cursor_ahead_of_the_record_is_set_back_and_told_of(add_outlet, channel, record, running, site, kinds_of):
    add_outlet(HOOK, kinds=["rex_pressed"])
    with site.database.write(changes_site=False) as session:
        rows.outlet(session, "hr").cursor += 1000
    running.consider()
    wait_until(lambda: kinds_of("outlet_gap"), "what is said of it")
    assert kinds_of("outlet_gap")[0]["detail"]["cause"] == "set back"
    wanted = record(2)
    wait_until(lambda: channel.sent == wanted, "what is recorded from now on")


def test_no_outbox_begins_behind_the_end(add_outlet, channel, running):
    add_outlet(HOOK)
    running.stop(5)
    running.consider()
    assert running.figures() == {}


def test_a_site_has_so_many_outlets_and_no_more(site):
    with unit_of_work(site, "uid:0") as work:
        for number in range(changes.MAX_OUTLETS):
            row = OutletRow(name=f"n{number}", kind="webhook", stated={"kind": "webhook", "url": HOOK}, cursor=0)
            row.paused, row.state = True, {}
            work.session.add(row)
        work.session.flush()
        with pytest.raises(InvalidInput, match="remove one"):
            changes.add_outlet(work, "more", checked_fields({"kind": "webhook", "url": HOOK}))


def test_a_test_message_that_hangs_holds_up_no_end(add_outlet, channel, site):
    add_outlet(HOOK)
    began, over = threading.Event(), threading.Event()

    def hang():
        began.set()
        over.wait(30)

    channel.act = hang
    try:
        cause = runner.try_out(site, "hr", began.is_set).cause
    finally:
        over.set()
    assert "stops" in cause
    assert channel.closed.is_set()


def test_a_fault_in_a_test_message_is_said_in_a_line(add_outlet, channel, site):
    add_outlet(HOOK)
    channel.act = failing(TypeError("a fault"))
    assert "log" in runner.try_out(site, "hr").cause
