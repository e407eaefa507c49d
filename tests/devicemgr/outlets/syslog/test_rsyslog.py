"""Debian's rsyslogd parses what leaves, and loses nothing when it is killed."""

from pathlib import Path

import pytest

from devicemgr.outlets.syslog import stream
from devicemgr.text import safe
from tests.devicemgr.outlets.syslog.test_cef import parsed_cef
from tests.devicemgr.outlets.syslog.test_rfc5424 import EVENT
from tests.devicemgr.outlets.syslog.test_sender import denied, made, once
from tests.support.certificates import self_signed
from tests.support.hostile_text import CORPUS
from tests.support.rsyslog import Rsyslog
from tests.support.webhook_receiver import wait_until


@pytest.fixture
def certificate(tmp_path: Path):
    folder = tmp_path / "tls"
    folder.mkdir()
    return self_signed(folder, ["localhost"])


@pytest.fixture
def rsyslog(tmp_path: Path, certificate):
    found = Rsyslog(tmp_path, certificate)
    yield found
    found.close()


def arrived(rsyslog, count):
    """Return `count` messages once they have been written."""
    wait_until(lambda: len(rsyslog.messages()) >= count, f"{count} messages")
    return rsyslog.messages()


def test_each_part_of_an_event_arrives_over_tls(rsyslog, certificate, add_syslog, record, running, site):
    add_syslog(rsyslog.url, tls_ca=certificate[0].read_text())
    running.consider()
    (seq,) = denied(record, 1)
    (found,) = arrived(rsyslog, 1)
    (params,) = found["data"].values()
    assert list(found["data"]) == ["devicemgr@32473"]
    assert (params["seq"], params["kind"], params["portal"], params["person"], params["reason"]) == (
        str(seq),
        "access_denied",
        "lobby",
        "",
        "expired",
    )
    assert (found["pri"], found["app"], found["msgid"]) == ("85", "devicemgr", "access_denied")
    assert found["time"].endswith("Z")
    assert found["process"].isdigit()
    assert found["text"].startswith("access_denied at lobby: expired")


def test_no_text_is_more_than_a_value(tmp_path: Path):
    """All of the hostile texts on one plain connection, in both formats and as datagrams."""
    rsyslog = Rsyslog(tmp_path)
    try:
        for url, way in ((rsyslog.url, {}), (rsyslog.url.replace("+tcp", "+udp"), {})):
            channel = made(url, **way)
            before = len(rsyslog.messages())
            for start in range(0, len(CORPUS), 20):  # the socket of a receiver holds some datagrams only
                texts = CORPUS[start : start + 20]
                channel.send([{**EVENT, "person": text, "actor": text, "detail": {"note": text}} for text in texts])
                found = arrived(rsyslog, before + start + len(texts))[before + start :]
                params = [one["data"]["devicemgr@32473"] for one in found]
                assert [one["person"] for one in params] == [safe(text[:200]) for text in texts]
                assert [one["actor"] for one in params] == [safe(text[:200]) for text in texts]
                assert {(one["seq"], one["kind"]) for one in params} == {("4711", "access_denied")}
                assert {one["msgid"] for one in found} == {"access_denied"}
            channel.close()
        channel = made(rsyslog.url, format="cef")
        before = len(rsyslog.messages())
        channel.send([{**EVENT, "person": text, "detail": {"note": text}} for text in CORPUS])
        for one in arrived(rsyslog, before + len(CORPUS))[before:]:
            assert one["data"] == {}
            fields, pairs = parsed_cef(one["text"])
            assert (fields[3], pairs["cn1"]) == ("access_denied", "4711")
        channel.close()
        assert len(rsyslog.messages()) == 3 * len(CORPUS)
    finally:
        rsyslog.close()


def test_one_that_is_killed_under_a_stream_of_events_loses_none(
    rsyslog, certificate, add_syslog, record, running, row_of, monkeypatch
):
    monkeypatch.setattr(stream, "SETTLE_S", 2.0)
    add_syslog(rsyslog.url, tls_ca=certificate[0].read_text())
    running.consider()
    wanted = []
    for _ in range(4):
        written = len(rsyslog.messages())
        wanted += denied(record, 200)
        arrived(rsyslog, written + 1)
        rsyslog.kill()
        wanted += denied(record, 10)
        wait_until(lambda: running.figures()["hr"]["state"].get("error"), "a failure")
        rsyslog.start()
    wait_until(lambda: wanted[-1] in rsyslog.seqs(), "the last event", 60)
    assert once(rsyslog.seqs()) == wanted
    assert len(rsyslog.seqs()) > len(wanted), "some came again"
    wait_until(lambda: row_of()["cursor"] >= wanted[-1], "that all count as arrived")


@pytest.mark.parametrize("names", [["other.example"]])
def test_another_name_than_its_own_gets_nothing(tmp_path: Path, names):
    folder = tmp_path / "tls"
    folder.mkdir()
    certificate = self_signed(folder, names)
    rsyslog = Rsyslog(tmp_path, certificate)
    try:
        channel = made(rsyslog.url, tls_ca=certificate[0].read_text())
        with pytest.raises(Exception, match="Hostname mismatch"):
            channel.send([EVENT])
        channel.close()
        assert rsyslog.messages() == []
    finally:
        rsyslog.close()
