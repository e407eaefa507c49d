"""Webhooks against a receiver that verifies by another's library: complete, in order, and nothing else."""

import itertools
import json
import random

import pytest

from devicemgr.outlets import outbox, webhook
from devicemgr.site.outlets import changes
from devicemgr.site.unit_of_work import unit_of_work
from tests.support.webhook_receiver import Receiver, wait_until

EVENTS = 300


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Wait less between tries."""
    monkeypatch.setattr(outbox, "MIN_WAIT_S", 0.01)
    monkeypatch.setattr(outbox, "MAX_WAIT_S", 0.05)
    monkeypatch.setattr(outbox, "_STORE_EVERY_S", 0.05)


def seqs(receiver):
    return [message["seq"] for message in receiver.taken]


def test_events_leave_as_they_are_recorded(receiver, add_outlet, record, running):
    add_outlet(receiver.url)
    running.consider()
    first = record(3)
    receiver.wait(lambda: set(first) <= set(seqs(receiver)), "three events")
    second = record(1, "access_denied", reason="suspended")
    receiver.wait(lambda: second[0] in seqs(receiver), "another one")
    message = receiver.taken[-1]
    assert (message["type"], message["data"]["reason"], message["data"]["portal"]) == (
        "access_denied",
        "suspended",
        "lobby",
    )
    assert len(message["site"]) == 12
    headers, body = receiver.sent[-1]
    assert headers["webhook-id"] == message["data"]["id"]
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == message


def test_a_receiver_that_drops_delays_and_refuses_gets_all_in_order(receiver, add_outlet, record, running):
    chance = random.Random(7)
    receiver.choose = lambda number, event: chance.choice(
        [(204, {})] * 6 + [(500, {}), (0, {}), (503, {"Retry-After": "0"})]
    )
    add_outlet(receiver.url)
    running.consider()
    wanted = record(EVENTS)
    receiver.wait(lambda: wanted[-1] in seqs(receiver), "the last event", 60)
    found = [seq for seq in seqs(receiver) if seq in set(wanted)]
    assert [seq for seq, _ in itertools.groupby(found)] == wanted
    assert len(receiver.sent) > len(receiver.taken), "the fault has happened"
    assert receiver.refused == 0


def test_a_receiver_that_is_killed_and_comes_back_gets_the_rest(receiver, add_outlet, record, running):
    add_outlet(receiver.url)
    running.consider()
    before = record(20)
    receiver.wait(lambda: before[-1] in seqs(receiver), "the first events")
    receiver.close()
    missed = record(20)
    wait_until(lambda: running.figures()["hr"]["state"].get("error"), "a failure")
    again = Receiver(receiver.secrets[0], receiver.port)
    try:
        again.wait(lambda: missed[-1] in seqs(again), "the events that it missed")
        assert seqs(again)[0] <= missed[0]
        wait_until(lambda: "error" not in running.figures()["hr"]["state"], "that it is well again")
    finally:
        again.close()
        receiver._server.server_close()


def test_batches_carry_many_events_in_one_message(receiver, add_outlet, record, running):
    add_outlet(receiver.url, batch=100, kinds=["rex_pressed"])
    wanted = record(EVENTS)
    running.consider()
    receiver.wait(lambda: bool(receiver.taken) and receiver.taken[-1]["seq"] == wanted[-1], "all")
    found = [event["seq"] for message in receiver.taken for event in message["data"]]
    assert found == wanted
    assert {message["type"] for message in receiver.taken} == {"events"}
    assert len(receiver.taken) < EVENTS / 10


def test_one_secret_takes_the_place_of_another(receiver, add_outlet, record, running, site):
    add_outlet(receiver.url)
    running.consider()
    (first,) = record(1)
    receiver.wait(lambda: first in seqs(receiver), "an event")
    with unit_of_work(site, "uid:0") as work:
        fresh = changes.set_secret(work, "hr", None, keeps_last=True)
    running.consider()
    (second,) = record(1)
    receiver.wait(lambda: second in seqs(receiver), "an event under the secret before")
    receiver.secrets = [fresh]
    (third,) = record(1)
    receiver.wait(lambda: third in seqs(receiver), "an event under the new secret")
    assert receiver.sent[-1][0]["webhook-signature"].count("v1,") == 2
    with unit_of_work(site, "uid:0") as work:
        alone = changes.set_secret(work, "hr", None, keeps_last=False)
    running.consider()
    before = len(receiver.taken)
    record(1)
    wait_until(lambda: receiver.refused, "a refusal of what the old secret signs not")
    assert len(receiver.taken) == before
    receiver.secrets = [alone]
    receiver.wait(lambda: len(receiver.taken) > before, "the event")


def test_a_changed_body_an_old_time_and_another_id_are_refused(receiver, add_outlet, record, running):
    add_outlet(receiver.url)
    running.consider()
    (seq,) = record(1)
    receiver.wait(lambda: seq in seqs(receiver), "an event")
    headers, body = receiver.sent[-1]
    receiver.verified(headers, body)
    old = str(int(headers["webhook-timestamp"]) - 301)
    for changed, text in (
        (headers, body.replace(b"lobby", b"vault")),
        ({**headers, "webhook-timestamp": old}, body),
        ({**headers, "webhook-id": "another"}, body),
    ):
        with pytest.raises(Exception, match=r"(?i)signature|timestamp"):
            receiver.verified(changed, text)


@pytest.mark.parametrize(("status", "headers", "wait"), [(429, "7", 7.0), (503, "99999", 3600.0), (503, "soon", None)])
def test_the_wait_that_a_receiver_asks_for_is_kept(status, headers, wait):
    with pytest.raises(webhook.Undelivered) as caught:
        webhook._require_taken("hr.example", status, {"retry-after": headers})
    assert (caught.value.wait_s, caught.value.is_refused) == (wait, False)


def test_a_receiver_that_wants_no_more_stops_it_until_a_person_lets_it_go_on(
    receiver, add_outlet, record, running, row_of, kinds_of, site
):
    receiver.choose = lambda number, event: (410, {})
    add_outlet(receiver.url)
    running.consider()
    (seq,) = record(1)
    wait_until(lambda: row_of().get("stopped"), "that it stops")
    site.ledger.stop(5)
    assert "410" in kinds_of("outlet_failing")[0]["detail"]["cause"]
    running.consider()
    assert running.figures() == {}
    receiver.choose = lambda number, event: (204, {})
    with unit_of_work(site, "uid:0") as work:
        changes.pause(work, "hr", is_paused=False)
    running.consider()
    receiver.wait(lambda: seq in seqs(receiver), "the event")


@pytest.mark.parametrize("poison", ["stop", "skip"])
def test_an_event_that_is_refused_ten_times(receiver, add_outlet, record, running, row_of, kinds_of, site, poison):
    add_outlet(receiver.url, on_poison=poison, batch=10, kinds=["rex_pressed"])
    wanted = record(5)
    bad = wanted[2]

    def choose(number, event):
        held = event["data"] if isinstance(event["data"], list) else [event["data"]]
        return (422, {}) if any(one["seq"] == bad for one in held) else (204, {})

    receiver.choose = choose
    running.consider()
    if poison == "stop":
        why = wait_until(lambda: row_of().get("stopped"), "that it stops")
        assert f"event {bad}" in why
        assert row_of()["cursor"] < bad
    else:
        receiver.wait(lambda: receiver.taken != [] and _last(receiver) == wanted[-1], "the events behind it")
        found = [one["seq"] for message in receiver.taken for one in message["data"]]
        assert found == [seq for seq in wanted if seq != bad]
        site.ledger.stop(5)
        (skipped,) = kinds_of("outlet_skipped")
        assert (skipped["detail"]["seq"], skipped["detail"]["outlet"]) == (bad, "hr")
    assert sum(bytes(f'"seq":{bad},', "ascii") in body for _, body in receiver.sent) >= outbox.MAX_REFUSALS


def test_one_that_refuses_all_is_left_out_three_times_and_then_waits(
    receiver, add_outlet, record, running, row_of, kinds_of, site
):
    """What says that an event was left out is an event too: it must not be refused and left out for ever."""
    add_outlet(receiver.url, on_poison="skip")
    receiver.choose = lambda number, event: (403, {})
    running.consider()
    wanted = record(1)
    why = wait_until(lambda: row_of().get("stopped"), "that it stops")
    assert "3 events before it were left out" in why
    site.ledger.stop(5)
    skipped = [event["detail"]["seq"] for event in kinds_of("outlet_skipped")]
    assert len(skipped) == outbox.MAX_SKIPS
    assert wanted[0] in skipped


def _last(receiver):
    data = receiver.taken[-1]["data"]
    return data[-1]["seq"] if isinstance(data, list) else data["seq"]


def test_a_redirect_is_not_followed(receiver, add_outlet, record, running):
    receiver.choose = lambda number, event: (307, {"Location": receiver.url})
    add_outlet(receiver.url)
    running.consider()
    record(1)
    why = wait_until(lambda: running.figures()["hr"]["state"].get("error"), "a failure")
    assert "redirect" in why
    assert receiver.taken == []
