"""A server of iCalendar files on loopback, over TLS with a certificate of its own, whose answers tests choose."""

import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.support.certificates import self_signed


def ics(*days: str) -> bytes:
    """Return a file of whole-day events on these dates."""
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{day}\r\nDTSTART;VALUE=DATE:{day.replace('-', '')}\r\nSUMMARY:A day\r\nEND:VEVENT\r\n"
        for day in days
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{events}END:VCALENDAR\r\n".encode()


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return a whole answer of HTTP."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class CalendarServer:
    """Answers each connection with `reply`; `requests` are the heads that it was sent."""

    def __init__(self, folder: Path, names: Sequence[str] = ("localhost",), *, tls: bool = True) -> None:
        folder.mkdir(exist_ok=True)
        self.ca, key = self_signed(folder, names, ["127.0.0.1"])
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if self._context is not None:
            self._context.load_cert_chain(self.ca, key)
        self.reply = answer(ics())
        self.then: bytes | None = None  # the reply after the next one
        self.drip: bytes | None = None  # sent again and again, until the client gives up
        self.requests: list[str] = []
        self.gone = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}/days.ics"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            line.settimeout(5)
            try:
                with self._context.wrap_socket(line, server_side=True) if self._context else line as plain:
                    self._answer(plain)
            except OSError:
                self.gone.set()
            finally:
                line.close()

    def _answer(self, line: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (part := line.recv(65536)):
                return
            head += part
        self.requests.append(head.decode())
        line.sendall(self.reply)
        self.reply, self.then = self.then or self.reply, None
        pause = threading.Event()
        while self.drip is not None and not pause.wait(0.02):
            line.sendall(self.drip)
