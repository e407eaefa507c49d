"""A device that is a web server: bytes on loopback, one thread a connection, keep-alive."""

import contextlib
import queue
import socket
import threading
from dataclasses import dataclass, field

from tests.contract.peers.base import COMMAND, READING, Peer

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"} | {
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass
class Asked:
    """One request."""

    method: str
    target: str
    head: bytes
    body: bytes


@dataclass
class Stream:
    """An answer without an end: a head, and parts as they come; `beat` in between."""

    head: bytes
    beat: bytes = b""
    parts: "queue.Queue[bytes]" = field(default_factory=queue.Queue)


def reply(status: int, body: bytes = b"", kind: str = "application/json", *more: str) -> bytes:
    """Return a whole answer."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Other')}", f"Content-Type: {kind}", *more]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


class HttpPeer(Peer):
    """`page` answers; `challenge`, where it is set, is answered to whoever gives no login."""

    challenge = b""

    def __init__(self) -> None:
        super().__init__()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._lines: list[socket.socket] = []
        self._streams: list[Stream] = []
        self._ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def page(self, asked: Asked) -> bytes | Stream:
        """Return the answer to a request."""
        raise NotImplementedError

    def busy_answer(self, asked: Asked) -> bytes:
        """Return the "not now" of this device."""
        return reply(503)

    def rule_of(self, asked: Asked) -> str:
        """Return whether a request is a reading or a release; "" for what is never refused."""
        raise NotImplementedError

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self._lines.append(line)
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    if not (block := line.recv(65536)):
                        return
                    buffer += block
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                lengths = [row[15:] for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:")]
                size = int((lengths or [b"0"])[0])
                while len(buffer) < size:
                    if not (block := line.recv(65536)):
                        return
                    buffer += block
                body, buffer = buffer[:size], buffer[size:]
                method, target, *_ = head.decode("latin-1").split(" ", 2)
                asked = Asked(method, target, head, body)
                if self.swallows():
                    self._ended.wait()
                    return
                answer = self._answer(asked)
                if isinstance(answer, Stream):
                    self._pour(line, answer)
                    return
                line.sendall(answer)
                if b"connection: close" in head.lower():
                    return

    def _answer(self, asked: Asked) -> bytes | Stream:
        if self.challenge and b"\r\nauthorization:" not in asked.head.lower():
            return self.challenge
        rule = self.rule_of(asked)
        if rule and self.is_busy_for(rule):
            return self.busy_answer(asked)
        if rule == COMMAND:
            self.opened += 1
        return self.page(asked)

    def _pour(self, line: socket.socket, stream: Stream) -> None:
        self._streams.append(stream)
        line.sendall(stream.head)
        while not self._ended.is_set():
            try:
                part = stream.parts.get(timeout=0.5)
            except queue.Empty:
                part = stream.beat
            if part and not self.is_silent:
                line.sendall(part)

    def push(self, part: bytes) -> None:
        """Send a part on the newest stream that is open."""
        self._streams[-1].parts.put(part)

    @property
    def has_stream(self) -> bool:
        """Whether a stream was begun."""
        return bool(self._streams)

    def close(self) -> None:
        self._ended.set()
        for line in (self._listener, *self._lines):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()


__all__ = ["COMMAND", "READING", "Asked", "HttpPeer", "Stream", "reply"]
