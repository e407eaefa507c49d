"""A console's questions by its pushes (ISAPIListen), settings that it does not keep, and a stream that only repeats.

From captures and field reports (DEVICE_FACTS sections 1 and 7): a K1T671 keeps checkChannelType PrivateSDK after a PUT;
working clients use ISAPIListen with httpHosts and answer in the push's reply, with the JSON of /remoteCheck. A push is
multipart/form-data with the part event_log, whose Content-Type may be missing. A K1T342EFWX V3.3.5 repeats its history
on the alert stream at 4 events a second, for hours.
"""

import json
import re
import socket
import threading
import time

import pytest

from devicemgr.domain.device_events import DeviceDecided, Presented
from devicemgr.errors import InvalidInput
from tests.drivers.hikvision_console.conftest import heard, until


def alert(event, **inner):
    """The push of a stored event as in a capture: envelope, event, and its JSON."""
    return json.dumps(
        {
            "ipAddress": "127.0.0.1",
            "portNo": 80,
            "protocol": "HTTP",
            "macAddress": "00:00:5e:00:53:01",
            "channelID": 1,
            "dateTime": event.at.isoformat(timespec="seconds"),
            "activePostCount": 1,
            "eventType": "AccessControllerEvent",
            "eventState": "active",
            "eventDescription": "Access Controller Event",
            "AccessControllerEvent": {
                "deviceName": "Access Controller",
                "majorEventType": 5,
                "subEventType": event.minor,
                "serialNo": event.serial,
                "cardReaderNo": 1,
                "currentVerifyMode": "faceOrFpOrCardOrPw",
                "remoteCheck": True,
                "currentEvent": True,
                **inner,
            },
        }
    ).encode()


def push(port, body, source="127.0.0.1"):
    """Post a multipart push and return the JSON of its reply, None where there is none."""
    form = (
        b'--MIME_boundary\r\nContent-Disposition: form-data; name="event_log"\r\n\r\n%s\r\n--MIME_boundary--\r\n' % body
    )
    head = (
        f"POST /devicemgr HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=MIME_boundary\r\n"
        f"Content-Length: {len(form)}\r\n\r\n"
    )
    reply = b""
    with socket.create_connection(("127.0.0.1", port), timeout=15, source_address=(source, 0)) as line:
        line.sendall(head.encode() + form)
        while chunk := line.recv(4096):
            reply += chunk
    assert reply.split(b"\r\n")[0].endswith(b"200 OK")
    said = reply.partition(b"\r\n\r\n")[2]
    return json.loads(said) if said else None


class Pushing:
    """One push in a thread, as the console waits for its reply."""

    def __init__(self, port, body):
        self.reply = None
        self.thread = threading.Thread(target=self._run, args=(port, body), daemon=True)
        self.thread.start()

    def _run(self, port, body):
        self.reply = push(port, body)

    def finish(self):
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.reply


@pytest.fixture
def asked(sim, console):
    device = console(remote_check="push", push_port=0, remote_check_seconds=3)
    heard(sim)
    sim.terminal.faults.silent_push = True  # nothing comes by its stream
    return device, device._push.port


@pytest.mark.parametrize("granted", [True, False])
def test_a_pushed_question_is_answered_in_the_reply(sim, asked, granted):
    device, port = asked
    assert sim.terminal.config["checkChannelType"] == "ISAPIListen"
    assert sim.terminal.config["remoteCheckWithISAPIListen"] == "sync"
    event = sim.terminal.add_event(0x4B, employeeNoString="42")
    pushing = Pushing(port, alert(event, employeeNoString="42"))
    question = next(fact for fact in until(device, lambda facts: any(isinstance(f, Presented) for f in facts)))
    assert (question.badge, question.serial) == ("42", event.serial)
    device.answer(question.serial, granted, "welcome")
    said = {"serialNo": event.serial, "checkResult": "success" if granted else "failed", "info": "welcome"}
    assert pushing.finish() == {"RemoteCheck": said}
    assert not [one for one in sim.events.all("request") if one["path"].endswith("/remoteCheck")]


@pytest.mark.parametrize(
    "forge",
    [
        lambda event: alert(event, employeeNoString="7"),
        lambda event: alert(event, employeeNoString="42", cardNo="5"),
        lambda event: alert(event, employeeNoString="42", serialNo=event.serial + 1),
        lambda event: alert(event, employeeNoString="42", subEventType=0x3C),
        lambda event: alert(event, employeeNoString="42", currentEvent=False),
        lambda event: alert(event, employeeNoString="42", remoteCheck=False),
        lambda event: b"{" + alert(event),
    ],
    ids=["another person", "a card", "no such event", "another code", "not now", "no question", "no JSON"],
)
def test_a_push_that_the_memory_does_not_hold_asks_nothing(sim, asked, forge):
    """Anyone on the network can send one from the console's address."""
    device, port = asked
    event = sim.terminal.add_event(0x4B, employeeNoString="42")
    assert push(port, forge(event)) is None
    facts = until(device, lambda facts: any(isinstance(fact, DeviceDecided) for fact in facts))
    assert not [fact for fact in facts if isinstance(fact, Presented)]


def test_a_question_is_asked_once(sim, asked):
    device, port = asked
    event = sim.terminal.add_event(0x4B, employeeNoString="42")
    first = Pushing(port, alert(event, employeeNoString="42"))
    question = until(device, lambda facts: any(isinstance(fact, Presented) for fact in facts))
    assert push(port, alert(event, employeeNoString="42")) is None
    device.answer(event.serial, True, "")
    assert first.finish()["RemoteCheck"]["checkResult"] == "success"
    assert push(port, alert(event, employeeNoString="42")) is None
    assert len([fact for fact in question if isinstance(fact, Presented)]) == 1


