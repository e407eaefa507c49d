"""A channel that knows only later what has arrived: the cursor ends before what it holds, and falls back to that."""

import threading

import pytest

from devicemgr.outlets import outbox, runner
from devicemgr.outlets.sender import Undelivered
from tests.support.webhook_receiver import wait_until


class Holding:
    """Takes everything, and holds it until a test lets it go or fails it."""

    batch = 3

    def __init__(self) -> None:
        self.given: list[int] = []
        self.held: list[int] = []
        self.fails = threading.Event()
        self.arrived_through = 0

    def send(self, events):
        found = [event["seq"] for event in events]
        self.given += found
        self.held += found

    def settle(self):
        if self.fails.is_set():
            self.held.clear()
            self.fails.clear()
            raise Undelivered("the line is cut")
        self.held = [seq for seq in self.held if seq > self.arrived_through]
        return self.held[0] if self.held else None

    def test(self):
        pass

    def close(self):
        pass


@pytest.fixture
def channel(add_outlet, running, monkeypatch):
    """The channel of outlet `hr`, which the outboxes run."""
    for name, seconds in (("MIN_WAIT_S", 0.01), ("MAX_WAIT_S", 0.02), ("_STORE_EVERY_S", 0.02)):
        monkeypatch.setattr(outbox, name, seconds)
    found = Holding()
    monkeypatch.setitem(runner.MAKERS, "webhook", lambda *_: found)
    add_outlet("https://hr.example/hooks", kinds=["rex_pressed"])
    running.consider()
    return found


def test_the_cursor_ends_before_what_is_held(channel, record, running, row_of):
    before = row_of()["cursor"]
    wanted = record(7)
    wait_until(lambda: channel.given == wanted, "all events")
    assert row_of()["cursor"] < wanted[0]
    assert running.figures()["hr"]["cursor"] == wanted[0] - 1 >= before
    channel.arrived_through = wanted[4]
    wait_until(lambda: row_of()["cursor"] == wanted[4], "the first five")
    channel.arrived_through = wanted[-1]
    wait_until(lambda: row_of()["cursor"] == wanted[-1], "the rest")
    assert channel.given == wanted, "each once"


def test_after_a_failure_all_that_was_held_is_given_again_in_order(channel, record, row_of):
    wanted = record(5)
    wait_until(lambda: channel.given == wanted, "all events")
    channel.arrived_through = wanted[1]
    wait_until(lambda: row_of()["cursor"] == wanted[1], "the first two")
    channel.fails.set()
    wait_until(lambda: len(channel.given) == 8, "what was held, again")
    assert channel.given == wanted + wanted[2:]
    assert row_of()["cursor"] == wanted[1]


def test_a_failure_is_over_when_something_has_arrived_and_not_when_it_was_given(
    channel, record, running, kinds_of, monkeypatch
):
    monkeypatch.setattr(outbox, "REPORT_AFTER_S", 0.0)
    wanted = record(2)
    wait_until(lambda: channel.given == wanted, "all events")
    channel.fails.set()
    wait_until(lambda: channel.given == wanted * 2, "all events again")
    assert running.figures()["hr"]["state"]["error"] == "the line is cut"
    channel.fails.set()
    wait_until(lambda: channel.given == wanted * 3, "all events once more")
    assert running.figures()["hr"]["state"]["error"] == "the line is cut"
    channel.arrived_through = wanted[-1]
    wait_until(lambda: "error" not in running.figures()["hr"]["state"], "that it is well again")
    wait_until(lambda: kinds_of("outlet_restored"), "the end of the alarm")
    assert len(kinds_of("outlet_failing")) == 1


def test_another_run_begins_before_what_was_held(channel, record, running, row_of):
    wanted = record(4)
    wait_until(lambda: channel.given == wanted, "all events")
    channel.arrived_through = wanted[0]
    wait_until(lambda: row_of()["cursor"] == wanted[0], "the first one")
    running.stop(5)
    assert row_of()["cursor"] == wanted[0]
