"""Alarms by mail: the first at once, the rest of its kind together, none held up by another, and none lost."""

import re

import pytest

from devicemgr.outlets import outbox
from devicemgr.outlets.mail import collected, outbox as mail_outbox
from devicemgr.outlets.runner import Outlets
from devicemgr.site.outlets import changes
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.ledger import events
from devicemgr.store.outlets import rows
from tests.support.webhook_receiver import wait_until


def seqs_of(taken):
    """Return the numbers of the events that a mail tells of."""
    return [int(number) for number in re.findall(r"(?i)event number:? (\d+)", taken.text)]


def seqs(server):
    return [seq for taken in server.taken for seq in seqs_of(taken)]


def hurry(running, monkeypatch):
    """Let what is held leave now."""
    monkeypatch.setattr(collected, "PACE_S", 0.0)
    running._running["hr"].wake()


def test_an_alarm_leaves_at_once_with_its_priority(server, add_mail, record, running, row_of):
    add_mail(server.url)
    running.consider()
    (seq,) = record(1, "portal_forced")
    server.wait(lambda: server.taken, "a mail")
    (taken,) = server.taken
    assert seqs_of(taken) == [seq]
    assert taken.to == ["guard@example.com"]
    assert taken.subject == "Door forced: lobby (priority 2)"
    mail = taken.mail
    assert (mail["From"], mail["To"]) == ("gate@example.com", "guard@example.com")
    assert (mail["Auto-Submitted"], mail["Importance"], mail["X-Priority"]) == ("auto-generated", "high", "2")
    assert mail["Date"].datetime.tzinfo is not None
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content_charset() == "utf-8"
    wait_until(lambda: row_of()["cursor"] >= seq, "the cursor")


def test_only_alarms_are_mailed_unless_others_are_named(server, add_mail, record, running):
    add_mail(server.url)
    running.consider()
    record(3, "access_denied", reason="suspended")
    record(1, "device_online", device="gate-1")
    record(1, "alarm_acknowledged", detail={"alarm": "portal_forced", "subject": "lobby"})
    (seq,) = record(1, "tamper")
    server.wait(lambda: server.taken, "a mail")
    assert seqs(server) == [seq]


def test_named_kinds_are_mailed_too(server, add_mail, record, running):
    add_mail(server.url, kinds=["access_denied", "alarms"])
    running.consider()
    wanted = record(1, "access_denied", reason="suspended") + record(1, "tamper")
    server.wait(lambda: len(server.taken) == 2, "two mails")
    assert sorted(seqs(server)) == wanted
    (denied,) = [one for one in server.taken if seqs_of(one) == wanted[:1]]
    assert denied.subject == "Access denied: lobby"
    assert "Reason: suspended" in denied.text


def test_an_end_is_mailed_where_its_beginning_was(server, add_mail, record, running):
    add_mail(server.url)
    running.consider()
    begun = record(1, "device_offline", device="gate-1", detail={"cause": "no answer"})
    server.wait(lambda: len(server.taken) == 1, "its beginning")
    over = record(1, "device_online", device="gate-1")
    held = record(1, "portal_held_open")
    shut = record(1, "alarm_ended", detail={"alarm": "portal_held_open"})
    server.wait(lambda: len(server.taken) == 4, "its end, and another alarm")
    assert sorted(seqs(server)) == begun + over + held + shut
    subjects = [taken.subject for taken in server.taken]
    assert "Device offline: lobby (priority 4)" in subjects
    assert "Device online: lobby (priority 4)" in subjects
    assert "Alarm over: Door held open: lobby (priority 3)" in subjects


def test_a_storm_of_one_kind_is_one_mail_and_delays_no_other(server, add_mail, record, running, monkeypatch, row_of):
    add_mail(server.url)
    running.consider()
    first = record(1, "portal_held_open")
    server.wait(lambda: len(server.taken) == 1, "the first")
    storm = record(450, "portal_held_open")
    fire = record(1, "fire_release", detail={"active": True})
    server.wait(lambda: len(server.taken) == 2, "the alarm of another kind")
    assert seqs(server) == first + fire
    wait_until(lambda: running.figures()["hr"]["cursor"] >= fire[-1], "that all was read")
    record(1, "portal_held_open")
    with running._site.database.read() as session:
        assert rows.given_through(rows.outlet(session, "hr")) == storm[0] - 1, "what is held has not left"
    hurry(running, monkeypatch)
    server.wait(lambda: len(server.taken) >= 3, "the storm")
    assert seqs_of(server.taken[2])[: len(storm)] == storm
    assert server.taken[2].subject.startswith("Door held open × 45")
    assert "2026" not in server.taken[2].subject


def test_the_most_urgent_leaves_first(server, add_mail, record, running):
    add_mail(server.url)
    record(3, "device_offline", device="reader-1")
    record(2, "portal_forced")
    record(1, "fire_release", detail={"active": True})
    running.consider()
    server.wait(lambda: len(server.taken) == 3, "three mails")
    assert [taken.mail["X-Priority"] for taken in server.taken] == ["1", "2", "4"]


