"""Outlets of a daemon that is killed, that is stopped while its receivers hang, and whose secrets are looked for."""

import contextlib
import os
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from devicemgr.domain.ledger_events import Fact
from devicemgr.store.database import Database
from devicemgr.store.ledger import events
from tests.support.outlets import SECRET
from tests.support.webhook_receiver import Receiver

KILLS = min(20, int(os.environ.get("DEVICEMGR_KILLS", "2")))
PER_KILL = 150

pytestmark = pytest.mark.e2e

HANGING_NAMES = """
import socket, time
_real = socket.getaddrinfo
def _hang(host, *rest, **more):
    if host == "hang.example":
        time.sleep(600)
    return _real(host, *rest, **more)
socket.getaddrinfo = _hang
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver(SECRET)
    yield found
    found.close()


def record(box: Any, count: int) -> list[int]:
    """Put events on record while no daemon runs."""
    database = Database.open(box.home.database)
    try:
        with database.write(changes_site=False) as session:
            facts = [Fact("rex_pressed", datetime.now(UTC), portal="lobby") for _ in range(count)]
            return [entry.seq for entry in events.append(session, facts)]
    finally:
        database.close()


def take_slowly(number: int, event: dict[str, Any]) -> tuple[int, dict[str, str]]:
    """Leave a backlog at each kill."""
    time.sleep(0.005)
    return 204, {}


def has_more(receiver: Receiver, before: int) -> Callable[[], bool]:
    return lambda: len(receiver.taken) > before + 20


@pytest.mark.scaled
@pytest.mark.timeout(120 + 15 * KILLS)
def test_a_daemon_killed_while_it_sends_loses_nothing(box: Any, receiver: Receiver) -> None:
    box.cli("outlet", "add", "hr", "--url", receiver.url, "--kinds", "rex_pressed", "--secret-stdin", stdin=SECRET)
    receiver.choose = take_slowly
    wanted: list[int] = []
    for _ in range(KILLS):
        wanted += record(box, PER_KILL)
        some = has_more(receiver, len(receiver.taken))
        box.start()
        receiver.wait(some, "some events", 60)
        box.kill()
    wanted += record(box, 5)
    box.start()
    receiver.wait(lambda: receiver.taken[-1]["seq"] == wanted[-1], "the last event", 120)
    assert receiver.refused == 0
    seen: dict[str, int] = {}
    for message in receiver.taken:
        seen.setdefault(message["data"]["id"], message["seq"])
    assert list(seen.values()) == wanted, "complete and in order, once repetitions are dropped by id"
    again = len(receiver.taken) - len(seen)
    print(f"\n{KILLS} kills of the daemon: {len(wanted)} events complete and in order, {again} came again")


class Peers:
    """Receivers that accept and then say nothing, or a byte a second; `reached` has the ports at which one called."""

    def __init__(self) -> None:
        self.reached: set[int] = set()
        self._servers: list[socket.socket] = []
        self._over = threading.Event()

    def open(self, talk: Callable[[socket.socket], object]) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        self._servers.append(server)
        port: int = server.getsockname()[1]

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    line, _ = server.accept()
                    self.reached.add(port)
                    threading.Thread(target=hold, args=(line,), daemon=True).start()

        def hold(line: socket.socket) -> None:
            with line, contextlib.suppress(OSError):
                talk(line)
                self._over.wait(120)

        threading.Thread(target=run, daemon=True).start()
        return port

    def drip(self, line: socket.socket) -> None:
        line.recv(65536)
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100:
            line.sendall(bytes([byte]))
            if self._over.wait(1):
                return

    def close(self) -> None:
        self._over.set()
        for server in self._servers:
            server.close()


@pytest.fixture
def peers() -> Iterator[Peers]:
    found = Peers()
    yield found
    found.close()


def test_it_stops_while_receivers_hang(box: Any, peers: Peers, tmp_path: Path) -> None:
    (tmp_path / "hanging").mkdir()
    (tmp_path / "hanging" / "sitecustomize.py").write_text(HANGING_NAMES)
    box.environment["PYTHONPATH"] = f"{tmp_path / 'hanging'}:{os.environ.get('PYTHONPATH', '')}"
    silent, handshake, slow = peers.open(lambda _: None), peers.open(lambda _: None), peers.open(peers.drip)
    for name, url in (
        ("silent", f"http://localhost:{silent}/"),
        ("handshake", f"https://localhost:{handshake}/"),
        ("slow", f"http://localhost:{slow}/"),
        ("names", "https://hang.example/"),
    ):
        box.cli("outlet", "add", name, "--url", url, "--secret-stdin", stdin=SECRET)
    record(box, 5)
    box.start()
    deadline = time.monotonic() + 60
    while peers.reached != {silent, handshake, slow}:
        assert time.monotonic() < deadline, box.log()
        time.sleep(0.02)
    # One that waits for a test message too, as an operator at a terminal would.
    asking = threading.Thread(target=_asks, args=(box.api(), "names"), daemon=True)
    asking.start()
    time.sleep(0.5)
    began = time.monotonic()
    assert box.stop() == 0
    print(f"\nstopped within {time.monotonic() - began:.1f} s while four receivers hung")
    assert "has failed" not in box.log()


def _asks(api: Any, name: str) -> None:
    with contextlib.suppress(BaseException):
        api.post(f"/outlets/{name}/test", {})


def test_secrets_are_found_nowhere(box: Any, receiver: Receiver, tmp_path: Path) -> None:
    old, password = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk", "Pa55-w0rd-of-outlets"
    token = "T0KEN-in-a-query"
    box.cli("outlet", "add", "hr", "--url", receiver.url, "--secret-stdin", stdin=old)
    box.cli("outlet", "add", "token", "--url", f"http://localhost:1/?token={token}", "--secret-stdin", stdin=SECRET)
    mail = ("--kind", "mail", "--url", "smtps://localhost:1", "--to", "a@b.example", "--from", "c@b.example")
    box.cli("outlet", "add", "mail", *mail, "--user", "u", "--secret-stdin", stdin=password)
    mqtt = ("--kind", "mqtt", "--url", "mqtts://localhost:1", "--user", "u")
    box.cli("outlet", "add", "mqtt", *mqtt, "--secret-stdin", stdin=password)
    receiver.secrets = [old]
    box.start()
    assert box.cli("outlet", "secret", "token", "--asymmetric")["secret"] is None
    box.cli("outlet", "secret", "hr", "--keep-last", "--secret-stdin", stdin=SECRET)
    receiver.secrets = [SECRET]
    receiver.wait(lambda: bool(receiver.taken), "an event under the new secret")
    for name in ("hr", "mail", "mqtt", "token"):
        box.cli("outlet", "test", name, code=0 if name == "hr" else 1)
    assert box.daemon is not None
    process = Path(f"/proc/{box.daemon.pid}")
    places = {
        "command line": (process / "cmdline").read_bytes(),
        "environment": (process / "environ").read_bytes(),
        "log": box.log().encode(),
    }
    for words in (
        ("outlet", "list"),
        ("export",),
        ("status",),
        ("outlet", "show", "hr"),
    ):
        places[" ".join(words)] = str(box.cli(*words)).encode()
    places["events"] = str(box.events()).encode()
    bundle = tmp_path / "bundle.tar.gz"
    box.cli("support-bundle", str(bundle))
    places["support bundle"] = _unpacked(bundle)
    box.cli("backup", str(tmp_path / "site.backup"), "--passphrase-stdin", stdin="a passphrase of a test")
    box.stop()
    for path in [*box.home.path.rglob("*"), *tmp_path.glob("site.backup*")]:
        if path.is_file():
            places[str(path)] = path.read_bytes()
    kept = [old, SECRET, password]
    for place, content in places.items():
        for secret in kept:
            bare = secret.partition("_")[2] or secret
            assert bare.encode() not in content, f"a secret stands in {place}"
        if place in ("log", "events", "status", "support bundle"):
            assert token.encode() not in content, f"the token of an address stands in {place}"
    assert len(places) > 8


def _unpacked(bundle: Path) -> bytes:
    with tarfile.open(bundle) as archive:
        return b"".join(found.read() for one in archive if (found := archive.extractfile(one)) is not None)
