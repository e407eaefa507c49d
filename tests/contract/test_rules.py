"""Rules 1, 2, 6 and 7 of docs/driver-guide.md, at a peer in bytes for every kind (tests/contract/peers)."""

import threading
import time

import pytest

from devicemgr.access.release import Opening, release_gate
from devicemgr.domain.device_events import DeviceDecided, DeviceReported, GateAlarm, Presented
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceConfig, Direction, Portal
from devicemgr.domain.ports.device import Complaining, Gate
from devicemgr.errors import DeviceError, DeviceUnreachable, OutcomeUnknown
from drivers import Catalog
from tests.contract.peers.base import COMMAND, READING, RULES, SILENCE, UNKNOWN, UNSEEN, wait_until

pytestmark = pytest.mark.timeout(120)

TIMES = 3
ALARMS = frozenset({Kind.TAMPER, Kind.DEVICE_DEGRADED, Kind.PORTAL_FORCED})


@pytest.fixture
def build(kind, peer, monkeypatch):
    """build(**options) makes a device at the peer, which is not open; closed at the end."""
    built = []
    if hasattr(peer, "hurry"):
        peer.hurry(monkeypatch)

    def make(**options):
        config = DeviceConfig(
            "1", "at-the-peer", kind, peer.address, peer.username, peer.password, dict(peer.options) | options
        )
        device = Catalog().get(kind).build(config)
        if hasattr(device, "resume"):
            device.resume(None)
        built.append(device)
        return device

    yield make
    for device in built:
        device.close()


def rest(device):
    threading.Event().wait(min(device.poll_interval, 0.05))


def poll_while(device, holds, seconds):
    """Poll until `holds(facts)`; all facts that came."""
    facts = []
    poll_into(facts, device, seconds, holds)
    return facts


def poll_into(facts, device, seconds, holds=lambda _: False):
    """Poll until `holds(facts)` or an error comes; the facts before it are kept."""
    until = time.monotonic() + seconds
    while not holds(facts):
        assert time.monotonic() < until, f"in vain; the latest facts: {facts[-5:]}"
        facts += device.poll()
        rest(device)


def open_and_settle(device):
    """Open, and take what the device reports of its state; a reader may want a second try."""
    device.open()
    for _ in range(5):
        device.poll()
        rest(device)
    return device


def alarms_of(facts):
    return [fact for fact in facts if isinstance(fact, GateAlarm) and fact.kind in ALARMS and fact.active is not False]


def test_each_rule_that_a_peer_can_not_break_has_its_reason(peer):
    assert set(peer.without) <= set(RULES)
    assert all(len(reason.split()) >= 5 for reason in peer.without.values())


def test_a_busy_reading_is_repeated_in_the_same_session(peer_for, build):
    """Rule 1."""
    peer = peer_for(READING)
    device = open_and_settle(build())
    sessions, before = peer.sessions, peer.refused
    peer.be_busy(TIMES, READING)
    device.check()
    facts = poll_while(device, lambda _: peer.refused >= before + TIMES, peer.patience_s)
    facts += device.poll()
    assert alarms_of(facts) == []
    assert peer.sessions == sessions


def test_a_busy_opening_is_repeated(peer_for, build):
    """Rule 1."""
    peer = peer_for(READING)
    if getattr(peer, "silence_shows_in", "poll") == "check":
        pytest.skip("its opening asks the device for nothing")
    device = build()
    peer.be_busy(TIMES, READING)
    device.open()
    poll_while(device, lambda _: peer.refused >= TIMES, peer.patience_s)


def test_a_busy_release_is_repeated_and_carried_out_once(kind, peer_for, build):
    """Rule 1; as the daemon sends it, which repeats after NotYet alone."""
    peer = peer_for(COMMAND)
    device = open_and_settle(build())
    if not isinstance(device, Gate):
        pytest.skip(f"{kind} is no gate")
    sessions, before, opened = peer.sessions, peer.refused, peer.opened
    peer.be_busy(TIMES, COMMAND)
    now = time.monotonic()
    sent = release_gate(Opening("r", Portal("door", "at-the-peer"), Direction.ENTRY, now, now), device)
    assert sent.unknown is None
    assert peer.refused == before + TIMES
    wait_until(lambda: peer.opened > opened)
    assert peer.opened == opened + 1
    device.poll()
    assert peer.sessions == sessions


def test_silence_is_unreachable_and_nothing_else(peer_for, build):
    """Rule 2."""
    peer = peer_for(SILENCE)
    silence_shows_in = getattr(peer, "silence_shows_in", "poll")
    device = open_and_settle(build())
    peer.fall_silent()
    ignored = peer.ignored
    if isinstance(device, Gate):
        with pytest.raises((OutcomeUnknown, DeviceUnreachable)):
            device.release(1, Direction.ENTRY, 1.0)
    facts = []
    look = device.check if silence_shows_in == "check" else lambda: poll_into(facts, device, peer.patience_s)
    with pytest.raises(DeviceError) as lost:
        look()
    assert isinstance(lost.value, DeviceUnreachable), repr(lost.value)
    assert alarms_of(facts) == []
    assert peer.ignored > ignored
    device.close()
    if silence_shows_in == "check":
        return
    with pytest.raises(DeviceError) as lost:
        device.open()
    assert isinstance(lost.value, DeviceUnreachable), repr(lost.value)


def test_an_input_that_is_never_reported_is_a_complaint(peer_for, build):
    """Rule 6: `degraded`, with what is missing and what the device reports instead."""
    peer = peer_for(UNSEEN)
    device = build(**peer.unseen)
    device.open()
    assert isinstance(device, Complaining)
    poll_while(device, lambda _: peer.missing in (device.complaint or ""), peer.patience_s)
    assert peer.reported in device.complaint


def test_a_code_that_no_table_has_is_recorded(peer_for, build):
    """Rule 7: with its code, and with the person that the event names; never as an opening."""
    peer = peer_for(UNKNOWN)
    device = open_and_settle(build())
    sent = peer.send_unknown()
    facts = poll_while(device, lambda facts: all(recorded(facts, each.code) for each in sent), peer.patience_s)
    for each in sent:
        (fact, *_) = recorded(facts, each.code)
        if each.badge or each.card:
            assert isinstance(fact, DeviceDecided | Presented), fact
            assert (fact.badge or "") == each.badge
            assert not each.card or each.badge or each.card in fact.names
        assert not getattr(fact, "granted", False)


def recorded(facts, code):
    """The facts that name a code."""
    known = [fact for fact in facts if isinstance(fact, DeviceDecided | DeviceReported | GateAlarm | Presented)]
    parts = ("why", "detail", "evidence", "method", "refused")
    return [fact for fact in known if code in " ".join(str(getattr(fact, part, "")) for part in parts)]
