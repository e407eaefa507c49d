"""Online mode: the terminal asks, is answered once, and nobody else can ask."""

import http.client
import json
import re
import socket
import threading
import time

import pytest

from devicemgr.domain.device_events import DeviceDecided, DeviceReported, Presented, PushRefused
from devicemgr.domain.ledger_events import Kind
from devicemgr.errors import DeviceBusy, DeviceRefused, OutcomeUnknown
from drivers.dahua_console.events.push import MAX_BODY_BYTES, PushListener
from drivers.sim.dahua.push import push, push_body
from drivers.sim.dahua.streams import News


@pytest.fixture
def online(sim, build):
    """A console whose terminal asks here; its listener's port is a free one."""
    sim.people.insert_users([{"UserID": "42", "UserName": "A"}])

    def make(**options):
        device = build(sim.address, decide="host", push_port=49999, push_host="127.0.0.1", **options)
        device._online.listener._port = 0
        device.open()
        sim.events.wait_for("attached")
        return device

    return make


def ask(sim, user="42"):
    """Somebody stands there, in a thread: the terminal waits for the answer."""
    thread = threading.Thread(target=sim.someone, args=(user,), daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("granted", [True, False])
@pytest.mark.parametrize("deflated", [True, False])
def test_the_terminal_asks_and_does_as_it_is_told(sim, online, collect, granted, deflated):
    device = online()
    sim.deflate_pushes = deflated
    thread = ask(sim)
    (asked,) = collect(device, 1, Presented)
    assert (asked.badge, asked.channel, asked.score, asked.vendor) == ("42", 1, 96.0, "dahua")
    device.answer(asked.serial, granted, "Қош келдіңіз")
    thread.join(10)
    told = sim.events.wait_for("question")
    assert (told["granted"], told["words"]) == (granted, "Қош келдіңіз")
    assert len(sim.events.all("unlocked")) == granted
    with pytest.raises(DeviceRefused, match="does not wait"):
        device.answer(asked.serial, True, "")


def test_what_was_answered_here_is_no_decision_of_the_terminal(sim, online, collect):
    device = online()
    thread = ask(sim)
    device.answer(collect(device, 1, Presented)[0].serial, True, "")
    thread.join(10)
    (opened,) = collect(device, 1)
    assert (type(opened), opened.kind, opened.serial) == (DeviceReported, Kind.DEVICE_CONFIRMED, 1)
    thread = ask(sim)
    device.answer(collect(device, 1, Presented)[0].serial, False, "")
    thread.join(10)
    (refused,) = collect(device, 1)
    assert (type(refused), refused.kind, refused.serial) == (DeviceReported, Kind.DEVICE_CONFIRMED, 2)
    sim.remember(1, int(time.time()), user="7")
    sim.streams.tell(News("AccessControl", "Pulse", 0, {"UserID": "7", "CreateTime": int(time.time())}))
    (alone,) = collect(device, 1)
    assert (type(alone), alone.serial, alone.badge) == (DeviceDecided, 3, "7")


def test_what_was_answered_here_is_no_decision_of_the_terminal_however_late_its_record_comes(
    sim, online, collect, monkeypatch
):
    monkeypatch.setattr("drivers.dahua_console.events.feed._PATIENCE", 0.1)
    device = online()
    sim.record_what_is_seen = False
    thread = ask(sim)
    device.answer(collect(device, 1, Presented)[0].serial, True, "")
    thread.join(10)
    until = time.monotonic() + 10
    while not device._news._pending:  # the stream has told of it, and its record is still missing
        assert device.poll() == []
        assert time.monotonic() < until
    while device._news._pending:
        assert device.poll() == []
        assert time.monotonic() < until
    second = int(time.time())
    sim.remember(1, second, user="42")
    sim.streams.tell(News("AccessControl", "Pulse", 0, {"UserID": "7", "CreateTime": second}))
    found = collect(device, 1)
    assert [(type(fact), fact.serial) for fact in found if fact.serial == 1] == [(DeviceReported, 1)]


def test_a_terminal_that_opens_against_the_answer_is_told_of(sim, online, collect):
    device = online()
    thread = ask(sim)
    device.answer(collect(device, 1, Presented)[0].serial, False, "")
    thread.join(10)
    collect(device, 1)
    sim.cgis.config["Intelbras_ModeCfg.DeviceMode"] = "0"
    sim.someone("42")
    (fact,) = collect(device, 1)
    assert (type(fact), fact.granted, fact.badge) == (DeviceDecided, True, "42")


def test_a_question_without_an_answer_is_answered_no(sim, online):
    device = online()
    device._online.listener.seconds = 0.6
    ask(sim).join(10)
    assert sim.events.wait_for("question")["granted"] is False
    assert sim.events.all("unlocked") == []


def test_a_terminal_that_hung_up_leaves_the_outcome_unknown(sim, online, collect):
    device = online()
    listener = device._online.listener
    body = push_body({"Events": [{"Code": "AccessControl", "Index": 0, "Data": {"UserID": "42"}}]}, [])
    with pytest.raises(TimeoutError):
        push("127.0.0.1", listener.port, listener.path, body, deflated=False, timeout=0.3)
    (asked,) = collect(device, 1, Presented)
    question = listener._open[asked.serial]
    question.left.set()  # its handler failed to write
    with pytest.raises(OutcomeUnknown):
        device.answer(asked.serial, True, "")


@pytest.mark.parametrize("path", ["/", "/notification", "/wrong-path"])
def test_nobody_else_can_ask(sim, online, path):
    device = online()
    body = push_body({"Events": [{"Code": "AccessControl", "Index": 0, "Data": {"UserID": "42"}}]}, [])
    status, answer = push("127.0.0.1", device._online.listener.port, path, body, deflated=False, timeout=5)
    assert (status, answer) == (404, b"")
    (refused,) = device.poll()
    assert isinstance(refused, PushRefused)
    assert refused.detail["calls"] == {"wrong path": 1}
    assert device.poll() == []


def test_another_address_is_not_the_terminal():
    listener = PushListener(0, ["192.0.2.7"], asks=True, seconds=1)
    assert not listener.admits("127.0.0.1", listener.path)
    assert listener.admits("192.0.2.7", listener.path)
    assert listener.admits("::ffff:192.0.2.7", listener.path + "?x=1")


def test_strangers_take_no_place_of_the_terminal_s(sim, online, collect, monkeypatch):
    device = online()
    server = device._online.listener._server
    monkeypatch.setattr(server, "_hosts", frozenset({"192.0.2.7"}))
    held = [socket.create_connection(("127.0.0.1", server.server_port), timeout=5) for _ in range(50)]
    assert [stranger.recv(1) for stranger in held] == [b""] * 50  # hung up on, unread
    for stranger in held:
        stranger.close()
    monkeypatch.setattr(server, "_hosts", frozenset({"127.0.0.1"}))
    ask(sim)
    assert collect(device, 1, Presented)


@pytest.mark.parametrize("body", [b"", b"garbage", b"--b\r\n\r\n{\r\n--b--\r\n", b'{"Events":[]}', b"--myboundary"])
def test_a_push_that_can_t_be_read_is_answered_no_and_not_sent_again(sim, online, body):
    listener = online()._online.listener
    status, answer = push("127.0.0.1", listener.port, listener.path, body, deflated=False, timeout=5)
    assert status == 200
    assert json.loads(answer)["auth"] == "false"


@pytest.mark.parametrize("length", ["-1", "x", str(MAX_BODY_BYTES + 1), "9" * 30, ""])
def test_a_push_without_a_sensible_length_is_refused_unread(sim, online, length):
    listener = online()._online.listener
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=5)
    connection.putrequest("POST", listener.path)
    connection.putheader("Content-Length", length)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_how_the_terminal_is_set(sim, online, build):
    device = online(fallback="console")
    config = sim.cgis.config
    assert config["Intelbras_ModeCfg.DeviceMode"] == "2"
    assert config["Intelbras_ModeCfg.KeepAlive.Enable"] == "true"
    assert config["PictureHttpUpload.UploadServerList[0].Address"] == "127.0.0.1"
    config["Intelbras_ModeCfg.DeviceMode"] = "0"
    device._clock_read = -1e9
    device.poll()
    assert config["Intelbras_ModeCfg.DeviceMode"] == "2"
    device.close()
    alone = build(sim.address)
    alone.open()
    assert config["Intelbras_ModeCfg.DeviceMode"] == "0"
    with pytest.raises(DeviceRefused, match="decides by itself"):
        alone.answer(1, True, "")


