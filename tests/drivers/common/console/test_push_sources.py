"""A push counts only from the console's own address: both listeners, by loopback addresses."""

import json
import queue
import socket

import pytest

from drivers.dahua_console.events import push
from drivers.hikvision_console.events import push as _hik_push

CONSOLE, STRANGER = "127.0.0.1", "127.0.0.2"
ASKED = json.dumps({"Events": [{"Code": "AccessControl", "Index": 0, "Data": {"UserID": "42"}}]}).encode()


def pushed(source: str, port: int, path: str) -> bytes:
    """What comes back for a push from `source`; nothing when it is hung up on."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(ASKED)}\r\n\r\n"
    with socket.create_connection((CONSOLE, port), timeout=10, source_address=(source, 0)) as line:
        try:
            line.sendall(head.encode() + ASKED)
            return line.recv(4096)
        except ConnectionError:
            return b""


def test_a_hikvision_push_wakes_the_reading_from_the_console_s_address_only():
    woken: queue.Queue[bool] = queue.Queue()
    listener = _hik_push.PushListener(f"http://{CONSOLE}", 0, lambda: woken.put(True))
    try:
        assert pushed(STRANGER, listener.port, _hik_push.PATH) == b""
        assert woken.empty()
        assert pushed(CONSOLE, listener.port, _hik_push.PATH).startswith(b"HTTP/1.0 200")
        assert woken.get(timeout=10)
    finally:
        listener.close()


@pytest.mark.parametrize("asks", [True, False])
def test_a_dahua_push_asks_and_hints_from_the_terminal_s_address_only(asks):
    listener = push.PushListener(0, [CONSOLE], asks=asks, seconds=0.6)
    listener.start()
    try:
        assert pushed(STRANGER, listener.port, listener.path) == b""
        assert listener.questions() == listener.hints() == []
        assert b" 200 " in pushed(CONSOLE, listener.port, listener.path)
        assert (len(listener.questions()), len(listener.hints())) == (int(asks), int(not asks))
    finally:
        listener.stop()


def test_the_path_alone_admits_nobody_to_a_dahua_listener():
    """The second lock on the same door: a request that was taken from another address is not read."""
    listener = push.PushListener(0, [CONSOLE], asks=True, seconds=0.6)
    listener.start()
    try:
        listener._server._hosts = frozenset({CONSOLE, STRANGER})
        assert b" 404 " in pushed(STRANGER, listener.port, listener.path)
        assert listener.questions() == []
    finally:
        listener.stop()


def test_refused_pushes_are_reported_once_at_once_and_then_counted():
    dahua = push.PushListener(0, [CONSOLE], asks=True, seconds=0.6)
    dahua.start()
    hik = _hik_push.PushListener(f"http://{CONSOLE}", 0, lambda: None)
    try:
        for listener, path in ((dahua, dahua.path), (hik, _hik_push.PATH)):
            assert listener.refused() == []
            assert pushed(STRANGER, listener.port, path) == b""
            (found,) = listener.refused()
            assert (found.detail["count"], found.detail["addresses"]) == (1, [STRANGER])
            assert found.detail["calls"] == {"wrong address": 1}
            for _ in range(20):
                assert pushed(STRANGER, listener.port, path) == b""
            assert listener.refused() == []
        assert b" 404 " in pushed(CONSOLE, dahua.port, "/guessed")
        assert dahua._server._refused.calls == {"wrong address": 20, "wrong path": 1}
    finally:
        dahua.stop()
        hik.close()