def test_without_an_answer_the_reply_says_nothing(sim, asked):
    device, port = asked
    event = sim.terminal.add_event(0x4B, employeeNoString="42")
    assert push(port, alert(event, employeeNoString="42")) is None
    assert any(isinstance(fact, Presented) for fact in until(device, lambda facts: facts))


def keep(sim, **fields):
    """Keep these settings whatever is sent."""
    store = sim._pages._set_config

    def page(body):
        answer = store(body)
        sim.terminal.config |= fields
        return answer

    sim._pages._pages["PUT", "/ISAPI/AccessControl/AcsCfg"] = page


@pytest.mark.parametrize(
    ("kept", "options", "words"),
    [
        ({"checkChannelType": "PrivateSDK"}, {}, "checkChannelType PrivateSDK.*remote_check=push"),
        (
            {"checkChannelType": "PrivateSDK"},
            {"remote_check": "push", "push_port": 0},
            "checkChannelType PrivateSDK.*decide=console",
        ),
        ({"remoteCheckTimeout": 8}, {}, "remoteCheckTimeout 8"),
        ({"offlineDevCheckOpenDoorEnabled": True}, {}, "offlineDevCheckOpenDoorEnabled True"),
    ],
)
def test_what_a_console_does_not_keep_is_named(sim, console, kept, options, words):
    keep(sim, **kept)
    device = console(**options)
    assert device.complaint is not None
    assert re.search(words, device.complaint)
    assert device.complaint in device.check()["notes"]


def test_pushes_that_ask_need_a_port(console):
    with pytest.raises(InvalidInput, match="push_port"):
        console(opened=False, remote_check="push")


@pytest.fixture
def quickly(monkeypatch):
    monkeypatch.setattr("drivers.hikvision_console.events.replay_watch.REPLAY_S", 1.0)


def repeat(sim, stop, live=None):
    """Send old events on the stream, some dozens a second."""
    old = [sim.terminal.add_event(0x4C, sim.terminal.now().replace(year=2025)) for _ in range(50)]

    def run():
        while not stop.is_set():
            for event in old:
                if stop.wait(0.02):
                    return
                for listener in list(sim.terminal.listeners):
                    listener(event, {"currentEvent": False})

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_a_stream_that_repeats_history_is_noticed_and_replaced(sim, console, quickly):
    device, stop = console(decide="console"), threading.Event()
    heard(sim)
    thread = repeat(sim, stop)
    try:
        end = time.monotonic() + 20
        while device.complaint is None:
            assert time.monotonic() < end
            device.poll()
            time.sleep(0.02)
        assert "repeats what is long past" in device.complaint
        until(device, lambda facts: device._push is not None)
        assert sim.events.wait_for("push_set")
        sim.terminal.faults.silent_push = True
        event = sim.terminal.add_event(0x4B, employeeNoString="42")
        facts = until(device, lambda facts: any(getattr(fact, "serial", 0) == event.serial for fact in facts))
        assert isinstance(facts[-1], DeviceDecided)
        assert "repeats" in str(device.check()["stream"])
    finally:
        stop.set()
        thread.join(5)


def test_where_it_asks_by_its_stream_it_is_listened_to_all_the_same(sim, console, quickly):
    device, stop = console(), threading.Event()
    heard(sim)
    thread = repeat(sim, stop)
    try:
        end = time.monotonic() + 20
        while device.complaint is None:
            assert time.monotonic() < end
            device.poll()
            time.sleep(0.02)
        assert "remote_check=push" in device.complaint
        sim.terminal.users["42"], sim.terminal.faces["42"] = {"employeeNo": "42", "name": "A"}, b"\xff\xd8"
        sim.terminal.show_face("42")
        until(device, lambda facts: any(isinstance(fact, Presented) for fact in facts))
        stop.set()
        assert device.complaint is None, "it says what happens now"
    finally:
        stop.set()
        thread.join(5)


def test_a_few_old_events_are_no_replay(sim, console, quickly):
    for _ in range(200):
        sim.terminal.add_event(0x4C, sim.terminal.now().replace(year=2025))
    device = console()
    heard(sim)
    until(device, lambda facts: len(facts) == 200)
    time.sleep(1.5)
    device.poll()
    assert device.complaint is None


def test_a_console_that_asks_and_whose_stream_never_comes_is_degraded(sim, console, monkeypatch):
    """With too many other listeners (deployExceedMax) no question comes here: that must not look well."""
    monkeypatch.setattr("drivers.hikvision_console.events.feed.NO_STREAM_S", 0.5)
    sim.listen()
    sim.listen()
    device = console()
    end = time.monotonic() + 15
    while device.complaint is None:
        assert time.monotonic() < end
        device.poll()
        time.sleep(0.02)
    assert "questions do not reach this host" in device.complaint
    assert "too many listeners; close the other program" in device.complaint


def test_a_console_that_decides_needs_no_stream(sim, console, monkeypatch):
    monkeypatch.setattr("drivers.hikvision_console.events.feed.NO_STREAM_S", 0.0)
    sim.terminal.faults.unsupported.add("alertStream")
    device = console(decide="console")
    sim.terminal.happen(0x4C)
    until(device, lambda facts: facts)
    assert device.complaint is None