def test_firmware_without_online_mode_says_so(sim, build):
    sim.unknown_config.append("Intelbras_ModeCfg.DeviceMode")
    device = build(sim.address, decide="host", push_port=49999, push_host="127.0.0.1")
    device._online.listener._port = 0
    with pytest.raises(DeviceRefused, match="decide=console"):
        device.open()


def test_a_taken_port_is_told(sim, online, build):
    taken = online()._online.listener.port
    with pytest.raises(DeviceBusy, match="give another push_port"):
        build(sim.address, decide="host", push_port=taken, push_host="127.0.0.1").open()


def test_a_push_that_was_not_taken_is_sent_again(sim, build, collect):
    sim.people.insert_users([{"UserID": "42"}])
    device = build(sim.address, push_port=49999, push_host="127.0.0.1")
    device._online.listener._port = 0
    device.open()
    sim.events.wait_for("attached")
    path = sim.cgis.config.pop("PictureHttpUpload.UploadServerList[0].Uploadpath")
    sim.someone("42")
    assert sim.events.wait_for("push_kept")["waiting"] == 1
    sim.cgis.config["PictureHttpUpload.UploadServerList[0].Uploadpath"] = path
    sim.someone("42")
    assert sim.unpushed == []
    assert [fact.serial for fact in collect(device, 2, DeviceDecided)] == [1, 2]


