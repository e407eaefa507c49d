"""The channel against a receiver that is cut, slow, deaf, gone or another one than it says."""

import socket
import threading
from functools import partial
from pathlib import Path

import pytest

from devicemgr.outlets.runner import try_out
from devicemgr.outlets.sender import Undelivered
from devicemgr.outlets.syslog import sender, stream
from devicemgr.outlets.syslog.sender import Syslog
from devicemgr.site.outlets.fields import checked_fields
from tests.devicemgr.outlets.syslog.test_cef import parsed_cef
from tests.devicemgr.outlets.syslog.test_rfc5424 import EVENT, parsed
from tests.support.certificates import self_signed
from tests.support.syslog_receiver import SyslogReceiver
from tests.support.webhook_receiver import wait_until


def denied(record, count):
    return record(count, "access_denied", reason="expired")


def once(seqs):
    """Return seqs without those that came again; AssertionError if one that is new comes behind a later one."""
    fresh = list(dict.fromkeys(seqs))
    assert fresh == sorted(fresh)
    return fresh


def made(url, **fields):
    return Syslog(checked_fields({"kind": "syslog", "url": url, **fields}), (), "3f1c0a9be2d4")


def test_denials_administration_and_alarms_leave_by_default(peer, add_syslog, record, running):
    add_syslog(peer.url, kinds=[])
    running.consider()
    record(1)  # a request to exit
    record(1, "access_granted")
    wanted = denied(record, 1) + record(1, "portal_forced") + record(1, "admin.level_added")
    peer.wait(lambda: wanted[-1] in peer.seqs, "three events")
    assert peer.seqs == [1, *wanted], "the outlet was added by the first one"
    heads = [parsed(message)[0] for message in peer.messages[1:]]
    assert [head["pri"] for head in heads] == ["85", "82", "85"]
    assert [head["msgid"] for head in heads] == ["access_denied", "portal_forced", "admin.level_added"]
    assert heads[0]["host"] == socket.gethostname()


def test_the_format_and_the_number_are_as_stated(peer, add_syslog, record, running):
    add_syslog(peer.url, format="cef")
    running.consider()
    (seq,) = denied(record, 1)
    peer.wait(lambda: bool(peer.messages), "an event")
    _, elements, text = parsed(peer.messages[0])
    assert elements == {}
    assert parsed_cef(text)[1]["cn1"] == str(seq)


def test_a_connection_that_is_cut_loses_nothing(peer, add_syslog, record, running, row_of):
    """What the receiver's computer has taken and the receiver has not read is lost by a cut, and comes again."""
    add_syslog(peer.url)
    running.consider()
    wanted = []
    for _ in range(5):
        peer.reads.clear()
        wanted += denied(record, 20)
        peer.wait(lambda: peer.connections >= 1, "a connection")
        before = peer.connections
        peer.cut()
        peer.reads.set()
        peer.wait(partial(peer.has_more_connections, before), "another connection")
    wanted += denied(record, 20)
    peer.wait(lambda: set(wanted) <= set(peer.seqs), "all events")
    assert once(peer.seqs) == wanted
    wait_until(lambda: row_of()["cursor"] >= wanted[-1], "that they count as arrived")
    assert "error" not in row_of()


def test_a_write_counts_only_once_the_connection_has_stood(peer, add_syslog, record, running, row_of, monkeypatch):
    monkeypatch.setattr(stream, "SETTLE_S", 600.0)
    add_syslog(peer.url)
    running.consider()
    wanted = denied(record, 3)
    peer.wait(lambda: peer.seqs == wanted, "three events")
    wanted += denied(record, 1)
    peer.wait(lambda: peer.seqs == wanted, "the next successful write")
    assert running.figures()["hr"]["cursor"] < wanted[0]
    monkeypatch.setattr(stream, "SETTLE_S", 0.0)
    wait_until(lambda: row_of()["cursor"] >= wanted[-1], "that they count as arrived")
    assert peer.seqs == wanted, "each once"


