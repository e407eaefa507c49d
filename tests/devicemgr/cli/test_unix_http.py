"""The client of the daemon's socket: what a daemon that refuses, breaks off or is silent makes of a command."""

import io
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from devicemgr.cli.transport.api_client import Api, ApiProblem
from devicemgr.errors import DaemonUnreachable
from devicemgr.home import Home

REFUSAL = b'{"type":"urn:devicemgr:problem:too-large","detail":"the body is too large","exit_code":1}'


@contextmanager
def serving(home, answer):
    """A server on the home's socket; `answer` gets each connection that sends something."""
    home.socket.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(home.socket))
        listener.listen()

        def serve():
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                with line:
                    if line.recv(4, socket.MSG_PEEK):
                        answer(line)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Api(home, lambda: pytest.fail("a server listens"))
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def response(status, body):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


@pytest.fixture
def place(tmp_path):
    return Home(tmp_path)


def test_query_and_body_reach_the_server(place):
    received = []

    def answer(line):
        with line.makefile("rb") as stream:
            head = b"".join(iter(stream.readline, b"\r\n"))
            received.append((head, stream.read(int(head.lower().partition(b"content-length: ")[2].split()[0]))))
        line.sendall(response(200, b'{"ok":true}'))

    with serving(place, answer) as api:
        assert api.call("POST", "/x", json={"name": "Әсел"}, params={"prune": True, "no": None, "q": "a b"}) == {
            "ok": True
        }
    ((head, body),) = received
    assert head.startswith(b"POST /api/v1/x?prune=true&q=a+b HTTP/1.1\r\n")
    assert b"Content-Type: application/json" in head
    assert body == b'{"name":"\\u04d8\\u0441\\u0435\\u043b"}'


def test_a_refusal_before_the_end_of_the_body_is_read(place):
    refused = []

    def answer(line):
        line.recv(1000)
        line.sendall(response(413, REFUSAL))
        refused.append(line)

    body = io.BytesIO(bytes(8 * 1024 * 1024))
    with serving(place, answer) as api, pytest.raises(ApiProblem, match="too large"):
        api.call("PUT", "/x", content=body, headers={"Content-Length": str(8 * 1024 * 1024)})
    assert refused


def test_a_connection_that_breaks_names_the_daemon(place):
    broken = []
    answer = serving(place, lambda line: broken.append(line.recv(10)))
    with answer as api, pytest.raises(DaemonUnreachable, match="is it still running"):
        api.get("/status")
    assert broken


def test_a_download_that_breaks_off_is_no_success(place):
    def answer(line):
        line.recv(65536)
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    file = io.BytesIO()
    with serving(place, answer) as api, pytest.raises(DaemonUnreachable):
        api.download("GET", "/x", file)


def test_a_silent_daemon_ends_in_a_timeout(place):
    over = threading.Event()

    def answer(line):
        over.wait(20)

    with serving(place, answer) as api:
        with pytest.raises(DaemonUnreachable, match="did not answer in time"):
            api.call("GET", "/status", timeout=0.2)
        over.set()


def test_threads_share_a_client(place):
    def answer(line):
        target = line.recv(65536).split()[1]
        line.sendall(response(200, b'"%b"' % target))

    with serving(place, answer) as api, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: api.get(f"/{number}"), range(100)))
    assert found == [f"/api/v1/{number}" for number in range(100)]