def test_a_push_alone_is_only_a_hint(sim, build, collect):
    device = build(sim.address, push_port=49999, push_host="127.0.0.1")
    listener = device._online.listener
    listener._port = 0
    device.open()
    device.poll()
    body = push_body({"Events": [{"Code": "AccessControl", "Index": 0, "Data": {"UserID": "42", "Status": 1}}]}, [])
    assert push("127.0.0.1", listener.port, listener.path, body, deflated=False, timeout=5)[0] == 200
    assert [fact for _ in range(5) for fact in device.poll()] == []
    assert sim.cgis.config["Intelbras_ModeCfg.DeviceMode"] == "1"


@pytest.mark.parametrize("lost", ["PictureHttpUpload.UploadServerList[0].Port", "Intelbras_ModeCfg.KeepAlive.Enable"])
def test_a_setting_that_does_not_stay_is_named(sim, build, lost):
    device = build(sim.address, decide="host", push_port=49997, push_host="127.0.0.1")
    device._online.listener._port = 0
    sim.cgis.config = Forgetful(sim.cgis.config, lost)
    with pytest.raises(DeviceRefused, match=re.escape(lost.partition(".")[2])):
        device.open()


def test_a_time_that_the_terminal_keeps_otherwise_is_a_complaint(sim, build):
    device = build(sim.address, decide="host", push_port=49997, push_host="127.0.0.1")
    device._online.listener._port = 0
    sim.cgis.config = Forgetful(sim.cgis.config, "Intelbras_ModeCfg.RemoteCheckTimeout")
    device.open()
    assert "RemoteCheckTimeout" in device.complaint


class Forgetful(dict):
    """Settings of which one is taken, and kept as it is not."""

    def __init__(self, settings, lost):
        super().__init__(settings)
        self._lost = lost

    def update(self, wanted):
        super().update(wanted | ({self._lost: "77"} if self._lost in wanted else {}))