def test_what_the_other_computer_has_not_acknowledged_has_not_arrived(peer, monkeypatch):
    monkeypatch.setattr(stream, "SETTLE_S", 0.0)
    channel = made(peer.url)
    monkeypatch.setattr(stream, "_unacknowledged", lambda line: 1)
    channel.send([{**EVENT, "seq": 7}])
    channel.send([{**EVENT, "seq": 8}])
    assert channel.settle() == 8
    monkeypatch.setattr(stream, "_unacknowledged", lambda line: 10_000)
    channel.send([{**EVENT, "seq": 9}])
    assert channel.settle() == 8
    monkeypatch.undo()
    channel.close()


def test_a_receiver_that_is_killed_and_comes_back_gets_the_rest(peer, add_syslog, record, running):
    add_syslog(peer.url)
    running.consider()
    before = denied(record, 20)
    peer.wait(lambda: set(before) <= set(peer.seqs), "the first events")
    peer.close()
    missed = denied(record, 20)
    wait_until(lambda: running.figures()["hr"]["state"].get("error"), "a failure")
    again = SyslogReceiver(peer.port)
    try:
        again.wait(lambda: set(missed) <= set(again.seqs), "the events that it missed")
        assert once(again.seqs)[-20:] == missed
        wait_until(lambda: "error" not in running.figures()["hr"]["state"], "that it is well again")
    finally:
        again.close()


def test_a_receiver_that_ends_the_connection_has_not_taken_what_was_last(peer, monkeypatch):
    monkeypatch.setattr(stream, "SETTLE_S", 60.0)
    channel = made(peer.url)
    channel.send([EVENT])
    peer.wait(lambda: bool(peer.messages), "the message")
    peer.cut(resets=False)
    with pytest.raises(Undelivered, match="has ended the connection"):
        wait_until(lambda: channel.settle() is None, "the end", 5)
    channel.close()


def test_a_receiver_that_ends_an_idle_connection_is_no_failure(peer, add_syslog, record, running, row_of):
    add_syslog(peer.url)
    running.consider()
    first = denied(record, 1)
    wait_until(lambda: row_of()["cursor"] >= first[-1], "that it has arrived")
    peer.cut(resets=False)
    second = denied(record, 1)
    wait_until(lambda: row_of()["cursor"] >= second[-1], "that the next one has arrived")
    assert peer.seqs == first + second
    assert running.failures() == {"hr": 0}


def test_a_handshake_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(sender, "DEADLINE_S", 0.3)
    peer = SyslogReceiver(certificate=self_signed(tmp_path, ["localhost"]))
    peer.shakes_hands = False
    channel = made(peer.url)
    with pytest.raises(Undelivered, match="localhost did not answer within"):
        channel.send([EVENT])
    channel.close()
    peer.close()


def test_a_receiver_of_one_byte_a_second_holds_nothing_up(peer, add_syslog, record, running, monkeypatch):
    monkeypatch.setattr(stream, "SETTLE_S", 60.0)
    peer.read_bytes, peer.pause_s = 1, 1.0
    add_syslog(peer.url)
    running.consider()
    wanted = denied(record, 5)
    peer.wait(lambda: peer.connections == 1, "a connection")
    box = running._running["hr"]
    box.ask_to_stop()
    box.join(5)
    assert not box._thread.is_alive()
    assert box.figures()["cursor"] < wanted[-1]


def send_much(channel, event):
    for _ in range(100):
        channel.send([event] * 50)


def test_a_receiver_that_takes_nothing_is_given_up(peer, monkeypatch):
    monkeypatch.setattr(sender, "DEADLINE_S", 2.0)  # for the connection too, on a busy computer
    peer.reads.clear()
    channel = made(peer.url)
    big = {**EVENT, "detail": {"note": "x" * 6000}}
    with pytest.raises(Undelivered, match="took nothing for"):
        send_much(channel, big)
    assert channel.settle() is None, "nothing is held any more"
    channel.close()


def test_a_handshake_that_hangs_ends_with_the_outlet(tmp_path, monkeypatch):
    peer = SyslogReceiver(certificate=self_signed(tmp_path, ["localhost"]))
    peer.shakes_hands = False
    channel = made(peer.url)
    failures = []

    def send():
        try:
            channel.send([EVENT])
        except Undelivered as error:
            failures.append(str(error))

    thread = threading.Thread(target=send)
    thread.start()
    peer.wait(lambda: peer.connections == 1, "a connection")
    channel.close()
    thread.join(15)
    assert failures
    peer.close()


