"""Commands over a real broker: what may open a portal, and everything that may not."""

import json
import queue
import threading
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from devicemgr.domain.model import Role
from devicemgr.errors import OutcomeUnknown
from devicemgr.outlets import commands
from devicemgr.outlets.mqtt import inbox
from devicemgr.security.passwords import TOKEN_START, digest, new_secret
from devicemgr.site.outlets import changes
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.ledger import events
from devicemgr.store.site import devices as device_store, operators
from devicemgr.store.tables import PortalRow
from devicemgr.store.zone_tables import InterlockRow
from devicemgr.text import rfc3339
from tests.support.webhook_receiver import wait_until

_NUMBERS = count(1)


@pytest.fixture
def token(site):
    """token("guard"): a token of the operator `desk` in these roles; `expires` in seconds from now."""

    def make(*roles, expires=3600.0):
        secret = new_secret(TOKEN_START)
        with site.database.write() as session:
            row = operators.find(session, "desk") or operators.add(session, "desk", list(Role), None, None)
            until = rfc3339(datetime.now(UTC) + timedelta(seconds=expires))
            operators.add_token(session, row, digest(secret), roles, until)
        return secret

    return make


@pytest.fixture
def started(daemon):
    """Let the daemon have run for longer than a command is valid."""
    daemon._outlets._commands._used = commands.UsedIds(datetime.now(UTC) - commands.MAX_AHEAD)
    return daemon


@pytest.fixture
def commanded(started, broker, watcher, add_outlet, base):
    """An outlet that takes commands."""
    add_outlet(broker, commands=True, discovery=True)
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")


def command(token, action="open", seconds=5.0, **more):
    found = {"action": action, "id": f"c-{next(_NUMBERS)}", "token": token}
    return found | {"expires": rfc3339(datetime.now(UTC) + timedelta(seconds=seconds))} | more


def answer(watcher, base, sent, nth=0):
    topic = base(f"result/{sent['id']}")

    def found():
        return [json.loads(payload) for at, payload, _ in watcher.messages if at == topic][nth:]

    return watcher.wait(found, f"an answer to {sent['id']}")[0]


def moves(catalog):
    """Return what the gate was made to do since this was last called, but for its usual mode."""
    found = []
    while True:
        try:
            found.append(catalog.gate.done.get_nowait())
        except queue.Empty:
            return [one for one in found if one[0] == "release" or one[2] != "normal"]


def test_a_guards_token_opens_once_and_it_is_recorded(commanded, watcher, base, catalog, token, site, caplog):
    moves(catalog)
    sent = command(token("guard"), direction="exit")
    watcher.publish(base("command/portal/lobby"), json.dumps(sent))
    found = answer(watcher, base, sent)
    assert (found["result"], found["outcome"], found["portal"]) == ("confirmed", "confirmed", "lobby")
    assert moves(catalog) == [("release", 1, "exit", 5.0)]
    with site.database.read() as session:
        (opened,) = events.of_kinds(session, ["admin.portal_open"])
    assert (opened["actor"], opened["detail"]["outlet"], opened["request"]) == ("token:desk", "hall", found["request"])
    watcher.publish(base("command/portal/lobby"), json.dumps(sent))
    assert "used already" in answer(watcher, base, sent, 1)["reason"]
    assert moves(catalog) == []
    assert sent["token"] not in caplog.text
    shown = [payload for topic, payload, _ in watcher.messages if "/command/" not in topic]
    assert not any(sent["token"].encode() in payload for payload in shown)


def test_modes_are_set(commanded, watcher, base, catalog, token, site):
    secret = token("guard")
    for action, mode in (("lock", "locked"), ("free", "free"), ("normal", "normal")):
        sent = command(secret, action)
        watcher.publish(base("command/portal/lobby"), json.dumps(sent))
        found = answer(watcher, base, sent)
        assert (found["result"], found["effective_mode"]) == ("confirmed", mode)
        watcher.wait(lambda mode=mode: watcher.json(base("portal/lobby/state"))["effective_mode"] == mode, "the state")
    with site.database.read() as session:
        found = events.of_kinds(session, ["admin.portal_mode"])
    assert {(event["actor"], event["detail"]["outlet"]) for event in found} == {("token:desk", "hall")}


