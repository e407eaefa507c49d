"""A device written by hand: a loopback server whose answers are bytes that a test chooses."""

import re
import socket
import threading
import time


class RawServer:
    """Calls `answer(request_bytes, connection)` for each request; it sends what it likes. `requests` is what came."""

    def __init__(self, answer, context=None):
        self._answer, self._context = answer, context
        self.requests = []
        self.gone = threading.Event()
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def address(self):
        scheme = "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self):
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self):
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _serve(self, connection):
        try:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            connection.settimeout(20)
            while not self._stop.is_set() and (request := _read_request(connection)):
                self.requests.append(request)
                self._answer(request, connection)
        except OSError:
            self.gone.set()
        finally:
            connection.close()

    def trickle(self, connection, data, pause=0.1):
        """One byte at a time until the client goes away, which sets `gone`."""
        for byte in data:
            if self._stop.is_set():
                return
            connection.sendall(bytes([byte]))
            time.sleep(pause)


def _read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    while found and len(body) < int(found[1]):
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        body += chunk
    return head + b"\r\n\r\n" + body


def reply(status, body=b"", *headers):
    """A whole HTTP answer."""
    head = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def challenge(nonce="n1", stale="false"):
    """A 401 as in captures."""
    line = (
        f'WWW-Authenticate: Digest qop="auth", realm="DS-1", nonce="{nonce}", stale="{stale}", opaque="", domain="::"'
    )
    return reply(401, b"<userCheck/>", line)