def test_over_tls_to_whom_it_says(tmp_path: Path, add_syslog, record, running):
    certificate = self_signed(tmp_path, ["localhost"])
    peer = SyslogReceiver(certificate=certificate)
    add_syslog(peer.url, tls_ca=certificate[0].read_text())
    running.consider()
    try:
        wanted = denied(record, 3)
        peer.wait(lambda: peer.seqs == wanted, "three events")
        peer.cut()
        wanted += denied(record, 3)
        peer.wait(lambda: set(wanted) <= set(peer.seqs), "three more")
        assert once(peer.seqs) == wanted
    finally:
        peer.close()


@pytest.mark.parametrize(
    ("names", "trusts", "why"),
    [(["other.example"], True, "Hostname mismatch"), (["localhost"], False, "self-signed")],
)
def test_over_tls_to_no_one_else(tmp_path: Path, names, trusts, why):
    certificate = self_signed(tmp_path, names)
    peer = SyslogReceiver(certificate=certificate)
    channel = made(peer.url, tls_ca=certificate[0].read_text() if trusts else "")
    with pytest.raises(Undelivered, match=rf"not trusted \({why}.*give its CA"):
        channel.send([EVENT])
    assert peer.messages == []
    channel.close()
    peer.close()


def test_an_expired_certificate_is_refused(tmp_path: Path):
    certificate = self_signed(tmp_path, ["localhost"], days=-1)
    peer = SyslogReceiver(certificate=certificate)
    channel = made(peer.url, tls_ca=certificate[0].read_text())
    with pytest.raises(Undelivered, match="expired"):
        channel.send([EVENT])
    channel.close()
    peer.close()


def test_a_datagram_for_each_event_cut_at_its_size():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(10)
        channel = made(f"syslog+udp://127.0.0.1:{line.getsockname()[1]}")
        channel.send([EVENT, {**EVENT, "seq": 4712, "detail": {"note": "ж" * 2000}}])
        first, second = line.recv(65536), line.recv(65536)
        assert channel.settle() is None
    assert parsed(first)[2] == "access_denied at lobby (entry): expired, person 1042"
    assert 1176 < len(second) <= 1180
    assert parsed(second)[2].endswith("ж…")


def test_no_one_listens_for_datagrams():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        port = line.getsockname()[1]
    channel = made(f"syslog+udp://127.0.0.1:{port}")
    with pytest.raises(Undelivered, match="refused"):
        channel.send([EVENT] * 20)


def test_a_test_message_waits_whether_the_receiver_keeps_the_connection(peer, add_syslog, site):
    add_syslog(peer.url)
    assert try_out(site, "hr").cause is None
    head, elements, _ = parsed(peer.messages[0])
    assert (head["msgid"], elements["devicemgr@32473"]["seq"]) == ("test", "")
    peer.shakes_hands = False
    peer.close()
    assert "is not reached" in try_out(site, "hr").cause


def test_a_receiver_that_hangs_up_at_once_has_not_taken_the_test(peer, monkeypatch):
    monkeypatch.setattr(stream, "SETTLE_S", 30.0)
    channel = made(peer.url)
    cutting = threading.Thread(target=lambda: (peer.wait(lambda: bool(peer.messages), "the message"), peer.cut()))
    cutting.start()
    with pytest.raises(Undelivered, match="has cut the connection"):
        channel.test()
    cutting.join()


@pytest.mark.parametrize("url", ["syslog+tcp://siem.example", "syslog+udp://siem.example:514"])
def test_to_another_computer_only_over_tls_unless_stated(url):
    with pytest.raises(Exception, match="insecure"):
        checked_fields({"kind": "syslog", "url": url})
    checked_fields({"kind": "syslog", "url": url, "insecure": True})
    checked_fields({"kind": "syslog", "url": "syslog+tls://siem.example"})
