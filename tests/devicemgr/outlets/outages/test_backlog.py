"""Long backlogs: in order, complete, in pages; to receivers that fail, hang, are killed or cut off."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from devicemgr.outlets import outbox, runner, webhook
from devicemgr.outlets.sender import Undelivered
from devicemgr.site.outlets.fields import checked_fields
from devicemgr.store.ledger import events
from tests.support import webhook_process
from tests.support.outlets import SECRET
from tests.support.webhook_receiver import wait_until

ROOT = Path(__file__).resolve().parents[4]
LONG = [pytest.mark.faults, pytest.mark.timeout(1800)]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(outbox, "MIN_WAIT_S", 0.01)
    monkeypatch.setattr(outbox, "MAX_WAIT_S", 0.05)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def answers(port):
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def memory_kb():
    return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1])


@pytest.mark.parametrize(("count", "kills"), [(500, 2), pytest.param(10_000, 8, marks=LONG)])
def test_a_receiver_process_that_fails_and_is_killed_gets_all_in_order(
    add_outlet, record, running, tmp_path, count, kills
):
    port, file = free_port(), tmp_path / "taken"
    file.touch()

    def serve(number):
        arguments = [str(port), str(file), SECRET, str(number)]
        return subprocess.Popen([sys.executable, webhook_process.__file__, *arguments])

    def lines():
        return file.read_text().splitlines()

    server = serve(0)
    try:
        add_outlet(f"http://localhost:{port}/", kinds=["rex_pressed"])
        wanted = record(count)
        running.consider()
        for number in range(1, kills + 1):
            before = len(lines()) + count // (2 * kills + 1)
            wait_until(lambda before=before: len(lines()) > before, "some events", 600)
            server.send_signal(signal.SIGKILL)
            server.wait()
            server = serve(number)
        wait_until(lambda: f"{wanted[-1]} " in file.read_text()[-200:], "the last event", 600)
    finally:
        server.kill()
        server.wait()
    taken = [line.split() for line in lines() if line[0].isdigit()]
    seen = {}
    for seq, event_id in taken:
        seen.setdefault(event_id, int(seq))
    assert list(seen.values()) == wanted
    assert "FAULT" in lines(), "the fault has happened"
    assert "REFUSED" not in lines()
    print(f"\n{count} events, {kills} kills of the receiver: complete, in order; {len(taken) - count} came again")


@pytest.mark.parametrize("count", [3_000, pytest.param(100_000, marks=LONG)])
def test_a_backlog_drains_in_order_and_in_pages(add_outlet, record, running, monkeypatch, count):
    class Counting:
        batch = 1

        def __init__(self):
            self.last, self.count, self.is_in_order = 0, 0, True

        def send(self, sent):
            (event,) = sent
            self.is_in_order &= event["seq"] == self.last + 1 or self.last == 0
            self.last, self.count = event["seq"], self.count + 1

        def close(self):
            """Nothing is open."""

    channel, pages, find = Counting(), [], events.find

    def counted(*arguments, **more):
        found = find(*arguments, **more)
        pages.append(len(found))
        return found

    monkeypatch.setattr(runner, "MAKERS", {"webhook": lambda *_: channel})
    add_outlet("https://hr.example/hooks", kinds=["rex_pressed"])
    for _ in range(count // 1000):
        wanted = record(1000)
    monkeypatch.setattr(events, "find", counted)
    before, began = memory_kb(), time.monotonic()
    running.consider()
    wait_until(lambda: channel.last == wanted[-1], "the last event", 900)
    took, grown = time.monotonic() - began, memory_kb() - before
    assert (channel.count, channel.is_in_order) == (count, True)
    assert max(pages) == outbox.PAGE
    assert grown < 64 * 1024, "memory does not grow with the backlog"
    print(f"\n{count} events drained: {count / took:.0f} a second, {grown} kB more memory")


class Cut:
    """A way to a server that loses what goes by it, in both directions, while `is_cut`; nothing is closed."""

    def __init__(self, port):
        self.is_cut, self.lost = False, 0
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        try:
            while True:
                line, _ = self._server.accept()
                other = socket.create_connection(("127.0.0.1", self._to))
                for one, two in ((line, other), (other, line)):
                    threading.Thread(target=self._pass_on, args=(one, two), daemon=True).start()
        except OSError:
            return

    def _pass_on(self, one, two):
        try:
            while data := one.recv(65536):
                if self.is_cut:
                    self.lost += 1
                else:
                    two.sendall(data)
        except OSError:
            pass
        finally:
            for line in (one, two):
                line.close()

    def close(self):
        self._server.close()


def test_a_network_that_is_cut_is_an_alarm_and_heals_by_itself(
    receiver, add_outlet, record, running, kinds_of, monkeypatch
):
    monkeypatch.setattr(webhook, "DEADLINE_S", 0.3)
    monkeypatch.setattr(outbox, "REPORT_AFTER_S", 0.5)
    way = Cut(receiver.port)
    try:
        add_outlet(f"http://localhost:{way.port}/", kinds=["rex_pressed"])
        running.consider()
        wanted = record(20)
        receiver.wait(lambda: len(receiver.taken) == 20, "events")
        way.is_cut = True
        wanted += record(20)
        failing = wait_until(lambda: kinds_of("outlet_failing"), "the alarm")
        assert "did not answer within" in failing[0]["detail"]["cause"]
        way.is_cut = False
        receiver.wait(lambda: receiver.taken[-1]["seq"] == wanted[-1], "the events of the cut")
        wait_until(lambda: kinds_of("outlet_restored"), "the alarm's end")
    finally:
        way.close()
    assert way.lost > 0, "the fault has happened"
    assert list(dict.fromkeys(message["seq"] for message in receiver.taken)) == wanted


def test_the_documented_receiver_takes_an_event_once_and_refuses_what_is_forged(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "integrations.md").read_text()
    (text,) = re.findall(r"^    import http\.server\n.*?serve_forever\(\)$", page, re.S | re.M)
    port = free_port()
    program = re.sub(r"^    ", "", text, flags=re.M).replace("whsec_…", SECRET).replace("8080", str(port))
    assert program.count(SECRET) == program.count(str(port)) == 1
    printed = tmp_path / "printed"
    with printed.open("wb") as out:
        server = subprocess.Popen([sys.executable, "-u", "-c", program], stdout=out, stderr=subprocess.DEVNULL)
    event = {"seq": 7, "id": "e7", "kind": "access_granted", "time": "2026-12-01T08:00:00.000Z", "person": "1042"}
    channel = webhook.Webhook(checked_fields({"kind": "webhook", "url": f"http://localhost:{port}/"}), [SECRET], "s")
    try:
        wait_until(lambda: answers(port), "the receiver")
        channel.send([event])
        channel.send([event])  # once more under the same id: taken, and done nothing for
        head = channel._head
        forged = [
            lambda message, body: head(message, body.replace(b"1042", b"1043")),
            lambda message, body: head("another", body).replace(b"another", b"e9"),
        ]
        for one in forged:
            monkeypatch.setattr(channel, "_head", one)
            with pytest.raises(Undelivered, match="401"):
                channel.send([event | {"id": "e8"}])
        monkeypatch.setattr(channel, "_head", head)
        monkeypatch.setattr(webhook.time, "time", lambda real=time.time: real() - 301)
        with pytest.raises(Undelivered, match="401"):
            channel.send([event | {"id": "e8"}])
    finally:
        server.kill()
        server.wait()
    assert printed.read_text().splitlines() == ["access_granted 1042"]