def test_what_is_held_survives_a_restart_and_a_pause(server, add_mail, record, running, monkeypatch, site):
    add_mail(server.url)
    running.consider()
    first = record(1, "tamper")
    server.wait(lambda: server.taken, "the first")
    held = record(5, "tamper")
    wait_until(lambda: running.figures()["hr"]["cursor"] >= held[-1], "that it was read")
    running.stop(5)
    for is_paused in (True, False):
        with unit_of_work(site, "uid:0") as work:
            changes.pause(work, "hr", is_paused=is_paused)
    again = Outlets(site)
    again.start()
    again.consider()
    try:
        wait_until(lambda: "hr" in again.figures(), "that it runs")
        assert seqs(server) == first
        hurry(again, monkeypatch)
        server.wait(lambda: len(server.taken) == 2, "what was held")
    finally:
        again.stop(5)
    assert seqs(server) == first + held


def test_a_larger_storm_than_a_mail_holds_leaves_in_several(server, add_mail, record, running, monkeypatch):
    monkeypatch.setattr(mail_outbox, "MAX_EVENTS", 7)
    monkeypatch.setattr(collected, "PACE_S", 0.0)
    add_mail(server.url)
    wanted = record(30, "tamper")
    running.consider()
    server.wait(lambda: len(seqs(server)) >= 30, "all")
    assert seqs(server) == wanted
    assert max(len(seqs_of(taken)) for taken in server.taken) == 7


def test_events_that_were_removed_before_they_left_are_a_gap(server, add_mail, record, running, monkeypatch, kinds_of):
    add_mail(server.url)
    running.consider()
    record(1, "tamper")
    server.wait(lambda: server.taken, "the first")
    held = record(4, "tamper")
    wait_until(lambda: running.figures()["hr"]["cursor"] >= held[-1], "that it was read")
    with running._site.database.write(changes_site=False) as session:
        events.remove_oldest(session, held[1], 100)
    hurry(running, monkeypatch)
    server.wait(lambda: len(server.taken) >= 2, "the rest")
    assert seqs_of(server.taken[1]) == held[2:]
    wait_until(lambda: kinds_of("outlet_gap"), "a gap")
    assert kinds_of("outlet_gap")[0]["detail"] == {"outlet": "hr", "from": held[0], "through": held[1]}


def test_replay_gives_out_once_more_also_what_was_held(server, add_mail, record, running, monkeypatch, site):
    add_mail(server.url)
    running.consider()
    first = record(1, "tamper")
    server.wait(lambda: server.taken, "the first")
    held = record(3, "tamper")
    wait_until(lambda: running.figures()["hr"]["cursor"] >= held[-1], "that it was read")
    with unit_of_work(site, "uid:0") as work:
        changes.replay(work, "hr", held[-1])
    monkeypatch.setattr(collected, "PACE_S", 0.0)
    running.consider()
    server.wait(lambda: seqs(server)[-1:] == held[-1:], "all")
    assert seqs(server) == first + held


def test_a_mail_that_comes_again_has_the_same_id(server, add_mail, record, running):
    server.data = lambda number: "" if number == 1 else "250 ok"
    add_mail(server.url)
    running.consider()
    (seq,) = record(1, "tamper")
    server.wait(lambda: len(server.taken) == 2, "the mail, twice")
    assert seqs(server) == [seq, seq]
    assert server.taken[0].id == server.taken[1].id
    assert re.fullmatch(rf"<devicemgr\.[0-9a-f]{{12}}\.hr\.{seq}-{seq}@example\.com>", server.taken[0].id)


@pytest.mark.parametrize("poison", ["stop", "skip"])
def test_a_mail_that_is_refused_ten_times_delays_no_other(
    server, add_mail, record, running, row_of, kinds_of, site, poison
):
    server.data = lambda number: "250 ok" if server.is_good else "554 5.7.1 spam"
    server.is_good = False
    server.mail_from = lambda address: "250 ok"
    add_mail(server.url, on_poison=poison)
    running.consider()
    (bad,) = record(1, "tamper")
    if poison == "stop":
        why = wait_until(lambda: row_of().get("stopped"), "that it stops")
        assert f"event {bad}" in why
        assert "554 5.7.1 spam" in why
    else:
        wait_until(lambda: kinds_of("outlet_skipped"), "that it is left out")
        skipped = kinds_of("outlet_skipped")[0]["detail"]
        assert (skipped["outlet"], skipped["seq"]) == ("hr", bad)
        server.is_good = True
        (good,) = record(1, "portal_forced")
        server.wait(lambda: good in seqs(server), "another alarm")
        assert bad not in seqs(server)
    assert server.tries >= outbox.MAX_REFUSALS
