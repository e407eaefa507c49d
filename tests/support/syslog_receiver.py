"""A receiver of syslog on loopback that a test can make slow, deaf or gone."""

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

_SEQ = re.compile(rb' seq="(\d+)"')
_RESET = struct.pack("ii", 1, 0)


class SyslogReceiver:
    """Keeps each message of each connection, by octet counting (RFC 6587, 3.4.1); TLS with a certificate."""

    def __init__(self, port: int = 0, certificate: tuple[Path, Path] | None = None) -> None:
        self.messages: list[bytes] = []
        self.connections = 0
        self.reads = threading.Event()
        self.reads.set()
        self.read_bytes, self.pause_s = 65536, 0.0
        self.shakes_hands = True
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self._tls and certificate:
            self._tls.load_cert_chain(*certificate)
        self._changed = threading.Condition()
        self._open: list[socket.socket] = []
        self._over = threading.Event()
        self._server = socket.create_server(("127.0.0.1", port))
        self.port: int = self._server.getsockname()[1]
        self.url = f"syslog+{'tls' if certificate else 'tcp'}://localhost:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def seqs(self) -> list[int]:
        """Return the seqs of the messages, in the order in which they came."""
        with self._changed:
            return [int(found[1]) for one in self.messages if (found := _SEQ.search(one))]

    def has_more_connections(self, than: int) -> bool:
        """Return True once there were more connections than that."""
        return self.connections > than

    def cut(self, *, resets: bool = True) -> None:
        """Reset all connections, so that what was not read is lost; or else end them in order."""
        with self._changed:
            found, self._open = self._open, []
        for line in found:
            with contextlib.suppress(OSError):
                if resets:
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def close(self) -> None:
        """Serve no more."""
        self._over.set()
        self.reads.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Wait until something is so; it is looked at after each message and connection."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}: {len(self.messages)} messages"
            with self._changed:
                self._changed.wait(0.1)

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with self._changed:
            self._open.append(line)
            self.connections += 1
            self._changed.notify_all()
        try:
            if not self.shakes_hands:
                self._over.wait()
                return
            if self._tls:
                line = self._tls.wrap_socket(line, server_side=True)
                with self._changed:
                    self._open.append(line)
            self._read(line)
        except (OSError, ValueError):  # a client that hangs up, or a cut
            return
        finally:
            line.close()

    def _read(self, line: socket.socket) -> None:
        waiting = b""
        while not self._over.is_set():
            self.reads.wait()
            found = line.recv(self.read_bytes)
            if not found:
                return
            waiting += found
            if self.pause_s:
                time.sleep(self.pause_s)
            while (end := waiting.find(b" ")) > 0 and len(waiting) > end + int(waiting[:end]):
                size = int(waiting[:end])
                message, waiting = waiting[end + 1 : end + 1 + size], waiting[end + 1 + size :]
                with self._changed:
                    self.messages.append(message)
                    self._changed.notify_all()