GARBAGE = (
    ({"token": "dm_" + "x" * 43}, "the token is not known"),
    ({"token": ""}, "token"),
    ({"token": None}, "token"),
    ({"token": ["dm_"]}, "token"),
    ({"token": "x" * 200}, "token"),
    ({"action": "explode"}, "action"),
    ({"action": None}, "action"),
    ({"action": "unlock"}, "action"),
    ({"direction": "up"}, "direction"),
    ({"more": 1}, "no JSON object of"),
    ({"expires": 1e308}, "expires"),
    ({"expires": "soon"}, "expires: write a time"),
    ({"expires": "2026-12-01T08:00:00"}, "expires: write a time"),
    ({"expires": "9999-12-31T23:59:59-23:59"}, "expires: write a time"),
    ({"expires": None}, "expires"),
)


def test_garbage_is_refused_with_its_reason(commanded, watcher, base, catalog, token):
    moves(catalog)
    secret = token("guard")
    for change, reason in GARBAGE:
        sent = command(secret) | change
        watcher.publish(base("command/portal/lobby"), json.dumps(sent))
        found = answer(watcher, base, sent)
        assert (found["result"], reason in found["reason"]) == ("refused", True), found
    assert moves(catalog) == []


def test_what_has_no_id_to_answer_to_does_nothing(commanded, watcher, base, catalog, token, caplog):
    moves(catalog)
    good = command(token("guard"))
    for payload in (
        b"open",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{" + b'"a":{' * 600,
        b"NaN",
        b"1" * 5000,
        b'{"id": NaN}',
        json.dumps(good | {"id": "../x"}).encode(),
        json.dumps(good | {"id": "a/b"}).encode(),
        json.dumps(good | {"id": "+"}).encode(),
        json.dumps(good | {"id": 7}).encode(),
        json.dumps(good | {"id": "x" * 65}).encode(),
        json.dumps(good | {"id": ""}).encode(),
        json.dumps({name: value for name, value in good.items() if name != "id"}).encode(),
        json.dumps(good).encode() + b" " * 5000,
    ):
        watcher.publish(base("command/portal/lobby"), payload)
    for topic in ("command/portal/LOBBY", "command/portal/", "command/portal/%00", "command/portal/.."):
        watcher.publish(base(topic), json.dumps(good))
    last = command(token("guard"))
    watcher.publish(base("command/portal/lobby"), json.dumps(last))
    assert answer(watcher, base, last)["result"] == "confirmed"
    assert [move[0] for move in moves(catalog)] == ["release"], "the last one alone"
    answered = {topic for topic, _, _ in watcher.messages if "/result/" in topic}
    assert answered == {base(f"result/{last['id']}")}
    assert "Traceback" not in caplog.text


def test_wrong_rights_open_nothing(commanded, watcher, base, catalog, token, site):
    moves(catalog)
    revoked = token("guard")
    with site.database.write() as session:
        row = operators.get(session, "desk")
        operators.remove_token(session, row, row.tokens[-1].id)
    for secret, reason in (
        (token("technician"), "may not open a portal"),
        (token("auditor"), "may not open a portal"),
        (token("guard", expires=-1.0), "has expired"),
        (revoked, "not known"),
    ):
        sent = command(secret)
        watcher.publish(base("command/portal/lobby"), json.dumps(sent))
        found = answer(watcher, base, sent)
        assert (found["result"], reason in found["reason"]) == ("refused", True), found
    sent = command(token("guard"))
    watcher.publish(base("command/portal/nowhere"), json.dumps(sent))
    assert "no portal" in answer(watcher, base, sent)["reason"]
    assert moves(catalog) == []
    noted = wait_until(lambda: _of_kind(site, "admin.call_refused"), "the refusals on record")
    assert "outlet hall" in json.dumps(noted[0]["detail"])


def _of_kind(site, kind):
    with site.database.read() as session:
        return events.of_kinds(session, [kind])


def test_a_command_is_valid_for_seconds(commanded, watcher, base, catalog, token):
    moves(catalog)
    secret = token("guard")
    for seconds, reason in ((-1.0, "expired"), (-3600.0, "expired"), (15.0, "valid for more than 10 s")):
        sent = command(secret, seconds=seconds)
        watcher.publish(base("command/portal/lobby"), json.dumps(sent))
        found = answer(watcher, base, sent)
        assert (found["result"], reason in found["reason"]) == ("refused", True), found
    assert moves(catalog) == []


def test_a_retained_command_is_refused_and_taken_away(commanded, watcher, base, catalog, token, site, broker):
    moves(catalog)
    sent = command(token("guard"), seconds=9.0)
    watcher.publish(base("command/portal/lobby"), json.dumps(sent), retain=True)
    assert "retained" in answer(watcher, base, sent)["reason"]
    watcher.wait(lambda: base("command/portal/lobby") not in watcher.kept, "that it is gone")
    assert moves(catalog) == []


def test_a_command_that_was_kept_while_the_outlet_was_away_opens_nothing(
    started, broker, watcher, add_outlet, base, catalog, token
):
    moves(catalog)
    with_retain, plain = command(token("guard"), seconds=9.5), command(token("guard"), seconds=9.5)
    add_outlet(broker, "other")  # so that the site has an id
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    watcher.publish(base("command/portal/lobby"), json.dumps(with_retain), retain=True)
    watcher.publish(base("command/portal/lobby"), json.dumps(plain))
    _exchange_for_commands(started, broker, add_outlet)
    watcher.wait(lambda: watcher.messages.count((base("available"), b"online", True)) > 1, "another connection")
    last = command(token("guard"))
    watcher.publish(base("command/portal/lobby"), json.dumps(last))
    assert answer(watcher, base, last)["result"] == "confirmed"
    assert [move[0] for move in moves(catalog)] == ["release"]


def _exchange_for_commands(daemon, broker, add_outlet):
    with unit_of_work(daemon._site, "uid:0") as work:
        changes.remove_outlet(work, "other")
    wait_until(lambda: daemon._outlets.figures() == {}, "that it is removed")
    add_outlet(broker, commands=True)


def test_an_interlocked_portal_opens_and_it_is_recorded_by_which_outlet(
    commanded, watcher, base, catalog, token, site, started
):
    """It is opened on another thread than the command's."""
    with site.database.write() as session:
        session.add(InterlockRow(name="trap", portals=["lobby", "back"], settle_seconds=0.0))
    wait_until(lambda: "trap" in started._rules.refresh().interlocks, "the interlock")
    sent = command(token("guard"))
    watcher.publish(base("command/portal/lobby"), json.dumps(sent))
    assert answer(watcher, base, sent)["result"] == "confirmed"
    (opened,) = _of_kind(site, "admin.portal_open")
    assert (opened["actor"], opened["detail"]["outlet"]) == ("token:desk", "hall")


def test_an_outlet_for_some_portals_takes_commands_to_these_alone(
    started, broker, watcher, add_outlet, base, catalog, token, site
):
    with site.database.write() as session:
        gate = device_store.device(session, "arm")
        more = {"channel": 2, "fail": "secure", "release_seconds": 5.0, "mode": "normal"}
        session.add(PortalRow(name="vault", gate_id=gate.id, **more))
    add_outlet(broker, commands=True, portals=["lobby"])
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    moves(catalog)
    sent = command(token("guard"))
    watcher.publish(base("command/portal/vault"), json.dumps(sent))
    assert "not for portal 'vault'" in answer(watcher, base, sent)["reason"]
    assert moves(catalog) == []


def test_after_a_start_nothing_is_taken_that_could_be_a_repetition(
    daemon, broker, watcher, add_outlet, base, catalog, token
):
    add_outlet(broker, commands=True)
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    moves(catalog)
    sent = command(token("guard"), seconds=0.5)
    watcher.publish(base("command/portal/lobby"), json.dumps(sent))
    assert "just started" in answer(watcher, base, sent)["reason"]
    assert moves(catalog) == []


def test_without_commands_nothing_is_taken(started, broker, watcher, add_outlet, base, catalog, token):
    add_outlet(broker)
    watcher.wait(lambda: watcher.kept.get(base("available")) == b"online", "that it is available")
    moves(catalog)
    watcher.publish(base("command/portal/lobby"), json.dumps(command(token("guard"))))
    assert f"{base('portal/+/state')} (QoS 1)" in broker.log, "what it subscribes to"
    assert f"{base('command/portal/+')} (QoS 1)" not in broker.log
    assert moves(catalog) == []
    assert not any("/result/" in topic for topic, _, _ in watcher.messages)


def test_guesses_are_few_and_keep_no_one_out(commanded, watcher, base, catalog, token):
    good = token("guard")
    sent = command(good)
    watcher.publish(base("command/portal/lobby"), json.dumps(sent))
    assert answer(watcher, base, sent)["result"] == "confirmed"
    guesses = [command(f"dm_{number:043d}") for number in range(commands.MAX_WRONG_TOKENS + 5)]
    reasons = []
    for guess in guesses:
        watcher.publish(base("command/portal/lobby"), json.dumps(guess))
        reasons.append(answer(watcher, base, guess)["reason"])
    assert sum("not known" in one for one in reasons) == commands.MAX_WRONG_TOKENS
    assert "too many tokens" in reasons[-1]
    sent = command(good)
    watcher.publish(base("command/portal/lobby"), json.dumps(sent))
    assert answer(watcher, base, sent)["result"] == "confirmed", "a token that was right before"
    another = command(token("guard"))
    watcher.publish(base("command/portal/lobby"), json.dumps(another))
    assert "too many tokens" in answer(watcher, base, another)["reason"]


def test_a_lost_answer_of_a_gate_is_unknown(commanded, watcher, base, catalog, token):
    catalog.gate.release_error = OutcomeUnknown("the answer was lost")
    sent = command(token("guard"))
    watcher.publish(base("command/portal/lobby"), json.dumps(sent))
    found = answer(watcher, base, sent)
    assert (found["result"], found["reason"]) == ("unknown", "the answer was lost")


def test_a_slow_gate_holds_nothing_up_and_only_some_commands_are_under_way(
    commanded, watcher, base, catalog, token, monkeypatch
):
    go = threading.Event()
    release = catalog.gate.release

    def slowly(*given):
        assert go.wait(30)
        return release(*given)

    catalog.gate.release = slowly
    secret = token("guard")
    many = [command(secret, seconds=9.0) for _ in range(inbox.MAX_UNDER_WAY + 1)]
    for sent in many:
        watcher.publish(base("command/portal/lobby"), json.dumps(sent))
    assert "too many commands" in answer(watcher, base, many[-1])["reason"]
    go.set()
    assert answer(watcher, base, many[0])["result"] in ("confirmed", "refused", "unknown")


def test_a_clock_in_doubt_refuses_all(commanded, watcher, base, catalog, token, site, monkeypatch):
    moves(catalog)
    now = datetime.now(UTC)
    monkeypatch.setattr(type(site.clock), "times", lambda _: (now + timedelta(minutes=2), now))
    sent = command(token("guard"))
    watcher.publish(base("command/portal/lobby"), json.dumps(sent))
    assert "check both clocks" in answer(watcher, base, sent)["reason"]
    assert moves(catalog) == []
