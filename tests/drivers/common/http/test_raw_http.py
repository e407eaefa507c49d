"""The hand-written device of these tests ends with its callers: a thread that spins slows every test behind it."""

import socket

import pytest

from tests.drivers.common.http.raw_http import RawServer


@pytest.mark.parametrize(
    "part", [b"POST / HTTP/1.1\r\nContent-Le", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf"]
)
def test_a_caller_that_leaves_in_a_request_is_left(part):
    server = RawServer(lambda request, connection: pytest.fail("half a request is none"))
    try:
        with socket.create_connection(server.address.removeprefix("http://").split(":"), timeout=10) as line:
            line.sendall(part)
            line.shutdown(socket.SHUT_WR)
            assert line.recv(1) == b""
    finally:
        server.close()
    assert server.requests == []
