"""A receiver of webhooks on loopback: it answers as a test chooses, and keeps what it was sent."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

Answer = tuple[int, dict[str, str]]


class Receiver:
    """Verifies each message by another's library, and answers `choose(number, event)`; a status of 0 hangs up."""

    def __init__(self, secret: str, port: int = 0, certificate: tuple[Path, Path] | None = None) -> None:
        self.secrets = [secret]
        self.choose: Callable[[int, dict[str, Any]], Answer] = lambda number, event: (204, {})
        self.taken: list[dict[str, Any]] = []
        self.sent: list[tuple[dict[str, str], bytes]] = []
        self.refused = 0
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that hangs up is what some tests want."""

        self._server = Server(("127.0.0.1", port), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://localhost:{self.port}/hooks?of=site"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.rfile.read(int(headers["content-length"]))
        with self._changed:
            self.sent.append((headers, body))
            number = len(self.sent)
        try:
            event = self.verified(headers, body)
        except Exception:
            self.refused += 1
            status, more = 401, {}
        else:
            status, more = self.choose(number, event)
            if 200 <= status < 300:
                with self._changed:
                    self.taken.append(event)
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()
        if status == 0:
            request.connection.close()
            return
        request.send_response(status)
        for name, value in more.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def verified(self, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        """Return the message; raises what the library raises for one that is not the sender's."""
        failure: Exception | None = None
        for secret in self.secrets:
            try:
                Webhook(secret).verify(body, headers)
            except Exception as error:
                failure = error
            else:
                found: dict[str, Any] = json.loads(body)
                return found
        assert failure is not None
        raise failure

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Wait until something is so; it is looked at after each request."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), f"waited in vain for {what}: {len(self.taken)} taken"

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """Poll until something of another thread is so."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)
    return found
