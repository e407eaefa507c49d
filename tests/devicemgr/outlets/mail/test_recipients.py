"""Several addresses: one that is refused, or late, keeps the mail from no other, and is not lost in silence."""

import re

import pytest

from devicemgr.outlets import runner
from devicemgr.outlets.mail import outbox as mail_outbox
from tests.support.webhook_receiver import wait_until

GOOD, BAD = "a@example.com", "b@example.com"


@pytest.fixture
def two(server, add_mail, running):
    """An outlet with two addresses, which runs."""
    add_mail(server.url, to=[GOOD, BAD])
    running.consider()
    return server


def test_a_refused_address_is_an_alarm_and_the_others_get_the_mail(two, record, running, kinds_of, row_of):
    two.rcpt = lambda address: "550 5.1.1 no such user" if address == BAD else "250 ok"
    (seq,) = record(1, "tamper")
    two.wait(lambda: two.taken, "the mail")
    assert two.taken[0].to == [GOOD]
    failing = wait_until(lambda: kinds_of("outlet_failing"), "an alarm")[0]
    assert f"{BAD} (550 5.1.1 no such user)" in failing["detail"]["cause"]
    assert wait_until(lambda: row_of().get("error"), "the cause").startswith("refused: b@example.com")
    assert row_of()["cursor"] >= seq, "it has left"
    two.rcpt = lambda address: "250 ok"
    record(1, "portal_forced")
    two.wait(lambda: any(taken.to == [GOOD, BAD] for taken in two.taken), "a mail to both")
    wait_until(lambda: kinds_of("outlet_restored"), "the alarm's end")
    assert len(kinds_of("outlet_failing")) == 1


def test_a_late_address_gets_the_same_mail_later_and_alone(two, record, running, monkeypatch, row_of):
    monkeypatch.setattr(mail_outbox, "FIRST_LATE_S", 0.05)
    refusals = iter(["451 4.7.1 greylisted"] * 2)
    two.rcpt = lambda address: next(refusals, "250 ok") if address == BAD else "250 ok"
    record(1, "tamper")
    two.wait(lambda: len(two.taken) == 2, "the mail, for each")
    assert [taken.to for taken in two.taken] == [[GOOD], [BAD]]
    assert two.taken[0].id == two.taken[1].id
    assert two.taken[0].text == two.taken[1].text
    assert two.taken[0].mail["To"] == f"{GOOD}, {BAD}"
    wait_until(lambda: "error" not in row_of(), "that it is well again")


def test_a_late_address_delays_no_other_alarm_and_is_given_up_with_a_word(two, record, monkeypatch, kinds_of, row_of):
    monkeypatch.setattr(mail_outbox, "FIRST_LATE_S", 0.01)
    monkeypatch.setattr(mail_outbox, "LAST_LATE_S", 0.01)
    monkeypatch.setattr(mail_outbox, "MAX_LATE_TRIES", 4)
    two.rcpt = lambda address: "452 4.2.2 mailbox full" if address == BAD else "250 ok"
    (first,) = record(1, "tamper")
    record(1, "portal_forced")
    two.wait(lambda: len([taken for taken in two.taken if taken.to == [GOOD]]) >= 2, "both, for the other address")
    skipped = wait_until(lambda: kinds_of("outlet_skipped"), "that it is given up")[0]["detail"]
    assert skipped["seq"] == first
    assert re.search(rf"not to {BAD}: .*452 4.2.2 mailbox full", skipped["cause"])
    wait_until(lambda: kinds_of("outlet_failing"), "an alarm")
    wait_until(lambda: not row_of().get("late"), "that nothing waits")


def test_all_late_is_tried_later_and_all_refused_is_a_refusal(two, record, row_of):
    two.rcpt = lambda address: "451 4.3.0 later"
    (seq,) = record(1, "tamper")
    wait_until(lambda: "451 4.3.0 later" in row_of().get("error", ""), "a failure")
    assert row_of()["collected"]["tamper"].get("tries") is None
    two.rcpt = lambda address: "550 5.1.1 unknown"
    why = wait_until(lambda: row_of().get("stopped"), "that it stops")
    assert f"event {seq}" in why
    assert GOOD in why
    assert two.taken == []


@pytest.mark.parametrize(
    ("answer", "is_stopped"), [("451 4.3.2 full", False), ("552 5.3.4 too large", True)], ids=["4xx", "5xx"]
)
def test_answers_to_the_mail_itself(two, record, row_of, answer, is_stopped):
    two.data = lambda number: answer if is_stopped or number < 15 else "250 ok"
    record(1, "tamper")
    if is_stopped:
        assert answer in wait_until(lambda: row_of().get("stopped"), "that it stops")
        assert two.tries >= 10
        assert two.taken == []
    else:
        two.wait(lambda: two.taken, "the mail at last")
        assert two.tries == 15


def test_the_test_says_which_server_answered_what(two, site):
    found = runner.try_out(site, "hr")
    assert found == (None, "localhost answered 250 2.0.0 queued as 4711")
    assert two.taken[0].subject == "Test of outlet hr"
    two.rcpt = lambda address: "550 5.1.1 unknown" if address == BAD else "250 ok"
    cause, answer = runner.try_out(site, "hr")
    assert (cause, answer) == (f"localhost took it, but not for {BAD} (550 5.1.1 unknown)", None)
