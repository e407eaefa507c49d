"""Callers of the TCP port who are slow, silent or many: each is cut off in time, and others find room."""

import contextlib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from devicemgr.api import connection_limits, listeners
from devicemgr.api.server import ApiServer

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SLOW = b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000\r\n\r\n{"
REFUSED = b"POST /api/v1/people HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000\r\n\r\n{"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Waits of seconds become fractions."""
    monkeypatch.setattr(connection_limits, "WATCH_S", 0.05)
    monkeypatch.setattr(connection_limits, "MAX_UNWANTED_BODY_S", 0.2)


@pytest.fixture
def dial(tcp):
    """dial(bytes, host) connects from an address of the loopback net and sends."""
    with contextlib.ExitStack() as stack:

        def connect(data: bytes = b"", host: str = "127.0.0.1") -> socket.socket:
            made = socket.create_connection(("127.0.0.1", tcp.port), timeout=20, source_address=(host, 0))
            stack.enter_context(made)
            with contextlib.suppress(ConnectionError):
                made.sendall(data)
            return made

        yield connect


def received(line: socket.socket) -> bytes:
    """All that comes until the other side ends it."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while part := line.recv(65536):
            found += part
    return found


def is_answered(line: socket.socket) -> bool:
    with contextlib.suppress(ConnectionError):
        return line.recv(100).startswith(b"HTTP/1.1 200")
    return False


def is_cut_off_while_dripping(line: socket.socket) -> bool:
    """Send a byte now and then until the other side ends it; False when it never does."""
    line.settimeout(0.02)
    with contextlib.suppress(ConnectionError):
        for _ in range(1000):
            with contextlib.suppress(TimeoutError):
                if not line.recv(65536):
                    return True
            with contextlib.suppress(TimeoutError):
                line.sendall(b" ")
        return False
    return True


@pytest.mark.parametrize("data", [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_who_sends_no_whole_request_is_cut_off(dial, monkeypatch, data):
    monkeypatch.setattr(connection_limits, "MAX_HEADERS_S", 0.2)
    assert received(dial(data)) == b""


@pytest.mark.parametrize("data", [b"GET /healthz HTTP/1.1\r\nX: ", SLOW, REFUSED])
def test_dripping_bytes_does_not_win_time(dial, monkeypatch, data):
    """Neither before the headers are whole, nor in a body that is read, nor in one that was refused."""
    monkeypatch.setattr(connection_limits, "MAX_HEADERS_S", 0.3)
    monkeypatch.setattr(connection_limits, "MAX_BODY_S", 0.3)
    assert is_cut_off_while_dripping(dial(data))


def test_dripping_a_second_request_does_not_win_time_either(dial, monkeypatch):
    monkeypatch.setattr(connection_limits, "MAX_HEADERS_S", 0.3)
    line = dial(HEALTH)
    assert is_answered(line)
    line.sendall(b"G")
    assert is_cut_off_while_dripping(line)


def test_a_large_body_has_the_time_that_it_needs(dial, monkeypatch, token, operator):
    """Far longer than MAX_BODY_S, at a rate above the least."""
    monkeypatch.setattr(connection_limits, "MAX_BODY_S", 0.5)
    monkeypatch.setattr(connection_limits, "MIN_BODY_BYTES_PER_S", 2_000)
    key = token(operator("aigul", "admin"), "admin")
    body = b'{"name": "A", "badge": "1"' + b" " * 20_000 + b"}"
    head = f"POST /api/v1/people HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
    line = dial(head.encode() + f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    line.settimeout(0.05)
    for start in range(0, len(body), 1_000):
        line.sendall(body[start : start + 1_000])
        with contextlib.suppress(TimeoutError):
            assert start + 1_000 >= len(body), f"it was cut off: {line.recv(100)!r}"
            break
    line.settimeout(20)
    assert received(line).startswith(b"HTTP/1.1 201")


def test_an_answer_that_is_not_read_is_given_up(dial, monkeypatch, token, operator, http):
    monkeypatch.setattr(connection_limits, "MAX_UNREAD_ANSWER_S", 0.3)
    key = token(operator("aigul", "admin"), "admin")
    ask = f"GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    line = unread(dial, ask)
    line.settimeout(20)
    with contextlib.suppress(ConnectionError):
        while True:
            line.sendall(HEALTH)  # until it is ended


def unread(dial, ask: bytes, host: str = "127.0.0.1") -> socket.socket:
    """A connection that asks until nothing more goes through, since it reads no answer."""
    line = dial(host=host)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(1)
    with contextlib.suppress(ConnectionError, TimeoutError):
        for _ in range(1_000):
            line.sendall(ask * 100)
        pytest.fail("the answers were taken")
    return line


def test_who_reads_no_answer_or_asks_ahead_of_answers_gives_way(dial, monkeypatch):
    monkeypatch.setattr(connection_limits, "MAX_PER_ADDRESS", 2)
    lines = [unread(dial, HEALTH, "127.0.0.2") for _ in range(2)]
    assert is_answered(dial(HEALTH, "127.0.0.2"))
    assert len(lines) == 2


def slow_ones(dial, count: int, host: str) -> list[socket.socket]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: dial(SLOW, host), range(count)))


def open_of(lines: list[socket.socket]) -> int:
    """How many of them are not ended."""
    found = 0
    for line in lines:
        line.setblocking(False)
        try:
            found += line.recv(1) != b""
        except BlockingIOError:
            found += 1
        except ConnectionError:
            pass
    return found


def test_262_slow_bodies_of_one_address_leave_room_for_every_other_and_for_their_own(dial):
    lines = slow_ones(dial, 262, "127.0.0.2")
    assert is_answered(dial(HEALTH, "127.0.0.3"))
    assert is_answered(dial(HEALTH, "127.0.0.2"))
    assert 0 < open_of(lines) <= connection_limits.MAX_PER_ADDRESS


def test_slow_bodies_of_many_addresses_leave_room_for_another(dial, client):
    for number in range(2, 8):
        slow_ones(dial, connection_limits.MAX_PER_ADDRESS, f"127.0.0.{number}")
    for number in range(8, 20):
        assert is_answered(dial(HEALTH, f"127.0.0.{number}"))
    assert client.get("/status").status_code == 200, "the Unix socket has its own"


def test_who_is_being_answered_is_not_pushed_out(dial, monkeypatch, token, operator):
    monkeypatch.setattr(connection_limits, "MAX_PER_ADDRESS", 3)
    key = token(operator("panel", "auditor"), "auditor")
    ask = f"GET /api/v1/events/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    streams = [dial(ask) for _ in range(3)]
    for line in streams:
        assert is_answered(line)
    assert received(dial(HEALTH)) == b"", "there is no room for a fourth"
    assert open_of(streams) == 3
    for line in streams:
        line.close()


def test_a_place_is_free_again_once_its_connection_is_closed(dial, monkeypatch):
    monkeypatch.setattr(connection_limits, "MAX_PER_ADDRESS", 2)
    for _ in range(10):
        with dial(HEALTH) as line:
            assert is_answered(line)


def test_tls_handshakes_count_too_and_have_their_time(app, home, certificate, monkeypatch):
    """A connection that never begins its handshake is no request yet, but holds a descriptor."""
    monkeypatch.setattr(connection_limits, "MAX_PER_ADDRESS", 3)
    monkeypatch.setattr(connection_limits, "MAX_HANDSHAKE_S", 0.5)
    running = ApiServer(app, home.socket, listeners.read("127.0.0.1:0", *certificate, []))
    running.start()
    try:
        silent = [socket.create_connection(("127.0.0.1", running.port), timeout=20) for _ in range(5)]
        trust = ssl.create_default_context(cafile=certificate[0])
        trust.check_hostname = False
        answer = httpx.get(f"https://127.0.0.1:{running.port}/healthz", verify=trust, timeout=20)
        assert answer.text == "ok\n"
        for line in silent:
            with line:
                assert received(line) == b""
    finally:
        running.stop()
