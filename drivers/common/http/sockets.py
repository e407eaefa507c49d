"""Sockets of the HTTP client: every wait ends at a deadline, and a pinned certificate is checked first."""

import contextlib
import hashlib
import hmac
import socket
import ssl
import time
import weakref
from collections.abc import Iterable
from typing import Any

import httpcore

from devicemgr.errors import DeviceRefused
from drivers.common.http.tls import OTHER_CERTIFICATE, handshake_failure


class DeadlineBackend(httpcore.NetworkBackend):
    """Plain sockets whose every wait ends at `until` (CLOCK_MONOTONIC seconds), however slowly bytes trickle in."""

    def __init__(self, fingerprint: bytes | None = None) -> None:
        self.until = 0.0
        self.peer_ended = False  # the peer closed its side while an answer was read
        self._fingerprint = fingerprint
        self._inner = httpcore.SyncBackend()
        self._streams: weakref.WeakSet[_DeadlineStream] = weakref.WeakSet()

    def left(self) -> float:
        """Return the seconds until the deadline; never 0, which would make the socket non-blocking."""
        return max(self.until - time.monotonic(), 1e-3)

    def is_over(self) -> bool:
        """Return True once the deadline has passed."""
        return time.monotonic() >= self.until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect within what is left."""
        return self.track(self._inner.connect_tcp(host, port, self.left(), local_address, socket_options))

    def track(self, stream: httpcore.NetworkStream) -> "_DeadlineStream":
        """Bind a stream to the deadline."""
        bound = _DeadlineStream(stream, self)
        self._streams.add(bound)
        return bound

    def check_certificate(self, stream: httpcore.NetworkStream) -> None:
        """Raise DeviceRefused, before any byte is sent, unless the certificate is the pinned one, where one is."""
        if self._fingerprint is None:
            return
        shown = stream.get_extra_info("socket").getpeercert(binary_form=True) or b""
        if not hmac.compare_digest(hashlib.sha256(shown).digest(), self._fingerprint):
            stream.close()
            raise DeviceRefused(OTHER_CERTIFICATE)

    def cut(self) -> None:
        """End every wait now; any thread."""
        self.until = 0.0
        for stream in list(self._streams):
            with contextlib.suppress(OSError, AttributeError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, backend: DeadlineBackend) -> None:
        self._inner, self._backend = inner, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        if self._backend.is_over():
            raise httpcore.ReadTimeout("the deadline has passed")
        data = self._inner.read(max_bytes, self._backend.left())
        self._backend.peer_ended = not data
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        if self._backend.is_over():
            raise httpcore.WriteTimeout("the deadline has passed")
        self._backend.peer_ended = False
        self._inner.write(buffer, self._backend.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        try:
            inner = self._inner.start_tls(ssl_context, server_hostname, self._backend.left())
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise handshake_failure(error.__cause__ or error) from error
        self._backend.check_certificate(inner)
        return self._backend.track(inner)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
